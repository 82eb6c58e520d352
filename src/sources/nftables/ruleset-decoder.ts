/**
 * ruleset.snapshots line by line, for a live run; a replay reads the file at once (ruleset-history.ts):
 *
 *   # 2026-11-22T15:09:26.964+00:00 gw1
 *   {"nftables": [{"metainfo": {"version": "1.0.6", …}}, …]}
 *
 * A dump goes out when the next line with `#`, another file, or the end shows that it is whole, or when the file is still and its
 * JSON is complete: the beginning of an object is never one itself, so that a pause in the middle gives nothing out too early.
 * A dump that cannot be read is one `unparsed`, and says nothing about rules: those before it hold on.
 */
import type { Micros } from '../../time.ts'
import { isDumpHeader, parseDumpHeader } from '../dump-header.ts'
import { type Decoder, emptyTally, type Line, type SourceFile, type Tally, TEXT_MAX, type Unparsed } from '../source.ts'
import { createArrivals, type SavedArrivals, type Unarrived } from './arrivals.ts'
import { rulesetOf } from './ruleset.ts'
import { RULESET_CHARS_MAX, readRulesetDocument } from './ruleset-document.ts'
import type { RulesetRecord } from './ruleset-record.ts'

/** nft writes the whole ruleset in one line. */
export const RULESET_LINE_BYTES_MAX = RULESET_CHARS_MAX

/** What a line costs beside its characters: JSON may be spread over any number of them. */
const LINE_OVERHEAD = 64

/**
 * Why a dump was not read. `no-time`: no dated line stands before it; `bad-header`: the line before it cannot be read; `cut`: a
 * line is longer than the source's limit; `too-long`: more than RULESET_CHARS_MAX; `bad-ruleset`: not what nft prints.
 */
export type RulesetReason = 'no-time' | 'bad-header' | 'cut' | 'too-long' | 'bad-ruleset'

export type RulesetDecoderOptions = {
  /** Arrival of what is in a file without any time. */
  readonly referenceAt: Micros | null
  /** For tests: RULESET_CHARS_MAX. */
  readonly charsMax?: number
}

/** The dump being read. */
type OpenDump = {
  /** NaN: no dated line. */
  readonly at: Micros
  flaw: RulesetReason | ''
  /** Latin1 text, one a line. */
  readonly rows: string[]
  chars: number
  /** Lines counted as records until the dump turns out to be unreadable. */
  lines: number
  /** What it begins with, for people. */
  text: string
  /** Its text was looked at as it is and is not complete. */
  isTried: boolean
  readonly file: SourceFile
  readonly offset: number
}

type Waiting = Unarrived<RulesetRecord | Unparsed>

export type SavedRulesetDecoder = {
  readonly open: OpenDump | null
  readonly arrivals: SavedArrivals<Waiting>
  readonly tally: Tally
}

export function createRulesetDecoder(
  options: RulesetDecoderOptions,
  emit: (item: RulesetRecord | Unparsed) => void,
  saved?: SavedRulesetDecoder,
): Decoder {
  const charsMax = options.charsMax ?? RULESET_CHARS_MAX
  const tally = saved?.tally ?? emptyTally()
  const arrivals = createArrivals<Waiting>(emit, options.referenceAt, saved?.arrivals)
  let open = saved?.open ?? null

  function pushHeader(line: Line, file: SourceFile): void {
    const at = headerTime(line)
    if (at === null) {
      tally.skipped++
      return
    }
    tally.records++
    open = openDump(at, Number.isNaN(at) ? 'bad-header' : '', 1, line, file)
  }

  function pushRow(line: Line, file: SourceFile): void {
    open ??= openDump(Number.NaN, 'no-time', 0, line, file)
    tally.records++
    open.lines++
    open.isTried = false
    if (open.rows.length === 0) open.text = line.text.slice(0, TEXT_MAX)
    if (open.flaw !== '') return
    open.chars += line.text.length + LINE_OVERHEAD
    if (line.flaw === 'cut') open.flaw = 'cut'
    else if (open.chars > charsMax + LINE_OVERHEAD) open.flaw = 'too-long'
    if (open.flaw === '') open.rows.push(line.text)
    else open.rows.length = 0
  }

  function close(): void {
    if (open === null) return
    if (!sendWhole(open)) refuse(open, open.flaw === '' ? 'bad-ruleset' : open.flaw)
    open = null
  }

  /** Gives out the dump if its text is a ruleset. */
  function sendWhole(dump: OpenDump): boolean {
    if (dump.flaw !== '' || dump.rows.length === 0 || dump.isTried) return false
    const document = readRulesetDocument(Buffer.from(dump.rows.join('\n'), 'latin1').toString('utf8'))
    if ('problem' in document) return false
    const ruleset = rulesetOf(document)
    arrivals.push(dump.at, { kind: 'ruleset', arrival: dump.at, at: dump.at, ruleset, document })
    return true
  }

  function refuse(dump: OpenDump, reason: RulesetReason): void {
    tally.records -= dump.lines
    tally.unparsed += dump.lines
    const { text, file, offset } = dump
    arrivals.push(dump.at, { kind: 'unparsed', arrival: 0, reason, text, file, offset })
  }

  return {
    push(line, file) {
      tally.lines++
      // As in a replay, where a dump ends with its file.
      if (open !== null && open.file.identity !== file.identity) close()
      if (line.text.startsWith('#')) {
        close()
        pushHeader(line, file)
      } else if (line.text.trim() === '') tally.skipped++
      else pushRow(line, file)
    },
    end() {
      close()
      arrivals.end()
    },
    quiet(at) {
      if (open !== null) {
        if (sendWhole(open)) open = null
        else open.isTried = true
      }
      arrivals.quiet(at)
    },
    save: (): SavedRulesetDecoder => ({ open, arrivals: arrivals.save(), tally }),
    tally,
  }
}

function openDump(at: Micros, flaw: RulesetReason | '', lines: number, line: Line, file: SourceFile): OpenDump {
  const text = line.text.slice(0, TEXT_MAX)
  return { at, flaw, rows: [], chars: 0, lines, text, isTried: false, file, offset: line.offset }
}

/**
 * The time of a line with `#`; NaN when it means to have one that cannot be read; null for a comment, and for a mark of the
 * collector (`# 2026-11-22T15:09:26.964+00:00 gw1 stopped exit status 1`), which only ends the dump before it.
 */
function headerTime({ text, flaw }: Line): Micros | null {
  if (!isDumpHeader(text)) return null
  const header = parseDumpHeader(text)
  // A line that lost its end may have lost digits of its zone too; one with a host name has all of its time.
  if (header !== null) return flaw === '' || header.host !== '' ? header.at : Number.NaN
  return parseDumpHeader(text.split(' ', 3).join(' ')) === null ? Number.NaN : null
}
