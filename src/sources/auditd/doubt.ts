/**
 * What an event's stamp and serial say about its node, where one event alone is not believed: that the clock went on by more
 * than an hour, or that the machine was booted. The event waits, and those behind it decide.
 *
 * A jump ahead is believed when one of the next three events is no more than an hour behind it. One wild stamp therefore moves
 * no clock, however far ahead it lies; two that agree do.
 *
 * A boot is believed when three more events continue it. Two signs: the serial went down although time went on (a serial is
 * drawn after the stamp is taken, so a younger stamp with a lower serial is no event of the same boot), or it went down by
 * more than reordering explains.
 */
import { DAY, HOUR, type Micros, SECOND } from '../../time.ts'

export type Verdict = { readonly isJump: boolean; readonly isBoot: boolean }

export type Doubt = {
  /** The next event. `serial` -1: not the kernel's. Null: not decided yet. */
  hear(at: Micros, serial: number): Verdict | null
  /** Nothing more will be heard. */
  conclude(): Verdict
  /** Stamp of the event in doubt, and of the first one after it; NaN while there is none. */
  readonly at: Micros
  readonly nextAt: Micros
  save(): SavedDoubt
}

/** What was asked, and what is known so far: null is not decided. */
export type SavedDoubt = {
  readonly first: { readonly at: Micros; readonly serial: number }
  readonly shown: Shown
  readonly jump: boolean | null
  readonly boot: boolean | null
  readonly heard: number
  readonly bootHeard: number
  /** NaN: nothing was heard. */
  readonly nextAt: Micros
}

/** What a node has shown so far: its running maximum of stamps (NaN before the first) and greatest serial (-1). */
export type Shown = { readonly clock: Micros; readonly greatest: number }

const JUMP_MIN: Micros = HOUR
const JUMP_HEARD_MAX = 3
/** At the end of input nothing confirms a jump: a quiet night is believed, a year is not. */
const LAST_JUMP_MAX: Micros = DAY
/** Serials come out of order by dozens under load. */
const DISORDER_MAX = 1000
/** Stamps of one moment differ by ticks; a second is not reordering. */
const TIME_WENT_ON: Micros = SECOND
const BOOT_HEARD = 3
/** The first records of a boot come in disorder too. */
const BOOT_DISORDER = 100

/** Further ahead of the clock than a quiet hour; true as well while there is no clock (NaN). */
export function isJump(at: Micros, clock: Micros): boolean {
  return !(at <= clock + JUMP_MIN)
}

/** A serial (-1: not the kernel's) that the boot so far would not have given a new event. */
export function isBootLike(at: Micros, serial: number, { clock, greatest }: Shown): boolean {
  if (serial < 0 || serial >= greatest) return false
  return serial < greatest - DISORDER_MAX || at > clock + TIME_WENT_ON
}

/** `shown` is the node as it was before the event in doubt; `jumps` and `boots` say what the doubt is about. */
export function createDoubt(
  first: { at: Micros; serial: number },
  shown: Shown,
  jumps: boolean,
  boots: boolean,
): Doubt {
  const jump = jumps ? null : false
  const boot = boots ? null : false
  return resumeDoubt({ first, shown, jump, boot, heard: 0, bootHeard: 0, nextAt: Number.NaN })
}

/** Goes on with a doubt that was saved. */
export function resumeDoubt({ first, shown, ...known }: SavedDoubt): Doubt {
  let { jump, boot, heard, bootHeard, nextAt } = known

  function verdict(): Verdict | null {
    return jump === null || boot === null ? null : { isJump: jump, isBoot: boot }
  }

  return {
    at: first.at,
    get nextAt() {
      return nextAt
    },
    hear(at, serial) {
      if (Number.isNaN(nextAt)) nextAt = at
      heard++
      if (jump === null) {
        if (at >= first.at - JUMP_MIN) jump = true
        else if (heard >= JUMP_HEARD_MAX) jump = false
      }
      if (boot === null && serial >= 0) {
        if (!isBootLike(at, serial, shown) || serial < first.serial - BOOT_DISORDER) boot = false
        else if (++bootHeard >= BOOT_HEARD) boot = true
      }
      return verdict()
    },
    conclude() {
      return {
        isJump: jump ?? (heard === 0 && (Number.isNaN(shown.clock) || first.at <= shown.clock + LAST_JUMP_MAX)),
        isBoot: boot ?? first.at >= shown.clock - TIME_WENT_ON,
      }
    },
    save: () => ({ first, shown, jump, boot, heard, bootHeard, nextAt }),
  }
}
