/**
 * Small random rulesets, run packet by packet the way nft_do_chain of the kernel does, for every packet there can be: no
 * verdict and no rule that we name may ever be contradicted (precision 1.0; `unknown` is always allowed).
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Packet } from '../../../src/sources/nftables/record.ts'
import { ruleFor } from '../../../src/sources/nftables/rule-match.ts'
import {
  accept,
  back,
  type ChainSpec,
  document,
  drop,
  goto,
  type Json,
  jump,
  limit,
  packet,
  parsed,
  reject,
} from './rulesets.ts'

type Sent = { readonly in: string; readonly protocol: number; readonly dport: number; readonly state: string }

const ALL: readonly Sent[] = ['wg0', 'wg1', 'eth0'].flatMap((name) =>
  [6, 17].flatMap((protocol) =>
    [1, 2, 3].flatMap((dport) =>
      ['new', 'established', 'invalid'].map((state) => ({ in: name, protocol, dport, state })),
    ),
  ),
)

type Test = { readonly json: Json; readonly holds: (sent: Sent) => boolean }

function test(left: Json, op: string, right: Json, holds: (sent: Sent) => boolean): Test {
  return { json: { match: { op, left, right } }, holds }
}

const IIF = { meta: { key: 'iifname' } }
const STATE = { ct: { key: 'state' } }
const L4 = { meta: { key: 'l4proto' } }
const TESTS: readonly Test[] = [
  test(IIF, '==', 'wg0', (sent) => sent.in === 'wg0'),
  test(IIF, '!=', 'wg0', (sent) => sent.in !== 'wg0'),
  test(IIF, '==', 'wg*', (sent) => sent.in !== 'eth0'),
  test(IIF, '==', { set: ['wg1', 'eth0'] }, (sent) => sent.in !== 'wg0'),
  test(IIF, '!=', { set: ['wg1', 'eth0'] }, (sent) => sent.in === 'wg0'),
  test(L4, '==', 'tcp', (sent) => sent.protocol === 6),
  test(L4, '!=', 6, (sent) => sent.protocol !== 6),
  test({ payload: { protocol: 'ip', field: 'protocol' } }, '==', 'udp', (sent) => sent.protocol === 17),
  ...[6, 17].flatMap((protocol) => {
    const left = { payload: { protocol: protocol === 6 ? 'tcp' : 'udp', field: 'dport' } }
    return [
      test(left, '==', 1, (sent) => sent.protocol === protocol && sent.dport === 1),
      test(left, '!=', 1, (sent) => sent.protocol === protocol && sent.dport !== 1),
      test(left, '<', 3, (sent) => sent.protocol === protocol && sent.dport < 3),
      test(left, '>=', 2, (sent) => sent.protocol === protocol && sent.dport >= 2),
      test(left, '==', { range: [1, 2] }, (sent) => sent.protocol === protocol && sent.dport <= 2),
      test(left, '==', { set: [1, 3] }, (sent) => sent.protocol === protocol && sent.dport !== 2),
    ]
  }),
  test({ payload: { protocol: 'th', field: 'dport' } }, '>', 1, (sent) => sent.dport > 1),
  test(
    { concat: [IIF, L4] },
    '==',
    { set: [{ concat: ['wg0', 'tcp'] }, { concat: ['eth0', 'udp'] }] },
    (sent) => (sent.in === 'wg0' && sent.protocol === 6) || (sent.in === 'eth0' && sent.protocol === 17),
  ),
  test(STATE, 'in', 'new', (sent) => sent.state === 'new'),
  test(STATE, 'in', ['new', 'invalid'], (sent) => sent.state !== 'established'),
  test(STATE, '!=', 'new', (sent) => sent.state !== 'new'),
  test(STATE, '==', { set: ['established', 'invalid'] }, (sent) => sent.state !== 'new'),
]

type Step = {
  readonly json: Json
  readonly test?: Test['holds']
  readonly act?: string
  readonly prefix?: string
  readonly target?: string
}

const testStep = fc.constantFrom(...TESTS).map((one): Step => ({ json: one.json, test: one.holds }))
const limitStep = fc.constant<Step>({ json: limit, act: 'limit' })
const logStep = fc.constantFrom('A', 'B').map((prefix): Step => ({ json: { log: { prefix } }, prefix }))
const verdictStep = fc.constantFrom<Step>(
  { json: accept, act: 'accepted' },
  { json: drop, act: 'dropped' },
  { json: reject, act: 'rejected' },
  { json: back, act: 'return' },
)
const jumpStep = fc
  .constantFrom('one', 'two')
  .chain((target) =>
    fc.constantFrom<Step>({ json: jump(target), act: 'jump', target }, { json: goto(target), act: 'goto', target }),
  )

type TestRule = readonly Step[]
const rule = fc
  .tuple(
    fc.array(fc.oneof({ weight: 8, arbitrary: testStep }, { weight: 1, arbitrary: limitStep }), { maxLength: 2 }),
    fc.option(logStep, { nil: null }),
    fc.array(fc.oneof({ weight: 3, arbitrary: testStep }, { weight: 1, arbitrary: limitStep }), { maxLength: 1 }),
    fc.option(fc.oneof({ weight: 3, arbitrary: verdictStep }, { weight: 1, arbitrary: jumpStep }), { nil: null }),
  )
  .map(
    ([tests, logging, later, verdict]): TestRule => [
      ...tests,
      ...(logging === null ? [] : [logging]),
      ...(logging === null ? [] : later),
      ...(verdict === null ? [] : [verdict]),
    ],
  )

/** `two` is not jumped to from itself or back to `one`, so that a run ends. */
const chains = fc.record({
  base: fc.array(rule, { minLength: 1, maxLength: 5 }),
  one: fc
    .array(rule, { maxLength: 3 })
    .map((rules) => rules.map((steps) => steps.filter((step) => step.target !== 'one'))),
  two: fc
    .array(rule, { maxLength: 3 })
    .map((rules) => rules.map((steps) => steps.filter((step) => step.target === undefined))),
  policy: fc.constantFrom('accept', 'drop'),
})
type Chains = { readonly base: TestRule[]; readonly one: TestRule[]; readonly two: TestRule[]; readonly policy: string }

/** One traversal; `lets` answers the limits. Gives the handles that logged, and the fate: a verdict or `policy accept`. */
function run(
  input: Chains,
  sent: Sent,
  lets: () => boolean,
): { logged: { prefix: string; handle: string }[]; fate: string } {
  const logged: { prefix: string; handle: string }[] = []
  const walk = (rules: readonly TestRule[], first: number): string => {
    for (const [i, steps] of rules.entries()) {
      const outcome = walkRule(steps, first + i)
      if (outcome !== '') return outcome
    }
    return 'end'
  }
  const walkRule = (steps: TestRule, handle: number): string => {
    for (const step of steps) {
      if (step.test !== undefined && !step.test(sent)) return ''
      if (step.act === 'limit' && !lets()) return ''
      if (step.prefix !== undefined) logged.push({ prefix: step.prefix, handle: String(handle) })
      if (step.act === 'return') return 'end'
      if (step.target !== undefined) {
        const inner =
          step.target === 'one'
            ? walk(input.one, 1 + input.base.length)
            : walk(input.two, 1 + input.base.length + input.one.length)
        return inner === 'end' ? (step.act === 'goto' ? 'end' : '') : inner
      }
      if (step.act !== undefined && step.act !== 'limit') return step.act
    }
    return ''
  }
  const outcome = walk(input.base, 1)
  return { logged, fate: outcome !== 'end' ? outcome : input.policy === 'drop' ? 'dropped' : 'policy accept' }
}

function toPacket(sent: Sent): Packet {
  return packet({
    in: sent.in,
    protocol: sent.protocol,
    dport: sent.dport,
    ...(sent.protocol === 17 ? { tcpFlags: '' } : {}),
  })
}

function toSpec(input: Chains): Readonly<Record<string, ChainSpec>> {
  const rules = (list: readonly TestRule[]) => list.map((steps) => steps.map((step) => step.json))
  return {
    base: { hook: 'forward', policy: input.policy, rules: rules(input.base) },
    one: { rules: rules(input.one) },
    two: { rules: rules(input.two) },
  }
}

describe('what is said about a logged packet', () => {
  it('is never contradicted by what the kernel would have done', () => {
    let known = 0
    let named = 0
    fc.assert(
      fc.property(chains, fc.array(fc.boolean(), { minLength: 1, maxLength: 7 }), (input, coins) => {
        const ruleset = parsed(document(toSpec(input)))
        for (const sent of ALL) {
          let tosses = 0
          const { logged, fate } = run(input, sent, () => coins[tosses++ % coins.length] ?? false)
          for (const line of logged) {
            const candidates = ruleset.logRules(line.prefix)
            const own = candidates.find((one) => one.handle === line.handle)
            if (own?.verdict !== 'unknown') expect(own?.verdict).toBe(fate)
            const found = ruleFor(candidates, toPacket(sent))
            expect(found).not.toBeNull()
            if (found !== null && found.verdict !== 'unknown') {
              known++
              expect(found.verdict).toBe(fate)
            }
            if (found !== null && found.handle !== '') {
              named++
              expect(found.handle).toBe(line.handle)
            }
          }
        }
      }),
      { numRuns: 2_000, seed: 20261122 },
    )
    // Precision without answers would be easy.
    expect(known).toBeGreaterThan(10_000)
    expect(named).toBeGreaterThan(10_000)
  })
})
