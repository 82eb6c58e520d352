/**
 * The whole ledger, of all gateways, as the compacted topic tells it: who holds which address on which interface (design 10). For
 * detections across peers, where no single gateway sees enough.
 *
 * Of each prefix of each key it is the current state: that the key held the prefix before, lost it and got it back is not in it.
 */
import { addressBits } from '../address.ts'
import { COVERING_MAX, createPrefixTrie, type PrefixTrie } from '../identity/prefix-trie.ts'
import { DAY, type Micros } from '../time.ts'
import { ledgerKey } from './ledger-upserts.ts'
import type { LedgerEntryMessage } from './messages.ts'

export type LedgerView = {
  /** In the order of the topic; what is known already changes nothing. What is beyond LEDGER_ENTRIES_MAX is left out and counted. */
  apply(entry: LedgerEntryMessage): void
  /** Entries, ended ones among them. */
  readonly size: number
  /** Entries left out because there were too many, or because they named no prefix. */
  readonly left: number
  readonly gateways: ReadonlySet<string>
  /** Interfaces with prefixes. */
  readonly interfaces: number
  /**
   * Whose packets cryptokey routing would take for the address at that time: of each interface the entries of the longest prefix that
   * covers it, in order of gateway, interface and key. Between `not_before` and `since`, and in the poll before `until`, it is not
   * certain. An entry that its gateway ceased to tell of does not hold any more.
   */
  holdersOf(address: string, at: Micros): readonly LedgerEntryMessage[]
}

/** About 400 bytes each. */
export const LEDGER_ENTRIES_MAX = 200_000
/** What holds is told again once a day, with the first poll of it; a gateway may be slow, or away. */
const TOLD_AGAIN: Micros = 2 * DAY

type Interface = {
  readonly trie: PrefixTrie
  readonly slots: Map<string, number>
  /** By slot of the prefix, then by public key. */
  readonly entries: Map<number, Map<string, LedgerEntryMessage>>
}

export function createLedgerView(entriesMax = LEDGER_ENTRIES_MAX): LedgerView {
  const interfaces = new Map<string, Interface>()
  const gateways = new Set<string>()
  /** Keys of ended entries, in the order they were told: the first to make room. */
  const ended = new Map<string, LedgerEntryMessage>()
  const slots = new Int32Array(COVERING_MAX)
  let size = 0
  let left = 0
  /** Prefixes of all tries: nothing is ever taken out of those. */
  let prefixes = 0

  /** -1 for what is no prefix, and for one too many. */
  function slotOf({ trie, slots: known }: Interface, prefix: string): number {
    const slot = known.get(prefix)
    if (slot !== undefined) return slot
    if (prefixes >= entriesMax) return -1
    const made = trie.slotOf(prefix) ?? -1
    if (made >= 0) {
      known.set(prefix, made)
      prefixes++
    }
    return made
  }

  function interfaceOf(entry: LedgerEntryMessage): Interface {
    const key = `${entry.gateway}\0${entry.interface}`
    let known = interfaces.get(key)
    if (known === undefined) {
      known = { trie: createPrefixTrie(), slots: new Map(), entries: new Map() }
      interfaces.set(key, known)
    }
    return known
  }

  function makeRoom(): boolean {
    if (size < entriesMax) return true
    for (const [key, entry] of ended) {
      const place = interfaceOf(entry)
      place.entries.get(slotOf(place, entry.prefix))?.delete(entry.public_key)
      ended.delete(key)
      size--
      return true
    }
    left++
    return false
  }

  return {
    apply(entry) {
      const place = interfaceOf(entry)
      const { entries } = place
      const slot = slotOf(place, entry.prefix)
      if (slot < 0) {
        left++
        // What nobody can ask for is not kept either.
        if (place.slots.size === 0) interfaces.delete(`${entry.gateway}\0${entry.interface}`)
        return
      }
      const known = entries.get(slot)
      const before = known?.get(entry.public_key)
      // A message that came again after a newer one: the topic has them in order, a retried send does not.
      if (before !== undefined && before.told > entry.told) return
      if (before === undefined) {
        if (!makeRoom()) return
        size++
      }
      const same = known ?? new Map<string, LedgerEntryMessage>()
      same.set(entry.public_key, entry)
      entries.set(slot, same)
      gateways.add(entry.gateway)
      const key = ledgerKey(entry)
      ended.delete(key)
      if (entry.until !== null) ended.set(key, entry)
    },
    get size() {
      return size
    },
    get left() {
      return left
    },
    gateways,
    get interfaces() {
      return interfaces.size
    },
    holdersOf(address, at) {
      const bits = addressBits(address)
      if (bits === null) return []
      return [...interfaces.values()]
        .flatMap(({ trie, entries }) => {
          for (let count = trie.covering(bits, slots); count > 0; count--) {
            const found = [...(entries.get(slots[count - 1] ?? -1)?.values() ?? [])].filter((each) => holds(each, at))
            if (found.length > 0) return found
          }
          return []
        })
        .toSorted((a, b) => (ledgerKey(a) < ledgerKey(b) ? -1 : 1))
    },
  }
}

function holds({ since, until, told }: LedgerEntryMessage, at: Micros): boolean {
  return since <= at && at < (until ?? told + TOLD_AGAIN)
}
