/**
 * A flow's id (24 digits of base32hex, see event-id.ts) as four words of thirty bits and back, for flows at rest. Digits are
 * those of RFC 4648 section 7 in lower case; anything else is not checked, because only our own ids come here.
 */

export const ID_WORDS = 4
const WORD_DIGITS = 6
const DIGITS = '0123456789abcdefghijklmnopqrstuv'
/** All pairs of digits: half the look-ups, half the joins. */
const PAIRS: readonly string[] = Array.from({ length: 1024 }, (_, i) => (DIGITS[i >> 5] ?? '') + (DIGITS[i & 31] ?? ''))

/** Thirty bits: digits 6·index to 6·index + 5. */
export function idWord(id: string, index: number): number {
  let word = 0
  for (let i = index * WORD_DIGITS; i < (index + 1) * WORD_DIGITS; i++) {
    const code = id.charCodeAt(i)
    word = (word << 5) | (code < 97 ? code - 48 : code - 87)
  }
  return word
}

/** The six digits of a word. */
export function idDigits(word: number): string {
  return (PAIRS[word >>> 20] ?? '') + (PAIRS[(word >>> 10) & 1023] ?? '') + (PAIRS[word & 1023] ?? '')
}
