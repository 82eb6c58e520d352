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

const lineSchema = z.object({
  time: z.string(),
  // Both go into a request as they are.
  stream: z.string().regex(/^[a-z\d_.-]{1,255}$/),
  id: z.string().regex(/^[\da-z]{1,64}$/i),
  status: z.number().int(),
  error: z.object({ type: z.string(), reason: z.string() }),
  document: z.record(z.string(), z.unknown()),
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
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    return null
  }
  const { data } = lineSchema.safeParse(value)
  const at = parseInstant(data?.time ?? '')
  if (data === undefined || at === null) return null
  const { stream, id, status, error } = data
  return { at, stream, id, status, ...error, document: documentText(line) ?? JSON.stringify(data.document) }
}

/** As it was sent; null in a line that somebody wrote anew in another order or with blanks. */
function documentText(line: string): string | null {
  const at = line.indexOf(MARK)
  const text = line.slice(at + MARK.length, -1)
  return at > 0 && line.endsWith('}') && isObject(text) && isObject(`${line.slice(0, at)}}`) ? text : null
}

function isObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null
  } catch {
    return false
  }
}
