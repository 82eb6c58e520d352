/** One bulk request and what it says as a whole; what it says of each document is outcome.ts. */
import { type Client, errors } from '@elastic/elasticsearch'
import { failureText, reasonOf, statusOf } from '../../elasticsearch/failure.ts'
import { abilitiesOf, askServer, type Server } from '../../elasticsearch/server.ts'
import { AppError } from '../../errors.ts'
import { safeText } from '../../safe-text.ts'
import { type BulkItem, FILTER_PATH, readBulkAnswer } from './bulk-answer.ts'

export type Reply =
  | { readonly kind: 'answered'; readonly items: readonly BulkItem[] }
  /** Worth another attempt. */
  | {
      readonly kind: 'failed'
      readonly error: Error
      /** Some or all of it may have been carried out. */
      readonly isPerhapsDone: boolean
      /** It was too much for the cluster, or may have been. */
      readonly isPressed: boolean
    }
  | { readonly kind: 'too-large' }
  /** A parameter is unknown there and will not be sent any more; nothing was carried out. */
  | { readonly kind: 'other-parameters' }
  /** Another attempt would end as this one did. */
  | { readonly kind: 'refused'; readonly error: Error; readonly isPerhapsDone: boolean }

export type BulkSender = {
  /** Finds out what the server can do, once; `forget` makes it ask again. Throws AppError `no-server`, `wrong-server`. */
  ask(): Promise<void>
  forget(): void
  readonly isAsked: boolean
  /** Null = it did not say. */
  readonly server: Server | null
  /** It refuses streams that are not installed by itself. */
  readonly requiresStreams: boolean
  /** `body`: compressed. An AppError that the signal is aborted with is why the request failed. Never throws. */
  send(body: Buffer, count: number, signal: AbortSignal): Promise<Reply>
}

/** A server that does not say what it is gets what the newest knows; what it refuses is left out. */
const NEWEST = abilitiesOf('elasticsearch', '9.5.0')
/** Five thousand documents that are all refused, each with its reason. */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024
const HEADERS = {
  'content-type': 'application/json',
  'content-encoding': 'gzip',
  'accept-encoding': 'gzip',
  accept: 'application/json',
}

type Parameter = 'require_data_stream' | 'include_source_on_error'
type Parameters = Partial<Record<Parameter, boolean>>

export type SenderDeps = {
  /** For documents: patient. */
  readonly client: Client
  /** For the question who answers. */
  readonly asking: Client
  readonly url: string
}

/** Asks nothing yet. */
export function createBulkSender({ client, asking, url }: SenderDeps): BulkSender {
  const unknown = new Set<Parameter>()
  let server: Server | null = null
  let isAsked = false

  function parametersOf(): Parameters {
    const can = server?.can ?? NEWEST
    return {
      ...(can.requireDataStream && !unknown.has('require_data_stream') ? { require_data_stream: true } : {}),
      // Its errors would quote the document, in our log.
      ...(can.includeSourceOnError && !unknown.has('include_source_on_error')
        ? { include_source_on_error: false }
        : {}),
    }
  }

  /** `sent`: with the request itself; another one side by side may have been refused the same already. */
  function refusal(error: unknown, sent: Parameters): Reply {
    const named = /unrecognized parameters?: (.*)/.exec(reasonOf(error))?.[1] ?? ''
    const refused = Object.keys(sent).filter((name) => named.includes(`[${name}]`))
    for (const name of refused) unknown.add(name === 'require_data_stream' ? name : 'include_source_on_error')
    return refused.length > 0 ? { kind: 'other-parameters' } : stop(failureText(error, url))
  }

  function replyTo(error: unknown, sent: Parameters): Reply {
    const status = statusOf(error)
    if (status === 413) return { kind: 'too-large' }
    if (status === 400) return refusal(error, sent)
    if (status === 429) return failed(failureText(error, url), { isPerhapsDone: false, isPressed: true })
    if (status === 408 || status >= 500)
      return failed(failureText(error, url), { isPerhapsDone: true, isPressed: status === 504 })
    if (status === 401 || status === 403) return stop(failureText(error, url))
    if (status !== 0) return stop(noBulk(url, `answered ${status} to a bulk request${tail(reasonOf(error))}`))
    if (error instanceof errors.DeserializationError) return stop(noBulk(url, 'gave an answer that is no JSON'), true)
    const isUnsent = error instanceof errors.ConnectionError && NEVER_SENT.test(error.message)
    const isPressed = error instanceof errors.TimeoutError || error instanceof errors.RequestAbortedError
    return failed(failureText(error, url), { isPerhapsDone: !isUnsent, isPressed })
  }

  return {
    async ask() {
      if (isAsked) return
      try {
        server = await askServer(asking, url)
      } catch (error) {
        if (!(error instanceof AppError) || error.code !== 'refused') throw error
        // A key that may only write must not ask. Anything worse the request itself is told.
        server = null
      }
      isAsked = true
    },
    forget() {
      isAsked = false
    },
    get isAsked() {
      return isAsked
    },
    get server() {
      return server
    },
    get requiresStreams() {
      return parametersOf().require_data_stream === true
    },
    async send(body, count, signal) {
      const parameters = parametersOf()
      let answer: unknown
      try {
        answer = await client.transport.request(
          {
            method: 'POST',
            path: '/_bulk',
            querystring: { ...parameters, filter_path: FILTER_PATH },
            bulkBody: body,
          },
          {
            headers: HEADERS,
            signal,
            maxResponseSize: ANSWER_BYTES_MAX,
            maxCompressedResponseSize: ANSWER_BYTES_MAX,
          },
        )
      } catch (error) {
        if (signal.reason instanceof AppError) return failed(signal.reason, { isPerhapsDone: true, isPressed: true })
        return replyTo(error, parameters)
      }
      const items = readBulkAnswer(answer)
      if (items === null) return stop(noBulk(url, 'gave an answer that is none to a bulk request'), true)
      if (items.length !== count)
        return stop(noBulk(url, `answered for ${items.length} documents of a request with ${count}`), true)
      return { kind: 'answered', items }
    },
  }
}

/** No connection was made: the request was not seen by anybody. */
const NEVER_SENT = /ECONNREFUSED|ENOTFOUND|EAI_AGAIN/

function noBulk(url: string, what: string): AppError {
  return new AppError('wrong-server', `${safeText(url)} ${what}`, {
    advice:
      'Name the address of Elasticsearch or OpenSearch itself, and see that no proxy changes requests or answers.',
  })
}

function tail(reason: string): string {
  return reason === '' ? '' : `: ${reason}`
}

function failed(error: unknown, how: { isPerhapsDone: boolean; isPressed: boolean }): Reply {
  return { kind: 'failed', error: asError(error), ...how }
}

function stop(error: unknown, isPerhapsDone = false): Reply {
  return { kind: 'refused', error: asError(error), isPerhapsDone }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}
