/**
 * "Did you mean …?": the known word nearest to a mistyped one. Distance is optimal string alignment (insert, delete, replace,
 * swap of neighbours): one in short words, two in longer ones, never the whole word, because a wrong hint is worse than none.
 */

/** Longer words are never compared: the cost is quadratic and nobody mistypes them by hand. */
const WORD_MAX = 128

/** The nearest of `known`, the first of equals; null when none is near. */
export function nearest(word: string, known: Iterable<string>): string | null {
  if (word.length > WORD_MAX) return null
  const wanted = word.toLowerCase()
  let best: string | null = null
  // Of e-mail addresses usually only the part before the @ tells people apart.
  const telling = word.indexOf('@') > 0 ? word.indexOf('@') : word.length
  let limit = Math.min(telling, telling < 8 ? 2 : 3)
  for (const candidate of known) {
    if (Math.abs(candidate.length - word.length) >= limit || candidate.length > WORD_MAX) continue
    const distance = alignmentDistance(wanted, candidate.toLowerCase())
    if (distance < limit) {
      limit = distance
      best = candidate
    }
  }
  return best
}

/** `; did you mean "x"?`, or '' when nothing is near. */
export function suggestion(word: string, known: Iterable<string>): string {
  const near = nearest(word, known)
  return near === null ? '' : `; did you mean "${near}"?`
}

function alignmentDistance(a: string, b: string): number {
  let before: number[] = []
  let above = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1
      let best = Math.min((row[j - 1] ?? 0) + 1, (above[j] ?? 0) + 1, (above[j - 1] ?? 0) + cost)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        best = Math.min(best, (before[j - 2] ?? 0) + 1)
      row.push(best)
    }
    before = above
    above = row
  }
  return above[b.length] ?? 0
}
