/**
 * Gives every item of conntrack.log its arrival: the running maximum of event stamps, so that it never runs backwards. One
 * wild stamp (a bit error, a clock that jumped and came back, a forged line) would push it into the future for good; so a
 * stamp more than an hour ahead is held until the next one confirms it.
 *
 * Order of the file is kept: what follows a held record waits behind it. Nothing is changed but `arrival`.
 */
import { HOUR, type Micros } from '../../time.ts'

/** A step forward that one line alone cannot prove. */
const WILD_STEP = HOUR
/** Items that wait behind one held record; when more come, it goes out unconfirmed. */
const HELD_MAX = 256

export type ArrivalGate<Item> = {
  /** An item with a time of its own. */
  timed(item: Item, at: Micros): void
  /** An item without: it takes the arrival of the place where it stands; 0 while no time was seen at all. */
  untimed(item: Item): void
  /** Newest arrival handed out; NaN before the first. */
  arrival(): Micros
  /** The input has ended: a held record goes out unconfirmed. */
  end(): void
  save(): SavedArrivalGate<Item>
}

/** `arrival` is NaN before the first; `wildAt` is the stamp of `held[0]`. */
export type SavedArrivalGate<Item> = { readonly arrival: Micros; readonly held: Item[]; readonly wildAt: Micros }

export function createArrivalGate<Item extends { arrival: Micros }>(
  emit: (item: Item) => void,
  saved?: SavedArrivalGate<Item>,
): ArrivalGate<Item> {
  let arrival = saved?.arrival ?? Number.NaN
  /** `held[0]` is the record with the wild stamp; empty when none waits. */
  let held: Item[] = saved?.held ?? []
  let wildAt = saved?.wildAt ?? 0

  function release(item: Item): void {
    item.arrival = Number.isNaN(arrival) ? 0 : arrival
    emit(item)
  }

  /** `next` is the following record's stamp, NaN when there is none. */
  function settle(next: Micros): void {
    const isFirst = Number.isNaN(arrival)
    if (next >= wildAt - WILD_STEP) arrival = wildAt
    // The very first stamp has no past to be measured by, only the next one.
    else if (isFirst) arrival = Number.isNaN(next) ? wildAt : next
    const items = held
    held = []
    for (const item of items) release(item)
  }

  return {
    timed(item, at) {
      if (held.length > 0) settle(at)
      if (Number.isNaN(arrival) || at > arrival + WILD_STEP) {
        wildAt = at
        held.push(item)
        return
      }
      if (at > arrival) arrival = at
      release(item)
    },
    untimed(item) {
      if (held.length === 0) {
        release(item)
        return
      }
      held.push(item)
      if (held.length > HELD_MAX) settle(Number.NaN)
    },
    arrival: () => arrival,
    end() {
      if (held.length > 0) settle(Number.NaN)
    },
    save: () => ({ arrival, held, wildAt }),
  }
}
