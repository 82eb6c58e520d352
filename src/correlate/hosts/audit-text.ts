/** Texts of audit events as fields may hold them: bounded, and without NUL. */

/**
 * Longest keyword in UTF-16 units. Elasticsearch refuses terms above 32,766 bytes (index.max_term_length of Lucene), and a unit takes at
 * most three bytes of UTF-8.
 */
export const KEYWORD_MAX = 8191

/** Characters of event.original: not indexed, so only bounded against floods. */
export const ORIGINAL_MAX = 65_536

/** Which fields hold less than was recorded, one bit each: see CUT_NAMES. */
export type Cuts = { bits: number }

/** In order of their bits. */
export const CUT_FIELDS = ['event.original', 'process.args', 'file.path', 'auditd.paths', 'auditd.data'] as const
export const CUT_ORIGINAL = 1
export const CUT_ARGS = 2
export const CUT_PATH = 4
export const CUT_PATHS = 8
export const CUT_DATA = 16

/** A text as a field: undefined when empty, `fill` for NUL, at most KEYWORD_MAX; what was left out is noted in `cuts`. */
export function keyword(text: string, cuts: Cuts, bit: number, fill = '\ufffd'): string | undefined {
  if (text === '') return undefined
  if (text.length <= KEYWORD_MAX && !text.includes('\0')) return text
  return bounded(text, cuts, bit).replaceAll('\0', fill)
}

function bounded(text: string, cuts: Cuts, bit: number): string {
  if (text.length <= KEYWORD_MAX) return text
  cuts.bits |= bit
  // Not between the halves of a surrogate pair.
  const code = text.charCodeAt(KEYWORD_MAX - 1)
  return text.slice(0, code >= 0xd800 && code < 0xdc00 ? KEYWORD_MAX - 1 : KEYWORD_MAX)
}

/** Names of the fields whose bits are set; undefined for none. */
export function cutNames(cuts: Cuts): readonly string[] | undefined {
  return cuts.bits === 0 ? undefined : CUT_FIELDS.filter((_, bit) => (cuts.bits & (1 << bit)) !== 0)
}
