/** Goal: who asks the running daemon gets its status, metrics and health; who should not, gets nothing; nobody holds it up. Over real sockets. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { type RequestOptions, request } from 'node:http'
import { connect, createServer, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { SOURCE_NAMES } from '../../../src/correlate/blind-spots.ts'
import { AppError } from '../../../src/errors.ts'
import { askStatus } from '../../../src/live/status/status-client.ts'
import {
  type StatusServer,
  type StatusServerOptions,
  startStatusServer,
} from '../../../src/live/status/status-server.ts'
import type { DaemonStatus } from '../../../src/live/status.ts'
import { type Micros, SECOND } from '../../../src/time.ts'
import { createListLog, openWorkshop, until, type Workshop } from '../collectors/workshop.ts'
import { catchingUp, failing, madeAlarm, madeSource, madeStatus, NOW } from './made-status.ts'

let workshop: Workshop
let servers: StatusServer[] = []
let sockets: Socket[] = []
beforeEach(() => {
  workshop = openWorkshop()
})
afterEach(async () => {
  for (const socket of sockets) socket.destroy()
  for (const server of servers) await server.close()
  servers = []
  sockets = []
  workshop.remove()
})

/** Any port of this machine, and a status that can be exchanged. */
async function start(options: Partial<StatusServerOptions> = {}) {
  const { log, logged } = createListLog()
  const told = { status: madeStatus(), turnedAt: NOW as Micros, now: NOW as Micros }
  const server = await startStatusServer({
    dir: workshop.dir,
    listen: { address: '127.0.0.1', port: 0 },
    status: () => told.status,
    turnedAt: () => told.turnedAt,
    now: () => told.now,
    log,
    ...options,
  })
  servers.push(server)
  const tell = (status: DaemonStatus) => {
    told.status = status
  }
  return { server, told, tell, logged }
}

type Got = { code: number; body: string; headers: NodeJS.Dict<string | string[]> }

function get(to: string, options: RequestOptions = {}): Promise<Got> {
  return new Promise((resolve, reject) => {
    const asked = request(new URL(to), { agent: false, ...options }, (response) => {
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (text: string) => {
        body += text
      })
      response.on('end', () => resolve({ code: response.statusCode ?? 0, body, headers: response.headers }))
    })
    asked.on('error', reject)
    asked.end()
  })
}

const errorOf = async (made: Promise<unknown>): Promise<AppError> => {
  const error = await made.then(
    () => null,
    (thrown: unknown) => thrown,
  )
  if (error instanceof AppError) return error
  throw new Error(`no AppError: ${String(error)}`)
}

describe('the socket', () => {
  test('gives the status as it is', async () => {
    const { tell } = await start({ listen: 'off' })
    for (const status of [madeStatus(), failing(), catchingUp()]) {
      tell(status)
      expect(await askStatus(workshop.dir)).toEqual(status)
    }
  })

  test('is for the group, and gone afterwards', async () => {
    const { server } = await start({ listen: 'off' })
    const path = workshop.path('status.sock')
    expect(statSync(path).mode & 0o777).toBe(0o660)
    expect(server.listening).toBe('')
    await server.close()
    servers = []
    expect(existsSync(path)).toBe(false)
    expect(await errorOf(askStatus(workshop.dir))).toMatchObject({ code: 'no-daemon' })
  })

  test('works in a directory whose path is longer than a socket may have', async () => {
    const dir = `${workshop.dir}/${'long-'.repeat(30)}/${'name-'.repeat(30)}`
    mkdirSync(dir, { recursive: true })
    const { server } = await start({ dir, listen: 'off' })
    expect(await askStatus(dir)).toEqual(madeStatus())
    await server.close()
    servers = []
    expect(existsSync(`${dir}/status.sock`)).toBe(false)
  })

  test('of a killed daemon is replaced', async () => {
    const path = workshop.path('status.sock')
    const child = spawn(process.execPath, ['-e', `require('net').createServer().listen(${JSON.stringify(path)})`])
    await until(() => existsSync(path), 'the socket of the child')
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect(existsSync(path)).toBe(true)
    expect(await errorOf(askStatus(workshop.dir))).toMatchObject({
      code: 'no-daemon',
      message: `no daemon answers at ${path}`,
    })
    await start({ listen: 'off' })
    expect(await askStatus(workshop.dir)).toEqual(madeStatus())
  })

  test('of a living daemon is left alone', async () => {
    const { tell } = await start({ listen: 'off' })
    expect(await errorOf(start({ listen: 'off' }))).toMatchObject({ code: 'state-locked' })
    tell(failing())
    expect(await askStatus(workshop.dir)).toEqual(failing())
  })

  test('of a daemon that is stopped (SIGSTOP) is left alone', async () => {
    const path = workshop.path('status.sock')
    const child = spawn(process.execPath, ['-e', `require('net').createServer().listen(${JSON.stringify(path)})`])
    await until(() => existsSync(path), 'the socket of the child')
    child.kill('SIGSTOP')
    expect(await errorOf(start({ listen: 'off' }))).toMatchObject({ code: 'state-locked' })
    expect(existsSync(path)).toBe(true)
    expect(await errorOf(askStatus(workshop.dir, { answerMs: 20 }))).toMatchObject({
      code: 'no-daemon',
      message: `no daemon answers at ${path}: no answer within 0.02 s`,
    })
    child.kill('SIGKILL')
    await once(child, 'exit')
  })

  test('does not replace a file, and says which', async () => {
    writeFileSync(workshop.path('status.sock'), 'mine')
    const error = await errorOf(start({ listen: 'off' }))
    expect(error).toMatchObject({ code: 'cannot-write' })
    expect(error.message).toContain('status.sock is there and no socket')
    expect(workshop.read('status.sock')).toBe('mine')
  })

  test('needs its directory', async () => {
    expect(await errorOf(start({ dir: workshop.path('nowhere') }))).toMatchObject({ code: 'cannot-write' })
    expect(await errorOf(askStatus(workshop.path('nowhere')))).toMatchObject({ code: 'no-daemon' })
  })

  test('leaves no descriptor behind', async () => {
    const open = () => readdirSync('/proc/self/fd').length
    const round = async () => {
      const { server } = await start()
      await askStatus(workshop.dir)
      await errorOf(start())
      await server.close()
      servers = []
    }
    await round()
    const before = open()
    for (let i = 0; i < 5; i++) await round()
    await until(() => open() <= before, 'as many descriptors as before')
  })

  test('an answer without an end is none', async () => {
    const server = createServer((socket) => {
      const more = () => void (socket.writable && socket.write('x'.repeat(1 << 20), more))
      socket.on('error', () => {})
      socket.write('HTTP/1.1 200 OK\r\n\r\n', more)
    })
    server.listen(workshop.path('status.sock'))
    await once(server, 'listening')
    const error = await errorOf(askStatus(workshop.dir))
    expect(error).toMatchObject({ code: 'no-daemon', message: expect.stringContaining('has no end') })
    server.close()
    await once(server, 'close')
  })

  test('an answer of another kind is no status', async () => {
    for (const body of ['nonsense', '{}', JSON.stringify({ ...madeStatus(), sources: 3 })]) {
      const server = createServer((socket) => {
        socket.resume()
        socket.end(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
      })
      server.listen(workshop.path('status.sock'))
      await once(server, 'listening')
      expect(await errorOf(askStatus(workshop.dir))).toMatchObject({ code: 'no-daemon' })
      server.close()
      await once(server, 'close')
    }
  })
})

describe('over HTTP', () => {
  test('health is whether the loop turned in the last 30 s', async () => {
    const { server, told } = await start()
    expect(await get(`${server.listening}/healthz`)).toMatchObject({ code: 200, body: 'ok\n' })
    told.now = NOW + 30 * SECOND
    expect(await get(`${server.listening}/healthz`)).toMatchObject({ code: 200 })
    told.now = NOW + 41 * SECOND
    expect(await get(`${server.listening}/healthz`)).toMatchObject({
      code: 503,
      body: 'the loop has not turned for 41 s\n',
    })
  })

  test.each<readonly [DaemonStatus, number, string]>([
    [madeStatus(), 200, 'ready\n'],
    [madeStatus({ state: 'starting' }), 503, 'state: starting\n'],
    [catchingUp(), 503, 'state: catching-up\n'],
    [madeStatus({ alarms: [madeAlarm({ kind: 'source-stale' }), madeAlarm({ kind: 'never-spoke' })] }), 200, 'ready\n'],
    [
      madeStatus({ alarms: [madeAlarm({ text: 'sink x takes nothing' }), madeAlarm({ kind: 'source-stale' })] }),
      503,
      'sink-failing since 2026-11-22T15:01:11.000Z: sink x takes nothing\n',
    ],
    ...['spool-full', 'disk-full', 'source-unreadable', 'collector-down', 'ledger-stale'].map(
      (kind) =>
        [
          madeStatus({ alarms: [madeAlarm({ kind, text: 't' })] }),
          503,
          `${kind} since 2026-11-22T15:01:11.000Z: t\n`,
        ] as const,
    ),
  ])('readiness %#', async (status, code, body) => {
    const { server, tell } = await start()
    tell(status)
    expect(await get(`${server.listening}/readyz`)).toMatchObject({ code, body })
  })

  test('only names of this machine are answered', async () => {
    const { server } = await start()
    const as = async (host: string) => (await get(`${server.listening}/healthz`, { headers: { host } })).code
    for (const host of ['localhost', 'LOCALHOST:9798', '127.0.0.1', '127.1.2.3:80', '[::1]:9798'])
      expect(await as(host), host).toBe(200)
    for (const host of ['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example', '10.0.0.1', '[::2]'])
      expect(await as(host), host).toBe(403)
  })

  test('only GET and HEAD, only three paths; the status is not among them', async () => {
    const { server } = await start()
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS'])
      expect((await get(`${server.listening}/metrics`, { method })).code, method).toBe(405)
    const head = await get(`${server.listening}/healthz`, { method: 'HEAD' })
    expect(head).toMatchObject({ code: 200, body: '', headers: { 'content-length': '3', connection: 'close' } })
    for (const path of ['/', '/status', '/metrics/', '//metrics', '/../status'])
      expect((await get(server.listening, { path })).code, path).toBe(404)
    expect((await get(`${server.listening}/healthz?probe=1`)).code).toBe(200)
  })

  test('metrics are in the text format of Prometheus', async () => {
    const { server } = await start()
    const { code, body, headers } = await get(`${server.listening}/metrics`)
    expect(code).toBe(200)
    expect(headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8')
    expect(body).toContain(
      '\n# TYPE peertrail_source_lines_total counter\npeertrail_source_lines_total{host="gw1",source="nftables"} 1204512\n',
    )
  })

  test('the socket answers the same questions', async () => {
    await start({ listen: 'off' })
    const socketPath = workshop.path('status.sock')
    expect((await get('http://localhost', { socketPath, path: '/readyz' })).body).toBe('ready\n')
    expect((await get('http://localhost', { socketPath, path: '/metrics' })).body).toContain('peertrail_build_info')
  })

  test('a daemon tells of sources of every name there is', async () => {
    const sources = SOURCE_NAMES.map((name) => madeSource({ name }))
    const { tell } = await start()
    tell({ ...madeStatus(), sources })
    expect((await askStatus(workshop.dir)).sources).toEqual(sources)
  })

  test('a head that is too long is refused', async () => {
    const { server } = await start()
    expect((await get(`${server.listening}/healthz`, { headers: { x: 'y'.repeat(70_000) } })).code).toBe(431)
  })

  test('a port in use is said, and stops nothing', async () => {
    const first = await start()
    const port = Number(new URL(first.server.listening).port)
    const dir = workshop.path('other')
    mkdirSync(dir)
    const second = await start({ dir, listen: { address: '127.0.0.1', port } })
    expect(second.server.listening).toBe('')
    expect(second.logged).toMatchObject([
      { level: 'error', text: `no metrics and health checks: cannot listen at 127.0.0.1:${port}: EADDRINUSE` },
    ])
    expect(await askStatus(dir)).toEqual(madeStatus())
  })

  test('localhost is the loopback interface', async () => {
    const { server } = await start({ listen: { address: 'localhost', port: 0 } })
    expect(server.listening).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
  })

  test('a status that cannot be made is a 500 and a line in the log', async () => {
    const { server, logged } = await start({
      status: () => {
        throw new Error('a bug')
      },
    })
    expect((await get(`${server.listening}/readyz`)).code).toBe(500)
    expect(logged).toMatchObject([{ level: 'error', fields: { error: 'Error: a bug' } }])
    expect((await get(`${server.listening}/healthz`)).code).toBe(200)
  })

  test('closes at once, whoever holds a connection open', async () => {
    const { server } = await start()
    const port = Number(new URL(server.listening).port)
    const silent = connect(port, '127.0.0.1')
    const slow = connect(port, '127.0.0.1')
    const local = connect(workshop.path('status.sock'))
    sockets.push(silent, slow, local)
    await Promise.all([silent, slow, local].map((socket) => once(socket, 'connect')))
    slow.write('GET /metrics HTTP/1.1\r\nHost: local')
    for (const socket of sockets) socket.on('error', () => {})
    const ends = sockets.map((socket) => new Promise((resolve) => socket.on('close', resolve)))
    const before = performance.now()
    await server.close()
    servers = []
    await Promise.all(ends)
    expect(performance.now() - before).toBeLessThan(1_000)
  })
})
