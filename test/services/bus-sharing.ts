/** The bus contract: a group shared by members that come and go, while messages keep coming. */
import { scheduler } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import type { Member } from '../../src/kafka/bus.ts'
import { openBus } from '../../src/kafka/open-bus.ts'
import { type BusGround, numbered } from './bus-ground.ts'
import { joinCounting, type Told } from './bus-sharing-member.ts'
import { waitFor } from './wait-for.ts'

const PARTITIONS = 6
const MEMBER_PATIENCE_MS = 90_000

/** All of it. */
export async function checkSharing(ground: BusGround): Promise<void> {
  const topics = [await ground.topic(PARTITIONS), await ground.topic(PARTITIONS)]
  const group = ground.name()
  const log = createLog()
  const producer = await ground.bus.producer()
  let [n, isOver] = [0, false]
  const load = (async () => {
    while (!isOver) {
      const batch = topics.flatMap((topic) =>
        Array.from({ length: PARTITIONS }, (_, partition) => numbered(topic, partition, n)),
      )
      n++
      await producer.send(batch)
      await scheduler.wait(20)
    }
  })()
  const join = (name: string) => joinCounting(ground.bus, { group, topics, name }, log.take)
  const shared = (...members: readonly (Member | number)[]) =>
    waitFor(
      () => `the group is shared by ${members.length}: ${log.owners()}`,
      () => {
        const sizes = members.map((each) => (typeof each === 'number' ? each : each.partitions.size))
        const least = Math.floor(PARTITIONS / members.length)
        const isFair = sizes.every((size) => size >= least && size <= Math.ceil(PARTITIONS / members.length))
        return isFair && sizes.reduce((sum, size) => sum + size, 0) === PARTITIONS
      },
      MEMBER_PATIENCE_MS,
    )

  const first = await join('first')
  await shared(first)
  const second = await join('second')
  await shared(first, second)
  ground.checks.equal('a second member takes half of the partitions', overlap(first, second), 0)
  const given = { driver: ground.driver, connection: ground.connection, group, topics, name: 'third' }
  const worker = new Worker(new URL('./bus-sharing-worker.ts', import.meta.url), { workerData: given })
  worker.on('message', log.take)
  const crashed: unknown[] = []
  worker.on('error', (error) => crashed.push(error))
  await waitFor('the third member has its share', () => log.owned('third') === 2, MEMBER_PATIENCE_MS)
  await shared(first, second, 2)
  await waitFor('the third member is given messages', () => log.messagesOf('third') > 20, MEMBER_PATIENCE_MS)
  ground.checks.equal('a third one takes a third', [overlap(first, second), crashed], [0, []])
  await worker.terminate()
  await shared(first, second)
  ground.checks.equal('one that vanishes is replaced', overlap(first, second), 0)
  await first.leave()
  await shared(second)
  isOver = true
  await load
  await producer.close()
  await waitFor(
    () => `everything is there: ${log.missing(topics, n)} are missing`,
    () => log.missing(topics, n) === 0,
    60_000,
  )
  ground.checks.equal(
    'nothing is missed, and what comes twice stands behind the last commit',
    { missing: log.missing(topics, n), tooOld: log.tooOld() },
    { missing: 0, tooOld: 0 },
  )
  ground.checks.ensure('what is given stays in order while it is owned', log.disorder() === 0, log.disorder())
  ground.checks.proved(
    'the figures',
    `${n * PARTITIONS * 2} messages, ${log.repeated()} twice, ${log.moves()} assignments`,
  )
  const committed = await Promise.all(topics.map((topic) => ground.admin.committed(group, topic)))
  ground.checks.equal(
    'all is committed',
    committed.flat().every((offset) => offset === n),
    true,
  )
  await second.leave()
}

/** Two drivers in one group, as while an installation changes over. */
export async function checkMixedGroup(ground: BusGround): Promise<void> {
  const topics = [await ground.topic(PARTITIONS)]
  const group = ground.name()
  const log = createLog()
  const other = await openBus(ground.driver === 'kafkajs' ? 'platformatic' : 'kafkajs', ground.connection)
  const first = await joinCounting(ground.bus, { group, topics, name: 'first' }, log.take)
  const second = await joinCounting(other, { group, topics, name: 'second' }, log.take)
  await waitFor('both have half', () => first.partitions.size === 3 && second.partitions.size === 3, MEMBER_PATIENCE_MS)
  ground.checks.equal('a member of the other driver takes half of the partitions', overlap(first, second), 0)
  await first.leave()
  await waitFor('one has all', () => second.partitions.size === PARTITIONS, MEMBER_PATIENCE_MS)
  await second.leave()
}

function overlap(a: Member, b: Member): number {
  return [...a.partitions].filter((partition) => b.partitions.has(partition)).length
}

/** What all members tell, judged as it comes. */
function createLog() {
  const committed = new Map<string, number>()
  const seen = new Map<string, Set<number>>()
  /** By member and place: where it must not go back behind, and where it was. */
  const floors = new Map<string, number>()
  const lasts = new Map<string, number>()
  const owned = new Map<string, Set<number>>()
  const messages = new Map<string, number>()
  const count = { repeated: 0, tooOld: 0, disorder: 0, moves: 0 }
  const place = (topic: string, partition: number) => `${topic} ${partition}`

  const take = (told: Told): void => {
    const { member } = told
    const own = owned.get(member) ?? new Set()
    owned.set(member, own)
    if (told.kind === 'assigned') {
      count.moves++
      own.add(told.partition)
      for (const [where, offset] of committed)
        if (where.endsWith(` ${told.partition}`)) floors.set(`${member} ${where}`, offset)
      for (const key of lasts.keys())
        if (key.startsWith(`${member} `) && key.endsWith(` ${told.partition}`)) lasts.delete(key)
    } else if (told.kind === 'revoked') own.delete(told.partition)
    else if (told.kind === 'committed') {
      const where = place(told.topic, told.partition)
      committed.set(where, Math.max(told.offset, committed.get(where) ?? 0))
    } else if (told.kind === 'messages') {
      const where = place(told.topic, told.partition)
      const known = seen.get(where) ?? new Set()
      seen.set(where, known)
      messages.set(member, (messages.get(member) ?? 0) + told.offsets.length)
      for (const offset of told.offsets) {
        if (known.has(offset)) count.repeated++
        known.add(offset)
        if (offset < (floors.get(`${member} ${where}`) ?? 0)) count.tooOld++
        if (offset !== (lasts.get(`${member} ${where}`) ?? offset - 1) + 1) count.disorder++
        lasts.set(`${member} ${where}`, offset)
      }
    }
  }
  return {
    take,
    owned: (member: string) => owned.get(member)?.size ?? 0,
    owners: () => [...owned].map(([member, own]) => `${member} ${[...own].join('+')}`).join(', '),
    messagesOf: (member: string) => messages.get(member) ?? 0,
    missing: (topics: readonly string[], each: number) =>
      topics
        .flatMap((topic) => Array.from({ length: PARTITIONS }, (_, n) => each - (seen.get(place(topic, n))?.size ?? 0)))
        .reduce((sum, left) => sum + left, 0),
    tooOld: () => count.tooOld,
    disorder: () => count.disorder,
    repeated: () => count.repeated,
    moves: () => count.moves,
  }
}
