/** The demo capture, machine by machine through relays, messages and correlators: what comes out is what one process would have said. */
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { readInput } from '../../src/commands/replay.ts'
import type { Event } from '../../src/event.ts'
import type { Inventory } from '../../src/identity/inventory.ts'
import { DEMO } from '../replay-capture.ts'
import { withNode } from '../variants/audit.ts'
import { type CaptureCase, demoCase, remove, withCase } from '../variants/case.ts'
import { compare } from './compared.ts'
import { runDivided } from './divided-run.ts'
import { openRelayFeed, randomFrom } from './relay-feed.ts'

type Run = {
  readonly inventory: Inventory
  readonly whole: readonly Event[]
  readonly parts: ReturnType<Awaited<ReturnType<typeof openRelayFeed>>['run']>[]
}

async function readCapture(directory: string): Promise<Run> {
  const feed = await openRelayFeed(directory)
  const { inventory } = await readInput(directory, '')
  const parts = feed.machines.map((machine) => feed.run([machine], () => 0, 0))
  return { inventory, whole: feed.whole(), parts }
}

function divide({ inventory, whole, parts }: Run, partitions: number, faults: number, seed: number) {
  const random = randomFrom(seed)
  const machines = parts.map(({ messages }) => messages)
  const divided = runDivided({ inventory, partitions, machines, random, faults })
  const own = parts.flatMap(({ documents }) => documents)
  return { ...divided, compared: compare(whole, [...own, ...divided.documents.values()]) }
}

describe('the demo capture', () => {
  let run: Run
  beforeAll(async () => {
    run = await readCapture(DEMO)
  })

  test.each([1, 2, 3, 4, 5, 6])('over %i partitions, without faults', (partitions) => {
    const { compared, contradictions, counts } = divide(run, partitions, 0, partitions)
    expect(compared.missing).toEqual([])
    expect(compared.extra).toEqual([])
    expect(compared.different).toEqual([])
    expect(compared.equal).toBeGreaterThan(2000)
    expect(contradictions).toEqual([])
    expect([counts.get('waiting'), counts.get('late'), counts.get('repeated')]).toEqual([0, 0, 0])
  })

  test('however it is interleaved, repeated, told late, saved and killed', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), fc.nat(), fc.constantFrom(0.05, 0.3), (partitions, seed, faults) => {
        const { compared, contradictions, counts } = divide(run, partitions, faults, seed)
        expect({ ...compared, contradictions, waiting: counts.get('waiting'), late: counts.get('late') }).toEqual({
          documents: compared.documents,
          equal: compared.documents,
          missing: [],
          extra: [],
          different: [],
          contradictions: [],
          waiting: 0,
          late: 0,
        })
      }),
      { numRuns: 8 },
    )
  }, 60_000)
})

describe('other captures', () => {
  const CASES: readonly (readonly [string, (one: CaptureCase) => void])[] = [
    ['without conntrack: lines stand in for flows', (one) => remove(one, /conntrack/)],
    ['several machines in one log, told apart by node=', (one) => withNode(one, 'app1')],
    [
      'a gateway and a host that never spoke',
      (one) => {
        remove(one, /^(gw2|app1)\//)
      },
    ],
    [
      'a machine of which only one source speaks',
      (one) => {
        remove(one, /^gw2\/(kern|conntrack)/)
      },
    ],
  ]

  test.each(CASES)('%s', async (_, change) => {
    const one = await demoCase()
    change(one)
    await withCase(one, async (capture) => {
      const run = await readCapture(capture)
      for (const partitions of [1, 3]) {
        const { compared, contradictions } = divide(run, partitions, 0.1, partitions)
        expect(compared).toEqual({
          documents: compared.documents,
          equal: compared.documents,
          missing: [],
          extra: [],
          different: [],
        })
        expect(contradictions).toEqual([])
      }
    })
  })
})
