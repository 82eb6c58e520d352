/**
 * Where each command's journal lies: `<directory>/<host>/<name>`, the names of a capture (design 8.1), so that the directory of
 * journals can be given to `replay` as it is.
 */
import { join } from 'node:path'

/** By what is run. The name is the one that sources/capture.ts looks for. */
export const JOURNAL_NAMES = {
  conntrack: 'conntrack.log',
  'conntrack-dump': 'conntrack.snapshots',
  wireguard: 'wg.snapshots',
  ruleset: 'ruleset.snapshots',
  journald: 'journal.json',
  hostfacts: 'hostfacts.snapshots',
} as const

export type JournalKind = keyof typeof JOURNAL_NAMES

/** `host` is a machine name (machine-names.ts), which cannot leave the directory. */
export function journalPath(directory: string, host: string, kind: JournalKind): string {
  return join(directory, host, JOURNAL_NAMES[kind])
}
