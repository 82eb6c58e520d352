/** Text that deceives who reads it in a log or on a terminal. */

/**
 * Whether it holds what no screen shows as such: Cc control characters, Cf formats such as marks that turn the direction of text, Zl and Zp
 * separators of lines.
 */
export function isUnprintable(text: string): boolean {
  return /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(text)
}
