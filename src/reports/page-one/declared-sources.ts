/** What the inventory says must be there: machines, their interfaces and sources, as the gateways of the period used it. */
import { AppError } from '../../errors.ts'
import type { Inventory } from '../../identity/inventory.ts'
import type { InventoryGateway, InventoryHost } from '../../identity/inventory-entries.ts'
import type { EventReader } from '../../store/event-reader.ts'
import { inventoryAt, ledgerSpans } from '../../store/ledger-reader.ts'
import type { Micros } from '../../time.ts'
import { readInventoryVersions } from '../names/inventory-versions.ts'
import type { ReportPeriod } from '../report-question.ts'
import { keyOfPlace } from './place.ts'

export type Declared = {
  /** Keys of places (place.ts). */
  readonly places: ReadonlySet<string>
  readonly gateways: readonly InventoryGateway[]
  readonly hosts: readonly InventoryHost[]
  /** Any inventory at all is in the records. */
  readonly isKnown: boolean
  /** Gateways whose inventory this release cannot read. */
  readonly unreadable: readonly string[]
  /** Gateways of which an earlier inventory of the period says otherwise where people prove who they are. */
  readonly enforcedOtherwise: ReadonlySet<string>
}

/**
 * Of every gateway whose polls reach into the period, else of the newest one: an inventory at the end of the period. What an earlier one
 * asked for that was in use in the period counts too: a source that was silent does not get complete by an edit of the inventory.
 */
export async function readDeclared(reader: EventReader, { from, to }: ReportPeriod): Promise<Declared> {
  const spans = await ledgerSpans(reader)
  const inPeriod = spans.filter(({ oldest, newest }) => oldest < to && newest >= from)
  const newest = spans.toSorted((a, b) => b.newest - a.newest).slice(0, 1)
  const gateways = new Map<string, InventoryGateway>()
  const hosts = new Map<string, InventoryHost>()
  const places = new Set<string>()
  const unreadable: string[] = []
  let isKnown = false
  for (const { gateway } of inPeriod.length > 0 ? inPeriod : newest) {
    const inventory = await readableInventory(reader, gateway, to - 1)
    if (inventory === null) {
      unreadable.push(gateway)
      continue
    }
    isKnown ||= inventory.gateways.length + inventory.hosts.length + inventory.peers.length > 0
    for (const each of inventory.gateways) gateways.set(each.name, each)
    for (const each of inventory.hosts) hosts.set(each.name, each)
    for (const { name, sources } of [...inventory.gateways, ...inventory.hosts])
      for (const source of sources) places.add(keyOfPlace({ machine: name, source }))
  }
  const enforcedOtherwise = new Set<string>()
  for (const inventory of inPeriod.length > 0 ? await earlierInventories(reader, { from, to }) : []) {
    for (const each of inventory.gateways) {
      const later = gateways.get(each.name)
      if (later === undefined) gateways.set(each.name, each)
      else if (later.identityEnforcedBy !== each.identityEnforcedBy) enforcedOtherwise.add(each.name)
    }
    for (const each of inventory.hosts) if (!hosts.has(each.name)) hosts.set(each.name, each)
    for (const { name, sources } of [...inventory.gateways, ...inventory.hosts])
      for (const source of sources) places.add(keyOfPlace({ machine: name, source }))
  }
  return {
    places,
    gateways: [...gateways.values()],
    hosts: [...hosts.values()],
    isKnown,
    unreadable,
    enforcedOtherwise,
  }
}

/** Those in use at some time of the period, the newest first; what cannot be read is said where names are told of. */
async function earlierInventories(reader: EventReader, { from, to }: ReportPeriod): Promise<Inventory[]> {
  const { versions, uses } = await readInventoryVersions(reader)
  const inUse = new Set<string>()
  const atBegin = new Map<string, string>()
  for (const { gateway, at, hash } of uses) {
    if (at < from) atBegin.set(gateway, hash)
    else if (at < to) inUse.add(hash)
  }
  for (const hash of atBegin.values()) inUse.add(hash)
  return versions
    .toReversed()
    .flatMap(({ hash, inventory }) => (inventory !== null && inUse.has(hash) ? inventory : []))
}

/** Null for a text that is no inventory to this release: a report says so, and is made. */
async function readableInventory(reader: EventReader, gateway: string, at: Micros): Promise<Inventory | null> {
  try {
    return await inventoryAt(reader, gateway, at)
  } catch (cause) {
    if (cause instanceof AppError && cause.code === 'bad-inventory') return null
    throw cause
  }
}
