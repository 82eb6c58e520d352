/**
 * Most rows of `wg show all dump` repeat byte for byte from poll to poll. The same text gives the same object: cheap here,
 * and the ledger can compare by identity.
 *
 * Rows come in with their secret already masked (redact.ts) and are kept without any tie to the line they were in. Held are
 * the rows of this dump and the one before, so the decoder's limits on a snapshot bound this too.
 *
 * A row is remembered only when the decoder believed it: in a torn line a private key may stand where a public one belongs,
 * and what is remembered here is saved with the decoder.
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
  /** What `read` gave is a row of the dump. */
  keep(found: CachedRow): void
  /** A new dump begins. */
  turn(): void
  /** Which row is the same object as in the dump before decides what the ledger calls a change, so it must survive. */
  save(): SavedRowCache
}

export type SavedRowCache = {
  readonly current: Map<string, CachedRow>
  readonly previous: Map<string, CachedRow>
}

export function createRowCache(saved?: SavedRowCache): RowCache {
  let current = saved?.current ?? new Map<string, CachedRow>()
  let previous = saved?.previous ?? new Map<string, CachedRow>()

  function read(kind: 'interface' | 'peer', redacted: string): CachedRow {
    const known = current.get(redacted) ?? previous.get(redacted)
    if (known?.kind !== kind) return parse(kind, detached(redacted))
    // Believed in this dump or the one before: it stays known even where this dump lacks its interface.
    current.set(known.text, known)
    return known
  }

  function parse(kind: 'interface' | 'peer', text: string): CachedRow {
    return kind === 'interface' ? { kind, text, row: parseInterfaceRow(text) } : { kind, text, row: parsePeerRow(text) }
  }

  return {
    read,
    keep(found): void {
      current.set(found.text, found)
    },
    turn(): void {
      previous = current
      current = new Map()
    },
    save: () => ({ current, previous }),
  }
}
