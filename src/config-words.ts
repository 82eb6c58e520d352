/** Words that pipeline files are made of: paths, references to secrets, durations, addresses. */
import { DURATION_EXPECTED, parseDuration, parseSize, SIZE_EXPECTED } from './quantities.ts'
import { parsed } from './schema-problems.ts'

/** Where a secret comes from; who needs it resolves it, as late as possible. */
export type Secret = { readonly from: 'env' | 'file'; readonly name: string }

/** Does not start with `expected`: what was found there must not be repeated in a message. */
const SECRET_REFUSED = `a secret does not belong in this file; expected a reference such as \${env:NAME} or \${file:PATH}`
export const SECRET_ABOUT = `a reference: \${env:NAME} or \${file:PATH}`
const URL_REFUSED = 'not a URL without user and password; expected one such as https://localhost:9200'

/** `${…}` is not replaced in ordinary text, and nobody should find out by a file of that name. */
export const plainWords = (expected: string) =>
  parsed(expected, (text) => (/^[^\p{Cc}]{1,4096}$/u.test(text) && !text.includes('${') ? text : null))

export const path = plainWords('expected a path; $ and { together have no meaning in it')
export const secret = parsed(SECRET_REFUSED, parseSecret)
export const duration = parsed(DURATION_EXPECTED, (text) => positive(parseDuration(text)))
export const size = parsed(SIZE_EXPECTED, (text) => positive(parseSize(text)))
export const url = parsed(URL_REFUSED, httpUrl)

/** A reference `${env:NAME}` or `${file:PATH}`; null for anything else, which may be a secret itself. */
export function parseSecret(text: string): Secret | null {
  const match = /^\$\{(?:env:([A-Za-z_][A-Za-z0-9_]{0,127})|file:([^${}\p{Cc}]{1,4096}))\}$/u.exec(text)
  if (match === null) return null
  return match[1] === undefined ? { from: 'file', name: match[2] ?? '' } : { from: 'env', name: match[1] }
}

function positive(quantity: number | null): number | null {
  return quantity !== null && quantity > 0 ? quantity : null
}

function httpUrl(text: string): string | null {
  const parsedUrl = URL.parse(text)
  if (parsedUrl === null || !/^https?:$/.test(parsedUrl.protocol)) return null
  return parsedUrl.username === '' && parsedUrl.password === '' ? text : null
}
