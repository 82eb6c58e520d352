import { describe, expect, test } from 'vitest'
import { outcomeOf } from '../../src/correlate/flow.ts'
import { createFlowTable, type FlowStep, SETTLE } from '../../src/correlate/flow-table.ts'
import { tupleKey } from '../../src/correlate/tuple-key.ts'
import { createWitnesses } from '../../src/correlate/witnesses.ts'
import { createConntrackDecoder } from '../../src/sources/conntrack/decoder.ts'
import { createConntrackDumpDecoder } from '../../src/sources/conntrack/dump-decoder.ts'
import type { ConntrackRecord } from '../../src/sources/conntrack/record.ts'
import { SECOND } from '../../src/time.ts'

const T0 = 1_795_360_169 * SECOND
const FORWARD = 'src=10.8.0.2 dst=10.20.0.10 sport=40000 dport=443'
const BACK = 'src=10.20.0.10 dst=10.8.0.2 sport=443 dport=40000'

/** conntrack -E lines, `<second> <text>`, as records. */
function records(...lines: readonly string[]): ConntrackRecord[] {
  const out: ConntrackRecord[] = []
  const decoder = createConntrackDecoder({ zone: 'UTC' }, (item) => {
    if (item.kind !== 'conntrack') throw new Error(`not a record: ${JSON.stringify(item)}`)
    out.push(item)
  })
  let offset = 0
  for (const line of lines) {
    const [second = '0', ...rest] = line.split(' ')
    const text = `[${(1_795_360_169 + Number(second)).toFixed(6)}]\t${rest.join(' ')}`
    decoder.push({ text, offset, flaw: '' }, { name: 'conntrack.log', identity: 'x'.repeat(14) })
    offset += text.length + 1
  }
  decoder.end()
  return out
}

function run(lines: readonly string[], table = createFlowTable('gw1', createWitnesses())) {
  const steps: FlowStep[] = []
  const names: string[] = []
  for (const record of records(...lines)) {
    table.observe(record, (step) => {
      steps.push(step)
      names.push(`${step.step}${step.flow.endReason === '' ? '' : ` ${step.flow.endReason}`}`)
    })
  }
  return { table, steps, names }
}

describe('flow table', () => {
  test('NEW, UPDATE, DESTROY of one connection give start, progress, end and its totals', () => {
    const { steps, names } = run([
      `0 [NEW] tcp 6 120 SYN_SENT ${FORWARD} [UNREPLIED] ${BACK} id=7`,
      `0.1 [UPDATE] tcp 6 432000 ESTABLISHED ${FORWARD} ${BACK} [ASSURED] id=7`,
      `5 [DESTROY] tcp 6 TIME_WAIT ${FORWARD.replace(' sport', ' sport')} packets=5 bytes=271 ${BACK} packets=3 bytes=164 [ASSURED] delta-time=5 id=7`,
    ])
    expect(names).toEqual(['started', 'progressed', 'ended'])
    const flow = steps[2]?.flow
    expect(flow).toMatchObject({
      startAt: T0,
      startBasis: 'new',
      endAt: T0 + 5 * SECOND,
      counters: { sourceBytes: 271, destinationBytes: 164 },
    })
    expect(flow && outcomeOf(flow)).toBe('connected')
  })

  test('a reused id ends the old flow by inference, and its own DESTROY afterwards is a late end', () => {
    const other =
      'src=10.8.0.3 dst=10.20.0.10 sport=1 dport=443 [UNREPLIED] src=10.20.0.10 dst=10.8.0.3 sport=443 dport=1'
    const { names, table } = run([
      `0 [NEW] tcp 6 120 SYN_SENT ${FORWARD} [UNREPLIED] ${BACK} id=7`,
      `1 [NEW] tcp 6 120 SYN_SENT ${other} id=7`,
    ])
    expect(names).toEqual(['started', 'ended reused-id', 'started'])
    expect(table.openCount).toBe(1)
  })

  test('a DESTROY that comes after an inferred end of the same tuple is a late end, not a second flow', () => {
    const { names } = run([
      `0 [NEW] udp 17 30 ${FORWARD} [UNREPLIED] ${BACK} zone=1`,
      `9 [NEW] udp 17 30 ${FORWARD} [UNREPLIED] ${BACK} zone=1`,
      `20 [DESTROY] udp 17 ${FORWARD} packets=1 bytes=29 [UNREPLIED] ${BACK} packets=0 bytes=0 zone=1`,
      `21 [DESTROY] udp 17 ${FORWARD} packets=1 bytes=29 [UNREPLIED] ${BACK} packets=0 bytes=0 zone=1`,
    ])
    expect(names).toEqual(['started', 'ended reused-tuple', 'started', 'ended', 'ended-late reused-tuple'])
  })

  test('a flow first seen at its DESTROY starts at stop minus delta, and says how early it may have been', () => {
    const { steps } = run([
      `100 [DESTROY] tcp 6 TIME_WAIT ${FORWARD} packets=5 bytes=271 ${BACK} packets=3 bytes=164 [ASSURED] delta-time=5 id=7`,
    ])
    expect(steps.map(({ step }) => step)).toEqual(['ended'])
    expect(steps[0]?.flow).toMatchObject({
      startBasis: 'stop-minus-delta',
      startAt: T0 + 95 * SECOND,
      startFrom: T0 + 34 * SECOND,
    })
  })

  test('a firewall line nobody claimed becomes the start of a flow whose NEW was lost', () => {
    const witnesses = createWitnesses()
    witnesses.add(tupleKey(6, '10.8.0.2', 40000, '10.20.0.10', 443), {
      at: T0 + 90 * SECOND,
      in: 'wg0',
      out: 'lan0',
      src: '10.8.0.2',
      sport: 40000,
      dst: '10.20.0.10',
      dport: 443,
      verdict: 'accepted',
    })
    const { steps } = run(
      [
        `100 [DESTROY] tcp 6 TIME_WAIT ${FORWARD} packets=5 bytes=271 ${BACK} packets=3 bytes=164 [ASSURED] delta-time=5 id=7`,
      ],
      createFlowTable('gw1', witnesses),
    )
    expect(steps[0]?.flow).toMatchObject({
      startBasis: 'firewall',
      startAt: T0 + 90 * SECOND,
      witness: { in: 'wg0', verdict: 'accepted' },
    })
  })

  test('a firewall line matches the flow with the nearest start, under any tuple NAT may show, in its time only', () => {
    const masked = 'src=10.20.0.10 dst=10.20.0.1 sport=443 dport=6000'
    const { table } = run([
      `0 [NEW] tcp 6 120 SYN_SENT ${FORWARD} [UNREPLIED] ${masked} id=7`,
      `2 [DESTROY] tcp 6 CLOSE ${FORWARD} packets=1 bytes=60 [UNREPLIED] ${masked} packets=1 bytes=40 id=7`,
      `3 [NEW] tcp 6 120 SYN_SENT ${FORWARD} [UNREPLIED] ${masked} id=8`,
    ])
    const inner = tupleKey(6, '10.8.0.2', 40000, '10.20.0.10', 443)
    const postNat = tupleKey(6, '10.20.0.1', 6000, '10.20.0.10', 443)
    expect(table.match(inner, T0, 0)?.conntrackId).toBe('7')
    expect(table.match(postNat, T0 + 1, 0)?.conntrackId).toBe('7')
    expect(table.match(inner, T0 + 3 * SECOND, 0)?.conntrackId).toBe('8')
    expect(table.match(inner, T0 - 2 * SECOND, 0)).toBeNull()
    expect(table.match(tupleKey(6, '10.8.0.2', 40001, '10.20.0.10', 443), T0, 0)).toBeNull()
  })

  test('RST to a SYN is refused, silence is no answer', () => {
    const refused = run([
      `0 [NEW] tcp 6 120 SYN_SENT ${FORWARD} [UNREPLIED] ${BACK} id=7`,
      `0.1 [DESTROY] tcp 6 3 CLOSE ${FORWARD} packets=1 bytes=60 [UNREPLIED] ${BACK} packets=1 bytes=40 delta-time=0 id=7`,
    ]).steps[1]?.flow
    const silent = run([
      `0 [NEW] tcp 6 120 SYN_SENT ${FORWARD} [UNREPLIED] ${BACK} id=7`,
      `130 [DESTROY] tcp 6 SYN_SENT ${FORWARD} packets=4 bytes=240 [UNREPLIED] ${BACK} packets=0 bytes=0 delta-time=120 id=7`,
    ]).steps[1]?.flow
    expect([refused && outcomeOf(refused), silent && outcomeOf(silent)]).toEqual(['refused', 'no-answer'])
  })

  test('a complete dump ends flows it does not show, of the families it shows, and not those younger than itself', () => {
    const { table, steps } = run([
      `0 [NEW] udp 17 30 ${FORWARD} [UNREPLIED] ${BACK} id=7`,
      '0 [NEW] udp 17 30 src=fd08::2 dst=fd20::10 sport=1 dport=2 [UNREPLIED] src=fd20::10 dst=fd08::2 sport=2 dport=1 id=8',
      '9 [NEW] udp 17 30 src=10.8.0.9 dst=10.20.0.10 sport=1 dport=2 [UNREPLIED] src=10.20.0.10 dst=10.8.0.9 sport=2 dport=1 id=9',
    ])
    table.dumpEnded(T0 + 8 * SECOND, T0 + 10 * SECOND, true, false)
    table.expire(T0 + 12 * SECOND, (step) => steps.push(step))
    expect(steps.slice(3).map(({ step, flow }) => `${step} ${flow.conntrackId} ${flow.endReason}`)).toEqual([
      'ended 7 absent-from-dump',
    ])
  })

  test('a flow first seen in a table dump brings its counters along, so that deltas add up to its totals', () => {
    const rows: ConntrackRecord[] = []
    const decoder = createConntrackDumpDecoder({ zone: 'UTC' }, (item) => {
      if (item.kind === 'conntrack') rows.push(item)
    })
    const text = `# 2026-11-22T15:10:00+00:00 gw1\ntcp 6 431990 ESTABLISHED ${FORWARD} packets=10 bytes=900 ${BACK} packets=9 bytes=1200 [ASSURED] use=1 id=7`
    let offset = 0
    for (const line of text.split('\n')) {
      decoder.push({ text: line, offset, flaw: '' }, { name: 'conntrack.snapshots', identity: 'y'.repeat(14) })
      offset += line.length + 1
    }
    decoder.end()
    const steps: FlowStep[] = []
    const table = createFlowTable('gw1', createWitnesses())
    for (const row of rows) table.observe(row, (step) => steps.push(step))
    expect(steps.map(({ step, flow }) => [step, flow.startBasis, flow.counters.sourceBytes])).toEqual([
      ['started', 'first-sight', 900],
    ])
  })

  test('ended flows are forgotten once nothing can match them', () => {
    const { table } = run([
      `0 [NEW] udp 17 30 ${FORWARD} [UNREPLIED] ${BACK} id=7`,
      `5 [DESTROY] udp 17 ${FORWARD} packets=1 bytes=29 [UNREPLIED] ${BACK} packets=0 bytes=0 id=7`,
    ])
    const key = tupleKey(17, '10.8.0.2', 40000, '10.20.0.10', 443)
    table.expire(T0 + 5 * SECOND + SETTLE, () => {})
    expect(table.match(key, T0 + 5 * SECOND, 0)).not.toBeNull()
    table.expire(T0 + 60 * SECOND, () => {})
    expect(table.match(key, T0 + 5 * SECOND, 0)).toBeNull()
  })
})
