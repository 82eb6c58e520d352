/**
 * Child of elasticsearch-bench.ts: takes `_bulk` on a port of the loopback interface and answers that every document was created, as
 * Elasticsearch does (elastic.md 2.3), at a fraction of its cost: what is measured is the sender. Prints `READY PORT`. After each request
 * it appends a line to the file PROGRESS: documents so far, of these with an id that was there before, bytes of bodies as sent and
 * unpacked. Ends with SIGTERM.
 */
import { openSync, writeSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'

const LF = 10
/** A body above this is no request of ours. */
const BODY_BYTES_MAX = 128 * 1024 * 1024
const QUOTE = 0x22
const BRACE = 0x7b
const BRACE_END = 0x7d
/** Of an action line: `{"create":{"_index":"…","_id":"…"}}`, with blanks as rsyslog writes it. */
const INDEX = /"_index"\s*:\s*"([^"]+)"/

const ROOT = JSON.stringify({
  name: 'bench',
  cluster_name: 'bench',
  cluster_uuid: 'bench',
  version: { number: '9.5.3', build_flavor: 'default' },
  tagline: 'You Know, for Search',
})

const unpack = promisify(gunzip)
/** A request of ours in one piece: in small ones each would wait for its turn. */
const UNPACKED = { chunkSize: 6 * 1024 * 1024 }
const progress = openSync(process.argv[2] ?? '', 'a')
const seen = new Set<string>()
let documents = 0
let repeated = 0
let sentBytes = 0
let bytes = 0

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await readBody(request)
  const isBulk = request.method === 'POST' && /\/_bulk(?:$|\?)/.test(request.url ?? '')
  const text = isBulk ? bulkAnswer(await plain(request, body)) : ROOT
  response.writeHead(200, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    'x-elastic-product': 'Elasticsearch',
  })
  response.end(request.method === 'HEAD' ? '' : text)
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request) {
    // A request without an encoding gives Buffers (http.IncomingMessage).
    const part = chunk as Buffer
    length += part.length
    if (length > BODY_BYTES_MAX) throw new Error(`a body of more than ${BODY_BYTES_MAX} bytes`)
    chunks.push(part)
  }
  return Buffer.concat(chunks, length)
}

async function plain(request: IncomingMessage, body: Buffer): Promise<Buffer> {
  sentBytes += body.length
  return request.headers['content-encoding'] === 'gzip' ? unpack(body, UNPACKED) : body
}

/** An item for every action line, in their order. A document's own line is stepped over, whatever stands in it. */
function bulkAnswer(body: Buffer): string {
  // All documents of a measurement go to one stream.
  const index = INDEX.exec(body.toString('latin1', 0, body.indexOf(LF)))?.[1] ?? ''
  const head = `{"create":{"_index":".ds-${index}-000001","_id":"`
  let items = ''
  let count = 0
  for (let at = 0; at < body.length; count++) {
    const actionEnd = body.indexOf(LF, at)
    const end = body.indexOf(LF, actionEnd + 1)
    if (actionEnd < 0 || end < 0) throw new Error('a body that does not end with a document and a line end')
    if (body[actionEnd + 1] !== BRACE || body[end - 1] !== BRACE_END) throw new Error('a line that is no document')
    const id = idOf(body, at, actionEnd)
    if (seen.has(id)) repeated++
    seen.add(id)
    items += `${count === 0 ? '' : ','}${head}${id}","status":201}}`
    at = end + 1
  }
  documents += count
  bytes += body.length
  writeSync(progress, `${documents} ${repeated} ${sentBytes} ${bytes}\n`)
  return `{"errors":false,"took":1,"items":[${items}]}`
}

/** It stands last in the action line, with both senders. */
function idOf(body: Buffer, from: number, to: number): string {
  const end = body.lastIndexOf(QUOTE, to)
  const start = body.lastIndexOf(QUOTE, end - 1) + 1
  if (start <= from) throw new Error('an action without an id')
  return body.toString('latin1', start, end)
}

const server = createServer((request, response) => {
  answer(request, response).catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    response.destroy()
  })
})
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  process.stdout.write(`READY ${typeof address === 'object' ? address?.port : ''}\n`)
})
process.once('SIGTERM', () => process.exit(0))
