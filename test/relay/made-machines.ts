/** Made sources (correlate/hosts/host-simulator.ts) through one process for all machines, and through one process for each, with a relay. */
import { SOURCES } from '../../src/catalog.ts'
import type { IntakeHost, SourceName } from '../../src/correlate/intake.ts'
import type { Event } from '../../src/event.ts'
import { createEventClock } from '../../src/event-clock.ts'
import { type Inventory, parseInventory } from '../../src/identity/inventory.ts'
import { relayTo } from '../../src/live/relay-to.ts'
import { createPipeline } from '../../src/pipeline.ts'
import { type Envelope, readEnvelope } from '../../src/relay/envelope.ts'
import { MINUTE, type Micros, SECOND } from '../../src/time.ts'
import type { Simulation } from '../correlate/hosts/host-simulator.ts'
import { hostsOf, polls, type Source } from '../correlate/hosts/pipeline-run.ts'

export type Machines = {
  readonly inventory: Inventory
  readonly sources: readonly Source[]
}

export type MachineRun = { readonly documents: readonly Event[]; readonly messages: readonly Envelope[] }

/**
 * A made world whose gateways are polled every second, and in which nothing happens at the end for so long that every login is decided:
 * at the end of a capture nobody's clock moves any more, and what hangs on other machines' logins is answered in another order.
 */
export function machinesOf({ inventory, sources, hosts, gateways }: Simulation): Machines {
  const last = Math.max(...sources.flatMap(({ items }) => items.map(({ arrival }) => arrival)))
  for (const { log } of hosts) log.message(last + 5 * MINUTE, 'SERVICE_START', { pid: 1 }, NOTHING_HAPPENS)
  return {
    inventory: parseInventory(inventory, 'inventory.yaml'),
    sources: sources.map((source) => {
      const { host, name } = source
      const log = hosts.find((each) => each.name === host)?.log
      if (log !== undefined) return { host, name, items: log.items() }
      const peers = gateways.find((each) => each.name === host)?.peers
      return name === 'wireguard' && peers !== undefined
        ? { host, name, items: polls(last + 6 * MINUTE, peers, SECOND) }
        : source
    }),
  }
}

const NOTHING_HAPPENS = 'unit=cron comm="systemd" exe="/usr/lib/systemd/systemd" res=success'

/** No relay: everything in one process. */
export function runWhole(machines: Machines): readonly Event[] {
  const documents: Event[] = []
  run(machines, machines.sources, (event) => documents.push(event), null)
  return documents
}

/** Each machine by itself, in the order of their sources. */
export function runEach(machines: Machines): readonly MachineRun[] {
  const names = [...new Set(machines.sources.map(({ host }) => host))]
  return names.map((name) => {
    const documents: Event[] = []
    const messages: Envelope[] = []
    const own = machines.sources.filter(({ host }) => host === name)
    run(
      machines,
      own,
      (event) => documents.push(event),
      (event) => {
        const envelope = readEnvelope(event)
        if (envelope !== null) messages.push(envelope)
      },
    )
    return { documents, messages }
  })
}

function run(
  { inventory }: Machines,
  sources: readonly Source[],
  emit: (event: Event) => void,
  relay: ((event: Event) => void) | null,
): void {
  const hosts = hostsOf({ inventory: '', sources }).map(
    (host): IntakeHost => ({
      ...host,
      sources: sources.filter((each) => each.host === host.name).map(({ name }) => name),
    }),
  )
  const openRelay = relay === null ? {} : { openRelay: relayTo(relay, hosts) }
  const pipeline = createPipeline({ hosts, inventory, ledger: null, ...openRelay }, emit)
  const clock = createEventClock(
    sources.map(({ host, name }) => ({ host, entry: { name, lateness: latenessOf(name) } })),
    pipeline,
  )
  const left = sources.map(({ items }) => items.length)
  for (const { host, name, items } of sources) if (items.length === 0) pipeline.finish(host, name)
  for (const { index, host, name, item } of inOrder(sources)) {
    clock.advance(item.arrival, index)
    pipeline.take(host, name, item)
    left[index] = (left[index] ?? 1) - 1
    if (left[index] === 0) pipeline.finish(host, name)
  }
  pipeline.end()
}

function inOrder(sources: readonly Source[]) {
  return sources
    .flatMap(({ host, name, items }, index) => items.map((item) => ({ index, host, name, item })))
    .sort((a, b) => a.item.arrival - b.item.arrival || a.index - b.index)
}

function latenessOf(name: SourceName): Micros {
  return Math.max(...SOURCES.filter((each) => each.name === name).map(({ lateness }) => lateness))
}
