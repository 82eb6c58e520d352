/**
 * Small pieces of syslog headers, shared by the formats of header.ts: `<4>` and blank-separated tokens.
 * Authority: RFC 3164 4.1, RFC 5424 6.2. Works on latin1 text by index and allocates nothing.
 */

/** The number of `<N>`, -1 when `at` holds none. */
export function readPriority(text: string, at: number): number {
  let value = 0
  for (let i = at + 1; i <= at + 4; i++) {
    const code = text.charCodeAt(i)
    if (code === 62) return i > at + 1 ? value : -1
    if (!(code >= 48 && code <= 57)) return -1
    value = value * 10 + code - 48
  }
  return -1
}

/** Index behind the `>` of a `<PRI>` that is known to stand at `at`. */
export function skipPriority(text: string, at: number): number {
  return text.indexOf('>', at) + 1
}

/** Index of the blank behind the token that begins at `from`, or the end of the text. */
export function tokenEnd(text: string, from: number): number {
  const end = text.indexOf(' ', from)
  return end < 0 ? text.length : end
}

/** Does another message begin anywhere behind `from`: `<N>` and a stamp's first characters? */
export function isSyslogStart(text: string, from: number): boolean {
  for (let at = text.indexOf('<', from); at >= 0; at = text.indexOf('<', at + 1)) {
    if (readPriority(text, at) < 0) continue
    const after = skipPriority(text, at)
    if (text.charCodeAt(after + 3) === 32 && text.charCodeAt(after + 9) === 58) return true
    if (text.charCodeAt(after + 4) === 45 && text.charCodeAt(after + 7) === 45) return true
  }
  return false
}
