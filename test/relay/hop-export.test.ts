/** What is told of hops that go on elsewhere: that something was left out is known. */
import { expect, test } from 'vitest'
import { createHopExport } from '../../src/relay/hop-export.ts'
import { type Micros, SECOND } from '../../src/time.ts'

test('hosts whose clock is forgotten because there are too many are counted', () => {
  const T0: Micros = 1_795_360_140 * SECOND
  const told: string[] = []
  const hops = createHopExport({
    clockOf: () => ({ offset: 0, isMeasured: false }),
    send: (_, { kind }) => told.push(kind),
  })
  for (let index = 0; index < 4_100; index++) {
    const connect = { host: `h${index}`, login: null, serverHost: 'db1', serverPort: 22, from: T0, to: T0 }
    hops.connected(connect, 1, T0)
  }
  expect(told).toHaveLength(2 * 4_100)
  expect(hops.evicted).toBe(4)
})
