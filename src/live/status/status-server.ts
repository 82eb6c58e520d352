/**
 * Lets others ask the running daemon: over a Unix socket in the state directory (`peertrail status`), and over HTTP on the loopback
 * interface (metrics, health). Every connection carries one question; nothing is read of a request but its head.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Listen } from '../../config-schema.ts'
import { problemOf } from '../hostfacts/read-fact.ts'
import type { Log } from '../log.ts'
import { type Answer, answerTo, type StatusParts } from './status-routes.ts'
import { listenAtSocket } from './status-socket.ts'

export type StatusServer = {
  /** Cuts off who is asking, and removes the socket. */
  close(): Promise<void>
  /** `http://127.0.0.1:9798`; '' when it is off or the port could not be had. */
  readonly listening: string
}

export type StatusServerOptions = StatusParts & {
  /** State directory; the socket is `<dir>/status.sock`. */
  readonly dir: string
  readonly listen: Listen
  readonly log: Log
}

/** Bytes of a request's head: an acknowledgement stands in its address, and each of its letters may take nine. */
const HEAD_BYTES_MAX = 65_536
const HEAD_MS_MAX = 5_000
/** Prometheus asks with one; a few people may look at the same time. */
const CONNECTIONS_MAX = 32

/**
 * Throws AppError `state-locked` when a living daemon answers at the socket already, `cannot-write` when it cannot be made. A port
 * that is taken is said in the log and stops nothing.
 */
export async function startStatusServer(options: StatusServerOptions): Promise<StatusServer> {
  const { dir, listen, log } = options
  const local = createHttp(options, true)
  const closeDirectory = await listenAtSocket(local, dir)
  local.on('error', (error) => log.error({ error: problemOf(error) }, 'the status socket failed'))
  const web = listen === 'off' ? null : await listenAt(createHttp(options, false), listen, log)
  return {
    listening: web === null ? '' : addressOf(web),
    async close() {
      await Promise.all([closeServer(local), web === null ? null : closeServer(web)])
      closeDirectory()
    },
  }
}

function createHttp(options: StatusServerOptions, isSocket: boolean): Server {
  const server = createServer({
    maxHeaderSize: HEAD_BYTES_MAX,
    headersTimeout: HEAD_MS_MAX,
    requestTimeout: HEAD_MS_MAX,
    connectionsCheckingInterval: HEAD_MS_MAX,
  })
  server.maxConnections = CONNECTIONS_MAX
  server.on('request', (request, response) => {
    respond(request, response, isSocket, options).catch((error: unknown) => {
      // A bug of ours or of the metrics library: whoever asks hears of it, the daemon goes on.
      options.log.error({ error: String(error) }, `no answer to ${isSocket ? 'the status socket' : 'an HTTP request'}`)
      send(response, false, { code: 500, contentType: 'text/plain', body: 'no answer; see the log of peertrail\n' })
    })
  })
  return server
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  isSocket: boolean,
  parts: StatusParts,
): Promise<void> {
  const { method = '', url = '', headers } = request
  const answer = await answerTo({ method, url, host: headers.host ?? '', isSocket }, parts)
  send(response, method === 'HEAD', answer)
}

function send(response: ServerResponse, isHead: boolean, { code, contentType, body }: Answer): void {
  const bytes = Buffer.from(body)
  response.writeHead(code, {
    'content-type': contentType,
    'content-length': bytes.length,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...(code === 405 ? { allow: 'GET, HEAD' } : {}),
    connection: 'close',
  })
  response.end(isHead ? undefined : bytes)
}

/** Null when it cannot be had. */
function listenAt(server: Server, { address, port }: Exclude<Listen, 'off'>, log: Log): Promise<Server | null> {
  return new Promise((resolve) => {
    const failed = (error: Error): void => {
      log.error(
        { error: problemOf(error) },
        `no metrics and health checks: cannot listen at ${address}:${port}: ${problemOf(error)}`,
      )
      resolve(null)
    }
    server.once('error', failed)
    // A name may be resolved to anything; this one means the loopback interface.
    server.listen(port, address === 'localhost' ? '127.0.0.1' : address, () => {
      server.off('error', failed)
      server.on('error', (error) => log.error({ error: problemOf(error) }, 'the HTTP server failed'))
      resolve(server)
    })
  })
}

function addressOf(server: Server): string {
  const address = server.address()
  if (address === null || typeof address === 'string') return ''
  return `http://${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}`
}

/** Nobody who asks slowly holds up the daemon's end. */
function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}
