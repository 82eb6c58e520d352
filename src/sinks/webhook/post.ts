/** One POST of JSON, and what its answer means for a notice. Redirects are not followed: a notice goes where the pipeline says. */
import { request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { safeText } from '../../safe-text.ts'
import { type Micros, MS } from '../../time.ts'
import type { Sent } from '../notices/notice-sink.ts'

export type Post = {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly timeout: Micros
  /** PEM; '' = the system's authorities. */
  readonly ca: string
  readonly signal: AbortSignal
  readonly now: () => Micros
}

/** Bytes of an answer that are read, and characters that are told. */
const ANSWER_BYTES_MAX = 16 * 1024
const TOLD_MAX = 200

/**
 * Answers that say the notice itself is wrong: it would be refused again for ever. Everything else may be mended at the other end or
 * in the pipeline, and the notice waits for that: a token that ran out (401, 403), an address that moved (3xx, 404).
 */
const REFUSALS = new Set([400, 413, 415, 422])

type Answer = { readonly status: number; readonly retryAfter: string; readonly text: string }

/** Never rejects. */
export async function post(message: Post): Promise<Sent> {
  const late = AbortSignal.timeout(message.timeout / MS)
  try {
    return judge(await exchange(message, AbortSignal.any([message.signal, late])), message.now())
  } catch (error) {
    if (late.aborted) return retry('no answer in time')
    return retry(safeText(error instanceof Error ? error.message : String(error)))
  }
}

function judge({ status, retryAfter, text }: Answer, now: Micros): Sent {
  if (status >= 200 && status < 300) return { kind: 'sent' }
  const said = safeText(text.replaceAll(/\s+/g, ' ').trim().slice(0, TOLD_MAX))
  const why = `it answered ${status}${said === '' ? '' : `: ${said}`}`
  if (REFUSALS.has(status)) return { kind: 'refused', why }
  return { kind: 'retry', why, afterMs: askedMs(retryAfter, now) }
}

/** RFC 9110 10.2.3: seconds, or a date. Null where it says neither. */
function askedMs(retryAfter: string, now: Micros): number | null {
  if (/^\d{1,6}$/.test(retryAfter)) return Number(retryAfter) * 1000
  const at = /^[A-Z][a-z]{2}, .* GMT$/.test(retryAfter) ? Date.parse(retryAfter) : Number.NaN
  return Number.isNaN(at) ? null : Math.max(0, at - now / MS)
}

function retry(why: string): Sent {
  return { kind: 'retry', why, afterMs: null }
}

function exchange({ url, headers, body, ca }: Post, signal: AbortSignal): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const bytes = Buffer.from(body, 'utf8')
    const options = {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json', 'content-length': bytes.length },
      signal,
      ...(ca === '' ? {} : { ca }),
    }
    const open = url.startsWith('https:') ? requestHttps : requestHttp
    const request = open(url, options, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (piece: string) => {
        if (text.length < ANSWER_BYTES_MAX) text += piece.slice(0, ANSWER_BYTES_MAX - text.length)
        // Nobody needs the rest, and it may have no end.
        else response.destroy()
      })
      const done = () =>
        resolve({ status: response.statusCode ?? 0, retryAfter: response.headers['retry-after'] ?? '', text })
      response.on('end', done)
      response.on('close', done)
      response.on('error', done)
    })
    request.on('error', reject)
    // An answer that is none (101 Switching Protocols) ends the connection without an error; after an answer this changes nothing.
    request.on('close', () => reject(new Error('the connection ended without an answer')))
    request.end(bytes)
  })
}
