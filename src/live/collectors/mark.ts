/**
 * The dated lines that our own collectors put into journals (design 8.1):
 *
 *   # 2026-11-22T15:09:26.964+00:00 gw1              before a dump
 *   # 2026-11-22T15:09:26.964+00:00 gw1 lost ENOBUFS  between the lines of a command that goes on
 *
 * Read by sources/dump-header.ts and sources/conntrack. Always UTC, always milliseconds.
 */
import { type Micros, MS } from '../../time.ts'

/** What a mark says about the command whose lines it stands between. */
export type MarkWord = 'started' | 'stopped' | 'lost' | 'running'

/** Text behind the word, in characters. */
const MARK_TEXT_MAX = 200

/** One header line with its LF. `host` has no blanks (machine-names.ts). */
export function dumpHeader(at: Micros, host: string): string {
  return `# ${markTime(at)} ${host}\n`
}

/** One mark with its LF. `text` may come from a program: what is not printable ASCII becomes `?`. */
export function markLine(at: Micros, host: string, word: MarkWord, text = ''): string {
  const safe = text.slice(0, MARK_TEXT_MAX).replace(/[^\x20-\x7e]/g, '?')
  return `# ${markTime(at)} ${host} ${word}${safe === '' ? '' : ` ${safe}`}\n`
}

function markTime(at: Micros): string {
  return `${new Date(Math.floor(at / MS)).toISOString().slice(0, 23)}+00:00`
}
