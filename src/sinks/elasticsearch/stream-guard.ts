/**
 * For servers that would make a plain index where a stream is not installed (OpenSearch has no `require_data_stream`): the stream is
 * made before its first document, which works only where a template says that it is one.
 */
import { type Client, errors } from '@elastic/elasticsearch'
import { reasonOf, statusOf } from '../../elasticsearch/failure.ts'
import type { Stream } from './stream.ts'

export type StreamGuard = {
  /** Why the stream takes nothing, '' = it may be written to. Throws what the client throws when nobody can tell. */
  check(stream: Stream): Promise<string>
}

export function createStreamGuard(client: Client): StreamGuard {
  const checked = new Set<Stream>()

  async function make(stream: Stream): Promise<string> {
    try {
      await client.transport.request({ method: 'PUT', path: `/_data_stream/${stream.name}` })
      return ''
    } catch (error) {
      return verdictOf(error)
    }
  }

  return {
    async check(stream) {
      if (checked.has(stream)) return ''
      const why = await make(stream)
      if (why === '') checked.add(stream)
      return why
    },
  }
}

function verdictOf(error: unknown): string {
  const status = statusOf(error)
  const reason = reasonOf(error)
  // A stream of that name; an index or alias is refused with other words.
  if (status === 400 && reason.startsWith('resource_already_exists_exception: data_stream ')) return ''
  // Who may only write must not make streams: then the server's own rules hold.
  if (status === 401 || status === 403) return ''
  if (error instanceof errors.ResponseError && (status === 400 || status === 404)) return reason
  throw error
}
