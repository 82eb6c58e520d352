/** Messages cut into requests a broker takes. */
import type { Outgoing } from '../bus.ts'

/** Messages of a request. */
export const REQUEST_MESSAGES_MAX = 1000
/**
 * Bytes of a request before packing; a larger message goes alone. All of it may be of one partition, and a batch that is no larger
 * than this is taken by every topic with the broker's default limit (1 048 588).
 */
export const REQUEST_BYTES_MAX = 960 * 1024

/** Bytes a message takes beyond its key, value and headers: lengths, time and offset relative to the batch. */
const MESSAGE_OVERHEAD = 24

/** In order; none is empty. */
export function requestsOf(messages: readonly Outgoing[]): readonly (readonly Outgoing[])[] {
  const requests: Outgoing[][] = []
  let [request, bytes]: [Outgoing[], number] = [[], 0]
  for (const message of messages) {
    const size = sizeOf(message)
    if (request.length > 0 && (request.length >= REQUEST_MESSAGES_MAX || bytes + size > REQUEST_BYTES_MAX)) {
      requests.push(request)
      ;[request, bytes] = [[], 0]
    }
    request.push(message)
    bytes += size
  }
  if (request.length > 0) requests.push(request)
  return requests
}

/** Bytes of a message, nearly. */
export function sizeOf({ key, value, headers }: Outgoing): number {
  let size = MESSAGE_OVERHEAD + key.length + (value?.length ?? 0)
  // Short ASCII text: a character is a byte.
  for (const name in headers) size += name.length + (headers[name]?.length ?? 0) + 4
  return size
}
