/**
 * One line of `conntrack -E` or `conntrack -L` text to fields, whatever of extended, id, timestamp, ktimestamp and labels
 * was asked for; also the rows of /proc/net/nf_conntrack:
 * `[1795344405.164911]\t    [NEW] ipv4     2 tcp      6 3 SYN_SENT src=10.77.1.2 dst=… id=1067040127`
 *
 * Authority: conntrack-tools src/conntrack.c (stamp, event tag, 1024-byte buffer), libnetfilter_conntrack
 * src/conntrack/snprintf_default.c (the rest). A position grammar, not a bag of pairs: `id=`, `src=`, `sport=` occur with
 * different meanings. Times in brackets stay local time here. XML and `-o save` are not read.
 */
import { canonicalAddress } from '../../address.ts'
import { type Micros, SECOND } from '../../time.ts'
import { takeAttributes } from './attributes.ts'
import { type Cursor, skipBlanks, takeKey, takeNumber, takeWord, tokenEnd } from './cursor.ts'
import { type ConntrackFields, emptyFields, type FieldsDraft } from './fields.ts'
import type { ConntrackRecord } from './record.ts'
import { type Canonical, takeTuple } from './tuple.ts'

/** Above this, microseconds are no longer exact in a number (year 2255). */
const STAMP_SECONDS_MAX = Math.floor(Number.MAX_SAFE_INTEGER / SECOND) - 1
/** nfct_snprintf writes into `char buf[1024]`: longer text ends after 1023 characters, or 1022 where the last was a blank. */
const CUT_LENGTHS: readonly number[] = [1022, 1023]
const USERSPACE_SUFFIX = ' [USERSPACE] portid='

/**
 * `text` is latin1; reading starts at `from`. null: nothing that describes a flow (blank, `#` comment, expectation).
 * `isPartial` says that the line's end is missing, so that its last token proves nothing.
 */
export function parseConntrackLine(
  text: string,
  from: number,
  canonical: Canonical = canonicalAddress,
  isPartial = false,
): ConntrackFields | 'malformed' | null {
  const first = skipBlanks(text, from)
  const code = text.charCodeAt(first)
  if (first === text.length || code === 35 || (code === 13 && first + 1 === text.length)) return null
  const isStamped = code === 91 && isDigit(text.charCodeAt(first + 1))
  const body = isStamped ? afterStamp(text, first) : from
  if (body < 0) return 'malformed'
  const fields = emptyFields(isStamped ? stampOf(text, first) : -1)
  if (isStamped && fields.stampAt < 0) return 'malformed'
  const whole = isPartial || text.length - body >= 1022 ? withoutCutToken(text, body, isPartial) : text
  const cursor: Cursor = { text: whole, at: skipBlanks(whole, body) }
  fields.event = takeEvent(cursor)
  if (isExpectation(cursor)) return null
  if (!takeColumns(cursor, fields)) return 'malformed'
  const original = takeTuple(cursor, canonical, null)
  if (original === null) return 'malformed'
  fields.isUnreplied = takeKey(cursor, '[UNREPLIED] ')
  const reply = takeTuple(cursor, canonical, original)
  if (reply === null || reply.src.includes(':') !== original.src.includes(':')) return 'malformed'
  fields.original = original
  fields.reply = reply
  fields.family = original.src.includes(':') ? 6 : 4
  return takeAttributes(cursor, fields) ? fields : 'malformed'
}

/** Position behind `[…]` and its TAB (blanks are taken too: an editor may have turned it into one); -1 when nothing closes it. */
function afterStamp(text: string, open: number): number {
  const close = text.indexOf(']', open)
  // 12 digits, dot, 6 digits are the most a stamp has.
  if (close < 0 || close - open > 20) return -1
  const next = text.charCodeAt(close + 1)
  return next === 9 || next === 32 ? close + 2 : -1
}

/** `[1795344405.164911]`; expectation events pad on the wrong side, `.59604 ` means .059604 (trap 4). -1 when it is no stamp. */
function stampOf(text: string, open: number): Micros {
  let i = open + 1
  let seconds = 0
  let code = text.charCodeAt(i)
  for (; isDigit(code); code = text.charCodeAt(++i)) seconds = seconds * 10 + code - 48
  if (code !== 46 || seconds > STAMP_SECONDS_MAX) return -1
  const dot = i
  let micros = 0
  for (code = text.charCodeAt(++i); isDigit(code); code = text.charCodeAt(++i)) micros = micros * 10 + code - 48
  const digits = i - dot - 1
  if (digits < 1 || digits > 6) return -1
  return text.charCodeAt(skipBlanks(text, i)) === 93 ? seconds * SECOND + micros : -1
}

function takeEvent(cursor: Cursor): ConntrackRecord['event'] {
  if (cursor.text.charCodeAt(cursor.at) !== 91) return 'list'
  if (takeKey(cursor, '[NEW] ')) return 'new'
  if (takeKey(cursor, '[UPDATE] ')) return 'update'
  if (takeKey(cursor, '[DESTROY] ')) return 'destroy'
  return 'list'
}

/** `300 proto=17 src=…`: a promise of a flow, not a flow. /proc/net/nf_conntrack_expect puts `l3proto = 2` before it. */
function isExpectation(cursor: Cursor): boolean {
  const { text, at } = cursor
  let i = at
  if (isDigit(text.charCodeAt(i))) i = skipBlanks(text, tokenEnd(text, i))
  const code = text.charCodeAt(i)
  if (code !== 108 && code !== 112) return false
  return text.startsWith('proto=', i) || text.startsWith('l3proto = ', i)
}

/**
 * The columns before `src=`: `ipv4 2 tcp 6 3 CLOSE`, `tcp 6 CLOSE`, `unknown 255 2`, `tcp 6` (trap 1). A name followed by
 * digits is a protocol, the second such pair is layer 4; digits alone are the timeout; a name alone is the state.
 */
function takeColumns(cursor: Cursor, fields: FieldsDraft): boolean {
  if (!takeName(cursor)) return false
  fields.protocol = takeNumber(cursor, 0xff)
  if (fields.protocol < 0) return false
  const { text } = cursor
  if (isName(text.charCodeAt(cursor.at)) && !text.startsWith('src=', cursor.at)) {
    const nameEnd = tokenEnd(text, cursor.at)
    if (isDigit(text.charCodeAt(skipBlanks(text, nameEnd)))) {
      if (!takeName(cursor)) return false
      fields.protocol = takeNumber(cursor, 0xff)
      if (fields.protocol < 0) return false
    }
  }
  if (isDigit(text.charCodeAt(cursor.at))) {
    fields.timeout = takeNumber(cursor, 0xffff_ffff)
    if (fields.timeout < 0) return false
  }
  if (text.startsWith('src=', cursor.at)) return true
  fields.state = takeWord(cursor)
  return isState(fields.state)
}

function takeName(cursor: Cursor): boolean {
  const end = tokenEnd(cursor.text, cursor.at)
  // The longest name is `icmpv6` or `unknown`; a later one may be longer.
  if (!isName(cursor.text.charCodeAt(cursor.at)) || end - cursor.at > 16) return false
  for (let i = cursor.at; i < end; i++) {
    const code = cursor.text.charCodeAt(i)
    if (!isName(code) && !isDigit(code)) return false
  }
  cursor.at = skipBlanks(cursor.text, end)
  return true
}

/** SYN_SENT2, SHUTDOWN_ACK_SENT, HEARTBEAT_ACKED: capitals, digits, underscores. */
function isState(word: string): boolean {
  if (word.length < 2 || word.length > 24) return false
  for (let i = 0; i < word.length; i++) {
    const code = word.charCodeAt(i)
    if (!((code >= 65 && code <= 90) || code === 95 || (i > 0 && isDigit(code)))) return false
  }
  return true
}

/**
 * A line that filled conntrack's buffer, or that the file ends in, may stop within a number or a name: `id=10670` of
 * `id=1067040127`. Everything after its last separator is left out. `[USERSPACE]` is printed after the buffer, and stays.
 */
function withoutCutToken(text: string, body: number, isPartial: boolean): string {
  const suffixAt = text.indexOf(USERSPACE_SUFFIX, body)
  // Nothing tells whether a partial line's portid or progname is whole: such a line is left without its tuples' end, and refused.
  if (isPartial && suffixAt >= 0) return text.slice(0, body)
  const end = suffixAt < 0 ? text.length : suffixAt
  if (!isPartial && !CUT_LENGTHS.includes(end - body)) return text
  const labelsAt = text.indexOf(' labels=', body)
  const comma = text.lastIndexOf(',', end - 1)
  let keep = text.lastIndexOf(' ', end - 1)
  if (labelsAt >= 0 && labelsAt < end) keep = Math.max(comma, labelsAt)
  return text.slice(0, Math.max(keep, body)) + text.slice(end)
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57
}

function isName(code: number): boolean {
  return code >= 97 && code <= 122
}
