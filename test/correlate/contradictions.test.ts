/** One source contradicting another: when it is said, and when honest reasons keep it silent. */
import { describe, expect, test } from 'vitest'
import { createContradictions } from '../../src/correlate/contradictions.ts'
import type { Flow, LineWitness } from '../../src/correlate/flow.ts'
import { createFlowTable } from '../../src/correlate/flow-table.ts'
import type { Gap } from '../../src/correlate/gaps.ts'
import type { LineRule } from '../../src/correlate/line-rules.ts'
import { createWitnesses } from '../../src/correlate/witnesses.ts'
import { createFacet } from '../../src/event.ts'
import type { Packet } from '../../src/sources/nftables/record.ts'
import type { LogRule, Ruleset } from '../../src/sources/nftables/ruleset.ts'
import { createRulesetHistory } from '../../src/sources/nftables/ruleset-history.ts'
import { SECOND } from '../../src/time.ts'
import { conntrack, demoRuleset, packet, T0 } from './coverage-run.ts'

const RULESET = demoRuleset('gw2')
const OTHER_RULESET = demoRuleset('gw1')

function ruleOf(ruleset: Ruleset, prefix: string, change: Partial<LogRule> = {}): LineRule {
  const [rule] = ruleset.logRules(prefix)
  if (rule === undefined) throw new Error(`no rule with prefix ${prefix}`)
  const changed = { ...rule, ...change }
  return { rule: changed, ruleset, asksSource: false, verdict: rule.verdict, facet: createFacet({}) }
}

const ACCEPT = ruleOf(RULESET, 'WG-ACCEPT ')
const DENY = ruleOf(RULESET, 'WG-REJECT ')

function create(rulesets: readonly (readonly [number, Ruleset])[] = [[0, RULESET]]) {
  const history = createRulesetHistory()
  for (const [seconds, ruleset] of rulesets) history.add(seconds === 0 ? null : T0 + seconds * SECOND, ruleset)
  const said: string[] = []
  const gaps: Gap[] = []
  const contradictions = createContradictions(history, (source, gap) => {
    gaps.push(gap)
    said.push(`${source} ${(gap.from - T0) / SECOND} ${(gap.to - T0) / SECOND}`)
  })
  const flows = createFlowTable('gw1', createWitnesses())
  const at = (seconds: number) => T0 + seconds * SECOND
  const flowOf = (seconds: number, sport: number): Flow => flows.observe(conntrack(seconds, sport), () => {})

  return {
    said,
    gaps,
    /** Both sources speak of it. */
    seen(seconds: number, sport: number, rule = ACCEPT): void {
      const flow = flowOf(seconds, sport)
      contradictions.heard('nftables', at(seconds))
      contradictions.heard('conntrack', at(seconds))
      contradictions.line(packet(seconds, { sport }), rule, flow)
      const witness: LineWitness = {
        at: at(seconds),
        in: 'wg0',
        out: '',
        src: '',
        sport,
        dst: '',
        dport: 0,
        verdict: 'accepted',
      }
      flow.witness = witness
      contradictions.flow(flow)
    },
    onlyLogged(seconds: number, sport: number, rule = ACCEPT, fields: Partial<Packet> = {}): void {
      contradictions.heard('nftables', at(seconds))
      contradictions.line(packet(seconds, { sport, ...fields }), rule, null)
    },
    onlyTracked(seconds: number, sport: number): Flow {
      contradictions.heard('conntrack', at(seconds))
      const flow = flowOf(seconds, sport)
      contradictions.flow(flow)
      return flow
    },
    lateLine(seconds: number, flow: Flow): void {
      contradictions.line(packet(seconds), ACCEPT, flow)
    },
    tick: (seconds: number) => contradictions.tick(at(seconds)),
    end: (seconds: number) => contradictions.end(at(seconds)),
  }
}

describe('packet log against conntrack', () => {
  test('three accepted flows that conntrack never showed: from its last line before to its first after', () => {
    const run = create()
    run.seen(1, 1)
    for (const second of [5, 6, 7]) run.onlyLogged(second, 100 + second)
    run.seen(10, 2)
    run.tick(30)
    expect(run.said).toEqual(['conntrack 1 10'])
    expect(run.gaps[0]).toMatchObject({ isInferred: true, certain: { from: T0 + 5 * SECOND, to: T0 + 7 * SECOND } })
  })

  test('it never came back: until the end', () => {
    const run = create()
    run.seen(1, 1)
    for (const second of [5, 6, 7]) run.onlyLogged(second, 100 + second)
    run.tick(100)
    expect(run.said).toEqual([])
    run.end(120)
    expect(run.said).toEqual(['conntrack 1 120'])
  })

  test.each<[string, (run: ReturnType<typeof create>) => unknown]>([
    ['two flows', (run) => [5, 6].map((second) => run.onlyLogged(second, 100 + second))],
    ['one flow whose SYN is repeated', (run) => [5, 6, 7, 8].map((second) => run.onlyLogged(second, 100))],
    ['refused flows', (run) => [5, 6, 7].map((second) => run.onlyLogged(second, 100 + second, DENY))],
    [
      'packets in mid-stream',
      (run) => [5, 6, 7].map((second) => run.onlyLogged(second, 100 + second, ACCEPT, { tcpFlags: 'ACK PSH' })),
    ],
    [
      'a sampled rule',
      (run) =>
        [5, 6, 7].map((second) =>
          run.onlyLogged(second, 100 + second, ruleOf(RULESET, 'WG-ACCEPT ', { sampled: true })),
        ),
    ],
    [
      'a destination that conntrack never showed',
      (run) => [5, 6, 7].map((second) => run.onlyLogged(second, 100 + second, ACCEPT, { dst: '172.26.52.9' })),
    ],
    [
      'quoted packets',
      (run) => [5, 6, 7].map((second) => run.onlyLogged(second, 100 + second, ACCEPT, { quoted: 'SRC=10.8.0.2' })),
    ],
  ])('%s prove nothing', (_, play) => {
    const run = create()
    run.seen(1, 1)
    play(run)
    run.seen(10, 2)
    run.tick(30)
    run.end(60)
    expect(run.said).toEqual([])
  })

  test('flows missing while conntrack speaks are no silence', () => {
    const run = create()
    for (let second = 1; second < 60; second++) {
      run.seen(second, second)
      run.onlyLogged(second + 0.5, 1000 + second)
    }
    run.tick(120)
    run.end(120)
    expect(run.said).toEqual([])
  })

  test('a destination that a later chain drops is learned, and counts no more in a silence', () => {
    const run = create()
    for (let second = 1; second <= 10; second++) {
      run.seen(second, second)
      run.onlyLogged(second + 0.5, 1000 + second, ACCEPT, { dport: 9999 })
    }
    for (const second of [13, 14, 15]) run.onlyLogged(second, 2000 + second, ACCEPT, { dport: 9999 })
    run.seen(20, 20)
    run.tick(60)
    expect(run.said).toEqual([])
  })
})

describe('conntrack against packet log', () => {
  test('three flows that a rule logged before, and now did not', () => {
    const run = create()
    run.seen(1, 1)
    for (const second of [5, 6, 7]) run.onlyTracked(second, 100 + second)
    run.seen(10, 2)
    run.tick(30)
    expect(run.said).toEqual(['nftables 1 10'])
  })

  test('a line that came late clears its flow', () => {
    const run = create()
    run.seen(1, 1)
    const flows = [5, 6, 7].map((second) => run.onlyTracked(second, 100 + second))
    run.seen(10, 2)
    for (const flow of flows.slice(1)) run.lateLine(7, flow)
    run.tick(30)
    expect(run.said).toEqual([])
  })

  test('nothing was logged before: nothing must be logged', () => {
    const run = create()
    run.onlyLogged(1, 1)
    for (const second of [5, 6, 7]) run.onlyTracked(second, 100 + second)
    run.onlyLogged(10, 2)
    run.tick(30)
    expect(run.said).toEqual([])
  })

  test('a rule with a limit must not log', () => {
    const run = create()
    run.seen(1, 1, ruleOf(RULESET, 'WG-ACCEPT ', { sampled: true }))
    for (const second of [5, 6, 7]) run.onlyTracked(second, 100 + second)
    run.seen(10, 2)
    run.tick(30)
    expect(run.said).toEqual([])
  })

  test('another ruleset stands since', () => {
    const run = create([
      [0, RULESET],
      [2, RULESET],
      [4, OTHER_RULESET],
    ])
    run.seen(1, 1)
    for (const second of [5, 6, 7]) run.onlyTracked(second, 100 + second)
    run.seen(10, 2, ruleOf(OTHER_RULESET, OTHER_RULESET.prefixes[0] ?? ''))
    run.tick(30)
    expect(run.said).toEqual([])
  })
})
