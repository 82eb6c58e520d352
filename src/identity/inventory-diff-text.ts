/** Short forms in the sentences and columns of an inventory diff. Dates are spelt as inventories spell them, so that they can be found there. */
import { safeText } from '../safe-text.ts'
import { type Micros, toIso } from '../time.ts'
import type { Period } from './inventory-entries.ts'

/** Enough to tell keys apart by eye; `wg` completes no keys, so the whole one stands in its own field. */
const KEY_CHARS = 8
/** Prefixes named in a sentence; the rest is counted. */
const PREFIXES_NAMED_MAX = 3

/** `nmnC8Awz…` */
export function keyText(publicKey: string): string {
  return safeText(publicKey.length > KEY_CHARS ? `${publicKey.slice(0, KEY_CHARS)}…` : publicKey)
}

/** `10.8.0.2/32, fd08::2/128`, `10.8.0.2/32, 10.8.0.3/32, 10.8.0.4/32 and 9 more`, `no AllowedIPs`. */
export function prefixesText(prefixes: readonly string[]): string {
  if (prefixes.length === 0) return 'no AllowedIPs'
  const rest = prefixes.length - PREFIXES_NAMED_MAX
  const named = prefixes.slice(0, PREFIXES_NAMED_MAX).join(', ')
  return rest > 0 ? `${named} and ${rest} more` : named
}

/** `gw1 wg0` */
export function placeText(gateway: string, interfaceName: string): string {
  return safeText(`${gateway} ${interfaceName}`)
}

/** `2026-11-22` for the first moment of a day in UTC, else `2026-11-22T15:09:29.604Z`; '' for null. */
export function dateText(at: Micros | null): string {
  return at === null ? '' : toIso(at).replace(/(?:T00:00:00)?\.000Z$/, (rest) => (rest.startsWith('T') ? '' : 'Z'))
}

/** `since 2026-01-10 until 2026-11-22`, '' without bounds. */
export function periodText(period: Period): string {
  const since = period.since === null ? [] : [`since ${dateText(period.since)}`]
  const until = period.until === null ? [] : [`until ${dateText(period.until)}`]
  return [...since, ...until].join(' ')
}
