/**
 * What went wrong between us and a cluster, for people. Nothing of a request goes into these texts: it may carry credentials, and
 * documents belong in no log.
 */
import { errors } from '@elastic/elasticsearch'
import { AppError } from '../errors.ts'
import { safeText } from '../safe-text.ts'

/** Characters of a server's reason that are shown. */
const REASON_MAX = 300

/** HTTP status of an answer, 0 = there was none. */
export function statusOf(error: unknown): number {
  return error instanceof errors.ResponseError ? (error.statusCode ?? 0) : 0
}

/** The server's own words: `type: reason`. '' where it gave none. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof errors.ResponseError)) return ''
  const body: unknown = error.body
  const cause = memberOf(body, 'error') ?? body
  const [type, reason] = [memberOf(cause, 'type'), memberOf(cause, 'reason')]
  const text = [type, reason].filter((part) => typeof part === 'string').join(': ')
  return brief(typeof cause === 'string' ? cause : text)
}

/** Fit for a terminal and a log line. */
export function brief(words: string): string {
  // Causes come on lines of their own.
  const text = words.replaceAll(/\s+/g, ' ').trim()
  return safeText(text.length > REASON_MAX ? `${text.slice(0, REASON_MAX)}…` : text)
}

/**
 * An AppError for any failure of the client, which is not its cause: it carries the request with its headers. What is none of the
 * client's comes back as it is.
 */
export function failureText(error: unknown, url: string): unknown {
  const place = safeText(url)
  const status = statusOf(error)
  if (status === 401 || status === 403)
    return new AppError('refused', `${place} refuses these credentials (${status}${reasonTail(error)})`, {
      advice:
        status === 401
          ? 'Check user and password or the API key.'
          : 'The account lacks a privilege; docs/elasticsearch.md names those of each role.',
    })
  if (status === 429 || status >= 500)
    return new AppError('no-server', `${place} cannot answer now (${status}${reasonTail(error)})`, {
      advice: 'Ask again; when it stays so, look at the health of the cluster.',
    })
  if (error instanceof errors.ResponseError)
    return new AppError('refused', `${place} answered ${status}${reasonTail(error)}`)
  if (error instanceof errors.TimeoutError)
    return new AppError('no-server', `${place} gave no answer in time`, {
      advice: 'Ask again when the cluster is less busy.',
    })
  if (error instanceof errors.ConnectionError || error instanceof errors.NoLivingConnectionsError)
    return new AppError('no-server', `${place} cannot be reached: ${connectionProblem(error.message)}`, {
      advice: tlsAdvice(error.message),
    })
  if (error instanceof errors.RequestAbortedError)
    return new AppError('no-server', `the answer of ${place} was broken off: ${brief(error.message)}`, {
      advice: 'Ask again.',
    })
  if (error instanceof errors.DeserializationError || isUnpackError(error))
    return new AppError('wrong-server', `${place} gave an answer that is no JSON`, {
      advice: 'Ask the cluster itself, not a proxy that changes answers.',
    })
  return error
}

/** What zlib says of an answer that is not compressed as its header says; the client hands it on as it is. */
function isUnpackError(error: unknown): boolean {
  const code = memberOf(error, 'code')
  return typeof code === 'string' && code.startsWith('Z_')
}

function reasonTail(error: unknown): string {
  const reason = reasonOf(error)
  return reason === '' ? '' : `: ${reason}`
}

/** OpenSSL's own words for a server that answers in plain HTTP name a line of its source. */
function connectionProblem(message: string): string {
  return /wrong version number|packet length too long/.test(message) ? 'it does not speak TLS' : brief(message)
}

function tlsAdvice(message: string): string {
  if (/certificate|self.signed|issuer|fingerprint/i.test(message))
    return 'Name the authority with ca_file (--ca-file), or its SHA-256 with fingerprint (--fingerprint).'
  return 'Check address and port, and whether it speaks https.'
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Object.getOwnPropertyDescriptor(value, name)?.value : undefined
}
