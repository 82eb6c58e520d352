/** The demo's machines, each shipped by itself through a broker in memory to real tiers: what comes out is what one process tells. */
import { expect, test } from 'vitest'
import { readInput } from '../../../src/commands/replay.ts'
import type { Event } from '../../../src/event.ts'
import { printEvent } from '../../../src/event-json.ts'
import { openTier } from '../../../src/live/tiers/open-tier.ts'
import type { TierSettings } from '../../../src/live/tiers/tier.ts'
import { toEnvelope } from '../../../src/relay/envelope.ts'
import { openKafkaSink } from '../../../src/sinks/kafka.ts'
import { createTopicBroker, type MemoryBroker } from '../../kafka/memory-bus.ts'
import { openRelayFeed } from '../../relay/relay-feed.ts'
import { DEMO } from '../../replay-capture.ts'
import { createListLog } from '../collectors/workshop.ts'
import { fastClock, type Opened, PREFIX, seeded, tierSettings, until } from './tier-place.ts'

const PARTITIONS = 4
/** Events of one delivery. */
const BATCH = 500

async function start(broker: MemoryBroker, client: string, settings: TierSettings): Promise<Opened> {
  const { log, logged } = createListLog()
  const tier = await openTier(settings, {
    bus: broker.connect(client),
    now: fastClock(),
    log,
    environment: {},
    hide() {},
    random: seeded(client.length),
    step() {},
  })
  let failure: unknown = null
  const ended = tier.run().catch((error: unknown) => {
    failure = error
  })
  return { tier, logged, failure: () => failure, ended }
}

async function ship(broker: MemoryBroker, machine: string, events: readonly Event[]): Promise<void> {
  const sink = openKafkaSink({ bus: broker.connect(machine), prefix: PREFIX, now: () => 0 })
  for (let at = 0; at < events.length; at += BATCH) await sink.deliver(events.slice(at, at + BATCH))
  await sink.close()
}

/** Printers differ in the order of names; and some is counted by another process than the one that tells it. */
function comparable(text: string): unknown {
  return JSON.parse(text, (name, value) => (name === 'events' || name === 'out_of_scope' ? undefined : value))
}

function idOf(event: Event): string {
  return event.own['event.id'] ?? ''
}

test.each(['left alone', 'killed and replaced'])(
  'correlators and a detector make of the demo what one process makes of it: %s',
  async (what) => {
    const isKilled = what !== 'left alone'
    const feed = await openRelayFeed(DEMO)
    const { inventory } = await readInput(DEMO, '')
    const single = new Map(feed.whole().map((event) => [idOf(event), comparable(printEvent(event))]))
    const broker = createTopicBroker(PREFIX, PARTITIONS)
    const correlate: TierSettings = { ...tierSettings(), inventory }
    const documents = () => broker.all(`${PREFIX}.events`)
    const first = await start(broker, 'c1', correlate)
    const told = feed.machines.map((machine) => {
      const { documents: own, messages } = feed.run([machine], () => 0, 0)
      return { machine, events: [...own, ...messages.map(toEnvelope)] }
    })
    const half = (events: readonly Event[]) => Math.floor(events.length / 2)
    await Promise.all(told.map(({ machine, events }) => ship(broker, machine, events.slice(0, half(events)))))
    if (isKilled) {
      await until(() => broker.all(`${PREFIX}.correlator-state`).length > PARTITIONS, first)
      broker.kill('c1')
      first.tier.stop()
    }
    const second = await start(broker, 'c2', correlate)
    await Promise.all(told.map(({ machine, events }) => ship(broker, machine, events.slice(half(events)))))
    const detector = await start(broker, 'd1', { ...correlate, tier: 'detect' })
    const ids = () => new Set(documents().map(({ headers }) => headers['event-id'] ?? ''))
    const running = [second, detector, ...(isKilled ? [] : [first])]
    await until(() => ids().size >= single.size, ...running)
    for (const { tier, ended } of running) {
      tier.stop()
      await ended
    }
    expect(broker.all(`${PREFIX}.deadletters`)).toEqual([])
    const found = new Map(
      documents().map(({ headers, value }) => [headers['event-id'] ?? '', comparable(String(value))] as const),
    )
    expect(found).toEqual(single)
  },
)
