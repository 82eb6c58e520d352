/**
 * Wildcards and order of text, as Elasticsearch has them on keyword fields. No regular expression is made of what a person typed:
 * the pieces are searched for one after the other, so time grows with the text and not with the number of wildcards.
 */

/** True where the whole text is the pieces in order with any text between them; `pieces` holds at least two. */
export function createWildcard(pieces: readonly string[]): (text: string) => boolean {
  const head = pieces[0] ?? ''
  const tail = pieces.at(-1) ?? ''
  const inner = pieces.slice(1, -1).filter((piece) => piece !== '')
  return (text) => {
    const end = text.length - tail.length
    if (!text.startsWith(head) || !text.endsWith(tail)) return false
    return findInOrder(text, inner, head.length, end)
  }
}

/** True where the text holds the pieces in order. ASCII letters match in both cases; the pieces are lower case already. */
export function createContains(pieces: readonly string[]): (text: string) => boolean {
  const inner = pieces.filter((piece) => piece !== '')
  return (text) => findInOrder(asciiLowerCase(text), inner, 0, text.length)
}

/** `pieces` between `from` and `end`. The first place of each is as good as any later one, because nothing but order is asked. */
function findInOrder(text: string, pieces: readonly string[], from: number, end: number): boolean {
  let at = from
  for (const piece of pieces) {
    const found = text.indexOf(piece, at)
    if (found < 0) return false
    at = found + piece.length
  }
  return at <= end
}

/**
 * A to Z only. Folding all of Unicode differs between ICU, DuckDB and Lucene (İ, ẞ, final sigma), and Elasticsearch's
 * `case_insensitive` is about ASCII.
 */
export function asciiLowerCase(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())
}

/**
 * Order of code points, which is the order of UTF-8 bytes in Lucene and DuckDB. JavaScript compares UTF-16 units, where
 * surrogates stand before U+E000 to U+FFFF. Negative, zero or positive.
 */
export function compareText(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const [x, y] = [a.charCodeAt(i), b.charCodeAt(i)]
    if (x !== y) return rank(x) - rank(y)
  }
  return a.length - b.length
}

/** Moves surrogates behind all other units. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit
}
