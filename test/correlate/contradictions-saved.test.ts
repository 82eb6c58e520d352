/** Goal: what one source has shown of another outlives a restart. Method: stretches in which one of the two is silent, cut anywhere. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Contradictions, createContradictions } from '../../src/correlate/contradictions.ts'
import type { Flow } from '../../src/correlate/flow.ts'
import { createFlowTable } from '../../src/correlate/flow-table.ts'
import type { Gap } from '../../src/correlate/gaps.ts'
import type { LineRule } from '../../src/correlate/line-rules.ts'
import { createWitnesses } from '../../src/correlate/witnesses.ts'
import { createFacet } from '../../src/event.ts'
import { createRulesetHistory } from '../../src/sources/nftables/ruleset-history.ts'
import { SECOND } from '../../src/time.ts'
import { restored } from '../restored.ts'
import { conntrack, demoRuleset, packet, T0 } from './coverage-run.ts'

const RULESET = demoRuleset('gw2')
const PREFIXES = ['WG-ACCEPT ', 'WG-ACCEPT ', 'WG-REJECT ']
const SERVERS = ['172.26.52.145', '172.26.52.146', '172.26.52.147']

/** `count` new connections, one a second: in both logs, in the packet log alone, in conntrack alone. */
const stretch = fc.record({
  what: fc.constantFrom('both', 'both', 'logged', 'tracked', 'late'),
  count: fc.integer({ min: 1, max: 14 }),
  server: fc.nat(2),
  rule: fc.nat(2),
  pause: fc.constantFrom(0, 1, 3, 10, 700),
})

type Stretch = {
  readonly what: string
  readonly count: number
  readonly server: number
  readonly rule: number
  readonly pause: number
}

/** A rule as it is after a restart: the same, and another object. */
function ruleOf(prefix: string, isBare: boolean): LineRule {
  const [rule] = RULESET.logRules(prefix)
  if (rule === undefined) throw new Error(`no rule with prefix ${prefix}`)
  const known = { ...rule, handle: isBare ? '' : rule.handle }
  return { rule: known, ruleset: RULESET, asksSource: false, verdict: rule.verdict, facet: createFacet({}) }
}

/** Lines and flows are decided when `lag` more connections have come. */
function play(stretches: readonly Stretch[], isBare: boolean, lag: number, isCut: (index: number) => boolean): Gap[] {
  const history = createRulesetHistory()
  history.add(null, RULESET)
  const gaps: Gap[] = []
  const create = (saved?: ReturnType<Contradictions['save']>) =>
    createContradictions(history, (source, gap) => gaps.push({ ...gap, identity: source }), saved)
  let contradictions = create()
  let rules = PREFIXES.map((prefix) => ruleOf(prefix, isBare))
  const flows = createFlowTable('gw1', createWitnesses())
  let seconds = 0
  let sport = 1024
  let index = 0
  let unlogged: Flow | null = null
  const undecided: (() => void)[] = []
  const decide = (work: () => void) => undecided.push(work)

  function connect({ what, server, rule: number }: Stretch): void {
    if (isCut(index++)) {
      contradictions = create(restored(contradictions.save()))
      rules = PREFIXES.map((prefix) => ruleOf(prefix, isBare))
    }
    while (undecided.length > lag) undecided.shift()?.()
    seconds++
    sport++
    const at = T0 + seconds * SECOND
    const dst = SERVERS[server] ?? ''
    const rule = rules[number]
    if (rule === undefined) throw new Error('no such rule')
    const line = packet(seconds, { sport, dst }, PREFIXES[number])
    if (what === 'late') {
      const flow = unlogged
      if (flow !== null) decide(() => contradictions.line(line, rule, flow))
      return
    }
    const { original, reply } = conntrack(seconds, sport)
    const record = conntrack(seconds, sport, { original: { ...original, dst }, reply: { ...reply, src: dst } })
    const flow = what === 'logged' ? null : flows.observe(record, () => {})
    if (flow !== null) contradictions.heard('conntrack', at)
    if (what !== 'tracked') {
      contradictions.heard('nftables', at)
      decide(() => contradictions.line(line, rule, flow))
    }
    if (flow === null) return
    if (what === 'both')
      flow.witness = { at, in: 'wg0', out: '', src: '', sport, dst, dport: 8080, verdict: 'accepted' }
    else unlogged = flow
    decide(() => contradictions.flow(flow))
  }

  for (const each of stretches) {
    seconds += each.pause
    for (let i = 0; i < each.count; i++) connect(each)
    contradictions.tick(T0 + seconds * SECOND)
  }
  for (const work of undecided) work()
  contradictions.end(T0 + seconds * SECOND)
  return gaps
}

test('cut anywhere, the same contradictions are found', () => {
  const found = new Set<string>()
  fc.assert(
    fc.property(
      fc.array(stretch, { minLength: 2, maxLength: 20, size: 'max' }),
      fc.boolean(),
      fc.nat(8),
      fc.oneof(fc.constant(null), fc.array(fc.nat(150), { maxLength: 4 })),
      (stretches, isBare, lag, cuts) => {
        const whole = play(stretches, isBare, lag, () => false)
        for (const { reason } of whole) found.add(reason)
        expect(play(stretches, isBare, lag, (index) => cuts === null || cuts.includes(index))).toEqual(whole)
      },
    ),
    { numRuns: 150, seed: 3 },
  )
  // Else nothing was tried.
  expect([...found].sort()).toEqual(['flows-only-in-conntrack', 'flows-only-in-packet-log'])
})
