/**
 * Any sequence of answers, kills and rollovers: at the end each document stands in one place, once: in the cluster, in its failure
 * store, or among the dead letters.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Dataset } from '../../../src/event.ts'
import { SECOND } from '../../../src/time.ts'
import type { BulkServer, ItemReaction, Reaction } from '../../bulk-server.ts'
import { until } from '../../live/collectors/workshop.ts'
import { idOf, madeEvent, START } from '../../store/made-events.ts'
import { FIREWALL, openSinkPlace, type SinkPlace } from './sink-place.ts'

const ITEMS: readonly ItemReaction[] = [
  { status: 201, failureStore: 'used', id: 'own' },
  { status: 429, type: 'es_rejected_execution_exception' },
  { status: 503, type: 'unavailable_shards_exception' },
  { status: 503, type: 'unavailable_shards_exception', isApplied: true },
  { status: 400, type: 'document_parsing_exception' },
  { status: 404, type: 'index_not_found_exception' },
  { status: 403, type: 'security_exception' },
]

/** What is said to a request: 0 to 6 of each item (by its place), or one thing to all of it. */
type Step =
  | { readonly kind: 'items'; readonly answers: readonly (number | null)[] }
  | { readonly kind: 'whole'; readonly reaction: Reaction }

const applied = fc.boolean()
const whole: fc.Arbitrary<Reaction> = fc.oneof(
  fc.record({ kind: fc.constant('cut' as const), isApplied: applied }),
  fc.record({
    kind: fc.constant('status' as const),
    status: fc.constantFrom(500, 502, 503, 504),
    isApplied: applied,
  }),
  fc.record({ kind: fc.constant('status' as const), status: fc.constantFrom(401, 406, 413, 429) }),
  fc.constant({ kind: 'status', status: 200, body: 'no bulk answer', isApplied: true } as const),
)
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant('items' as const),
    answers: fc.array(fc.option(fc.nat(ITEMS.length - 1)), { minLength: 1, maxLength: 7 }),
  }),
  fc.record({ kind: fc.constant('whole' as const), reaction: whole }),
)
const plan = fc.record({
  steps: fc.array(step, { maxLength: 12 }),
  count: fc.integer({ min: 1, max: 60 }),
  documents: fc.integer({ min: 1, max: 20 }),
  /** Before these requests the stream gets a new backing index. */
  rollovers: fc.array(fc.nat(12), { maxLength: 3 }),
  /** With these requests the sink is killed: it never hears the answer. */
  kills: fc.array(fc.nat(12), { maxLength: 2 }),
})

const DATASETS: readonly Dataset[] = ['wireguard.firewall', 'wireguard.flow']
/** Deliveries of the same documents: each step of a plan ends at most one. */
const DELIVERIES_MAX = 60

type Chaos = {
  readonly place: SinkPlace
  readonly fate: ReadonlyMap<string, ItemReaction>
  readonly kill: { isWanted: boolean }
}

async function openChaos({
  steps,
  documents,
  rollovers,
  kills,
}: typeof plan extends fc.Arbitrary<infer P> ? P : never): Promise<Chaos> {
  /** Documents that a cluster would never take, by id: always the same answer. */
  const fate = new Map<string, ItemReaction>()
  const kill = { isWanted: false }
  const isHeld = (server: BulkServer, id: string) => [...server.indices.values()].some((held) => held.has(id))

  const place: SinkPlace = await openSinkPlace({
    tick: SECOND,
    limits: { documents, pauseMs: 0 },
    canTake: ({ id }) => !fate.has(id),
    react: (request, n) => {
      if (rollovers.includes(n)) place.server.rollover(FIREWALL)
      if (kills.includes(n)) {
        kill.isWanted = true
        return { kind: 'stall', isApplied: true }
      }
      const now = steps[n]
      // A single document that is too large stays so: it has its own test.
      const isLone = request.documents.length === 1
      if (now?.kind === 'whole' && !(isLone && now.reaction.kind === 'status' && now.reaction.status === 413))
        return now.reaction
      const answers = now?.kind === 'items' ? now.answers : []
      return {
        kind: 'take',
        item: ({ id }, i) => {
          // A cluster that has a document knows it, whatever else is wrong with it.
          if (isHeld(place.server, id)) return null
          const answer = fate.get(id) ?? ITEMS[answers[i % answers.length] ?? -1] ?? null
          if (answer?.failureStore === 'used' || answer?.status === 400) fate.set(id, answer)
          return answer
        },
      }
    },
  })
  return { place, fate, kill }
}

test('each document ends in one place', async () => {
  await fc.assert(
    fc.asyncProperty(plan, async (chosen) => {
      const { place, fate, kill } = await openChaos(chosen)
      const { server } = place
      const events = Array.from({ length: chosen.count }, (_, n) =>
        madeEvent(n, START, DATASETS[n % DATASETS.length] ?? 'wireguard.flow'),
      )
      let isKilled = false
      try {
        for (let attempt = 1; ; attempt++) {
          expect(attempt).toBeLessThan(DELIVERIES_MAX)
          let outcome = ''
          const end = (how: string) => () => {
            outcome = how
          }
          void place.sink.deliver(events).then(end('done'), end('failed'))
          await until(() => outcome !== '' || kill.isWanted, 'the delivery ends')
          if (kill.isWanted) {
            kill.isWanted = false
            isKilled = true
            await place.reopen()
          } else if (outcome === 'done') break
        }
        const lettered = new Set(place.letters.letters.map(({ id }) => id))
        const places = events.map((_, n) => {
          const id = idOf(n)
          const held = [...server.indices.values()].filter((index) => index.has(id)).length
          return held + (lettered.has(id) ? 1 : 0) + (fate.get(id)?.failureStore === 'used' ? 1 : 0)
        })
        expect(places).toEqual(events.map(() => 1))
        expect(server.atOnceMax).toBeLessThanOrEqual(4 + chosen.kills.length)
        if (isKilled) return
        const counted = ['created', 'duplicates', 'failure-stored', 'dead-lettered'].map((name) => place.count(name))
        expect(counted.reduce((sum, count) => sum + count)).toBe(events.length)
        expect(place.count('dead-lettered')).toBe(lettered.size)
      } finally {
        await place.close()
      }
    }),
    { numRuns: 100 },
  )
}, 60_000)
