/**
 * Lines in order of time, without making a text of each: bytes come from the database and leave as bytes. A line begins with its time; lines
 * of one microsecond are in the order of their bytes.
 */

/** Bytes handed over at a time; a line may be longer. */
const CHUNK = 1024 * 1024
const [LF, ZERO, Z] = [0x0a, 0x30, 0x5a]
/** Bits of a key: how many microseconds after the first one, then the number of the line. */
const [TIME_BITS, NUMBER_BITS] = [42, 22]
/** Lines that can be ordered at once. */
export const LINES_MAX = 2 ** NUMBER_BITS
/** `bytes`: whole lines, each ended by LF, at most LINES_MAX. `timeAt`: byte of a line at which its time begins. */
export function* inOrder(bytes: Buffer, timeAt: number): Generator<Buffer, void, undefined> {
  const lines = findLines(bytes, timeAt)
  if (lines.count === 0) return
  let chunk = Buffer.allocUnsafe(CHUNK)
  let used = 0
  for (const number of ordered(lines, bytes)) {
    const [start, end] = [lines.start[number] ?? 0, lines.end[number] ?? 0]
    if (used + end - start > chunk.length) {
      yield chunk.subarray(0, used)
      chunk = Buffer.allocUnsafe(Math.max(CHUNK, end - start))
      used = 0
    }
    used += bytes.copy(chunk, used, start, end)
  }
  yield chunk.subarray(0, used)
}

type Lines = {
  readonly count: number
  readonly start: Uint32Array
  readonly end: Uint32Array
  /** Grows with the time, up to a microsecond. */
  readonly time: Float64Array
}

/** How many lines there are. */
export function countLines(bytes: Buffer): number {
  let count = 0
  for (let at = bytes.indexOf(LF); at >= 0; at = bytes.indexOf(LF, at + 1)) count++
  return count
}

function findLines(bytes: Buffer, timeAt: number): Lines {
  const count = countLines(bytes)
  if (count > LINES_MAX) throw new RangeError(`${count} lines at once`)
  const lines = { count, start: new Uint32Array(count), end: new Uint32Array(count), time: new Float64Array(count) }
  for (let number = 0, start = 0; number < count; number++) {
    const end = bytes.indexOf(LF, start) + 1
    lines.start[number] = start
    lines.end[number] = end
    lines.time[number] = timeOf(bytes, start + timeAt)
    start = end
  }
  return lines
}

const MINUTE = 60_000_000
/** Months and years as if all were alike long: only the order counts. */
const [DAY, MONTH, YEAR] = [1440 * MINUTE, 31 * 1440 * MINUTE, 372 * 1440 * MINUTE]

/** A number that grows with the time `2026-11-22T15:09:29.602554Z`; a stamp has three or six digits of a second. */
function timeOf(bytes: Buffer, at: number): number {
  const two = (place: number) => (bytes[at + place] ?? 0) * 10 + (bytes[at + place + 1] ?? 0) - 11 * ZERO
  const three = (place: number) => (bytes[at + place] ?? 0) * 100 + two(place + 1) - 100 * ZERO
  const days = (two(0) * 100 + two(2)) * YEAR + two(5) * MONTH + two(8) * DAY
  const micros = bytes[at + 23] === Z ? 0 : three(23)
  return days + (two(11) * 60 + two(14)) * MINUTE + two(17) * 1_000_000 + three(20) * 1_000 + micros
}

/** Numbers of the lines in order. Keys are 64 bit integers made of two halves: typed arrays sort these without calling us. */
function ordered(lines: Lines, bytes: Buffer): Uint32Array {
  const { count, time } = lines
  const first = time.reduce((least, each) => Math.min(least, each), Number.POSITIVE_INFINITY)
  const keys = new BigUint64Array(count)
  // Little-endian, as every machine is that Node runs on: the low half stands first.
  const halves = new Uint32Array(keys.buffer)
  const low = 32 - NUMBER_BITS
  for (let i = 0; i < count; i++) {
    const after = Math.min(2 ** TIME_BITS - 1, (time[i] ?? 0) - first)
    halves[2 * i] = (after % 2 ** low) * 2 ** NUMBER_BITS + i
    halves[2 * i + 1] = Math.floor(after / 2 ** low)
  }
  keys.sort()
  const numbers = new Uint32Array(count)
  for (let i = 0; i < count; i++) numbers[i] = (halves[2 * i] ?? 0) % 2 ** NUMBER_BITS
  const keyAt = (i: number) => (halves[2 * i + 1] ?? 0) * 2 ** low + Math.floor((halves[2 * i] ?? 0) / 2 ** NUMBER_BITS)
  settleTies(numbers, lines, bytes, keyAt)
  return numbers
}

/** Lines that have the same key, by their time (keys end at 51 days after the first) and bytes. */
function settleTies(
  numbers: Uint32Array,
  { start, end, time }: Lines,
  bytes: Buffer,
  keyAt: (place: number) => number,
): void {
  const bytesOf = (number: number) => bytes.subarray(start[number] ?? 0, end[number] ?? 0)
  for (let from = 0; from < numbers.length; ) {
    let to = from + 1
    while (to < numbers.length && keyAt(to) === keyAt(from)) to++
    if (to - from > 1)
      numbers.subarray(from, to).sort((a, b) => (time[a] ?? 0) - (time[b] ?? 0) || bytesOf(a).compare(bytesOf(b)))
    from = to
  }
}
