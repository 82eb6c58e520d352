/**
 * How many columns of a terminal a text takes: East-Asian wide letters and pictures take two, marks on a letter none (Unicode 17,
 * EastAsianWidth.txt: W and F). What a terminal makes of joined pictures differs; each is counted, so that a line is never too long.
 */

const ASCII = /^[\x20-\x7e]*$/
const MARK = /^[\p{Mn}\p{Me}]$/u
const WIDE =
  /^(?:[\u1100-\u115f\u231a\u231b\u2329\u232a\u2630-\u2637\u268a-\u268f\u2e80-\u303e\u3041-\u4dbf\u4dc0-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{16fe0}-\u{18fff}\u{1aff0}-\u{1b2ff}\u{1d300}-\u{1d37f}\u{1f200}-\u{1f2ff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation})$/u

/** Columns of `text`, which holds nothing that safeText (safe-text.ts) would replace. */
export function displayWidth(text: string): number {
  if (ASCII.test(text)) return text.length
  let columns = 0
  for (const letter of text) columns += letterWidth(letter)
  return columns
}

/** The first letters of `text` that fit `width` columns. */
export function fittingStart(text: string, width: number): string {
  if (ASCII.test(text)) return text.slice(0, Math.max(0, width))
  let [columns, end] = [0, 0]
  for (const letter of text) {
    columns += letterWidth(letter)
    if (columns > width) break
    end += letter.length
  }
  return text.slice(0, end)
}

/** `letter`: one code point. */
function letterWidth(letter: string): number {
  if (letter < '\u0300') return 1
  if (MARK.test(letter)) return 0
  return WIDE.test(letter) ? 2 : 1
}
