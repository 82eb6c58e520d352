/**
 * What of a gateway's ledger goes to the compacted topic: each prefix of each key as it stands, told when it changes, and all that
 * holds once a day (design 10).
 */
import type { LedgerChange } from '../identity/ledger.ts'
import type { SnapshotRecord } from '../sources/wireguard/record.ts'
import { DAY, type Micros } from '../time.ts'
import type { LedgerEntryMessage } from './messages.ts'

export type LedgerUpserts = {
  /** The next poll of this gateway, and what its ledger answered to it. What is to be told, in order. */
  observe(poll: SnapshotRecord, changes: readonly LedgerChange[]): readonly LedgerEntryMessage[]
  save(): SavedLedgerUpserts
}

/** Plain data. */
export type SavedLedgerUpserts = {
  readonly at: Micros
  readonly day: number
  readonly held: Map<string, LedgerEntryMessage>
}

/** Name of an entry: the key of its message, its parts ended by NUL. */
export function ledgerKey(entry: Pick<LedgerEntryMessage, 'gateway' | 'interface' | 'public_key' | 'prefix'>): string {
  return `${entry.gateway}\0${entry.interface}\0${entry.public_key}\0${entry.prefix}`
}

/** `saved`: as `save` of an earlier one gave it; without it the next poll is the first. */
export function createLedgerUpserts(gateway: string, saved?: SavedLedgerUpserts): LedgerUpserts {
  /** The newest poll; 0 = none before. */
  let newest: Micros = saved?.at ?? 0
  let day = saved?.day ?? Number.NEGATIVE_INFINITY
  /** As many as one poll may show. */
  let held = saved?.held ?? new Map<string, LedgerEntryMessage>()

  /** Who holds what at this poll, and of that what is new. */
  function compare({ at, peers }: SnapshotRecord, told: LedgerEntryMessage[]): void {
    const now = new Map<string, LedgerEntryMessage>()
    for (const { interface: name, publicKey, allowedIps } of peers) {
      for (const prefix of allowedIps) {
        const place = { gateway, interface: name, public_key: publicKey, prefix }
        const key = ledgerKey(place)
        const before = held.get(key)
        const entry = before ?? { ...place, since: at, not_before: newest, until: null, told: at }
        if (before === undefined) told.push(entry)
        now.set(key, entry)
      }
    }
    for (const [key, entry] of held) if (!now.has(key)) told.push({ ...entry, until: at, told: at })
    held = now
  }

  return {
    observe(poll, changes) {
      const { at, isComplete } = poll
      // As the ledger itself: a row that is absent from an incomplete poll, or from one that is set back, proves nothing.
      if (!isComplete || at <= newest) return []
      const told: LedgerEntryMessage[] = []
      if (newest === 0 || changes.some(isOfHolders)) compare(poll, told)
      const today = Math.floor(at / DAY)
      if (today !== day) {
        // What ended is told; of what holds now the whole.
        const ended = told.filter(({ until }) => until !== null)
        for (const [key, entry] of held) held.set(key, { ...entry, told: at })
        told.splice(0, told.length, ...ended, ...held.values())
        day = today
      }
      newest = at
      return told
    },
    save: () => ({ at: newest, day, held }),
  }
}

function isOfHolders({ what }: LedgerChange): boolean {
  switch (what) {
    case 'peer-added':
    case 'peer-removed':
    case 'allowed-ips-changed':
    case 'interface-up':
    case 'interface-down':
      return true
    case 'endpoint-changed':
    case 'row-changed':
      return false
    default:
      return what satisfies never
  }
}
