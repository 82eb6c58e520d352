/** What the inventory says must be there: machines, their interfaces and sources, as the gateways of the period used it. */
import { AppError } from '../../errors.ts'
import type { Inventory } from '../../identity/inventory.ts'
import type { InventoryGateway, InventoryHost } from '../../identity/inventory-entries.ts'
import type { EventReader } from '../../store/event-reader.ts'
import { inventoryAt, ledgerSpans } from '../../store/ledger-reader.ts'
import type { Micros } from '../../time.ts'
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
}

/** Of every gateway whose polls reach into the period, else of the newest one: an inventory at the end of the period. */
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
  return { places, gateways: [...gateways.values()], hosts: [...hosts.values()], isKnown, unreadable }
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
