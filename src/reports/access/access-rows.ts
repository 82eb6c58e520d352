/**
 * The rows of the access report, in numbers: what access-engine.ts gives beside the rows themselves. A row is one connection of the
 * period (by its `wireguard.flow.id`, whatever number of documents tell of it), or one packet log line that belongs to none: denied, or
 * accepted where no connection was recorded.
 */

import type { Micros } from '../../time.ts'
import type { Holder } from '../names/names.ts'
import type { Tenure } from '../names/person-documents.ts'

/**
 * `denied` at the gateway; `no-answer` allowed, nothing came back; `refused` by the server; `connected` reply traffic was seen, which alone
 * is called accessed; `unknown` nobody can tell, or the verdict is not known.
 */
export type Outcome = 'denied' | 'no-answer' | 'refused' | 'connected' | 'unknown'

export const OUTCOMES: readonly Outcome[] = ['connected', 'refused', 'no-answer', 'denied', 'unknown']

export type OutcomeCounts = { readonly [outcome in Outcome]: number }

export type AccessSums = {
  readonly rows: number
  readonly outcomes: OutcomeCounts
  /** Of the period only: sums of the deltas. From the initiator and to it. */
  readonly sourceBytes: number
  readonly destinationBytes: number
  /** Rows that overlap a finding that the key is in wrong hands. */
  readonly disputed: number
  /** Rows whose holder is named differently by the newest inventory. */
  readonly renamed: number
  /** Null when there is no row. */
  readonly first: Micros | null
  readonly last: Micros | null
}

/** Rows that are alike in who, what and where. */
export type AccessGroup = AccessSums & {
  readonly status: 'exact' | 'ambiguous' | 'unknown'
  /** Why it is not exact; '' = it is. */
  readonly reason: string
  /** The responsible peer, named by the mode asked for; of an unattributed row all is ''. */
  readonly holder: Holder
  /** What the newest inventory says where that differs; null = the same. */
  readonly now: Holder | null
  readonly gateway: string
  readonly interface: string
  /** `uncatalogued` where the catalogue has nothing. */
  readonly resource: string
  readonly resourceOwner: string
  readonly classification: string
  /** After destination NAT. Of a catalogued resource too, so that several addresses are several groups. Port -1: has none. */
  readonly destination: string
  readonly port: number
  readonly transport: string
  /** '' none, else `allowed`, `violation`, … as documents have it (wireguard.policy.result). */
  readonly policy: string
}

export type AccessResult = {
  readonly all: AccessSums
  /**
   * Sorted by resource, then rows, then everything else: the same input gives the same order. At most ACCESS_GROUPS_MAX, those with a
   * connection before all others: a scan of many ports leaves nobody out who accessed something.
   */
  readonly groups: readonly AccessGroup[]
  /** Groups beyond the limit, the smallest ones without a connection first, summed up; rows 0 = none. */
  readonly omitted: AccessSums & { readonly groups: number }
  /** Names of all resources that have a row, also one in `omitted`; sorted. Absent = those of the groups are all. */
  readonly resources?: readonly string[]
  /** Rows by outcome over time, by the time a row began. */
  /** Of `omitted`, what is of one key exactly and connected: the summary counts it. Absent = nothing is omitted. */
  readonly omittedConnected?: {
    readonly rows: number
    /** Of them, to destinations in no catalogue. */
    readonly uncatalogued: number
    /** Who made them, each once, in order of keys. */
    readonly holders: readonly Holder[]
  }
  readonly width: Micros
  readonly buckets: readonly { readonly at: Micros; readonly outcomes: OutcomeCounts }[]
  /** Name of the file that has every row. */
  readonly file: string
}

export const ACCESS_GROUPS_MAX = 20_000
/** Name of the file of all rows. */
export const ACCESS_FILE = 'access'

/** What is left out: '' = nothing is. */
export type AccessFilter = {
  /** Public keys. */
  readonly keys: readonly string[]
  readonly resource: string
  /** Who was asked for and is neither documented nor recorded, as it was written; absent or '' = nobody was. `keys` is then what nobody has. */
  readonly unknown?: string
  /** E-mails of the person whose keys these are: rows of other owners are left out, by the naming asked for. Absent or [] = none are. */
  readonly owners?: readonly string[]
  /** With owners: when each key was theirs. Rows that may be of several keys are left out at other times. */
  readonly tenures?: readonly Tenure[]
}
