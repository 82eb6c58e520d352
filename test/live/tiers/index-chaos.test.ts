/** Indexers that are killed, lost, found, joined and left at any time: every document arrives, and no commit is ahead of one. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readLetter } from '../../../src/kafka/dead-letter.ts'
import { nextTurn } from '../../kafka/memory-bus.ts'
import { until } from '../collectors/workshop.ts'
import { createListSink, EVENTS, type Indexer, type ListSink, messageOf, openIndexPlace } from './index-place.ts'

type Step =
  | { readonly kind: 'produce'; readonly count: number }
  | { readonly kind: 'poison' | 'start' | 'turn' }
  | { readonly kind: 'kill' | 'expire' | 'heal' | 'stop' | 'fail' | 'lose'; readonly which: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('produce' as const), count: fc.integer({ min: 1, max: 60 }) }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom('poison' as const, 'start' as const, 'turn' as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        'kill' as const,
        'expire' as const,
        'heal' as const,
        'stop' as const,
        'fail' as const,
        'lose' as const,
      ),
      which: fc.nat(10),
    }),
  },
)

type Running = Indexer & { readonly name: string; readonly sink: ListSink }

test('whatever happens to indexers, each document is in a sink before it is committed', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      const world = openWorld()
      for (const each of steps) {
        await world.take(each)
        await world.expectSafe()
      }
      await world.finish()
      await world.expectSafe()
    }),
    { numRuns: 25 },
  )
}, 120_000)

function openWorld() {
  const place = openIndexPlace(5)
  const all: Running[] = []
  const dead = new Set<Running>()
  const expired = new Set<string>()
  let produced = 0

  const alive = (which: number): Running | undefined => {
    const left = all.filter((each) => !dead.has(each))
    return left[which % Math.max(1, left.length)]
  }

  async function start(): Promise<void> {
    const sink = createListSink()
    sink.turns = 5
    const name = `indexer${all.length}`
    const indexer = await place.start(name, [sink], { documents: 20, commitEvery: 0 })
    all.push({ ...indexer, name, sink })
  }

  async function disturb(kind: Step['kind'], running: Running): Promise<void> {
    const { name, sink, tier } = running
    if (kind === 'fail') sink.failing = 1
    else if (kind === 'expire') {
      place.broker.expire(name)
      expired.add(name)
    } else if (kind === 'heal') place.broker.heal(name)
    else if (kind === 'kill') {
      place.broker.kill(name)
      dead.add(running)
    } else if (kind === 'stop') {
      tier.stop()
      await running.running
      dead.add(running)
    } else place.broker.loseAcknowledgements(1, 'twice')
  }

  return {
    async take(one: Step): Promise<void> {
      if (one.kind === 'produce') {
        await place.produce(produced, produced + one.count)
        produced += one.count
      } else if (one.kind === 'poison') await place.send({ ...messageOf(produced++), value: Buffer.from('?') })
      else if (one.kind === 'start') {
        if (all.length - dead.size < 3) await start()
      } else if ('which' in one) {
        const running = alive(one.which)
        if (running !== undefined) await disturb(one.kind, running)
      }
      for (let i = 0; i < 7; i++) await nextTurn()
    },
    /** What lies before a committed offset is in a sink, or a letter was made of it. */
    async expectSafe(): Promise<void> {
      const committed = await place.committed()
      const ids = new Set(all.flatMap(({ sink }) => sink.ids))
      const letters = new Set(
        place.broker.all('p.deadletters').map((each) => {
          const letter = readLetter(each)
          return `${letter?.partition} ${letter?.offset}`
        }),
      )
      const lost = place.broker
        .all(EVENTS)
        .filter(({ partition, offset }) => offset < (committed[partition] ?? -1))
        .filter(({ headers, value, partition, offset }) =>
          value?.length === 1 ? !letters.has(`${partition} ${offset}`) : !ids.has(headers['event-id'] ?? ''),
        )
      expect(lost).toEqual([])
    },
    async finish(): Promise<void> {
      for (const name of expired) place.broker.heal(name)
      await start()
      let isDone = false
      await until(() => {
        place.committed().then(
          (offsets) => {
            isDone = place.ends().every((end, partition) => end === Math.max(0, offsets[partition] ?? 0))
          },
          () => {},
        )
        return isDone
      }, 'everything is committed')
      // Nothing was deleted: whoever has a partition reads on where the one before was safe.
      for (const { tier } of all) expect(tier.status().counts['lost']).toBe(0)
      for (const { tier } of all) tier.stop()
      await Promise.all(all.filter((each) => !dead.has(each)).map(({ running }) => running))
    },
  }
}
