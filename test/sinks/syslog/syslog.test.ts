/** Syslog against real receivers on loopback, over TCP and UDP: frames are whole, and a receiver that goes away loses nothing it did not take. */
import { createSocket } from 'node:dgram'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { printEvent } from '../../../src/event-json.ts'
import { openOutbox } from '../../../src/sinks/notices/outbox.ts'
import type { Sink } from '../../../src/sinks/sink.ts'
import { type SyslogForm, syslogMessage } from '../../../src/sinks/syslog/message.ts'
import { openSyslogSink, type SyslogPlace } from '../../../src/sinks/syslog.ts'
import { SECOND } from '../../../src/time.ts'
import { openWorkshop, until, type Workshop } from '../../live/collectors/workshop.ts'
import { madeFinding } from '../made-findings.ts'

let shop: Workshop
let sink: Sink | null
beforeEach(() => {
  shop = openWorkshop()
  sink = null
})
afterEach(async () => {
  await sink?.close()
  shop.remove()
})

function open(place: SyslogPlace, form: SyslogForm = 'text'): Sink {
  sink = openSyslogSink({
    place,
    facility: 4,
    form,
    severity: 2,
    timeout: 2 * SECOND,
    ca: '',
    outbox: openOutbox(shop.path('state'), 'syslog'),
    log: { info: () => {}, error: () => {} },
  })
  return sink
}

const LINE =
  `<35>1 2026-11-22T15:11:32.000007Z gw1 peertrail - port-scan - dogwood was refused at 7 ports severity=high rule=port-scan ` +
  `peer=dogwood owner=d@example.com id=${madeFinding(7).own['event.id']}`

test('a finding is one line: what happened, and who', () => {
  expect(syslogMessage(printEvent(madeFinding(7)), 4, 'text')).toBe(LINE)
  const json = syslogMessage(printEvent(madeFinding(7)), 16, 'json')
  expect(json.slice(0, 5)).toBe('<131>')
  expect(JSON.parse(json.slice(json.indexOf('{')))).toMatchObject({ rule: { id: 'port-scan' } })
})

test('whatever a log says, it is one line of 2 KiB at most, and begins nothing new', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 5000 }), (summary) => {
      const message = syslogMessage(printEvent(madeFinding(1, { summary: summary.toWellFormed() })), 4, 'text')
      expect(Buffer.byteLength(message)).toBeLessThanOrEqual(2048)
      expect(message).not.toMatch(/\p{Cc}/u)
      expect(message.startsWith('<35>1 2026-')).toBe(true)
    }),
  )
})

test('over TCP each message is counted out, and one connection takes all; a lost one is opened anew', async () => {
  const taken: string[] = []
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    sockets.push(socket)
    socket.setEncoding('utf8').on('data', (text: string) => taken.push(text))
    socket.on('error', () => {})
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
  // A server that listens on a port has such an address.
  const { port } = server.address() as AddressInfo
  const syslog = open({ transport: 'tcp', host: '127.0.0.1', port })
  await syslog.deliver([madeFinding(7), madeFinding(8)])
  await until(() => syslog.counts?.().get('sent') === 2, 'the receiver is told')
  await until(() => framesOf(taken.join('')).length === 2, 'the receiver is told')
  expect(framesOf(taken.join(''))[0]).toBe(LINE)
  expect(sockets).toHaveLength(1)
  const closed = new Promise((resolve) => sockets[0]?.once('close', resolve))
  sockets[0]?.destroy()
  await closed
  await syslog.deliver([madeFinding(9)])
  // Whether the first write after the loss is noticed is the kernel's matter: what is sent anew is seen in either case.
  await until(() => syslog.counts?.().get('sent') === 3, 'the receiver is told')
  await sink?.close()
  sink = null
  for (const socket of sockets) socket.destroy()
  await new Promise((resolve) => server.close(resolve))
})

test('over UDP a message is a datagram', async () => {
  const receiver = createSocket('udp4')
  const taken: string[] = []
  receiver.on('message', (message) => taken.push(message.toString('utf8')))
  await new Promise<void>((resolve) => receiver.bind(0, '127.0.0.1', () => resolve()))
  const syslog = open({ transport: 'udp', host: '127.0.0.1', port: receiver.address().port })
  await syslog.deliver([madeFinding(7)])
  await until(() => taken.length === 1, 'the receiver is told')
  expect(taken).toEqual([LINE])
  receiver.close()
})

test('over UDP what is too long for a datagram is refused, and holds up nothing', async () => {
  const receiver = createSocket('udp4')
  const taken: string[] = []
  receiver.on('message', (message) => taken.push(message.toString('utf8')))
  await new Promise<void>((resolve) => receiver.bind(0, '127.0.0.1', () => resolve()))
  const syslog = open({ transport: 'udp', host: '127.0.0.1', port: receiver.address().port }, 'json')
  await syslog.deliver([madeFinding(7, { summary: 'x'.repeat(70_000) }), madeFinding(8)])
  await until(() => taken.length === 1, 'the receiver is told')
  expect(taken[0]).toContain(madeFinding(8).own['event.id'])
  expect(syslog.counts?.().get('refused')).toBe(1)
  receiver.close()
})

test('however long the sentence, who it was and the id are told', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', minLength: 1000, maxLength: 5000 }), (summary) => {
      const message = syslogMessage(printEvent(madeFinding(1, { summary: summary.toWellFormed() })), 4, 'text')
      expect(message.endsWith(` peer=dogwood owner=d@example.com id=${madeFinding(1).own['event.id']}`)).toBe(true)
    }),
  )
})

test('nobody listens: it is said, and nothing is lost', async () => {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
  // As above.
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  const syslog = open({ transport: 'tcp', host: '127.0.0.1', port })
  await syslog.deliver([madeFinding(7)])
  await until(() => syslog.trouble?.() !== '', 'the receiver is told')
  expect(syslog.trouble?.()).toContain('ECONNREFUSED')
  expect(syslog.counts?.().get('waiting')).toBe(1)
})

/** RFC 6587 3.4.1: `MSG-LEN SP SYSLOG-MSG`. */
function framesOf(text: string): string[] {
  const frames: string[] = []
  let bytes = Buffer.from(text, 'utf8')
  while (bytes.length > 0) {
    const blank = bytes.indexOf(' ')
    const length = Number(bytes.toString('latin1', 0, blank))
    frames.push(bytes.toString('utf8', blank + 1, blank + 1 + length))
    bytes = bytes.subarray(blank + 1 + length)
  }
  return frames
}
