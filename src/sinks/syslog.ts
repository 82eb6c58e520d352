/**
 * Findings to a syslog receiver: over TLS (RFC 5425), TCP (RFC 6587, octets counted) or UDP (RFC 5426). Syslog has no answer: a notice
 * counts as sent when the system took all of it on a connection that stands; over UDP that says nothing of its arrival.
 */
import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { connect as connectTcp, isIP, isIPv6, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Severity } from '../finding-document.ts'
import { safeText } from '../safe-text.ts'
import { type Micros, MS } from '../time.ts'
import { type NoticeLog, openNoticeSink, type Sent } from './notices/notice-sink.ts'
import type { Outbox } from './notices/outbox.ts'
import type { Sink } from './sink.ts'
import { type SyslogForm, syslogMessage } from './syslog/message.ts'

export type SyslogPlace = { readonly transport: 'udp' | 'tcp' | 'tls'; readonly host: string; readonly port: number }

export type SyslogOptions = {
  readonly place: SyslogPlace
  readonly facility: number
  readonly form: SyslogForm
  readonly severity: Severity
  readonly timeout: Micros
  /** PEM; '' = the system's authorities. */
  readonly ca: string
  /** The sink's from now on, which closes it. */
  readonly outbox: Outbox
  readonly log: NoticeLog
}

type Line = { write(message: Buffer, signal: AbortSignal): Promise<void>; close(): void }

export function openSyslogSink(options: SyslogOptions): Sink {
  const { place, facility, form, severity, timeout, outbox, log } = options
  let line: Line | null = null

  async function send(document: string, signal: AbortSignal): Promise<Sent> {
    const message = Buffer.from(syslogMessage(document, facility, form), 'utf8')
    const late = AbortSignal.timeout(timeout / MS)
    try {
      line ??= place.transport === 'udp' ? openUdp(place) : openStream(place, options.ca)
      await line.write(message, AbortSignal.any([signal, late]))
      return { kind: 'sent' }
    } catch (error) {
      // It would be refused for ever, and nothing behind it ever sent.
      if (isTooLong(error)) return { kind: 'refused', why: `${message.length} bytes are too long for a datagram` }
      line?.close()
      line = null
      const why = late.aborted
        ? 'no connection in time'
        : safeText(error instanceof Error ? error.message : String(error))
      return { kind: 'retry', why, afterMs: null }
    }
  }

  return openNoticeSink({
    name: 'syslog',
    severity,
    outbox,
    log,
    send: ({ document }, signal) => send(document, signal),
    close: () => line?.close(),
  })
}

function isTooLong(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EMSGSIZE'
}

function openUdp({ host, port }: SyslogPlace): Line {
  const socket: UdpSocket = createSocket(isIPv6(host) ? 'udp6' : 'udp4')
  socket.on('error', () => {})
  return {
    write: (message) =>
      new Promise((resolve, reject) => {
        socket.send(message, port, host, (error) => (error === null ? resolve() : reject(error)))
      }),
    close: () => socket.close(),
  }
}

function openStream({ transport, host, port }: SyslogPlace, ca: string): Line {
  const socket: Socket =
    transport === 'tls'
      ? connectTls({ host, port, ...(ca === '' ? {} : { ca }), ...(isIP(host) === 0 ? { servername: host } : {}) })
      : connectTcp({ host, port })
  let failure: Error | null = null
  const ended = new Promise<never>((_, reject) => {
    socket.on('error', (error) => {
      failure = error
      reject(error)
    })
    socket.on('close', () => {
      failure ??= new Error('the receiver closed the connection')
      reject(failure)
    })
  })
  // Nobody may be writing when it ends; the next attempt sees it.
  ended.catch(() => {})
  const opened = new Promise<void>((resolve) => {
    socket.once(transport === 'tls' ? 'secureConnect' : 'connect', resolve)
  })
  // A receiver has nothing to say: what it says all the same must not wait in memory.
  socket.resume()
  return {
    async write(message, signal) {
      if (failure !== null) throw failure
      await within(Promise.race([opened, ended]), signal)
      const frame = Buffer.concat([Buffer.from(`${message.length} `, 'latin1'), message])
      const taken = new Promise<void>((resolve, reject) => {
        socket.write(frame, (error) => (error ? reject(error) : resolve()))
      })
      await within(Promise.race([taken, ended]), signal)
    },
    close: () => socket.destroy(),
  }
}

function within<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(new Error('given up'))
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  })
}
