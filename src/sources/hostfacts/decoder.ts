/**
 * Host facts from text. As dated dumps (hostfacts.snapshots), and as one plain object (hostfacts.json of deploy/collect.sh):
 *
 *   # 2026-11-22T15:09:26.964+00:00 gw1
 *   {"version":1,"machine":{…},"kernel":{…},"sysctls":{…},…}
 *
 * Whoever can write the file can write anything into it. A fact that has not the expected form is not known, and the others
 * still are; a dump is refused when it is no object of version 1.
 */
import { DAY, HOUR, type Micros } from '../../time.ts'
import { isDumpHeader, parseDumpHeader } from '../dump-header.ts'
import { type Decoder, emptyTally, type Line, type SourceFile, type Tally, TEXT_MAX, type Unparsed } from '../source.ts'
import { hideKeys, readFacts } from './fact-schemas.ts'
import type { HostFacts } from './facts.ts'

/** Characters of one dump: some kB usually; thousands of stored peers, sockets and traces of keys have room. */
export const HOSTFACTS_CHARS_MAX = 16 * 1024 * 1024

/** Deepest nesting read; ours is 7. */
const DEPTH_MAX = 16

/** Facts of a machine at a time. */
export type HostFactsRecord = {
  readonly kind: 'hostfacts'
  /** When its source had said it: never runs backwards within one source. */
  readonly arrival: Micros
  /** The time of its dated line, else what the object says of itself, else that of the newest other source. */
  readonly at: Micros
  readonly facts: HostFacts
  readonly file: SourceFile
  /** Of its first line. */
  readonly offset: number
}

/**
 * Why a dump was not read. `no-time`: nothing dates it; `bad-header`: the line before it cannot be read; `time-jump`: its time is far
 * ahead of the dumps around it; `cut`: its line is longer than the source's limit; `bad-facts`: no host facts of version 1.
 */
export type HostFactsReason = 'no-time' | 'bad-header' | 'time-jump' | 'cut' | 'bad-facts'

/** Further ahead than this a time needs the next dump to agree: one mangled digit must not drag a year along. */
const JUMP_MAX = DAY
/** The last dump has none behind it: a machine that was off for weeks is believed, a year is not. */
const LAST_JUMP_MAX = 30 * DAY
/** Dumps may run back by this much without contradicting the one before. */
const BACK_MAX = HOUR

/** `problem`: why it is none, to be said after the name of the file. */
export function parseHostFacts(text: string): HostFacts | { readonly problem: string } {
  if (text.length > HOSTFACTS_CHARS_MAX) return { problem: `is longer than ${HOSTFACTS_CHARS_MAX} characters` }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return { problem: 'is not one JSON document' }
  }
  return isDeeper(value, DEPTH_MAX) ? { problem: `is nested deeper than ${DEPTH_MAX} levels` } : readFacts(value)
}

export type HostFactsDecoderOptions = {
  /** Time of an object without any: of the newest other source. Null = not known. */
  readonly referenceAt: Micros | null
}

/** A dump whose text goes on: hostfacts.json has one object over many lines, a journal one line each. */
type OpenDump = {
  /** NaN: its dated line cannot be read. Null: there was none. */
  readonly at: Micros | null
  readonly rows: string[]
  chars: number
  /** Lines counted as records until it turns out to be unreadable. */
  lines: number
  isCut: boolean
  readonly file: SourceFile
  readonly offset: number
}

/** Read, and waiting for the next one because of its time. */
type HeldDump = { readonly record: HostFactsRecord; readonly lines: number; readonly text: string }

export type SavedHostFactsDecoder = {
  readonly open: OpenDump | null
  readonly held: HeldDump | null
  readonly arrival: Micros
  readonly tally: Tally
}

/**
 * A dump goes out when the next line with `#`, another file or the end shows that it is whole, or when the file is still and its
 * JSON is complete. Arrivals never run backwards.
 */
export function createHostFactsDecoder(
  options: HostFactsDecoderOptions,
  emit: (item: HostFactsRecord | Unparsed) => void,
  saved?: SavedHostFactsDecoder,
): Decoder {
  const tally = saved?.tally ?? emptyTally()
  let open = saved?.open ?? null
  let held = saved?.held ?? null
  /** 0: no dump had a time yet. */
  let arrival = saved?.arrival ?? 0

  function pushRow(line: Line, file: SourceFile): void {
    open ??= { at: null, rows: [], chars: 0, lines: 0, isCut: false, file, offset: line.offset }
    open.chars += line.text.length + 1
    if (line.flaw === 'cut' || open.chars > HOSTFACTS_CHARS_MAX) open.isCut = true
    // Of what is refused only the beginning is shown.
    if (!open.isCut) open.rows.push(line.text)
    else if (open.rows.length === 0) open.rows.push(line.text.slice(0, TEXT_MAX))
    tally.records++
    open.lines++
  }

  function close(): void {
    if (open === null) return
    if (open.rows.length > 0) settle(open)
    open = null
  }

  function settle(dump: OpenDump): void {
    const facts = dump.isCut ? { problem: 'cut' } : parseHostFacts(textOf(dump))
    const said = 'problem' in facts ? undefined : facts.at
    const at = dump.at ?? said ?? options.referenceAt
    if ('problem' in facts) refuse(dump, dump.isCut ? 'cut' : 'bad-facts')
    else if (at === null) refuse(dump, 'no-time')
    else if (Number.isNaN(at)) refuse(dump, 'bad-header')
    else take({ kind: 'hostfacts', arrival, at, facts, file: dump.file, offset: dump.offset }, dump)
  }

  function take(record: HostFactsRecord, { lines, rows }: OpenDump): void {
    settleHeld(record.at)
    if (record.at > arrival + JUMP_MAX) held = { record, lines, text: shownOf(rows) }
    else emit({ ...record, arrival: arrive(record.at) })
  }

  /** `next`: time of the dump behind the one that waits; null = there is none. */
  function settleHeld(next: Micros | null): void {
    if (held === null) return
    const { record, lines, text } = held
    held = null
    const isReal = next === null ? arrival === 0 || record.at <= arrival + LAST_JUMP_MAX : next >= record.at - BACK_MAX
    if (isReal) {
      emit({ ...record, arrival: arrive(record.at) })
      return
    }
    tally.records -= lines
    tally.unparsed += lines
    // Before the first time that holds nothing is known but the next one's.
    const at = arrival === 0 ? arrive(next ?? 0) : arrival
    emit({ kind: 'unparsed', arrival: at, reason: 'time-jump', text, file: record.file, offset: record.offset })
  }

  function refuse(dump: OpenDump, reason: HostFactsReason): void {
    tally.records -= dump.lines
    tally.unparsed += dump.lines
    const text = shownOf(dump.rows)
    const own = dump.at !== null && !Number.isNaN(dump.at) ? dump.at : null
    // What has no time says nothing against the one that waits.
    settleHeld(own ?? held?.record.at ?? null)
    const at = own ?? (arrival === 0 ? (options.referenceAt ?? 0) : arrival)
    const isNear = arrival === 0 || at <= arrival + JUMP_MAX
    emit({
      kind: 'unparsed',
      arrival: isNear ? arrive(at) : arrival,
      reason,
      text,
      file: dump.file,
      offset: dump.offset,
    })
  }

  function arrive(at: Micros): Micros {
    if (at > arrival) arrival = at
    return arrival
  }

  return {
    push(line, file) {
      tally.lines++
      if (open !== null && open.file.identity !== file.identity) close()
      if (isDumpHeader(line.text)) {
        close()
        tally.skipped++
        open = { at: headerTime(line), rows: [], chars: 0, lines: 0, isCut: false, file, offset: line.offset }
      } else if (line.text.startsWith('#') || line.text.trim() === '') tally.skipped++
      else pushRow(line, file)
    },
    end() {
      close()
      settleHeld(null)
    },
    quiet(at) {
      const isWhole = open !== null && !open.isCut && open.rows.length > 0
      if (isWhole && open !== null && !('problem' in parseHostFacts(textOf(open)))) close()
      // The clock has passed it: the time is real.
      if (held !== null && held.record.at <= at) settleHeld(held.record.at)
    },
    save: (): SavedHostFactsDecoder => ({ open, held, arrival, tally }),
    tally,
  }
}

/** The beginning of what is refused. It may be any file, also a dump with keys in it that somebody named by mistake. */
function shownOf([first = '']: readonly string[]): string {
  return hideKeys(first).slice(0, TEXT_MAX)
}

function textOf({ rows }: OpenDump): string {
  return Buffer.from(rows.join('\n'), 'latin1').toString('utf8')
}

/** NaN: it cannot be read. A mark of the collector (`# TIME gw1 stopped …`) has a time, and no dump follows it. */
function headerTime({ text, flaw }: Line): Micros {
  const header = parseDumpHeader(text)
  if (header === null || (flaw !== '' && header.host === '')) return Number.NaN
  return header.at
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  return levels === 0 || Object.values(value).some((inner) => isDeeper(inner, levels - 1))
}
