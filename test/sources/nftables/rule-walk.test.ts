/** Which log rules a new connection meets, on rulesets as nft lists them. */
import { describe, expect, test } from 'vitest'
import { createConditionReader } from '../../../src/sources/nftables/rule-condition.ts'
import { type Way, walkRules } from '../../../src/sources/nftables/rule-walk.ts'
import { readRulesetDocument } from '../../../src/sources/nftables/ruleset-document.ts'
import { MIXED_RULES, SHIPPED_RULES } from '../../commands/made-machine.ts'

const FORWARD_IN: Way = { hook: 'forward', input: 'wg0', output: 'eth0' }
const FORWARD_OUT: Way = { hook: 'forward', input: 'eth0', output: 'wg0' }
const INPUT: Way = { hook: 'input', input: 'wg0', output: '' }
const OUTPUT: Way = { hook: 'output', input: '', output: 'wg0' }

function walk(text: string, way: Way) {
  const document = readRulesetDocument(text)
  if ('problem' in document) throw new Error(document.problem)
  const { logs, silentDrops } = walkRules(document, createConditionReader(document.sets), way)
  return { logs: logs.map(({ ruleset, handle }) => `${ruleset} ${handle}`), silentDrops }
}

/** A base chain of one hook with these rules, each a list of statements. */
function chain(
  hook: string,
  policy: string,
  rules: readonly (readonly object[])[],
  more: readonly object[] = [],
): string {
  const place = { family: 'inet', table: 't' }
  return JSON.stringify({
    nftables: [
      { chain: { ...place, name: hook, hook, policy, prio: 0, type: 'filter' } },
      ...rules.map((expr, i) => ({ rule: { ...place, chain: hook, handle: i + 1, expr } })),
      ...more,
    ],
  })
}

const match = (key: string, right: unknown, op = '==') => ({ match: { op, left: { meta: { key } }, right } })
const state = (right: unknown) => ({ match: { op: 'in', left: { ct: { key: 'state' } }, right } })
const port = { match: { op: '==', left: { payload: { protocol: 'tcp', field: 'dport' } }, right: 22 } }
const LOG = { log: { prefix: 'x ' } }
const [ACCEPT, DROP] = [{ accept: null }, { drop: null }]

describe('the rules we ship', () => {
  test('are met in every direction of wg interfaces, and of no other', () => {
    expect(walk(SHIPPED_RULES, FORWARD_IN).logs).toHaveLength(3)
    expect(walk(SHIPPED_RULES, FORWARD_OUT).logs).toHaveLength(1)
    expect(walk(SHIPPED_RULES, INPUT).logs).toHaveLength(1)
    expect(walk(SHIPPED_RULES, OUTPUT).logs).toHaveLength(1)
    expect(walk(SHIPPED_RULES, { hook: 'forward', input: 'eth0', output: 'eth1' }).logs).toEqual([])
  })
})

describe('jumps and verdict maps', () => {
  test('are followed by the interface they are about', () => {
    expect(walk(MIXED_RULES, FORWARD_IN).logs).toEqual(
      expect.arrayContaining([expect.stringContaining('inet edge from_wg')]),
    )
    expect(walk(MIXED_RULES, FORWARD_OUT).logs).toEqual([expect.stringContaining('inet edge forward')])
    expect(walk(MIXED_RULES, INPUT).logs).toEqual([expect.stringContaining('inet edge in_wg')])
    expect(walk(MIXED_RULES, { ...INPUT, input: 'eth0' }).logs).toEqual([])
  })

  test('end what they decide for every packet', () => {
    expect(walk(MIXED_RULES, INPUT).silentDrops).toEqual(['inet edge input'])
    // What comes from peers ends in from_wg, whose last rule logs and drops.
    expect(walk(MIXED_RULES, FORWARD_IN).silentDrops).toEqual([])
  })

  test('in circles end too', () => {
    const jump = { jump: { target: 'forward' } }
    expect(walk(chain('forward', 'accept', [[jump], [LOG]]), FORWARD_IN).logs).toEqual(['inet t forward 2'])
  })
})

describe('a log rule is not met', () => {
  const CASES: readonly (readonly [string, readonly (readonly object[])[]])[] = [
    ['behind an accept of everything', [[ACCEPT], [LOG]]],
    ['behind an accept of its interface', [[match('iifname', 'wg0'), ACCEPT], [LOG]]],
    ['behind an accept of new connections', [[state(['new', 'untracked']), ACCEPT], [LOG]]],
    ['for another interface', [[match('iifname', 'wg1'), LOG]]],
    ['for all interfaces but this', [[match('iifname', 'wg0', '!='), LOG]]],
    ['for packets of connections that are there already', [[state(['established', 'related']), LOG]]],
    ['as audit level, which writes no line', [[{ log: { level: 'audit' } }]]],
  ]
  for (const [what, rules] of CASES)
    test(what, () => expect(walk(chain('forward', 'accept', rules), FORWARD_IN).logs).toEqual([]))
})

describe('a log rule is met', () => {
  const CASES: readonly (readonly [string, readonly (readonly object[])[]])[] = [
    ['behind an accept of some ports', [[port, ACCEPT], [LOG]]],
    ['behind a limited accept', [[{ limit: { rate: 1, per: 'second' } }, ACCEPT], [LOG]]],
    ['by a wildcard', [[DROP].slice(1), [match('iifname', 'wg*'), LOG]]],
    ['by a set of names', [[], [match('iifname', { set: ['wg1', 'wg0'] }), LOG]]],
    ['by a set that is not in the listing', [[], [match('iifname', '@gone'), LOG]]],
    ['of iptables', [[], [match('iifname', 'wg0'), { xt: { type: 'target', name: 'LOG' } }]]],
  ]
  for (const [what, rules] of CASES)
    test(what, () => expect(walk(chain('forward', 'accept', rules), FORWARD_IN).logs).toEqual(['inet t forward 2']))
})

test('a policy of drop is silent unless a log comes before it for every packet', () => {
  expect(walk(chain('forward', 'drop', [[port, LOG, ACCEPT]]), FORWARD_IN).silentDrops).toEqual(['inet t forward'])
  expect(
    walk(chain('forward', 'drop', [[match('iifname', 'wg0'), state(['new']), LOG]]), FORWARD_IN).silentDrops,
  ).toEqual([])
  expect(walk(chain('forward', 'accept', [[DROP]]), FORWARD_IN).silentDrops).toEqual(['inet t forward'])
})
