/** Goal: who asks the running daemon gets its status, metrics and health; who should not, gets nothing; nobody holds it up. Over real sockets. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { type RequestOptions, request } from 'node:http'
import { connect, createServer, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { AppError } from '../../src/errors.ts'
import type { DaemonStatus } from '../../src/live/status.ts'
import { askStatus } from '../../src/live/status-client.ts'
import { type StatusServer, type StatusServerOptions, startStatusServer } from '../../src/live/status-server.ts'
import { MINUTE, type Micros, SECOND } from '../../src/time.ts'
import { catchingUp, failing, madeAlarm, madeSink, madeSource, madeStatus, NOW } from './made-status.ts'
import { createListLog, openWorkshop, until, type Workshop } from './workshop.ts'

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

  test('the socket answers the same questions', async () => {
    await start({ listen: 'off' })
    const socketPath = workshop.path('status.sock')
    expect((await get('http://localhost', { socketPath, path: '/readyz' })).body).toBe('ready\n')
    expect((await get('http://localhost', { socketPath, path: '/metrics' })).body).toContain('peertrail_build_info')
  })

  test('a head that is too long is refused', async () => {
    const { server } = await start()
    expect((await get(`${server.listening}/healthz`, { headers: { x: 'y'.repeat(9_000) } })).code).toBe(431)
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

describe('metrics', () => {
  /** `name{labels}` to value; checks the form of every line. */
  async function scrape(status: DaemonStatus): Promise<Map<string, number>> {
    const { server, tell } = await start()
    tell(status)
    const { body, headers } = await get(`${server.listening}/metrics`)
    expect(headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8')
    const values = new Map<string, number>()
    for (const line of body.split('\n').filter((each) => each !== '' && !each.startsWith('#'))) {
      const [, series = '', value = ''] = /^(peertrail_[a-z_]+(?:\{.*\})?) (-?[\d.e+]+)$/.exec(line) ?? []
      expect(series, line).not.toBe('')
      expect(values.has(series), line).toBe(false)
      values.set(series, Number(value))
    }
    return values
  }

  test('say what the status says, by host and source', async () => {
    const values = await scrape(
      madeStatus({
        sources: [
          madeSource({
            lines: 10,
            records: 7,
            unparsed: 2,
            suspect: 1,
            bytes: 900,
            behind: 5,
            lostBytes: 3,
            waiting: 4,
          }),
          madeSource({
            path: '/var/log/ulogd.json',
            lines: 1,
            records: 1,
            behind: 1,
            newestAt: NOW - MINUTE,
            problem: 'EIO',
          }),
          madeSource({ host: 'db "1"\n', name: 'auditd', newestAt: null }),
        ],
        sinks: [madeSink(), madeSink({ name: 'ndjson', error: 'ENOSPC', waiting: 12, spoolBytes: 99 })],
        alarms: [madeAlarm(), madeAlarm({ about: 'ndjson' }), madeAlarm({ kind: 'new-kind' })],
      }),
    )
    const expected = {
      'peertrail_build_info{version="0.1.0"}': 1,
      'peertrail_state{state="running"}': 1,
      'peertrail_state{state="blocked"}': 0,
      peertrail_start_time_seconds: NOW / SECOND - 3 * 86_400 - 7_200,
      peertrail_watermark_age_seconds: 1.4,
      'peertrail_source_lines_total{host="gw1",source="nftables"}': 11,
      'peertrail_source_records_total{host="gw1",source="nftables"}': 8,
      'peertrail_source_unparsed_total{host="gw1",source="nftables"}': 2,
      'peertrail_source_suspect_total{host="gw1",source="nftables"}': 1,
      'peertrail_source_lost_bytes_total{host="gw1",source="nftables"}': 3,
      'peertrail_source_behind_bytes{host="gw1",source="nftables"}': 6,
      'peertrail_source_waiting_records{host="gw1",source="nftables"}': 7,
      'peertrail_source_readable{host="gw1",source="nftables"}': 0,
      'peertrail_source_newest_record_age_seconds{host="gw1",source="nftables"}': 1.2,
      'peertrail_source_readable{host="db \\"1\\"\\n",source="auditd"}': 1,
      'peertrail_documents_total{dataset="wireguard.flow"}': 801_990,
      'peertrail_sink_failing{sink="store"}': 0,
      'peertrail_sink_failing{sink="ndjson"}': 1,
      'peertrail_sink_waiting_documents{sink="ndjson"}': 12,
      'peertrail_sink_spool_bytes{sink="ndjson"}': 99,
      'peertrail_sink_accepted_documents_total{sink="store"}': 1_530_118,
      peertrail_checkpoint_age_seconds: 4.1,
      peertrail_open_flows: 1_204,
      peertrail_late_records_total: 0,
      peertrail_resident_memory_bytes: 212_400_000,
      'peertrail_alarms{kind="sink-failing"}': 2,
      'peertrail_alarms{kind="ledger-stale"}': 0,
      'peertrail_alarms{kind="state-set-aside"}': 0,
      'peertrail_alarms{kind="new-kind"}': 1,
      'peertrail_collector_running{collector="gw1 conntrack"}': 1,
    }
    expect(Object.fromEntries(Object.keys(expected).map((key) => [key, values.get(key)]))).toEqual(expected)
    expect([...values.keys()].filter((key) => key.includes('newest_record_age') && key.includes('auditd'))).toEqual([])
  })

  test('of a daemon that has only started have no ages', async () => {
    const values = await scrape(
      madeStatus({
        sources: [],
        sinks: [],
        documents: {},
        collectors: [],
        watermark: null,
        checkpoint: { at: null, bytes: 0, error: 'x' },
      }),
    )
    expect([...values.keys()].filter((key) => key.includes('_age_'))).toEqual([])
    expect(values.get('peertrail_checkpoint_failing')).toBe(1)
  })

  test('a source that is no longer followed leaves no series', async () => {
    const { server, tell } = await start()
    expect((await get(`${server.listening}/metrics`)).body).toContain('source="conntrack"')
    tell(madeStatus({ sources: [madeSource()] }))
    expect((await get(`${server.listening}/metrics`)).body).not.toContain('source="conntrack"')
  })
})
