import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseRuleset } from '../../../src/sources/nftables/ruleset.ts'
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

const FIXTURES = join(import.meta.dirname, '../../fixtures/nftables-ruleset')
const X = log('X: ')
const wg = iif('wg0')

describe.each(readdirSync(FIXTURES))('ruleset %s', (fixture) => {
  it('gives the recorded log rules', async () => {
    const ruleset = parsed(readFileSync(join(FIXTURES, fixture, 'input.json'), 'utf8'))
    const rules = ruleset.prefixes.flatMap((prefix) =>
      ruleset.logRules(prefix).map(({ matches, ...rule }) => ({ ...rule, matches: matches.map((one) => one.text) })),
    )
    const golden = {
      hash: ruleset.hash,
      sampled: ruleset.sampledPrefixes,
      logged: ruleset.loggedInterfaces(['wg0', 'lan0']),
      rules,
    }
    await expect(`${JSON.stringify(golden, null, 2)}\n`).toMatchFileSnapshot(join(FIXTURES, fixture, 'expected.json'))
  })
})

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

describe('a log rule', () => {
  it('is sampled when a limit, a quota or a random number stands before the log', () => {
    const sampled = (...rule: Rule) => only([rule]).sampled
    expect(sampled(wg, limit, X, accept)).toBe(true)
    expect(sampled(wg, { quota: { val: 1, val_unit: 'mbytes' } }, X)).toBe(true)
    expect(sampled(match({ numgen: { mode: 'inc', mod: 10 } }, 0), X)).toBe(true)
    expect(
      sampled(
        { set: { op: 'update', elem: { payload: { protocol: 'ip', field: 'saddr' } }, set: '@m', stmt: [limit] } },
        X,
      ),
    ).toBe(true)
    expect(sampled(wg, X, limit, accept)).toBe(false)
    expect(sampled(wg, counter, X, accept)).toBe(false)
  })

  it('keeps its version while only counters and handles change', () => {
    const version = (...rules: Rule[]) =>
      parsed(document({ forward: { hook: 'forward', rules } })).logRules('X: ')[0]?.version
    const before = version([wg, counter, X, drop])
    expect(version([accept], [wg, { counter: { packets: 18, bytes: 1 } }, X, drop])).toBe(before)
    expect(version([wg, counter, X, accept])).not.toBe(before)
  })

  it('gives its prefix as bytes and its comment as text', () => {
    const object = { family: 'inet', table: 'tür', chain: 'c', handle: 1, comment: 'Büro', expr: [log('Tür: '), drop] }
    const [rule] = parsed(JSON.stringify({ nftables: [{ rule: object }] })).logRules('T\u00c3\u00bcr: ')
    expect(rule).toMatchObject({ comment: 'Büro', ruleset: 'inet tür c', verdict: 'dropped', handle: '1' })
  })

  it('knows its group and leaves out what goes to the audit log', () => {
    expect(only([[{ log: { prefix: 'X: ', group: 5 } }, drop]]).group).toBe(5)
    expect(
      parsed(
        document({
          f: {
            hook: 'forward',
            rules: [
              [{ log: { level: 'audit' } }, drop],
              [{ log: null }, drop],
            ],
          },
        }),
      )
        .logRules('')
        .map((rule) => rule.handle),
    ).toEqual(['2'])
  })

  it('has the hook of the base chain that leads to it, if there is one such hook', () => {
    const hook = (input: Rule[]) =>
      parsed(
        document({
          forward: { hook: 'forward', rules: [[wg, jump('sub')]] },
          input: { hook: 'input', rules: input },
          sub: { rules: [[X, drop]] },
        }),
      ).logRules('X: ')[0]?.hook
    expect(hook([])).toBe('forward')
    expect(hook([[{ vmap: { key: { meta: { key: 'l4proto' } }, data: { set: [['tcp', jump('sub')]] } } }]])).toBe('')
  })
})

describe('interfaces without any log rule', () => {
  it('are told from those where one may log what comes in', () => {
    const ruleset = parsed(
      document({
        forward: {
          hook: 'forward',
          rules: [
            [iif('wg*'), iif('wg7', '!='), jump('sub')],
            [iif({ set: ['ppp0', 'ppp1'] }), log('Y: ')],
          ],
        },
        output: { hook: 'output', rules: [[log('Z: ')]] },
        sub: { rules: [[X, drop]] },
        unused: { rules: [[iif('eth9'), log('U: ')]] },
      }),
    )
    expect(ruleset.loggedInterfaces(['wg0', 'wg7', 'ppp1', 'ppp2', 'eth9'])).toEqual(['wg0', 'ppp1'])
    expect(ruleset.prefixes).toEqual(['U: ', 'X: ', 'Y: ', 'Z: '])
  })
})

describe('hostile and broken documents', () => {
  it.each([
    ['', 'is not one JSON document'],
    ['{"nftables": [', 'is not one JSON document'],
    ['[]', 'has no list "nftables": expected the output of nft -j -a list ruleset'],
    ['{"nftables": {}}', 'has no list "nftables": expected the output of nft -j -a list ruleset'],
    [`{"nftables": ${'['.repeat(100)}${']'.repeat(100)}}`, 'is nested deeper than 64 levels'],
    [`{"nftables": ${'['.repeat(500_000)}${']'.repeat(500_000)}}`, 'is nested deeper than 64 levels'],
  ])('%.40j', (text, problem) => {
    expect(parseRuleset(text)).toEqual({ problem })
  })

  it('survive names that mean something to JavaScript', () => {
    const text =
      '{"nftables": [{"rule": {"family": "__proto__", "table": "constructor", "chain": "toString", "__proto__": {"handle": 9}, "expr": [{"__proto__": {"accept": null}}, {"log": {"prefix": "__proto__"}}, {"drop": null}]}}]}'
    expect(parsed(text).logRules('__proto__')).toMatchObject([
      { handle: '', verdict: 'dropped', ruleset: '__proto__ constructor toString' },
    ])
    expect(parsed(text).logRules('constructor')).toEqual([])
  })

  it('never throw, whatever JSON stands where rules should', () => {
    const name = fc.constantFrom(
      'nftables',
      'rule',
      'chain',
      'set',
      'element',
      'elem',
      'expr',
      'match',
      'left',
      'right',
      'op',
      'meta',
      'key',
      'payload',
      'log',
      'prefix',
      'vmap',
      'jump',
      'target',
      'range',
      'name',
      'family',
      'table',
      'drop',
      'concat',
      '__proto__',
    )
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        { maxDepth: 8 },
        fc.constantFrom(null, true, 1, -1, 1e300, 'iifname', '==', '@s', 'tcp', '10.0.0.1', '::1', ''),
        fc.array(tie('any'), { maxLength: 4 }),
        fc.array(fc.tuple(name, tie('any')), { maxLength: 4 }).map((entries) => Object.fromEntries(entries)),
      ),
    })).any
    fc.assert(
      fc.property(fc.array(value, { maxLength: 10 }), (objects) => {
        const ruleset = parsed(JSON.stringify({ nftables: objects }))
        for (const prefix of ruleset.prefixes) expect(ruleset.logRules(prefix).length).toBeGreaterThan(0)
      }),
      { numRuns: 500 },
    )
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => 'problem' in parseRuleset(text)),
      { numRuns: 100 },
    )
  })
})
