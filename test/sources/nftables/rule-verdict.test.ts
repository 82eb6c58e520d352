import { describe, expect, it } from 'vitest'
import {
  accept,
  back,
  type ChainSpec,
  counter,
  document,
  dport,
  drop,
  goto,
  iif,
  jump,
  limit,
  log,
  match,
  only,
  parsed,
  payload,
  type Rule,
  reject,
  state,
} from './rulesets.ts'

const X = log('X: ')
const wg = iif('wg0')

describe('the verdict of a log rule', () => {
  const cases: [string, string, readonly Rule[], string?, Readonly<Record<string, ChainSpec>>?][] = [
    ['stands in the rule', 'accepted', [[wg, X, accept]]],
    ['stands in the rule, after a counter', 'dropped', [[wg, X, counter, drop]]],
    ['may be a rejection', 'rejected', [[wg, X, reject]]],
    ['only of some packets, when a match follows the log', 'unknown', [[wg, X, dport(22), accept]], 'accept'],
    ['of some packets equals that of the others', 'dropped', [[wg, X, dport(22), drop]], 'drop'],
    [
      'comes from the next rule with the same match',
      'accepted',
      [
        [wg, dport(443), X],
        [wg, dport(443), accept],
      ],
    ],
    [
      'comes from it over limits, logs and counters',
      'accepted',
      [
        [wg, limit, X],
        [wg, limit, log('Y: ')],
        [wg, counter],
        [wg, accept],
      ],
    ],
    [
      'comes from a broader rule',
      'dropped',
      [
        [wg, dport(443), X],
        [wg, drop],
      ],
    ],
    ['comes from a rule without any match', 'dropped', [[wg, X], [drop]]],
    ['is open behind a narrower rule', 'unknown', [[wg, X], [wg, dport(22), accept], [drop]]],
    [
      'is open behind an overlapping rule',
      'unknown',
      [[dport({ range: [10, 30] }), X], [dport({ range: [20, 40] }), accept], [drop]],
    ],
    [
      'is not, when all that may apply agree',
      'dropped',
      [
        [wg, X],
        [dport(22), drop],
        [wg, drop],
      ],
    ],
    [
      'passes rules that cannot apply',
      'accepted',
      [
        [wg, dport(443), X],
        [iif('eth0'), drop],
        [dport({ set: [22, 80] }), drop],
        [wg, accept],
      ],
    ],
    [
      'passes rules of the other protocol or family',
      'accepted',
      [
        [dport(53), X],
        [payload('udp', 'dport', 53), drop],
        [dport(53), accept],
      ],
    ],
    [
      'passes another connection state',
      'accepted',
      [
        [state('new'), X],
        [state(['established', 'related']), drop],
        [wg, state('new'), accept],
        [state('new'), accept],
      ],
    ],
    ['is open when only a limit lets packets reach the accept', 'unknown', [[wg, X], [wg, limit, accept], [drop]]],
    ['is the policy when that is drop', 'dropped', [[wg, X]], 'drop'],
    ['is open when the policy is accept', 'unknown', [[wg, X]], 'accept'],
    ['is open before a queue', 'unknown', [[wg, X], [{ queue: { num: 1 } }], [drop]]],
    [
      'is open before a verdict map',
      'unknown',
      [[wg, X], [{ vmap: { key: { meta: { key: 'iifname' } }, data: { set: [['wg0', drop]] } } }], [drop]],
    ],
    [
      'is open before NAT',
      'unknown',
      [
        [wg, X],
        [wg, { dnat: { addr: '10.0.0.1' } }],
      ],
    ],
    ['is open before a match of xtables', 'unknown', [[wg, X], [{ xt: null }], [drop]]],
    ['is open before a statement of the future', 'unknown', [[wg, X], [{ teleport: null }], [drop]]],
    [
      'is found in a chain that is jumped to',
      'rejected',
      [
        [wg, X],
        [wg, jump('end')],
      ],
      'accept',
      { end: { rules: [[counter], [reject]] } },
    ],
    [
      'is found behind a chain that comes back',
      'accepted',
      [[wg, X], [jump('side')], [wg, accept]],
      'accept',
      { side: { rules: [[iif('eth0'), drop]] } },
    ],
    [
      'is open behind a chain that may not come back',
      'unknown',
      [[wg, X], [jump('side')], [wg, accept]],
      'accept',
      { side: { rules: [[dport(22), drop]] } },
    ],
    [
      'ends with a chain that is gone to',
      'dropped',
      [[wg, X], [goto('side')], [accept]],
      'drop',
      { side: { rules: [[iif('eth0'), accept]] } },
    ],
    ['knows return', 'dropped', [[wg, X], [wg, back], [accept]], 'drop'],
    ['is open where return may come first', 'unknown', [[wg, X], [dport(22), back], [accept]], 'drop'],
    ['is open when the target is missing', 'unknown', [[wg, X], [jump('nowhere')], [drop]]],
    [
      'is open when the chains go in circles',
      'unknown',
      [[wg, X], [jump('a')], [drop]],
      'drop',
      { a: { rules: [[jump('a')]] } },
    ],
    [
      'is open at the end of a chain that was jumped to',
      'unknown',
      [[jump('sub')]],
      'drop',
      { sub: { rules: [[wg, X]] } },
    ],
    [
      'stands at the end of a chain that was jumped to',
      'dropped',
      [[jump('sub')]],
      'accept',
      { sub: { rules: [[wg, X], [drop]] } },
    ],
    [
      'does not trust a match on what was changed since',
      'unknown',
      [
        [dport(80), X, { mangle: { key: { payload: { protocol: 'tcp', field: 'dport' } }, value: 81 } }],
        [dport(80), drop],
      ],
      'accept',
    ],
    [
      'does not trust a set that was filled since',
      'unknown',
      [
        [
          payload('ip', 'saddr', '@seen', '!='),
          X,
          { set: { op: 'add', elem: { payload: { protocol: 'ip', field: 'saddr' } }, set: '@seen' } },
        ],
        [payload('ip', 'saddr', '@seen', '!='), drop],
      ],
      'accept',
    ],
    [
      'asks a random number anew',
      'unknown',
      [
        [match({ numgen: { mode: 'random', mod: 2 } }, 0), X],
        [match({ numgen: { mode: 'random', mod: 2 } }, 0), drop],
      ],
      'accept',
    ],
    [
      'compares what it does not understand by its text',
      'dropped',
      [
        [match({ fib: { result: 'type', flags: 'daddr' } }, 'local'), X],
        [match({ fib: { result: 'type', flags: 'daddr' } }, 'local'), drop],
      ],
    ],
  ]

  it.each(cases)('%s: %s', (_, verdict, rules, policy, others) => {
    expect(only(rules, policy, others).verdict).toBe(verdict)
  })

  it('follows sets by their elements, unless packets fill them', () => {
    const set = (name: string, flags: string[]) => ({
      set: {
        family: 'inet',
        table: 't',
        name,
        type: 'ipv4_addr',
        flags,
        elem: ['10.8.0.9', { prefix: { addr: '10.9.0.0', len: 16 } }],
      },
    })
    const verdict = (name: string) => {
      const rules = [
        [payload('ip', 'saddr', '10.9.3.3'), X],
        [payload('ip', 'saddr', name), drop],
      ]
      return parsed(
        document({ forward: { hook: 'forward', rules } }, [set('fixed', ['interval']), set('filled', ['dynamic'])]),
      ).logRules('X: ')[0]?.verdict
    }
    expect([verdict('@fixed'), verdict('@filled'), verdict('@missing')]).toEqual(['dropped', 'unknown', 'unknown'])
  })

  it('gives up, in bounded time, where jumps multiply', () => {
    const chains: Record<string, ChainSpec> = {
      forward: { hook: 'forward', policy: 'drop', rules: [[wg, X], [jump('c0')]] },
    }
    for (let i = 0; i < 14; i++)
      chains[`c${i}`] = { rules: Array.from({ length: 10 }, () => [dport({ range: [i, 1000] }), jump(`c${i + 1}`)]) }
    chains['c14'] = { rules: [[iif('eth0'), drop]] }
    expect(parsed(document(chains)).logRules('X: ')[0]?.verdict).toBe('unknown')
  })
})
