/**
 * How audit writes text of unknown content: `comm="sshd"` when every byte is 0x21 to 0x7e and no `"`, else upper-case hex
 * without quotes, `comm=62616422206E3D78` (kernel/audit.c audit_log_n_untrustedstring; libaudit audit_encode_nv_string does the
 * same for user-space messages). Which fields are written so is the caller's knowledge: `a5=414243` may be text or a number.
 *
 * Input is latin1, one character a byte; results are UTF-8 with replacement, and U+FFFD for NUL, which no reader of documents
 * expects in a word.
 */
import { decodeBytes } from '../../event-json.ts'

const QUOTE = 34
const BRACKET = 40
const QUESTION = 63
/** Characters. */
const SHORT = 32
/** What audit prints where it has nothing. */
const NOTHING: ReadonlySet<string> = new Set(['(null)', '(none)', '?'])
/** What libaudit's audit_value_needs_encoding encodes for: a text without any of these would not have been turned into hex. */
const NEEDS_ENCODING = /[\x00-\x20"\x7f-\uffff]/
/** Controls but for tab and line ends, lone halves of a replacement: nothing a program means as a name. */
const UNPRINTABLE = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffd]/

/** An encoded value as the text it stands for; '' for `(null)` and its like, a bare value that is no hex as it stands. */
export function decodedText(value: string): string {
  if (value.charCodeAt(0) === QUOTE) return decoded(unquoted(value))
  if (isNothing(value)) return ''
  return isHex(value) ? decodedHex(value) : decoded(value)
}

/**
 * As decodedText, where a foreign program may have written bare text: `acct=20304050` is then no hex. Hex is believed only
 * when what it holds is printable and had a reason to be encoded.
 */
export function decodedName(value: string): string {
  if (value.charCodeAt(0) === QUOTE) return decoded(unquoted(value))
  if (isNothing(value)) return ''
  if (!isHex(value)) return decoded(value)
  const text = hexText(value)
  return NEEDS_ENCODING.test(text) && !UNPRINTABLE.test(text) ? text : value
}

/** A value that is never encoded: quotes removed, '' for `(none)` and its like. */
export function plainText(value: string): string {
  if (value.charCodeAt(0) === QUOTE) return decoded(unquoted(value))
  return isNothing(value) ? '' : decoded(value)
}

/** A process title: its arguments with blanks for the NULs between them (fs/proc, proctitle of audit_log_proctitle). */
export function decodedTitle(value: string): string {
  if (!isHex(value)) return decodedText(value)
  return hexText(value).replaceAll('\0', ' ')
}

/** Filter keys: several are joined with 0x01 (AUDIT_KEY_SEPARATOR), which makes the whole hex. */
export function decodedKeys(value: string): readonly string[] {
  if (value.charCodeAt(0) === QUOTE || !isHex(value)) {
    const key = decodedText(value)
    return key === '' ? [] : [key]
  }
  return decodedHex(value).split('\x01')
}

/** An id as it is printed: 4294967295 and -1 mean unset and give -1; so does everything that is no number. */
export function idOf(value: string): number {
  const { length } = value
  if (length === 0 || length > 10) return -1
  let id = 0
  for (let i = 0; i < length; i++) {
    const digit = value.charCodeAt(i) - 48
    if (digit < 0 || digit > 9) return -1
    id = id * 10 + digit
  }
  return id >= UNSET ? -1 : id
}

/** (uid_t)-1: what the kernel prints with %u for an id that was never set. */
export const UNSET = 4294967295

/** Whether all of it, or its first `length` characters, are upper-case hex for whole bytes. */
export function isHex(value: string, length = value.length): boolean {
  if (length === 0 || (length & 1) === 1) return false
  for (let i = 0; i < length; i++) {
    const code = value.charCodeAt(i)
    if (code < 48 || code > 70 || (code > 57 && code < 65)) return false
  }
  return true
}

/** The text that hex (isHex) stands for. */
export function decodedHex(hex: string): string {
  const text = hexText(hex)
  return text.includes('\0') ? text.replaceAll('\0', '\ufffd') : text
}

function hexText(hex: string): string {
  return Buffer.from(hex, 'hex').toString('utf8')
}

/** Latin1 text read as UTF-8. A short text is looked through faster than the runtime's matcher is called. */
export function decoded(latin1: string): string {
  const { length } = latin1
  if (length > SHORT) return decodeBytes(latin1)
  for (let i = 0; i < length; i++) if (latin1.charCodeAt(i) > 127) return decodeBytes(latin1)
  return latin1
}

/** Nearly no value begins like them: no hash over the others. */
function isNothing(value: string): boolean {
  const first = value.charCodeAt(0)
  return (first === BRACKET || first === QUESTION) && NOTHING.has(value)
}

/** Without the quotes around it; a quote that is never closed is dropped alone. */
function unquoted(value: string): string {
  const { length } = value
  return value.substring(1, length > 1 && value.charCodeAt(length - 1) === QUOTE ? length - 1 : length)
}
