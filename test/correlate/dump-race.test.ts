/** A table dump bears the time its command began, and is read a little later (dump-collector.ts: "what it shows stood at this time or later"). */
import { expect, test } from 'vitest'
import { createFlowTable, type FlowStep } from '../../src/correlate/flow-table.ts'
import { createWitnesses } from '../../src/correlate/witnesses.ts'
import { createConntrackDecoder } from '../../src/sources/conntrack/decoder.ts'
import { createConntrackDumpDecoder } from '../../src/sources/conntrack/dump-decoder.ts'
import type { ConntrackRecord } from '../../src/sources/conntrack/record.ts'
import { SECOND } from '../../src/time.ts'

const T0 = Date.parse('2026-11-22T15:10:00Z') * 1000
const FORWARD = 'src=10.8.0.2 dst=10.20.0.10 sport=40000 dport=53'
const BACK = 'src=10.20.0.10 dst=10.8.0.2 sport=53 dport=40000'

function events(...lines: readonly (readonly [second: number, text: string])[]): ConntrackRecord[] {
  const out: ConntrackRecord[] = []
  const decoder = createConntrackDecoder({ zone: 'UTC' }, (item) => item.kind === 'conntrack' && out.push(item))
  lines.forEach(([second, rest], i) => {
    const text = `[${(T0 / SECOND + second).toFixed(6)}]\t${rest}`
    decoder.push({ text, offset: i * 500, flaw: '' }, { name: 'conntrack.log', identity: 'x'.repeat(14) })
  })
  decoder.end()
  return out
}

function dumpRows(text: string): ConntrackRecord[] {
  const out: ConntrackRecord[] = []
  const decoder = createConntrackDumpDecoder({ zone: 'UTC' }, (item) => item.kind === 'conntrack' && out.push(item))
  text.split('\n').forEach((line, i) => {
    decoder.push({ text: line, offset: i * 500, flaw: '' }, { name: 'conntrack.snapshots', identity: 'y'.repeat(14) })
  })
  decoder.end()
  return out
}

test('a connection that begins while the table is being read is one flow', () => {
  const rows = dumpRows(
    `# 2026-11-22T15:10:00+00:00 gw1\nudp 17 29 ${FORWARD} packets=1 bytes=32 ${BACK} packets=1 bytes=32 use=1 id=7`,
  )
  const born = events([0.012, `[NEW] udp 17 30 ${FORWARD} [UNREPLIED] ${BACK} id=7`])
  const steps: FlowStep[] = []
  const table = createFlowTable('gw1', createWitnesses())
  for (const record of [...rows, ...born]) table.observe(record, (step) => steps.push(step))
  expect(new Set(steps.map(({ flow }) => flow.id)).size).toBe(1)
  expect(steps.map(({ step }) => step)).not.toContain('ended')
})

test('an entry that ran out and that the dump itself evicts ends by its DESTROY', () => {
  const [born, gone] = events(
    [-40, `[NEW] udp 17 30 ${FORWARD} [UNREPLIED] ${BACK} id=7`],
    [0.02, `[DESTROY] udp 17 ${FORWARD} packets=1 bytes=32 ${BACK} packets=1 bytes=32 delta-time=30 id=7`],
  )
  const steps: string[] = []
  const onStep = ({ step, flow }: FlowStep) => steps.push(`${step} ${flow.endReason}`.trim())
  const table = createFlowTable('gw1', createWitnesses())
  if (born !== undefined) table.observe(born, onStep)
  table.dumpEnded(T0, T0, true, false)
  table.expire(T0 + SECOND, onStep)
  if (gone !== undefined) table.observe(gone, onStep)
  table.expire(T0 + 10 * SECOND, onStep)
  expect(steps).toEqual(['started', 'ended'])
})
