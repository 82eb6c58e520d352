/**
 * `peertrail deadletters list`: which documents a cluster refused, why, and since when. Reasons are grouped by their shape: servers
 * put the place and the value into them, so that no two are the same. Exit status 0.
 */

import { safeText } from '../safe-text.ts'
import type { DeadLetter } from '../sinks/elasticsearch/dead-letters.ts'
import { letterFiles, letterLines } from '../sinks/elasticsearch/letter-files.ts'
import { parseLetter } from '../sinks/elasticsearch/letter-line.ts'
import { type Micros, toIso } from '../time.ts'
import { printJson } from './ascii-json.ts'
import { type LetterOptions, letterDirectories } from './deadletter-place.ts'
import type { Cell } from './document-line.ts'
import { fittedTable } from './fitted-table.ts'
import { parseLimit } from './search-arguments.ts'
import { counted, paint, type Terminal } from './terminal.ts'
import { createTextOutlet, type TextStream } from './text-outlet.ts'
import { printSecond } from './time-argument.ts'
import { shorten, wrapText } from './wrap-text.ts'

export type ListArguments = LetterOptions & {
  /** Examples shown, or letters printed as JSON; '' = some, or all. */
  readonly limit: string
  readonly isJson: boolean
}

/** Kinds of refusals that are told apart; what comes after them is one row. */
const KINDS_MAX = 1_000
const EXAMPLES = 3
/** Characters of an example's document, which may be megabytes. */
const DOCUMENT_MAX = 600
/** Columns of a pipe or a file: nothing is cut. */
const WIDTH_MAX = 100_000
const EXAMPLE_WIDTH_MIN = 60
const INDENT = '  '
/** Letters between two looks of the progress line: a third of a second. */
const PROGRESS_EVERY = 10_000
/** Back to the beginning of the line, which is emptied. */
const CLEAR = '\r\u001b[K'

/** Letters of one stream that were refused with the same words, but for values. */
type Kind = {
  readonly stream: string
  readonly status: number
  readonly reason: string
  readonly example: DeadLetter
  count: number
  oldest: Micros
  newest: Micros
}

/** Throws AppError `cannot-read`, and those of a pipeline. */
export async function runDeadlettersList(args: ListArguments, terminal: Terminal, stdout: TextStream): Promise<number> {
  const limit = args.limit === '' ? null : parseLimit(args.limit)
  const dirs = await letterDirectories(args)
  const found = { unreadable: 0 }
  if (args.isJson) {
    await printAll(readAll(dirs, found), limit ?? Number.POSITIVE_INFINITY, stdout)
    sayUnreadable(found.unreadable, terminal)
    return 0
  }
  const kinds = new Map<string, Kind>()
  let read = 0
  for (const letter of readAll(dirs, found)) {
    addTo(kinds, letter)
    if (terminal.isInteractive && ++read % PROGRESS_EVERY === 0)
      terminal.err(`${CLEAR}  reading: ${read.toLocaleString('en-US')} letters`)
  }
  if (read >= PROGRESS_EVERY) terminal.err(CLEAR)
  const rows = [...kinds.values()].sort((a, b) => b.count - a.count || (a.stream < b.stream ? -1 : 1))
  const total = rows.reduce((sum, { count }) => sum + count, 0)
  if (total === 0) terminal.out(`no refused documents in ${safeText(dirs[0] ?? '')}\n`)
  else {
    const { width } = createTextOutlet(stdout)
    terminal.out(overview(terminal, rows, total, width === 0 ? WIDTH_MAX : width))
    for (const { example } of rows.slice(0, limit ?? EXAMPLES)) terminal.out(exampleText(terminal, example, width))
    terminal.out(`\nWhen the reason is mended: ${paint(terminal, 'bold', 'peertrail deadletters retry')}\n`)
  }
  sayUnreadable(found.unreadable, terminal)
  return 0
}

/** Each letter once: a redelivery or a killed retry leaves some twice. */
function* readAll(dirs: readonly string[], found: { unreadable: number }): Generator<DeadLetter> {
  const seen = new Set<string>()
  for (const dir of dirs) {
    for (const path of letterFiles(dir)) {
      for (const line of letterLines(path)) {
        const letter = parseLetter(line)
        if (letter === null) {
          found.unreadable++
          continue
        }
        const key = `${letter.stream} ${letter.id}`
        if (seen.has(key)) continue
        seen.add(key)
        yield letter
      }
    }
  }
}

async function printAll(letters: Iterable<DeadLetter>, limit: number, stdout: TextStream): Promise<void> {
  const outlet = createTextOutlet(stdout)
  let count = 0
  for (const { at, stream, id, status, type, reason, document } of letters) {
    if (count++ >= limit) return
    const value: unknown = JSON.parse(document)
    const whole = { time: toIso(at), stream, id, status, error: { type, reason }, document: value }
    if (!(await outlet.write(printJson(whole)))) return
  }
}

function addTo(kinds: Map<string, Kind>, letter: DeadLetter): void {
  const { at, stream, status, type } = letter
  const reason = shapeOf(letter)
  const full = kinds.size >= KINDS_MAX
  const own = JSON.stringify([stream, status, type, reason])
  const key = kinds.has(own) || !full ? own : ''
  const kind = kinds.get(key)
  if (kind === undefined) {
    const other = { stream: '', status: 0, reason: 'other reasons' }
    const named = key === '' ? other : { stream, status, reason }
    kinds.set(key, { ...named, example: letter, count: 1, oldest: at, newest: at })
    return
  }
  kind.count++
  kind.oldest = Math.min(kind.oldest, at)
  kind.newest = Math.max(kind.newest, at)
}

/**
 * `[1:46] failed to parse field [a.b] of type [ip] in document with id '0q1v'. Preview of field's value: 'x'` without the place in
 * the document, quoted values and numbers.
 */
export function shapeOf({ type, reason }: Pick<DeadLetter, 'type' | 'reason'>): string {
  const shape = reason
    .replace(/^\[-?\d+:\d+\] /, '')
    .replace(/ in document with id '[^']*'/g, '')
    // An apostrophe stands between letters.
    .replace(/(?<!\w)'.*?'(?!\w)/gs, "'…'")
    .replace(/"[^"]*"/g, '"…"')
    // Names of fields and settings stand in brackets.
    .replace(/(?<![\w.[])\d+(?![\w.\]])/g, '#')
  return [type, shape].filter((part) => part !== '').join(': ')
}

function overview(terminal: Terminal, kinds: readonly Kind[], total: number, width: number): string {
  const columns = [
    { title: 'documents', align: 'right' as const },
    { title: 'stream' },
    { title: 'status', align: 'right' as const, rank: 3 },
    { title: 'first refused', rank: 1 },
    { title: 'last refused', rank: 2 },
    { title: 'reason', least: 30 },
  ]
  const cell = (text: string): Cell => ({ text, style: null })
  const rows = kinds.map(({ stream, status, reason, count, oldest, newest }) =>
    [String(count), stream, status === 0 ? '' : String(status), printSecond(oldest), printSecond(newest), reason].map(
      cell,
    ),
  )
  const head = `${counted(total, 'document')} refused\n\n`
  return head + fittedTable(terminal, width, columns, rows)
}

function exampleText(terminal: Terminal, letter: DeadLetter, width: number): string {
  const { at, stream, id, status, type, reason, document } = letter
  const text = (line: string): string =>
    wrapText(line, width === 0 ? WIDTH_MAX : Math.max(EXAMPLE_WIDTH_MIN, width - INDENT.length))
      .map((part) => `${INDENT}${part}\n`)
      .join('')
  const head = `${paint(terminal, 'bold', safeText(`${stream} ${id}`))} ${printSecond(at)}\n`
  return `\n${head}${text([String(status), type, reason].join(' '))}${paint(terminal, 'dim', text(shorten(document, DOCUMENT_MAX)))}`
}

function sayUnreadable(count: number, terminal: Terminal): void {
  if (count === 0) return
  terminal.err(`${paint(terminal, 'yellow', `${counted(count, 'line')} of the files of letters could not be read`)}\n`)
}
