/**
 * A set of new connections on its way through the rules, with what the rules did to it so far, and what of that is not certain.
 */
import type { Family, Range } from '../../address-range.ts'
import type { Box } from './reach-space.ts'

/**
 * Why a rule could not be decided: `set` is filled by packets or by time; `limit` counts (rates, quotas, connections);
 * `expression` is one that is not evaluated here; `way-out` depends on the interface a packet leaves by; `size`: the rules cut
 * packets into more parts than are followed.
 */
export type Doubt = 'set' | 'limit' | 'expression' | 'way-out' | 'size'

export type Traveller = {
  /** As the client sent it. */
  readonly box: Box
  /** After destination NAT; null = as it was sent. A range: some address of it, not known which. */
  readonly destination: Range | null
  readonly port: Range | null
  readonly isTranslated: boolean
  /** It goes to the gateway itself. */
  readonly isToGateway: boolean
  /** `ct state`, which is `invalid` before conntrack has seen it; null = not known. */
  readonly state: 'new' | 'untracked' | 'invalid' | null
  /** Null = not known. A packet that leaves a WireGuard interface has mark 0. */
  readonly mark: number | null
  readonly ctMark: number | null
  /** Ways out it may take, one bit for each of `Passage.exits`; and those it may take by its destination alone. */
  readonly exits: number
  readonly exitsAll: number
  /** A rule of the base chain it is in may have accepted or dropped it before. */
  readonly mayAccept: boolean
  readonly mayDrop: boolean
  /** It may have been dropped by a base chain before this one, or its translation is not certain. */
  readonly isDoubtful: boolean
  /** A rule rewrote its header: nothing later is known of it. */
  readonly isLost: boolean
  readonly why: readonly Doubt[]
}

/** What holds for all packets of one hook. */
export type Passage = {
  readonly family: Family
  readonly hook: string
  readonly input: string
  /** Names that stand for the interfaces rules tell apart. */
  readonly exits: readonly string[]
  /** False before routing: there is no way out yet, and its name is ''. */
  readonly hasExit: boolean
}

/**
 * Stands for every interface that no rule names: it sorts before all names, so that only the wildcard of all covers it. Behind the stem
 * of a wildcard it stands for those that wildcard alone covers.
 */
export const OTHER = '\x01'

/** A set of travellers parted by a question. */
export type Split = {
  readonly holds: readonly Traveller[]
  readonly fails: readonly Traveller[]
  readonly unknown: readonly Traveller[]
}

/** As it comes out of the interface: nothing is known against it. */
export function starting(box: Box, isToGateway: boolean): Traveller {
  return {
    box,
    destination: null,
    port: null,
    isTranslated: false,
    isToGateway,
    state: 'new',
    mark: 0,
    ctMark: 0,
    exits: 0,
    exitsAll: 0,
    mayAccept: false,
    mayDrop: false,
    isDoubtful: false,
    isLost: false,
    why: [],
  }
}

/** Both, each once, sorted. */
export function withDoubt(why: readonly Doubt[], more: readonly Doubt[]): readonly Doubt[] {
  return more.every((each) => why.includes(each)) ? why : [...new Set([...why, ...more])].sort()
}
