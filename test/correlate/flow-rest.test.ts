/**
 * A flow at rest is a row of numbers. Resting must show nowhere: whatever conntrack says, a table whose flows rest after every
 * record tells the same steps about the same flows as one whose flows never do.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Decision, Flow } from '../../src/correlate/flow.ts'
import { createFlowTable, type FlowStep, type FlowTable } from '../../src/correlate/flow-table.ts'
import { tupleKey } from '../../src/correlate/tuple-key.ts'
import { createWitnesses } from '../../src/correlate/witnesses.ts'
import type { ConntrackRecord, Tuple } from '../../src/sources/conntrack/record.ts'
import { MS, SECOND } from '../../src/time.ts'
import { restored } from '../restored.ts'

const T0 = 1_795_360_169 * SECOND
const OUT: Decision = { scope: 'out' }
const ADDRESSES = ['10.8.0.2', '10.8.0.3', 'fd08::2', '10.20.0.1']
const OTHER: Decision = { scope: 'outer', interface: 'wg0', peer: null }
const ROWS_MAX = 40_000
/** More than one page of rows, and hash tables that had to grow. */
const MANY = 17_000

const tuple: fc.Arbitrary<Tuple> = fc.record({
  src: fc.constantFrom(...ADDRESSES),
  dst: fc.constantFrom(...ADDRESSES),
  sport: fc.constantFrom(-1, 0, 40_000, 65_535),
  dport: fc.constantFrom(-1, 443),
  icmpType: fc.constantFrom(-1, 8),
  icmpCode: fc.constantFrom(-1, 0),
  icmpId: fc.constantFrom(-1, 0, 77),
  packets: fc.constant(-1),
  bytes: fc.constantFrom(-1, 0, Number.MAX_SAFE_INTEGER),
  zone: fc.constant(''),
})

const record: fc.Arbitrary<ConntrackRecord> = fc.record({
  kind: fc.constant('conntrack' as const),
  arrival: fc.constant(0),
  at: fc.nat(200).map((tenths) => T0 + tenths * 100 * MS + 7),
  event: fc.constantFrom('new' as const, 'update' as const, 'destroy' as const, 'list' as const),
  family: fc.constantFrom(0 as const, 4 as const, 6 as const),
  protocol: fc.constantFrom(1, 6, 17, 58),
  timeout: fc.constant(-1),
  state: fc.constantFrom('', 'SYN_SENT', 'ESTABLISHED', 'CLOSE'),
  original: tuple,
  reply: tuple,
  isUnreplied: fc.boolean(),
  isAssured: fc.boolean(),
  isOffloaded: fc.constant(false),
  mark: fc.constantFrom('', '0', '42'),
  secmark: fc.constant(''),
  secctx: fc.constant(''),
  zone: fc.constantFrom('', '7'),
  id: fc.constantFrom('', '7', '007', '0', '4294967295', '4294967296', '99999999999999999999'),
  deltaSeconds: fc.constantFrom(-1, 2),
  startAt: fc.constantFrom(-1, T0),
  stopAt: fc.constantFrom(-1, T0 + SECOND),
  helper: fc.constantFrom('', 'ftp', '\u00ff"'),
  labels: fc.constantFrom('', 'a label'),
  userspacePortid: fc.constantFrom('', '19942'),
  userspaceProgram: fc.constantFrom('', 'conntrack -D'),
  file: fc.constant({ name: 'conntrack.log', identity: 'x'.repeat(14) }),
  offset: fc.constant(0),
  text: fc.constant(''),
})

/** What anybody outside the table can see of a flow. */
function seen(flow: Flow): object {
  return { ...flow, row: 0, stepsWaiting: 0 }
}

function play(records: readonly ConntrackRecord[], doesRest: boolean) {
  const table = createFlowTable('gw1', createWitnesses())
  const told: object[] = []
  const onStep = ({ step, flow, record: by }: FlowStep): void => {
    told.push({ step, ...seen(flow), by: by?.event })
  }
  for (const each of records) {
    const flow = table.observe(each, onStep)
    flow.decision = OUT
    if (doesRest) table.rest(flow)
    told.push(seen(flow), matched(table, each))
  }
  const newest = Math.max(...records.map((each) => each.at))
  table.expire(newest + SECOND, onStep)
  table.dumpEnded(newest - SECOND, newest, true, false)
  table.expire(newest + 2 * SECOND, onStep)
  told.push(...[...table.open(() => true)].map(seen))
  table.expire(newest + 7 * 24 * 3600 * SECOND, onStep)
  return { told, open: table.openCount, left: records.map((each) => matched(table, each)) }
}

function matched(table: FlowTable, { protocol, original, reply, at }: ConntrackRecord): object {
  return [original, reply].map(({ src, sport, dst, dport, icmpId }) => {
    const ports: [number, number] = protocol === 1 || protocol === 58 ? [icmpId, icmpId] : [sport, dport]
    const flow = table.match(tupleKey(protocol, src, ports[0], dst, ports[1]), at, 0)
    return flow === null ? null : seen(flow)
  })
}

describe('flows at rest', () => {
  test('do not differ from those that stay awake', () => {
    fc.assert(
      fc.property(fc.array(record, { minLength: 1, maxLength: 40 }), (records) => {
        expect(play(records, true)).toEqual(play(records, false))
      }),
      { numRuns: 300 },
    )
  })

  test('are forgotten without a trace: their place is used again', () => {
    const [template] = fc.sample(record, { numRuns: 1, seed: 5 })
    if (template === undefined) throw new Error('no record')
    const table = createFlowTable('gw1', createWitnesses())
    const rows = new Set<number>()
    for (let i = 0; i < ROWS_MAX; i++) {
      const at = T0 + i * MS
      const of = (event: 'new' | 'destroy'): ConntrackRecord => ({ ...template, at, event, id: String(i), stopAt: -1 })
      const flow = table.observe(of('new'), () => {})
      flow.decision = OUT
      rows.add(flow.row)
      table.rest(flow)
      table.observe(of('destroy'), () => {})
      if (i % 100 === 0) table.expire(at, () => {})
    }
    expect(table.openCount).toBe(0)
    expect(rows.size).toBeLessThan(5_000)
  })

  test('a flow that waits, or was not decided, stays as it is', () => {
    const [template] = fc.sample(record, { numRuns: 1, seed: 6 })
    if (template === undefined) throw new Error('no record')
    const table = createFlowTable('gw1', createWitnesses())
    const sign: ConntrackRecord = { ...template, event: 'update', at: T0, id: '7', userspacePortid: '' }
    const flow = table.observe(sign, () => {})
    table.rest(flow)
    expect(table.observe(sign, () => {})).toBe(flow)
    flow.decision = OUT
    flow.stepsWaiting = 1
    table.rest(flow)
    expect(table.observe(sign, () => {})).toBe(flow)
    flow.stepsWaiting = 0
    table.rest(flow)
    const awake = table.observe(sign, () => {})
    expect(awake).not.toBe(flow)
    expect(seen(awake)).toEqual(seen(flow))
  })

  test('are the same after they were saved and read back, however full the table is', () => {
    const [template] = fc.sample(record, { numRuns: 1, seed: 7 })
    if (template === undefined) throw new Error('no record')
    const tell = (cutAt: number): string => {
      const told: string[] = []
      const onStep = ({ step, flow }: FlowStep): void => {
        told.push(
          `${step} ${flow.id} ${flow.src} ${flow.startAt} ${flow.endAt} ${flow.state} ${flow.counters.sourceBytes}`,
        )
      }
      let table = createFlowTable('gw1', createWitnesses())
      for (let i = 0; i < MANY + 3_000; i++) {
        if (i === cutAt) table = createFlowTable('gw1', createWitnesses(), restored(table.save()))
        // The first MANY begin; then every second of them ends, in turn with new ones.
        const id = i < MANY || i % 2 === 1 ? i : i - MANY
        const event = i < MANY || i % 2 === 1 ? 'new' : 'destroy'
        const original = { ...template.original, src: `10.${id >> 16}.${(id >> 8) & 255}.${id & 255}` }
        const flow = table.observe(
          { ...template, original, at: T0 + i * MS, event, id: String(id), stopAt: -1 },
          onStep,
        )
        flow.decision = i % 3 === 0 ? OUT : OTHER
        table.rest(flow)
        if (i % 1000 === 0) table.expire(T0 + i * MS, onStep)
      }
      told.push(...[...table.open(() => true)].map((flow) => `${flow.id} ${flow.decision?.scope}`))
      return told.join('\n')
    }
    const whole = tell(-1)
    for (const cutAt of [1_023, MANY + 501]) expect(tell(cutAt) === whole).toBe(true)
  })
})
