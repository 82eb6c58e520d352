/** The webhook against a real HTTP server on loopback that refuses, is slow, redirects and comes back. */
import { createHmac } from 'node:crypto'
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { AppError } from '../../../src/errors.ts'
import { type Outbox, openOutbox } from '../../../src/sinks/notices/outbox.ts'
import type { Sink } from '../../../src/sinks/sink.ts'
import { parseTemplate, type Template, wholeDocument } from '../../../src/sinks/webhook/template.ts'
import { openWebhookSink } from '../../../src/sinks/webhook.ts'
import { SECOND } from '../../../src/time.ts'
import { openWorkshop, until, type Workshop } from '../../live/collectors/workshop.ts'
import { madeEvent } from '../../store/made-events.ts'
import { madeFinding } from '../made-findings.ts'

type Got = { readonly headers: IncomingHttpHeaders; readonly body: string }

let shop: Workshop
let server: Server
let sink: Sink | null
let got: Got[]
let said: string[]
let template: Template
/** Null = one of its own. */
let outbox: Outbox | null
/** How the nth request is answered. */
let answer: (n: number, response: ServerResponse) => void

beforeEach(async () => {
  shop = openWorkshop()
  got = []
  said = []
  sink = null
  outbox = null
  template = wholeDocument
  answer = (_, response) => response.writeHead(204).end()
  server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (piece: string) => {
      body += piece
    })
    request.on('end', () => {
      got.push({ headers: request.headers, body })
      answer(got.length, response)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
})
afterEach(async () => {
  await sink?.close()
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  shop.remove()
})

function open(timeout = 5 * SECOND): Sink {
  // A server that listens on a port has such an address.
  const { port } = server.address() as AddressInfo
  sink = openWebhookSink({
    url: `http://127.0.0.1:${port}/hook`,
    headers: { Authorization: 'Bearer token-7' },
    secret: 'hush',
    template,
    severity: 3,
    timeout,
    ca: '',
    outbox: outbox ?? openOutbox(shop.path('state'), 'webhook'),
    log: { info: (_, text) => said.push(text), error: (_, text) => said.push(text) },
    now: () => 1_795_360_400 * SECOND,
  })
  return sink
}

const idOf = (n: number) => madeFinding(n).own['event.id']

test('findings of the severity are posted one by one, signed; nothing else is', async () => {
  const webhook = open()
  expect(webhook.takes?.(madeEvent(0))).toBe(false)
  expect(webhook.takes?.(madeFinding(1, { severity: 2 }))).toBe(false)
  expect(webhook.takes?.(madeFinding(1, { excused: true }))).toBe(false)
  await webhook.deliver([madeFinding(1), madeFinding(2, { severity: 4 })])
  await until(() => webhook.counts?.().get('sent') === 2, 'the receiver is told')
  expect(got.map(({ headers }) => headers['webhook-id'])).toEqual([idOf(1), idOf(2)])
  const [{ headers, body } = { headers: {}, body: '' }] = got
  expect(JSON.parse(body)).toMatchObject({ rule: { id: 'port-scan' }, event: { id: idOf(1) } })
  const signed = createHmac('sha256', 'hush')
    .update(`${idOf(1)}.1795360400.${body}`)
    .digest('base64')
  expect(headers).toMatchObject({
    authorization: 'Bearer token-7',
    'content-type': 'application/json',
    'webhook-signature': `v1,${signed}`,
  })
})

test('a receiver that is away holds up nothing, and gets the same notice when it is back', async () => {
  answer = (n, response) => response.writeHead(n === 1 ? 503 : 200, { 'retry-after': '0' }).end('overloaded\u001b[2J')
  const webhook = open()
  await webhook.deliver([madeFinding(1)])
  await until(() => webhook.trouble?.() !== '', 'the receiver is told')
  expect(webhook.trouble?.()).toContain('it answered 503: overloaded')
  expect(webhook.trouble?.()).not.toContain('\u001b')
  await until(() => webhook.counts?.().get('sent') === 1, 'the receiver is told')
  expect(got.map(({ headers }) => headers['webhook-id'])).toEqual([idOf(1), idOf(1)])
  expect(webhook.trouble?.()).toBe('')
  expect(said.at(-1)).toBe('webhook can be told again')
  expect(said.join()).not.toContain('token-7')
})

test('what it refuses for good is counted and said, and the next one goes on', async () => {
  answer = (n, response) => response.writeHead(n === 1 ? 422 : 200).end('no such field')
  const webhook = open()
  await webhook.deliver([madeFinding(1), madeFinding(2)])
  await until(() => webhook.counts?.().get('sent') === 1, 'the receiver is told')
  expect(webhook.counts?.().get('refused')).toBe(1)
  expect(said).toContain('webhook refuses a finding: it answered 422: no such field')
})

test('a redirect is not followed, and a wrong token is no end', async () => {
  answer = (n, response) => response.writeHead(n === 1 ? 302 : 401, { location: '/elsewhere' }).end()
  const webhook = open()
  await webhook.deliver([madeFinding(1)])
  await until(() => got.length === 2, 'the receiver is told')
  await until(() => webhook.trouble?.() === 'it answered 401', 'the receiver is told')
  expect(webhook.counts?.().get('waiting')).toBe(1)
})

test('after a restart what waited goes out, and what was sent does not, though the pipeline brings it again', async () => {
  answer = (n, response) => response.writeHead(n === 1 ? 200 : 503).end()
  const before = open()
  await before.deliver([madeFinding(1), madeFinding(2)])
  await until(() => got.length >= 2, 'the receiver is told')
  await before.close()
  const asked = got.length
  answer = (_, response) => response.writeHead(200).end()
  const after = open()
  await after.deliver([madeFinding(1), madeFinding(2), madeFinding(3)])
  await until(() => after.counts?.().get('sent') === 2, 'the receiver is told')
  expect(got.slice(asked).map(({ headers }) => headers['webhook-id'])).toEqual([idOf(2), idOf(3)])
})

test('one that never answers is given up in time, and closing waits for nobody', async () => {
  answer = () => {}
  const webhook = open(SECOND / 5)
  await webhook.deliver([madeFinding(1)])
  await until(() => webhook.trouble?.() === 'no answer in time', 'the receiver is told')
  await webhook.close()
  sink = null
})

test('an answer that is none at all is tried again', async () => {
  answer = (n, response) => {
    if (n > 1) response.writeHead(200).end()
    else response.socket?.end('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n')
  }
  const webhook = open()
  await webhook.deliver([madeFinding(1)])
  await until(() => webhook.counts?.().get('sent') === 1, 'the receiver is told')
  expect(got).toHaveLength(2)
})

test('what it answers may hold what it was sent: no secret is shown', async () => {
  answer = (_, response) => response.writeHead(401).end('not valid: Bearer token-7 (hush)')
  const webhook = open()
  await webhook.deliver([madeFinding(1)])
  await until(() => webhook.trouble?.() !== '', 'the receiver is told')
  expect(webhook.trouble?.()).toBe('it answered 401: not valid: [hidden] ([hidden])')
  expect(said.join()).not.toMatch(/token-7|hush/)
})

test('what waits at a stop is still told, if the receiver answers', async () => {
  const webhook = open()
  await webhook.deliver(Array.from({ length: 30 }, (_, n) => madeFinding(n + 1)))
  await webhook.close()
  sink = null
  expect(got).toHaveLength(30)
  expect(webhook.counts?.().get('waiting')).toBe(0)
})

test('a receiver that is away holds up no stop; what waits is said, and told at the next start', async () => {
  answer = (_, response) => response.writeHead(503).end()
  const first = open()
  await first.deliver([madeFinding(1)])
  await until(() => first.trouble?.() !== '', 'the receiver is told')
  await first.close()
  expect(said.at(-1)).toBe('webhook: 1 not told yet; they are at the next start')
  answer = (_, response) => response.writeHead(200).end()
  const next = open()
  await until(() => next.counts?.().get('sent') === 1, 'the receiver is told')
})

test('a notice that no message can be made of is refused, and the next one goes on', async () => {
  const outbox = openOutbox(shop.path('state'), 'webhook')
  outbox.add([{ id: 'n1', document: '{"event":}' }])
  outbox.close()
  template = parseTemplate('{"text": "{{rule.name}}"}', 'alert.json')
  const webhook = open()
  await webhook.deliver([madeFinding(1)])
  await until(() => webhook.counts?.().get('sent') === 1, 'the receiver is told')
  expect(webhook.counts?.().get('refused')).toBe(1)
  expect(got.map(({ body }) => body)).toEqual(['{"text":"Port scan"}'])
})

test('an outbox that cannot be written for a while: nobody is told twice, and it goes on', async () => {
  const real = openOutbox(shop.path('state'), 'webhook')
  let isFull = true
  outbox = {
    ...real,
    get first() {
      return real.first
    },
    get waiting() {
      return real.waiting
    },
    add(notices) {
      real.add(notices)
    },
    done(id) {
      real.done(id)
      if (isFull) throw new AppError('cannot-write', 'the disk is full')
    },
  }
  const webhook = open()
  await webhook.deliver([madeFinding(1)])
  await until(() => said.length > 0, 'it is said')
  isFull = false
  await webhook.deliver([madeFinding(1), madeFinding(2)])
  await until(() => webhook.counts?.().get('sent') === 2, 'the receiver is told')
  expect(got.map(({ headers }) => headers['webhook-id'])).toEqual([idOf(1), idOf(2)])
  expect(said).toEqual(['webhook was told, and that could not be noted: the disk is full'])
})
