/**
 * Most rows of `wg show all dump` repeat byte for byte from poll to poll. The same text gives the same object: cheap here,
 * and the ledger can compare by identity.
 *
 * Rows come in with their secret already masked (redact.ts) and are kept without any tie to the line they were in. Held are
 * the rows of this dump and the one before, so the decoder's limits on a snapshot bound this too.
 */
import { parseInterfaceRow, parsePeerRow } from './dump.ts'
import type { InterfaceRow, PeerRow } from './record.ts'
import { detached } from './redact.ts'

/** `row` is null for a text that is no row of its kind. */
export type CachedRow =
  | { readonly kind: 'interface'; readonly text: string; readonly row: InterfaceRow | null }
  | { readonly kind: 'peer'; readonly text: string; readonly row: PeerRow | null }

export type RowCache = {
  read(kind: 'interface' | 'peer', redacted: string): CachedRow
  /** A new dump begins. */
  turn(): void
}

export function createRowCache(): RowCache {
  let current = new Map<string, CachedRow>()
  let previous = new Map<string, CachedRow>()

  function read(kind: 'interface' | 'peer', redacted: string): CachedRow {
    const known = current.get(redacted) ?? previous.get(redacted)
    const found = known?.kind === kind ? known : parse(kind, detached(redacted))
    if (found.row !== null) current.set(found.text, found)
    return found
  }

  function parse(kind: 'interface' | 'peer', text: string): CachedRow {
    return kind === 'interface' ? { kind, text, row: parseInterfaceRow(text) } : { kind, text, row: parsePeerRow(text) }
  }

  return {
    read,
    turn(): void {
      previous = current
      current = new Map()
    },
  }
}
