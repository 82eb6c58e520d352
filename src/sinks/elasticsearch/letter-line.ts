/**
 * One refused document as a line of NDJSON:
 *
 *   {"time":"2026-11-22T15:09:29.604Z","stream":"logs-wireguard.flow-default","id":"0q1v…","status":400,
 *    "error":{"type":"document_parsing_exception","reason":"…"},"document":{"@timestamp":…}}
 *
 * The reason is the server's text and may quote the document: both are data. The document stands last, as it was sent, byte for
 * byte: sending it again must not change a digit.
 */
import { z } from 'zod'
import { parseInstant } from '../../quantities.ts'
import { toIso } from '../../time.ts'
import type { DeadLetter } from './dead-letters.ts'

const headSchema = z.object({
  time: z.string(),
  // Both go into a request as they are.
  stream: z.string().regex(/^[a-z\d_.-]{1,255}$/),
  id: z.string().regex(/^[\da-z]{1,64}$/i),
  status: z.number().int(),
  error: z.object({ type: z.string(), reason: z.string() }),
})
/** Cannot stand inside of a string, where its quotes would be escaped. */
const MARK = ',"document":'

/** With its line end. */
export function printLetter({ at, stream, id, status, type, reason, document }: DeadLetter): string {
  const head = JSON.stringify({ time: toIso(at), stream, id, status, error: { type, reason } })
  return `${head.slice(0, -1)}${MARK}${document.trim()}}\n`
}

/** `line` without its end. Null when it is no letter. */
export function parseLetter(line: string): DeadLetter | null {
  const at = line.indexOf(MARK)
  if (at > 0 && line.endsWith('}')) {
    const document = line.slice(at + MARK.length, -1)
    const letter = isDocument(parseJson(document)) ? letterOf(parseJson(`${line.slice(0, at)}}`), document) : null
    if (letter !== null) return letter
  }
  // Somebody wrote it anew, in another order or with blanks.
  const whole = parseJson(line)
  const document = isDocument(whole) ? whole['document'] : undefined
  return isDocument(document) ? letterOf(whole, JSON.stringify(document)) : null
}

function letterOf(head: unknown, document: string): DeadLetter | null {
  const { data } = headSchema.safeParse(head)
  const at = parseInstant(data?.time ?? '')
  if (data === undefined || at === null) return null
  const { stream, id, status, error } = data
  return { at, stream, id, status, ...error, document }
}

function isDocument(value: unknown): value is { readonly [name: string]: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Undefined for text that is no JSON. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
