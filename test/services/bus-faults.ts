/** The bus contract: what is left of the guarantee when answers get lost and brokers die, freeze, or never were there. */
import { scheduler } from 'node:timers/promises'
import { openBus } from '../../src/kafka/open-bus.ts'
import type { Broker } from './broker-contract.ts'
import {
  type BusGround,
  codeOf,
  connectionTo,
  countAgainst,
  failureOf,
  numbered,
  numberOf,
  readWhole,
} from './bus-ground.ts'
import { waitFor } from './wait-for.ts'

const LOST_ANSWERS = 20
const PARTITIONS = 4
/** Closed: below the ports that are given to outgoing connections, and nobody's. */
const NOBODY = '127.0.0.1:9'

/** All of them; the broker is the suite's own, with one proxy. */
export async function checkFaults(ground: BusGround, broker: Broker): Promise<void> {
  const nobody = noBroker(ground)
  nobody.catch(() => {})
  await lostAnswers(ground, broker)
  await underLoad(ground, 'a broker that is killed and started again, twice, loses nothing', async () => {
    for (let i = 0; i < 2; i++) {
      await scheduler.wait(500)
      await broker.kill()
      await scheduler.wait(300)
      await broker.restart()
      await scheduler.wait(500)
    }
  })
  await underLoad(ground, 'a broker that is frozen for 5 s loses nothing', async () => {
    await scheduler.wait(500)
    broker.pause()
    await scheduler.wait(5_000)
    broker.resume()
  })
  await giveUp(ground, broker)
  await nobody
}

async function lostAnswers(ground: BusGround, { proxies: [proxy] }: Broker): Promise<void> {
  if (proxy === undefined) throw new Error('a proxy is needed')
  const topic = await ground.topic(PARTITIONS)
  const bus = await openBus(ground.driver, connectionTo(proxy.address))
  const producer = await bus.producer()
  const sent = Array.from({ length: PARTITIONS }, (): number[] => [])
  proxy.loseAnswers(LOST_ANSWERS, 2)
  const calls: Promise<void>[] = []
  for (let n = 0, call = 0; proxy.lost < LOST_ANSWERS && call < 500; call++) {
    // Of one size and of others: a broker that takes one batch for another would do it with equal ones.
    const size = call % 3 === 0 ? 40 : 1 + ((call * 13) % 60)
    const batch = Array.from({ length: size }, () => {
      const [partition, own] = [n % PARTITIONS, n]
      sent[partition]?.push(own)
      n++
      return numbered(topic, partition, own)
    })
    const done = producer.send(batch)
    calls.push(done)
    if (call % 4 === 3) await done
  }
  await Promise.all(calls)
  await producer.close()
  const found = await readWhole(ground, topic)
  const { lost, doubled, disorder } = countAgainst(
    sent,
    found.map((messages) => messages.map(numberOf)),
  )
  ground.checks.equal(
    `${proxy.lost} lost answers: nothing is lost, nothing is out of order`,
    { answers: proxy.lost, lost, disorder },
    { answers: LOST_ANSWERS, lost: 0, disorder: 0 },
  )
  ground.checks.proved('what came twice', `${doubled} of ${sent.flat().length} messages`)
}

/** A producer, a member and a reader live through `fault`. */
async function underLoad(ground: BusGround, what: string, fault: () => Promise<void>): Promise<void> {
  const topic = await ground.topic(PARTITIONS)
  const producer = await ground.bus.producer()
  const seen = { member: Array.from({ length: PARTITIONS }, (): number[] => []), reader: [] as number[], ended: '' }
  let uncommitted = 0
  const member = await ground.bus.join({
    group: ground.name(),
    topics: [topic],
    onAssigned: async () => new Map(),
    onRevoked: async () => {},
    onMessages: async (messages) => {
      for (const message of messages) seen.member[message.partition]?.push(numberOf(message))
      const { partition = 0, offset = 0 } = messages.at(-1) ?? {}
      await member.commit([{ topic, partition, offset: offset + 1 }]).catch(() => uncommitted++)
    },
    onTrouble: () => {},
  })
  const reader = await ground.bus.read({
    topic,
    from: new Map([[0, 0]]),
    onMessages: async (messages) => void seen.reader.push(...messages.map(numberOf)),
    onTrouble: () => {},
  })
  for (const { ended } of [member, reader]) ended.catch((error: unknown) => (seen.ended = String(error)))
  const sent = Array.from({ length: PARTITIONS }, (): number[] => [])
  let isOver = false
  const load = (async () => {
    for (let n = 0; !isOver; ) {
      const batch = Array.from({ length: 50 }, () => {
        sent[n % PARTITIONS]?.push(n)
        return numbered(topic, n % PARTITIONS, n++)
      })
      await producer.send(batch)
      await scheduler.wait(5)
    }
  })()
  await fault()
  await scheduler.wait(500)
  isOver = true
  await load
  await producer.close()
  const lost = () => countAgainst(sent, seen.member).lost
  const isRead = () => sent[0]?.every((n) => seen.reader.includes(n)) === true
  await waitFor(
    () => `all is read: ${lost()} missing, ${seen.reader.length} of ${sent[0]?.length} read, ended: ${seen.ended}`,
    () => lost() === 0 && isRead(),
    60_000,
  )
  const stored = await readWhole(ground, topic)
  const { doubled, ...rest } = countAgainst(
    sent,
    stored.map((messages) => messages.map(numberOf)),
  )
  ground.checks.equal(what, { ...rest, ended: seen.ended }, { lost: 0, disorder: 0, ended: '' })
  ground.checks.proved(
    'the figures',
    `${sent.flat().length} messages, ${doubled} stored twice, ${uncommitted} commits not taken`,
  )
  await member.leave()
  await reader.close()
}

async function giveUp(ground: BusGround, broker: Broker): Promise<void> {
  const topic = await ground.topic(1)
  const producer = await ground.bus.producer()
  await producer.send([numbered(topic, 0, 0)])
  broker.pause()
  const calls = [producer.send([numbered(topic, 0, 1)]), producer.send([numbered(topic, 0, 2)])].map(codeOf)
  await scheduler.wait(300)
  let from = Date.now()
  producer.abort()
  ground.checks.equal('what is given up rejects', await Promise.all(calls), ['no-server', 'no-server'])
  ground.checks.ensure('and soon', Date.now() - from < 1_000, Date.now() - from)
  const late = producer.send([numbered(topic, 0, 3)])
  broker.resume()
  await late
  const [found = []] = await readWhole(ground, topic)
  const numbers = found.map(numberOf)
  ground.checks.equal(
    'a send after it goes through, behind the others or without them',
    [numbers[0], numbers.at(-1), numbers.filter((n) => n === 3).length],
    [0, 3, 1],
  )
  await broker.kill()
  const closed = codeOf(producer.send([numbered(topic, 0, 4)]))
  await scheduler.wait(300)
  from = Date.now()
  await producer.close()
  ground.checks.equal('closing does not wait for a broker that is away', await closed, 'no-server')
  ground.checks.ensure('at all', Date.now() - from < 1_000, Date.now() - from)
  ground.checks.equal(
    'a closed producer takes nothing',
    await codeOf(producer.send([numbered(topic, 0, 5)])),
    'no-server',
  )
  await broker.restart()
}

async function noBroker(ground: BusGround): Promise<void> {
  const from = Date.now()
  const bus = await openBus(ground.driver, connectionTo(NOBODY))
  const handlers = { onMessages: async () => {}, onTrouble: () => {} }
  const member = { onAssigned: async () => new Map<string, number>(), onRevoked: async () => {}, ...handlers }
  const openings = [
    bus.admin(),
    bus.producer(),
    bus.join({ group: 'g', topics: ['t'], ...member }),
    bus.read({ topic: 't', from: new Map([[0, 0]]), ...handlers }),
  ]
  const codes = await Promise.all(openings.map(codeOf))
  ground.checks.equal(
    'where no broker is, every opening says so',
    codes,
    codes.map(() => 'no-server'),
  )
  ground.checks.ensure('within 40 s', Date.now() - from < 40_000, Date.now() - from)
  const text = String(await failureOf(openings[0] ?? Promise.resolve()))
  ground.checks.ensure('and where it looked', text.includes(NOBODY), text)
}
