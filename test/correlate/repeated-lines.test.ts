/** Lines of conntrack that stand in a capture twice: two collectors on one file, a rotated copy that overlaps the live one. */
import { describe, expect, test } from 'vitest'
import { createFlowTable, SETTLE } from '../../src/correlate/flow-table.ts'
import { createWitnesses } from '../../src/correlate/witnesses.ts'
import { createConntrackDecoder } from '../../src/sources/conntrack/decoder.ts'
import { SECOND } from '../../src/time.ts'

const T0 = 1_795_360_169
const TUPLES = 'src=10.8.0.2 dst=10.20.0.10 sport=40000 dport=443 src=10.20.0.10 dst=10.8.0.2 sport=443 dport=40000'
const NEW = ` [NEW] tcp 6 120 SYN_SENT ${TUPLES} id=7`
const UPDATE = ` [UPDATE] tcp 6 60 TIME_WAIT ${TUPLES} [ASSURED] id=7`
const DESTROY = `[DESTROY] tcp 6 TIME_WAIT ${TUPLES} [ASSURED] delta-time=5 id=7`

function run(lines: readonly (readonly [second: number, text: string])[]) {
  const table = createFlowTable('gw1', createWitnesses())
  const steps: string[] = []
  const ids = new Set<string>()
  const decoder = createConntrackDecoder({ zone: 'UTC' }, (item) => {
    if (item.kind !== 'conntrack') return
    table.expire(item.at - SETTLE, () => {})
    table.observe(item, ({ step, flow }) => {
      steps.push(step)
      ids.add(flow.id)
    })
  })
  for (const [second, text] of lines) {
    const line = `[${(T0 + second).toFixed(6)}]\t${text}`
    decoder.push({ text: line, offset: 0, flaw: '' }, { name: 'conntrack.log', identity: 'x'.repeat(14) })
  }
  decoder.end()
  return { table, steps, flows: ids.size }
}

describe('a line that stands there twice', () => {
  test('DESTROY ends a flow once', () => {
    expect(
      run([
        [0, NEW],
        [5, DESTROY],
        [5, DESTROY],
      ]),
    ).toMatchObject({ steps: ['started', 'ended'], flows: 1 })
  })

  test('DESTROY of a flow that conntrack never showed before is one flow', () => {
    expect(
      run([
        [5, DESTROY],
        [5, DESTROY],
      ]),
    ).toMatchObject({ steps: ['ended'], flows: 1 })
  })

  test('a whole life of a flow is told once', () => {
    const life = [
      [0, NEW],
      [4, UPDATE],
      [5, DESTROY],
    ] as const
    const { steps, flows, table } = run([...life, ...life])
    expect(steps).toEqual(['started', 'progressed', 'ended'])
    expect(flows).toBe(1)
    expect(table.openCount).toBe(0)
  })

  test('the same id and tuple a moment later are another flow', () => {
    const { steps, flows } = run([
      [0, NEW],
      [5, DESTROY],
      [5.000001, NEW],
      [9, DESTROY],
    ])
    expect(steps).toEqual(['started', 'ended', 'started', 'ended'])
    expect(flows).toBe(2)
  })

  test('what left long ago is forgotten', () => {
    const { table } = run([
      [0, NEW],
      [5, DESTROY],
    ])
    table.expire((T0 + 60) * SECOND, () => {})
    expect(table.match('6 10.8.0.2 40000 10.20.0.10 443', (T0 + 1) * SECOND, 0)).toBeNull()
  })
})
