/**
 * Flows as rows of numbers: 24 words and 11 doubles each, in pages of typed arrays. An open flow about which nothing is left to
 * say takes some 200 bytes here and none of the garbage collector's time; as an object it took 1.4 kB.
 *
 * Tuple and ids of a row stand from `add` to `remove`; the rest is as of the last `write`. Which rows are open, and which are
 * awake as objects, is the business of flow-store.ts.
 */
import type { ConntrackRecord } from '../sources/conntrack/record.ts'
import type { Verdict } from '../sources/nftables/rule-verdict.ts'
import type { Micros } from '../time.ts'
import { type Counters, type Flow, NO_COUNTERS, type StartBasis } from './flow.ts'
import { ID_WORDS, idDigits, idWord } from './flow-id-words.ts'
import type { TextPool } from './text-pool.ts'

export type FlowStart = { readonly at: Micros; readonly from: Micros; readonly basis: StartBasis }

export type FlowRows = {
  /** A new row for the flow that the record shows; what differs from flow to flow but is not in the record is given. */
  add(id: string, record: ConntrackRecord, start: FlowStart): number
  /** Keeps what changes while a flow is open. Decision, witness and undecided lines are not kept. */
  write(row: number, flow: Flow): void
  /** A new object of the row; `decision` is null. */
  read(row: number): Flow
  remove(row: number): void
  word(row: number, column: number): number
  startAt(row: number): Micros
  startFrom(row: number): Micros
  seenAt(row: number): Micros
  family(row: number): Flow['family']
  isHolderChanged(row: number): boolean
  /** Rows that were ever used: none has this number or a higher one. */
  readonly size: number
  save(): SavedFlowRows
}

export type SavedFlowRows = { readonly pages: readonly Page[]; readonly free: readonly number[]; readonly used: number }

const PAGE_BITS = 14
const PAGE_ROWS = 1 << PAGE_BITS

/** Columns of words. The first nine are numbers of texts, counted in the pool once a row. */
export const SRC = 0
export const DST = 1
export const SEEN_SRC = 2
export const SEEN_DST = 3
export const ZONE = 4
const STATE = 5
const MARK = 6
const HELPER = 7
const LABELS = 8
const TEXTS = 9
export const SPORT = 9
export const DPORT = 10
export const SEEN_SPORT = 11
export const SEEN_DPORT = 12
export const PROTOCOL = 13
const ICMP_TYPE = 14
const ICMP_CODE = 15
export const ICMP_ID = 16
/** How the next column is meant: one of the ID constants below. */
export const ID_KIND = 17
export const CONNTRACK_ID = 18
const FLAGS = 19
const FLOW_ID = 20
const WORDS = FLOW_ID + ID_WORDS

/** Columns of doubles. */
const START_AT = 0
const START_FROM = 1
const SEEN_AT = 2
const COUNTERS = 3
const REPORTED = 7
const DOUBLES = 11

export const NO_ID = 0
/** A 32-bit number, as the kernel makes them. */
export const NUMBER_ID = 1
/** Any other digits, as the number of a text. */
export const TEXT_ID = 2

/** Bits of FLAGS; from FAMILY on small numbers of two, two and three bits. */
const HAS_REPLY = 1
const IS_ASSURED = 2
const IS_HOLDER_CHANGED = 4
const FAMILY_SHIFT = 3
const BASIS_SHIFT = 5
const VERDICT_SHIFT = 7
const FAMILIES = [0, 4, 6] as const
const BASES: readonly StartBasis[] = ['new', 'firewall', 'stop-minus-delta', 'first-sight']
const VERDICTS: readonly (Verdict | null)[] = [null, 'accepted', 'dropped', 'rejected', 'unknown']

type Page = { readonly words: Int32Array; readonly doubles: Float64Array }

/** `texts` is shared with whoever looks rows up by their texts. */
export function createFlowRows(texts: TextPool, saved?: SavedFlowRows): FlowRows {
  const pages: Page[] = (saved?.pages ?? []).map(({ words, doubles }) => copyPage(words, doubles))
  const free: number[] = saved === undefined ? [] : [...saved.free]
  let used = saved?.used ?? 0

  function pageOf(row: number): Page {
    const page = pages[row >> PAGE_BITS]
    if (page === undefined) throw new RangeError(`no row ${row}`)
    return page
  }

  function allocate(): number {
    const row = free.pop() ?? used++
    if (row >> PAGE_BITS === pages.length) pages.push(copyPage(NO_WORDS, NO_DOUBLES))
    return row
  }

  function add(id: string, record: ConntrackRecord, start: FlowStart): number {
    const row = allocate()
    const { words, doubles } = pageOf(row)
    const at = (row & (PAGE_ROWS - 1)) * WORDS
    const { original, reply } = record
    words[at + SRC] = texts.keep(original.src)
    words[at + DST] = texts.keep(original.dst)
    words[at + SEEN_SRC] = texts.keep(reply.dst)
    words[at + SEEN_DST] = texts.keep(reply.src)
    words[at + ZONE] = texts.keep(record.zone)
    words[at + STATE] = texts.keep(record.state)
    words[at + MARK] = texts.keep(record.mark)
    words[at + HELPER] = texts.keep(record.helper)
    words[at + LABELS] = texts.keep(record.labels)
    words[at + SPORT] = original.sport
    words[at + DPORT] = original.dport
    words[at + SEEN_SPORT] = reply.dport
    words[at + SEEN_DPORT] = reply.sport
    words[at + PROTOCOL] = record.protocol
    words[at + ICMP_TYPE] = original.icmpType
    words[at + ICMP_CODE] = original.icmpCode
    words[at + ICMP_ID] = original.icmpId
    const kind = idKind(record.id)
    words[at + ID_KIND] = kind
    words[at + CONNTRACK_ID] = kind === TEXT_ID ? texts.keep(record.id) : Number(record.id)
    words[at + FLAGS] =
      (record.isUnreplied ? 0 : HAS_REPLY) |
      (record.isAssured ? IS_ASSURED : 0) |
      (FAMILIES.indexOf(record.family) << FAMILY_SHIFT) |
      (BASES.indexOf(start.basis) << BASIS_SHIFT)
    for (let i = 0; i < ID_WORDS; i++) words[at + FLOW_ID + i] = idWord(id, i)
    const first = (row & (PAGE_ROWS - 1)) * DOUBLES
    doubles[first + START_AT] = start.at
    doubles[first + START_FROM] = start.from
    doubles[first + SEEN_AT] = record.at
    doubles.fill(-1, first + COUNTERS, first + DOUBLES)
    return row
  }

  function write(row: number, flow: Flow): void {
    const { words, doubles } = pageOf(row)
    const at = (row & (PAGE_ROWS - 1)) * WORDS
    exchange(words, at + STATE, flow.state)
    exchange(words, at + MARK, flow.mark)
    exchange(words, at + HELPER, flow.helper)
    exchange(words, at + LABELS, flow.labels)
    words[at + FLAGS] =
      (flow.hasReply ? HAS_REPLY : 0) |
      (flow.isAssured ? IS_ASSURED : 0) |
      (flow.isHolderChanged ? IS_HOLDER_CHANGED : 0) |
      (FAMILIES.indexOf(flow.family) << FAMILY_SHIFT) |
      (BASES.indexOf(flow.startBasis) << BASIS_SHIFT) |
      (VERDICTS.indexOf(flow.verdict) << VERDICT_SHIFT)
    const first = (row & (PAGE_ROWS - 1)) * DOUBLES
    doubles[first + START_AT] = flow.startAt
    doubles[first + START_FROM] = flow.startFrom
    doubles[first + SEEN_AT] = flow.seenAt
    writeCounters(doubles, first + COUNTERS, flow.counters)
    writeCounters(doubles, first + REPORTED, flow.reported)
  }

  function exchange(words: Int32Array, at: number, text: string): void {
    const old = words[at] ?? 0
    if (texts.text(old) === text) return
    words[at] = texts.keep(text)
    texts.release(old)
  }

  function read(row: number): Flow {
    const { words, doubles } = pageOf(row)
    const at = (row & (PAGE_ROWS - 1)) * WORDS
    const first = (row & (PAGE_ROWS - 1)) * DOUBLES
    const text = (column: number) => texts.text(words[at + column] ?? 0)
    const flags = words[at + FLAGS] ?? 0
    let id = ''
    for (let i = 0; i < ID_WORDS; i++) id += idDigits(words[at + FLOW_ID + i] ?? 0)
    return {
      row,
      id,
      protocol: words[at + PROTOCOL] ?? 0,
      family: FAMILIES[(flags >> FAMILY_SHIFT) & 3] ?? 0,
      src: text(SRC),
      sport: words[at + SPORT] ?? 0,
      dst: text(DST),
      dport: words[at + DPORT] ?? 0,
      seenSrc: text(SEEN_SRC),
      seenSport: words[at + SEEN_SPORT] ?? 0,
      seenDst: text(SEEN_DST),
      seenDport: words[at + SEEN_DPORT] ?? 0,
      icmpType: words[at + ICMP_TYPE] ?? 0,
      icmpCode: words[at + ICMP_CODE] ?? 0,
      icmpId: words[at + ICMP_ID] ?? 0,
      zone: text(ZONE),
      conntrackId: idText(words[at + ID_KIND] ?? 0, words[at + CONNTRACK_ID] ?? 0),
      startAt: doubles[first + START_AT] ?? 0,
      startFrom: doubles[first + START_FROM] ?? 0,
      startBasis: BASES[(flags >> BASIS_SHIFT) & 3] ?? 'first-sight',
      endAt: Number.NaN,
      endReason: '',
      seenAt: doubles[first + SEEN_AT] ?? 0,
      hasReply: (flags & HAS_REPLY) !== 0,
      isAssured: (flags & IS_ASSURED) !== 0,
      state: text(STATE),
      mark: text(MARK),
      helper: text(HELPER),
      labels: text(LABELS),
      witness: null,
      verdict: VERDICTS[flags >> VERDICT_SHIFT] ?? null,
      counters: readCounters(doubles, first + COUNTERS),
      reported: readCounters(doubles, first + REPORTED),
      decision: null,
      isHolderChanged: (flags & IS_HOLDER_CHANGED) !== 0,
      linesUndecided: 0,
      stepsWaiting: 0,
      userspacePortid: '',
      userspaceProgram: '',
    }
  }

  function idText(kind: number, value: number): string {
    return kind === NO_ID ? '' : kind === NUMBER_ID ? String(value >>> 0) : texts.text(value)
  }

  const word = (row: number, column: number) => pageOf(row).words[(row & (PAGE_ROWS - 1)) * WORDS + column] ?? 0
  const double = (row: number, column: number) => pageOf(row).doubles[(row & (PAGE_ROWS - 1)) * DOUBLES + column] ?? 0

  return {
    add,
    write,
    read,
    remove(row) {
      for (let column = 0; column < TEXTS; column++) texts.release(word(row, column))
      if (word(row, ID_KIND) === TEXT_ID) texts.release(word(row, CONNTRACK_ID))
      free.push(row)
    },
    word,
    startAt: (row) => double(row, START_AT),
    startFrom: (row) => double(row, START_FROM),
    seenAt: (row) => double(row, SEEN_AT),
    family: (row) => FAMILIES[(word(row, FLAGS) >> FAMILY_SHIFT) & 3] ?? 0,
    isHolderChanged: (row) => (word(row, FLAGS) & IS_HOLDER_CHANGED) !== 0,
    get size() {
      return used
    },
    save: () => ({ pages: pages.map((page, i) => firstRows(page, used - i * PAGE_ROWS)), free, used }),
  }
}

const NO_WORDS = new Int32Array(0)
const NO_DOUBLES = new Float64Array(0)

/** A whole page that begins with these rows. What was read back is a window into the bytes of the whole state. */
function copyPage(words: Int32Array, doubles: Float64Array): Page {
  const page = { words: new Int32Array(PAGE_ROWS * WORDS), doubles: new Float64Array(PAGE_ROWS * DOUBLES) }
  page.words.set(words)
  page.doubles.set(doubles)
  return page
}

/** Only the newest page is not full. */
function firstRows({ words, doubles }: Page, rows: number): Page {
  return { words: words.subarray(0, rows * WORDS), doubles: doubles.subarray(0, rows * DOUBLES) }
}

/** What the kernel prints is a 32-bit number without zeros in front; any other digits are kept as text. */
export function idKind(id: string): number {
  if (id === '') return NO_ID
  if (id.length > 10 || (id.charCodeAt(0) === 48 && id.length > 1)) return TEXT_ID
  for (let i = 0; i < id.length; i++) {
    const code = id.charCodeAt(i)
    if (code < 48 || code > 57) return TEXT_ID
  }
  return Number(id) <= 0xffff_ffff ? NUMBER_ID : TEXT_ID
}

function writeCounters(doubles: Float64Array, at: number, counters: Counters): void {
  doubles[at] = counters.sourcePackets
  doubles[at + 1] = counters.sourceBytes
  doubles[at + 2] = counters.destinationPackets
  doubles[at + 3] = counters.destinationBytes
}

function readCounters(doubles: Float64Array, at: number): Counters {
  const sourcePackets = doubles[at] ?? -1
  const sourceBytes = doubles[at + 1] ?? -1
  const destinationPackets = doubles[at + 2] ?? -1
  const destinationBytes = doubles[at + 3] ?? -1
  if (sourcePackets < 0 && sourceBytes < 0 && destinationPackets < 0 && destinationBytes < 0) return NO_COUNTERS
  return { sourcePackets, sourceBytes, destinationPackets, destinationBytes }
}
