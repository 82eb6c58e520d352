/**
 * Arguments of a program as a shell would have to be told them, on one line: what stands there can be read and pasted, and an
 * argument never looks like two, or two like one. Control and invisible characters are written as bash's $'…' has them, so that
 * nothing an argument holds reaches a terminal as it is.
 */

/** Needs no quotes anywhere in a command. */
const PLAIN = /^[\w@%+:,./-][\w@%+=:,./-]*$/
/** What safeText would have to show as an escape. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u
const INVISIBLE_OR_SPECIAL = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}'\\]/gu
const NAMED: ReadonlyMap<string, string> = new Map([
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
  ["'", "\\'"],
  ['\\', '\\\\'],
])

/** `cat '/srv/q3 close.csv'`. */
export function shellWords(words: readonly string[]): string {
  return words.map(shellWord).join(' ')
}

/** `it's` as `'it'\''s'`, a line feed as `$'\n'`, nothing as `''`. */
export function shellWord(word: string): string {
  if (PLAIN.test(word)) return word
  if (INVISIBLE.test(word)) return `$'${word.replace(INVISIBLE_OR_SPECIAL, escapeCharacter)}'`
  return `'${word.replaceAll("'", "'\\''")}'`
}

function escapeCharacter(character: string): string {
  const named = NAMED.get(character)
  if (named !== undefined) return named
  const code = character.codePointAt(0) ?? 0
  // Four or eight digits end on their own: two would take a hex digit behind them along.
  return code < 0x10000 ? `\\u${code.toString(16).padStart(4, '0')}` : `\\U${code.toString(16).padStart(8, '0')}`
}
