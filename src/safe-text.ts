/**
 * Makes text of unknown origin fit for a terminal: control characters (ESC sequences can rewrite the screen or the clipboard),
 * invisible format characters (bidi overrides reverse what is read, zero width ones hide differences), line separators and lone
 * surrogates become visible escapes such as \x1b or \u202e. Backslashes stay single, so the result is for eyes, not for
 * parsing back. HTML, CSV and JSON have their own rules and are not meant here.
 */

const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u
const UNSAFE_ALL = new RegExp(UNSAFE, 'gu')

/** Text from data as a terminal may show it: control and formatting characters as escapes. */
export function safeText(text: string): string {
  return UNSAFE.test(text) ? text.replace(UNSAFE_ALL, escapeCharacter) : text
}

/** `text` in double quotes for a message, shortened to `max` characters. */
export function quoted(text: string, max = 60): string {
  return `"${safeText(text.length > max ? `${text.slice(0, max)}…` : text)}"`
}

function escapeCharacter(character: string): string {
  const code = character.codePointAt(0) ?? 0
  if (code < 0x100) return `\\x${code.toString(16).padStart(2, '0')}`
  return code < 0x10000 ? `\\u${code.toString(16).padStart(4, '0')}` : `\\u{${code.toString(16)}}`
}
