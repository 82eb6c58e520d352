/**
 * What was documented in the period: resources and the hosts that carry their addresses, out of the versions of the inventory that the
 * gateways used. An inventory says what should be there, not what is.
 */
import { canonicalPrefix } from '../../address.ts'
import type { Inventory } from '../../identity/inventory.ts'
import { createPrefixIndex } from '../../identity/prefix-index.ts'
import { equals } from '../../kql/build.ts'
import { compareText } from '../../kql/text-match.ts'
import { ALL_TIME, type EventReader } from '../../store/event-reader.ts'
import { inventoryAt } from '../../store/ledger-reader.ts'
import { keyframeBefore, ledgerSelection } from '../../store/ledger-rows.ts'
import type { Micros } from '../../time.ts'
import type { ReportPeriod } from '../report-question.ts'

/** Versions of the inventory that are looked at, the newest ones. */
export const VERSIONS_MAX = 40

/** As the newest version of the period that knows it says; '' = not documented. */
export type CataloguedResource = {
  readonly name: string
  readonly owner: string
  readonly classification: string
  readonly addresses: readonly string[]
  readonly ports: readonly string[]
  /** Hosts that carry one of the addresses, or took a connection to it. Sorted. */
  readonly hosts: readonly string[]
}

/** Of all versions of the period together. */
export type Catalogue = {
  /** By name. */
  readonly resources: readonly CataloguedResource[]
  /** By name, with every documented address. */
  readonly hosts: readonly { readonly name: string; readonly addresses: readonly string[] }[]
  /** Names of documented peers, people and keys, for who mistyped one. */
  readonly keys: ReadonlySet<string>
  /** Older versions of the period that were not looked at. */
  readonly omitted: number
}

type Version = { readonly gateway: string; readonly hash: string; readonly at: Micros }

/** Empty where no inventory is in the records. Throws AppError of the reader. */
export async function readCatalogue(reader: EventReader, period: ReportPeriod): Promise<Catalogue> {
  const versions = await versionsOf(reader, period)
  const read: Inventory[] = []
  for (const { gateway, at } of versions.slice(0, VERSIONS_MAX)) read.push(await inventoryAt(reader, gateway, at))
  const taken = await takenConnections(reader, period)
  return {
    resources: resourcesOf(read, taken),
    hosts: hostsOf(read),
    keys: new Set(read.flatMap(({ peers }) => peers.flatMap(({ keys }) => keys.map(({ publicKey }) => publicKey)))),
    omitted: Math.max(0, versions.length - VERSIONS_MAX),
  }
}

/** Each version once, the newest first: those of the period, and of each gateway the one that it began with. */
async function versionsOf(reader: EventReader, { from, to }: ReportPeriod): Promise<Version[]> {
  const keyframes = equals('event.action', ['ledger-keyframe'])
  const known = await reader.groups(ledgerSelection(keyframes, { since: ALL_TIME.since, until: to - 1 }), [
    'host.name',
    'wireguard.attribution.inventory',
  ])
  const versions = known.map(({ values, newest }) => ({
    gateway: String(values[0] ?? ''),
    hash: String(values[1] ?? ''),
    at: newest,
  }))
  const starts = new Map<string, Micros>()
  for (const gateway of new Set(versions.map((each) => each.gateway)))
    starts.set(gateway, (await keyframeBefore(reader, gateway, from)) ?? from)
  const used = versions
    .filter(({ hash, gateway, at }) => hash !== '' && at >= (starts.get(gateway) ?? from))
    .sort((a, b) => b.at - a.at || compareText(a.hash, b.hash) || compareText(a.gateway, b.gateway))
  return used.filter((each, i) => used.findIndex(({ hash }) => hash === each.hash) === i)
}

/** Which host took connections to which resource, by the audit records behind them. */
async function takenConnections(reader: EventReader, { from, to }: ReportPeriod): Promise<Map<string, Set<string>>> {
  const query = equals('event.reason', ['host-accepted'])
  const groups = await reader.groups({ datasets: ['wireguard.flow'], since: from, until: to - 1, query }, [
    'wireguard.resource.name',
    'wireguard.host.name',
  ])
  const taken = new Map<string, Set<string>>()
  for (const { values } of groups) {
    const [resource, host] = values.map((value) => String(value ?? ''))
    if (resource === undefined || host === undefined || resource === '' || host === '') continue
    taken.set(resource, (taken.get(resource) ?? new Set()).add(host))
  }
  return taken
}

/** Newest first: what a newer version says of a resource holds, hosts of all versions count. */
function resourcesOf(
  inventories: readonly Inventory[],
  taken: ReadonlyMap<string, ReadonlySet<string>>,
): CataloguedResource[] {
  const all = inventories.flatMap(({ resources, hosts }) =>
    resources.map((resource) => {
      const index = createPrefixIndex(
        [...new Set(resource.addresses.map((each) => canonicalPrefix(each) ?? each))].map((prefix) => [prefix, true]),
      )
      const carrying = hosts.filter(({ addresses }) => addresses.some((each) => index.covering(each).length > 0))
      return { resource, hosts: carrying.map(({ name }) => name) }
    }),
  )
  return [...Map.groupBy(all, ({ resource }) => resource.name)]
    .flatMap(([name, parts]) => {
      const newest = parts[0]?.resource
      if (newest === undefined) return []
      const hosts = new Set([...parts.flatMap((part) => part.hosts), ...(taken.get(name) ?? [])])
      const { owner, classification, addresses, ports } = newest
      return [{ name, owner, classification, addresses, ports, hosts: [...hosts].sort(compareText) }]
    })
    .sort((a, b) => compareText(a.name, b.name))
}

function hostsOf(inventories: readonly Inventory[]): Catalogue['hosts'] {
  const all = inventories.flatMap(({ hosts }) => hosts)
  return [...Map.groupBy(all, ({ name }) => name)]
    .map(([name, parts]) => ({
      name,
      addresses: [...new Set(parts.flatMap(({ addresses }) => addresses))].sort(compareText),
    }))
    .sort((a, b) => compareText(a.name, b.name))
}
