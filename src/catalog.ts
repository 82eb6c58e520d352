/** What there is, as plain lists: a new source is one folder and one line here. Importing this module does nothing. */
import type { Item, SourceName } from './correlate/intake.ts'
import { AUDIT_LINE_BYTES_MAX, createAuditDecoder } from './sources/auditd/decoder.ts'
import { AUDIT_ENTRY_BYTES_MAX, createAuditJournalDecoder } from './sources/auditd/journal.ts'
import { AUDIT_LATENESS } from './sources/auditd/record.ts'
import type { SourceKind } from './sources/capture.ts'
import { createConntrackDecoder } from './sources/conntrack/decoder.ts'
import { createConntrackDumpDecoder } from './sources/conntrack/dump-decoder.ts'
import { createHostFactsDecoder, HOSTFACTS_CHARS_MAX, type SavedHostFactsDecoder } from './sources/hostfacts/decoder.ts'
import { createPacketLogDecoder } from './sources/nftables/decoder.ts'
import { createJournalDecoder } from './sources/nftables/journal.ts'
import { createRulesetDecoder } from './sources/nftables/ruleset-decoder.ts'
import type { RulesetRecord } from './sources/nftables/ruleset-record.ts'
import { createUlogdDecoder } from './sources/nftables/ulogd-decoder.ts'
import type { Decoder } from './sources/source.ts'
import { createSnapshotDecoder, type SavedSnapshotDecoder, SNAPSHOT_LINE_MAX } from './sources/wireguard/decoder.ts'
import type { Micros } from './time.ts'

export type DecoderOptions = {
  /** Zone of stamps that have none. */
  readonly zone: string
  /** Some time near the file's, for stamps without a year; null when nothing else of the host tells one. */
  readonly referenceAt: Micros | null
  /** Known log prefixes. */
  readonly prefixes: readonly string[]
  /** Wall clock at uptime 0, for lines with no other clock. */
  readonly boot?: { at: Micros; id: string }
}

export type SourceEntry = {
  readonly kind: SourceKind
  readonly name: SourceName
  /** Longest line kept whole, in bytes. */
  readonly lineBytesMax: number
  /** How long after its time a record may still come (formats.md 5). */
  readonly lateness: Micros
  /** Live: how long after the time it arrives by a record may still be on its way into the file. */
  readonly delay: Micros
  /** `saved`: what `save` of a decoder of the same kind gave (sources/source.ts). */
  createDecoder(options: DecoderOptions, emit: (item: Item | RulesetRecord) => void, saved?: unknown): Decoder
}

/** `nft -j` prints a ruleset in one line. */
const RULESET_LINE_BYTES_MAX = 64 * 1024 * 1024
/** A packet line is at most 1019 bytes and a header; journald's JSON repeats it with forty fields around. */
const LOG_LINE_BYTES_MAX = 64 * 1024
const SECOND: Micros = 1_000_000

/** Log daemons write a burst within milliseconds; a busy one takes its time. */
const LOG_DELAY: Micros = 400_000
/** What our own readers append at once: a command's output, a dump that is dated before it begins. */
const READER_DELAY: Micros = 300_000
/** auditd flushes every 50 records or every second (auditd.conf flush = incremental_async, freq). */
const AUDIT_DELAY: Micros = SECOND

export const SOURCES: readonly SourceEntry[] = [
  {
    kind: 'nftables',
    name: 'nftables',
    lineBytesMax: LOG_LINE_BYTES_MAX,
    lateness: SECOND,
    delay: LOG_DELAY,
    createDecoder: createPacketLogDecoder,
  },
  {
    kind: 'journal',
    name: 'nftables',
    lineBytesMax: LOG_LINE_BYTES_MAX,
    lateness: SECOND,
    delay: LOG_DELAY,
    createDecoder: createJournalDecoder,
  },
  {
    kind: 'ulogd',
    name: 'nftables',
    lineBytesMax: LOG_LINE_BYTES_MAX,
    lateness: SECOND,
    delay: LOG_DELAY,
    createDecoder: createUlogdDecoder,
  },
  {
    kind: 'conntrack',
    name: 'conntrack',
    lineBytesMax: LOG_LINE_BYTES_MAX,
    lateness: SECOND,
    delay: READER_DELAY,
    createDecoder: createConntrackDecoder,
  },
  {
    kind: 'conntrack-dump',
    name: 'conntrack',
    lineBytesMax: LOG_LINE_BYTES_MAX,
    lateness: SECOND,
    delay: SECOND,
    createDecoder: createConntrackDumpDecoder,
  },
  {
    kind: 'wireguard',
    name: 'wireguard',
    lineBytesMax: SNAPSHOT_LINE_MAX,
    lateness: 0,
    delay: READER_DELAY,
    createDecoder: (_, emit, saved?: SavedSnapshotDecoder) => createSnapshotDecoder({}, emit, saved),
  },
  {
    kind: 'audit',
    name: 'auditd',
    lineBytesMax: AUDIT_LINE_BYTES_MAX,
    lateness: AUDIT_LATENESS,
    delay: AUDIT_DELAY,
    createDecoder: createAuditDecoder,
  },
  {
    kind: 'journal-audit',
    name: 'auditd',
    lineBytesMax: AUDIT_ENTRY_BYTES_MAX,
    lateness: AUDIT_LATENESS,
    delay: AUDIT_DELAY,
    createDecoder: createAuditJournalDecoder,
  },
  {
    kind: 'hostfacts',
    name: 'hostfacts',
    lineBytesMax: HOSTFACTS_CHARS_MAX,
    lateness: 0,
    delay: READER_DELAY,
    createDecoder: (options, emit, saved?: SavedHostFactsDecoder) => createHostFactsDecoder(options, emit, saved),
  },
]

/** Rulesets of a live run: no records, but what says what packet log lines mean. A replay knows all of them from the start. */
export const RULESET_SOURCE: SourceEntry = {
  kind: 'ruleset-dump',
  name: 'nftables',
  lineBytesMax: RULESET_LINE_BYTES_MAX,
  lateness: 0,
  delay: READER_DELAY,
  createDecoder: createRulesetDecoder,
}
