/**
 * One kafkajs client, with sockets of its own, that can be dropped at any moment. kafkajs goes on trying to connect for as long as its retries
 * say (1000 and more here, else an outage of a minute ends it) and cannot be told to stop; so what reconnects after `close` waits for an address
 * that never comes, without a timer or a socket, and is forgotten with the client.
 */
import { connect as connectPlain, isIP, type Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import kafkajs, { type ISocketFactory, type Kafka, type SASLOptions } from 'kafkajs'
import type { BusConnection } from '../bus.ts'
import { registerCodecs } from './codecs.ts'
import { UntrustedError } from './failures.ts'
import { boundHeaders } from './header-bound.ts'
import { mendIdleTimer } from './idle-timer.ts'
import { type LogLine, readLog } from './log.ts'
import { mendEnds } from './uncommitted-ends.ts'

export type Client = {
  readonly kafka: Kafka
  /** The last that went wrong, one line; '' = nothing yet. */
  readonly trouble: () => string
  /** Rejects at the first certificate that is not trusted: kafkajs would go on trying. */
  readonly distrust: Promise<never>
  /** Cuts every connection; what is under way fails or never ends. */
  close(): void
}

/** Rule of ../shared/engines: an hour of outage is waited for. Times in milliseconds. */
export const RETRIES = { retries: 1200, initialRetryTime: 150, maxRetryTime: 2500 } as const

const CONNECT_MS = 5_000
const KEEP_ALIVE_MS = 30_000

export function openClient(connection: BusConnection, onLog: (line: LogLine) => void = () => undefined): Client {
  mendIdleTimer()
  boundHeaders()
  mendEnds()
  registerCodecs()
  const sockets = new Set<Socket>()
  let isClosed = false
  let trouble = ''
  const distrust = Promise.withResolvers<never>()
  distrust.promise.catch(() => undefined)
  const openSocket: ISocketFactory = ({ host: named, port, ssl, onConnect }) => {
    const host = hostOf(named)
    // Declared as always there; kafkajs hands on null where no TLS is wanted.
    const options = ssl as ConnectionOptions | null
    if (isClosed) throw new Error('closed')
    const socket =
      options === null
        ? connectPlain({ host, port }, onConnect)
        : connectTls({ host, port, ...(isIP(host) === 0 ? { servername: host } : {}), ...options }, onConnect)
    socket.setKeepAlive(true, KEEP_ALIVE_MS).setNoDelay(true)
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    return socket
  }
  const never = new Promise<string[]>(() => undefined)
  const kafka = new kafkajs.Kafka({
    brokers: () => (isClosed ? never : connection.brokers.map(splittable)),
    clientId: connection.clientId,
    retry: RETRIES,
    connectionTimeout: CONNECT_MS,
    socketFactory: openSocket,
    logLevel: kafkajs.logLevel.WARN,
    logCreator: () => (entry) => {
      if (isClosed) return
      const line = readLog(entry)
      if (line.trouble !== '') trouble = line.trouble
      if (line.isUntrusted) distrust.reject(new UntrustedError(line.trouble))
      onLog(line)
    },
    ...tlsOf(connection),
    ...saslOf(connection),
  })
  return {
    kafka,
    trouble: () => trouble,
    distrust: distrust.promise,
    close() {
      isClosed = true
      // With an error: kafkajs hears `error` and `end` of a socket, not `close`.
      for (const socket of sockets) socket.destroy(new Error('closed'))
    },
  }
}

/** kafkajs takes a broker apart at its first colon, and `[::1]:9092` with it: no address has underscores. */
function splittable(broker: string): string {
  return broker.replace(/^\[.*\]/, (address) => address.replaceAll(':', '_'))
}

/** What `splittable` made, or a host that a broker told, as it is to be connected to. */
function hostOf(named: string): string {
  return named.startsWith('[') ? named.slice(1, -1).replaceAll('_', ':') : named
}

function tlsOf({ tls }: BusConnection): { ssl?: ConnectionOptions } {
  if (tls === null) return {}
  const { ca, cert, key } = tls
  return { ssl: { ...(ca === '' ? {} : { ca }), ...(cert === '' ? {} : { cert, key }) } }
}

function saslOf({ sasl }: BusConnection): { sasl?: SASLOptions } {
  if (sasl === null) return {}
  const { mechanism, username, password } = sasl
  return { sasl: { mechanism, username, password } }
}
