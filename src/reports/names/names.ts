/**
 * Who stands behind a key. Reports name people as the documents of the time do (as-recorded) or as the newest inventory
 * does for that time (as-known-now); where the two differ, that is marked.
 */
import type { Micros } from '../../time.ts'

export type NamesMode = 'as-recorded' | 'as-known-now'

/** '' and [] = not documented. */
export type Holder = {
  readonly publicKey: string
  readonly name: string
  readonly kind: string
  readonly device: string
  readonly groups: readonly string[]
  readonly ownerName: string
  readonly ownerEmail: string
}

/** What the newest inventory says of a key in a stretch of time. Stretches of one key do not overlap; where none is, it knows nothing. */
export type KnownHolder = Holder & { readonly since: Micros; readonly until: Micros }

export type Names = {
  readonly mode: NamesMode
  /** Hash of the inventory that is known now; '' = none in the records. */
  readonly inventory: string
  /** Sorted by key and time. Present in both modes: differences are marked in both. */
  readonly known: readonly KnownHolder[]
  /** What the newest inventory says; null where it does not know the key at that time. */
  at(publicKey: string, at: Micros): KnownHolder | null
  /** Changes of the inventory about a time before they were first seen, the newest first: whoever reads names has to know them. */
  readonly backdated: readonly BackdatedChange[]
  /** What could not be read, is ambiguous or was left out: plain sentences for the report. */
  readonly remarks?: readonly string[]
}

export type BackdatedChange = {
  /** Which version brought it, and when a gateway first used that version. */
  readonly inventory: string
  readonly firstSeen: Micros
  /** Since when it claims to hold; null = since ever. */
  readonly about: Micros | null
  /** Plain: `the owner of key 9JMC… (alice-laptop) until 2026-11-01: was Alice Example, is Bob Example`. */
  readonly text: string
}
