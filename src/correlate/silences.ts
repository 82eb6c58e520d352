/**
 * Times in which a source said nothing, and what another source saw happen meanwhile. Silence alone proves nothing (10 to
 * 20 s without a conntrack event are normal); what the silent source should have shown, and did not, is collected here
 * until it is enough to contradict it (design 7).
 */
import { MINUTE, type Micros, SECOND } from '../time.ts'

export type Silence<Key> = {
  /** The source's last line before. */
  from: Micros
  /** Its first line after; NaN while it lasts. */
  to: Micros
  /** Distinct flows that it should have shown; null while there are none. */
  unseen: Map<string, Unseen<Key>> | null
}

/** A flow that was not shown. */
export type Unseen<Key> = {
  readonly at: Micros
  /** It must have been shown: only proofs contradict a silence. */
  readonly isProof: boolean
  /** What `onMissed` is told when there was no silence after all: the source spoke, only not of this. Must hold no text of a read buffer. */
  readonly key: Key
}

/** The lasting one and the suspects are among `silences`, or will be: the same objects. */
export type SavedSilences<Key> = {
  readonly silences: Silence<Key>[]
  readonly lasting: Silence<Key> | null
  readonly suspects: Set<Silence<Key>>
}

export type Silences<Key> = {
  /** The source said something. */
  heard(at: Micros): void
  /** The silence around a moment; null when the source spoke close to it, or never spoke before. */
  around(at: Micros): Silence<Key> | null
  suspect(silence: Silence<Key>, flow: string, unseen: Unseen<Key>): void
  /** It was shown after all, only late. */
  clear(flow: string, at: Micros): void
  /** Silences that are over, and contradicted, and long enough ago that nothing can clear them any more. Each once. */
  settled(watermark: Micros): Silence<Key>[]
  /** The input ended at `at`: those that are left, the lasting one included. */
  end(at: Micros): Silence<Key>[]
  save(): SavedSilences<Key>
}

/** Two stamps of the same moment may differ by a second (formats.md 1.5.2): shorter silences are no evidence. */
const SILENCE_MIN: Micros = 2 * SECOND
/** Flows and lines are decided some polls after they came; see PERIODS_MAX of poll-gaps.ts. */
const SETTLE: Micros = 5 * SECOND
/** Silences remembered: a quiet source makes one for every line. Decisions are never older than some minutes. */
const KEEP: Micros = 10 * MINUTE
const SILENCES_MAX = 4096
/** Flows kept of one silence, more than are needed for a statement. */
const UNSEEN_MAX = 100
/** Silences with something unseen; the oldest is forgotten. */
const SUSPECTS_MAX = 256
/** Distinct flows that contradict a silence. */
const UNSEEN_MIN = 3

export function createSilences<Key>(onMissed: (key: Key) => void, saved?: SavedSilences<Key>): Silences<Key> {
  let silences: Silence<Key>[] = saved?.silences ?? []
  let lasting: Silence<Key> | null = saved?.lasting ?? null
  /** Those with something unseen. */
  const suspects: Set<Silence<Key>> = saved?.suspects ?? new Set()

  function heard(at: Micros): void {
    if (lasting === null) lasting = { from: at, to: Number.NaN, unseen: null }
    else if (at - lasting.from >= SILENCE_MIN) {
      lasting.to = at
      if (lasting.unseen !== null && proofsOf(lasting) === 0) forget(lasting)
      silences.push(lasting)
      if (silences.length > SILENCES_MAX || at - (silences[0]?.to ?? at) > 2 * KEEP) {
        silences = silences.filter((silence) => silence.to > at - KEEP).slice(-SILENCES_MAX / 2)
      }
      lasting = { from: at, to: Number.NaN, unseen: null }
    } else if (at > lasting.from) {
      // The usual case, for every line of a busy source: nothing is made anew.
      if (lasting.unseen !== null) discard(lasting, lasting.unseen)
      lasting.from = at
    }
  }

  function forget(silence: Silence<Key>): void {
    suspects.delete(silence)
    silence.unseen = null
  }

  function discard(silence: Silence<Key>, unseen: ReadonlyMap<string, Unseen<Key>>): void {
    forget(silence)
    for (const { key } of unseen.values()) onMissed(key)
  }

  function around(at: Micros): Silence<Key> | null {
    if (lasting !== null && at > lasting.from) return lasting
    let low = 0
    let high = silences.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((silences[middle]?.to ?? 0) < at) low = middle + 1
      else high = middle
    }
    const found = silences[low]
    return found !== undefined && found.from < at && at < found.to ? found : null
  }

  return {
    heard,
    around,
    suspect(silence, flow, unseen) {
      silence.unseen ??= new Map()
      // What proves nothing must not crowd out what does.
      const max = unseen.isProof ? 2 * UNSEEN_MAX : UNSEEN_MAX
      if (silence.unseen.size < max && !silence.unseen.has(flow)) silence.unseen.set(flow, unseen)
      suspects.add(silence)
      if (suspects.size <= SUSPECTS_MAX) return
      const oldest = suspects.values().next()
      if (!oldest.done) forget(oldest.value)
    },
    clear(flow, at) {
      around(at)?.unseen?.delete(flow)
    },
    settled(watermark) {
      if (suspects.size === 0) return []
      const found: Silence<Key>[] = []
      for (const silence of suspects) {
        if (Number.isNaN(silence.to) || silence.to + SETTLE > watermark) continue
        const isContradicted = proofsOf(silence) >= UNSEEN_MIN
        if (isContradicted) found.push(silence)
        if (isContradicted || silence.to + KEEP < watermark) suspects.delete(silence)
      }
      return found.sort((a, b) => a.from - b.from)
    },
    end(at) {
      const found = [...suspects].filter((silence) => proofsOf(silence) >= UNSEEN_MIN)
      suspects.clear()
      for (const silence of found) if (Number.isNaN(silence.to)) silence.to = at
      return found.sort((a, b) => a.from - b.from)
    },
    save: () => ({ silences, lasting, suspects }),
  }
}

function proofsOf({ unseen }: Silence<unknown>): number {
  let proofs = 0
  for (const { isProof } of unseen?.values() ?? []) if (isProof) proofs++
  return proofs
}
