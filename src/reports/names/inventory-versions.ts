/**
 * Every version of the inventory that the records were made with: keyframes of the ledger carry its text (identity/ledger-journal.ts).
 * Read once for a report: as-known-now names, changes made afterwards, people to be replaced by pseudonyms.
 */
import { hash } from 'node:crypto'
import { AppError } from '../../errors.ts'
import { type Inventory, parseInventory } from '../../identity/inventory.ts'
import { equals, exists } from '../../kql/build.ts'
import { allOf } from '../../kql/combine.ts'
import { compareText } from '../../kql/text-match.ts'
import { ALL_TIME, type EventReader, LEDGER_DATASET } from '../../store/event-reader.ts'
import { ledgerSelection } from '../../store/ledger-rows.ts'
import type { Micros } from '../../time.ts'

export type InventoryVersion = {
  /** First 16 hex digits of the SHA-256 of `text`: `wireguard.attribution.inventory`. */
  readonly hash: string
  /** As the person wrote it; '' when it cannot be read. */
  readonly text: string
  /** Null when the records no longer hold all of it, or this release does not understand it. */
  readonly inventory: Inventory | null
  /** Times of the oldest and the newest record of any gateway made with it. */
  readonly firstSeen: Micros
  readonly lastSeen: Micros
  /** Sorted. */
  readonly gateways: readonly string[]
}

/** A gateway began to use another version than before. */
export type InventoryUse = { readonly gateway: string; readonly at: Micros; readonly hash: string }

export type InventoryVersions = {
  /** By first use, then hash; at most VERSIONS_MAX, the ones used last. */
  readonly versions: readonly InventoryVersion[]
  /** Every change from one version to another, a gateway's first one included. Sorted by time, gateway, order of use. */
  readonly uses: readonly InventoryUse[]
  /** What could not be read or was left out, a plain sentence each. */
  readonly remarks: readonly string[]
}

/** Versions that are read; more of them are counted. A change a day of a year fits. */
export const VERSIONS_MAX = 400
/** Changes of version over all gateways. */
const USES_MAX = 20_000
/** Hex digits of a hash that inventories are called by. */
const HASH_DIGITS = 16

/** Throws AppError of the reader. */
export async function readInventoryVersions(reader: EventReader): Promise<InventoryVersions> {
  const spans = await readSpans(reader)
  const newest = [...spans].sort((a, b) => b[1].lastSeen - a[1].lastSeen || compareText(a[0], b[0]))
  const remarks: string[] = []
  const versions: InventoryVersion[] = []
  for (const [version, span] of newest.slice(0, VERSIONS_MAX)) {
    const text = await readText(reader, version)
    const read = parsed(version, text)
    versions.push({ hash: version, text: read === null ? '' : text, inventory: read, ...span })
    if (read === null) remarks.push(`Inventory version ${version} is named by records but cannot be read.`)
  }
  if (newest.length > VERSIONS_MAX)
    remarks.push(
      `The records name ${newest.length} inventory versions; the ${VERSIONS_MAX} that were used last were read.`,
    )
  versions.sort((a, b) => a.firstSeen - b.firstSeen || compareText(a.hash, b.hash))
  const uses = await readUses(reader, spans)
  if (uses.length > USES_MAX) {
    uses.splice(0, uses.length - USES_MAX)
    remarks.push(`More than ${USES_MAX} changes of inventory version were recorded; the newest were read.`)
  }
  return { versions, uses, remarks: remarks.sort(compareText) }
}

/**
 * The version that was put into use last, wherever that was: of a gateway that went back to an older one it is that. Null when there is
 * none that can be read.
 */
export function newestVersion({ versions, uses }: InventoryVersions): InventoryVersion | null {
  const current = new Map<string, InventoryUse>()
  for (const use of uses) current.set(use.gateway, use)
  const lastSeen = new Map(versions.map((version) => [version.hash, version.lastSeen]))
  const last = [...current.values()].sort(
    (a, b) =>
      b.at - a.at ||
      (lastSeen.get(b.hash) ?? -Infinity) - (lastSeen.get(a.hash) ?? -Infinity) ||
      compareText(a.hash, b.hash) ||
      compareText(a.gateway, b.gateway),
  )
  for (const use of last) {
    const version = versions.find((each) => each.hash === use.hash && each.inventory !== null)
    if (version !== undefined) return version
  }
  return null
}

type Span = { readonly firstSeen: Micros; readonly lastSeen: Micros; readonly gateways: readonly string[] }

async function readSpans(reader: EventReader): Promise<Map<string, Span>> {
  const groups = await reader.groups(ledgerSelection(exists('wireguard.attribution.inventory')), [
    'wireguard.attribution.inventory',
    'host.name',
  ])
  const spans = new Map<string, Span>()
  for (const { values, oldest, newest } of groups) {
    const [version = null, gateway = null] = values
    if (version === null || version === '') continue
    const before = spans.get(String(version)) ?? { firstSeen: oldest, lastSeen: newest, gateways: [] }
    spans.set(String(version), {
      firstSeen: Math.min(before.firstSeen, oldest),
      lastSeen: Math.max(before.lastSeen, newest),
      gateways: [...new Set([...before.gateways, String(gateway ?? '')])].sort(compareText),
    })
  }
  return spans
}

/**
 * Keyframes come once a day and with every new version: where their version differs from the one before, it changed. Of two that a gateway
 * has of the same moment (a capture was replayed with another inventory) the one that records were made with longer came later.
 */
async function readUses(reader: EventReader, spans: ReadonlyMap<string, Span>): Promise<InventoryUse[]> {
  const ranked = [...spans]
    .sort((a, b) => a[1].lastSeen - b[1].lastSeen || compareText(a[0], b[0]))
    .map(([version]) => version)
  const { rows } = await reader.select(
    {
      datasets: [LEDGER_DATASET],
      ...ALL_TIME,
      columns: ['@timestamp', 'event.action', 'host.name', 'wireguard.attribution.inventory'],
      filter: equals('event.action', ['ledger-keyframe']),
    },
    `SELECT gateway, seen, version FROM (
       SELECT gateway, seen, version, lag(version) OVER (PARTITION BY gateway ORDER BY seen, coalesce(list_position(string_split($1, ','), version), 0), version) AS former FROM (
         SELECT DISTINCT "host.name" AS gateway, epoch_us("@timestamp") AS seen, "wireguard.attribution.inventory" AS version
         FROM events WHERE "event.action" = 'ledger-keyframe' AND "wireguard.attribution.inventory" IS NOT NULL))
     WHERE former IS DISTINCT FROM version
     ORDER BY seen DESC, gateway DESC, version DESC LIMIT ${USES_MAX + 1}`,
    // Hex digits: no comma.
    [ranked.join(',')],
  )
  const rank = new Map(ranked.map((version, i) => [version, i]))
  return rows
    .map(([gateway, at, version]) => ({ gateway: String(gateway), at: Number(at), hash: String(version) }))
    .sort(
      (a, b) =>
        a.at - b.at ||
        compareText(a.gateway, b.gateway) ||
        (rank.get(a.hash) ?? -1) - (rank.get(b.hash) ?? -1) ||
        compareText(a.hash, b.hash),
    )
}

/** Every keyframe brings the text again: of each part only the newest is read. */
async function readText(reader: EventReader, version: string): Promise<string> {
  const filter = allOf([
    equals('event.action', ['ledger-inventory']),
    equals('wireguard.attribution.inventory', [version]),
  ])
  const newest = (await reader.groups(ledgerSelection(filter), ['event.sequence'])).map((group) => group.newest)
  if (newest.length === 0) return ''
  const { rows } = await reader.select(
    {
      datasets: [LEDGER_DATASET],
      since: Math.min(...newest),
      until: Math.max(...newest),
      columns: ['event.action', 'event.original', 'event.sequence', 'wireguard.attribution.inventory'],
      filter,
    },
    `SELECT DISTINCT ON ("event.sequence") "event.original" FROM events
     WHERE "event.action" = 'ledger-inventory' AND "wireguard.attribution.inventory" = $1 ORDER BY "event.sequence"`,
    [version],
  )
  return rows.map(([part]) => String(part ?? '')).join('')
}

/** A text that does not have the hash it is filed under is not what the documents were made with. */
function parsed(version: string, text: string): Inventory | null {
  if (hash('sha256', text, 'hex').slice(0, HASH_DIGITS) !== version) return null
  try {
    return parseInventory(text, `inventory ${version}`)
  } catch (cause) {
    if (cause instanceof AppError) return null
    throw cause
  }
}
