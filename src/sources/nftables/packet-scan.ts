/**
 * Reading positions in a packet log line (formats.md 1.2), for example the `443` of `DPT=443 WINDOW=64240 `.
 *
 * A position is an index into the line; the two negative values say why there is none. Nearly every token is closed by a
 * blank (nf_log_syslog.c prints it with the token), so a value that touches the end of the line may be half a value.
 * Nothing here knows the meaning of a token.
 */

/** The line ends in the middle of what must stand here. */
export const CUT = -1
/** Something else stands here: what was read so far cannot be trusted. */
export const MALFORMED = -2

const BLANK = 32
const ZERO = 48
/** Decimal digits of 4294967295, the largest number the kernel prints. */
const DIGITS_MAX = 10
/** By character code; a look-up is cheaper than three comparisons, and link headers hold 28 digits. */
const HEX_VALUES = Int8Array.from({ length: 256 }, (_, code) => '0123456789abcdef'.indexOf(lowerCase(code)))

/** Why `label` is not at `at`: the line may just end within it. */
export function broken(text: string, at: number, label: string): number {
  return isCutOf(text, at, label) ? CUT : MALFORMED
}

/** As broken, where any of several tokens may stand. */
export function brokenAny(text: string, at: number, labels: readonly string[]): number {
  return labels.some((label) => isCutOf(text, at, label)) ? CUT : MALFORMED
}

/** Whether what is left of the line is a beginning of `label`, or nothing. */
export function isCutOf(text: string, at: number, label: string): boolean {
  return text.length - at < label.length && label.startsWith(text.slice(at))
}

/** The decimal number behind `label`, when a blank closes it; else CUT or MALFORMED. Where it ends: `behind`. */
export function field(text: string, at: number, label: string): number {
  if (!text.startsWith(label, at)) return broken(text, at, label)
  const from = at + label.length
  let sum = 0
  for (let i = from; i <= from + DIGITS_MAX; i++) {
    const digit = text.charCodeAt(i) - ZERO
    if (digit >= 0 && digit <= 9) sum = sum * 10 + digit
    else if (digit === BLANK - ZERO && i > from && i - from === digits(sum)) return sum
    else break
  }
  return oddField(text, from)
}

/** No plain number and blank: what is it then? */
function oddField(text: string, from: number): number {
  const value = decimal(text, from)
  const end = from + digits(value)
  if (end >= text.length) return CUT
  return value >= 0 && text.charCodeAt(end) === BLANK ? value : MALFORMED
}

/** As field, where the grammar lets the line end: editors and journald strip the last blank. */
export function lastField(text: string, at: number, label: string): number {
  const closed = field(text, at, label)
  if (closed !== CUT || !text.startsWith(label, at)) return closed
  const value = decimal(text, at + label.length)
  return value >= 0 && at + label.length + digits(value) === text.length ? value : CUT
}

/** Behind the blank that closes the number `value` at `at`. */
export function behind(at: number, value: number): number {
  return at + digits(value) + 1
}

/** As behind, for what lastField has read: the end of the line stays where it is. */
export function behindLast(text: string, at: number, value: number): number {
  return next(text, at + digits(value))
}

/** The decimal number at `at`, -1 when there is no digit. As the kernel prints it: no sign, no leading zeros. */
function decimal(text: string, at: number): number {
  const end = Math.min(text.length, at + DIGITS_MAX)
  let value = -1
  for (let i = at; i < end; i++) {
    const digit = text.charCodeAt(i) - ZERO
    if (digit < 0 || digit > 9) break
    value = i === at ? digit : value * 10 + digit
  }
  return value
}

/** How many digits the number has. A spelling with leading zeros is longer, so no blank is found behind it. */
function digits(value: number): number {
  if (value < 100) return value < 10 ? (value < 0 ? 0 : 1) : 2
  if (value < 10_000) return value < 1_000 ? 3 : 4
  if (value < 1_000_000) return value < 100_000 ? 5 : 6
  if (value < 100_000_000) return value < 10_000_000 ? 7 : 8
  return value < 1_000_000_000 ? 9 : 10
}

/** End of the hexadecimal digits at `at`, either case; at most `digitsMax` of them are read. */
export function hexEnd(text: string, at: number, digitsMax: number): number {
  const end = Math.min(text.length, at + digitsMax)
  let i = at
  while (i < end && hexValue(text.charCodeAt(i)) >= 0) i++
  return i
}

/** The value of the two hexadecimal digits at `at`, negative when they are none. */
export function hexByte(text: string, at: number): number {
  if (at + 1 >= text.length) return -1
  return (hexValue(text.charCodeAt(at)) << 4) | hexValue(text.charCodeAt(at + 1))
}

/** -1 for what is no digit; a negative number stays negative under `<<` and `|`. */
function hexValue(code: number): number {
  return HEX_VALUES[code] ?? -1
}

/** Just behind the blank that closes the token ending at `end`; the end of the line stays where it is. */
export function next(text: string, end: number): number {
  return end < text.length ? end + 1 : end
}

function lowerCase(code: number): string {
  return String.fromCharCode(code).toLowerCase()
}
