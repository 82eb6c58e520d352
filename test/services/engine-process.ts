/** An engine as a process of ours on the loopback interface: started from a script that becomes the server's JVM. */

import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Client } from '@elastic/elasticsearch'
import { type Connection, connect } from '../../src/elasticsearch/connection.ts'
import { type Engine, type EngineKind, type EngineOptions, NoEngineError, type Settings } from './engine-contract.ts'
import { type EnginePlace, enginePlace } from './engine-place.ts'
import { standStill } from './stand-still.ts'
import { waitFor } from './wait-for.ts'

/** From the start of the process to the first answer; 5 to 8 s on two idle cores. */
const READY_MS = 90_000
/** From SIGTERM to the end. */
const STOP_MS = 30_000
/** Of Java: enough for some 100 000 documents of ours. */
const HEAP = '512m'
const LOG_LINES_SHOWN = 15
/** util-linux: the engine ends with the process that started it, even when that is killed. */
const SETPRIV = '/usr/bin/setpriv'

const living = new Set<ChildProcess>()
const dirs = new Set<string>()
const places = new Map<EngineKind, EnginePlace>()
process.on('exit', () => {
  killEngines()
  for (const dir of dirs) removeDir(dir)
})

/** At once, without waiting: for the end of this process. */
export function killEngines(): void {
  for (const child of living) child.kill('SIGKILL')
}

type Life = { readonly child: ChildProcess; readonly ended: Promise<void> }

/** Throws NoEngineError, or Error with the tail of its log. */
export async function localEngine(options: EngineOptions): Promise<Engine> {
  const { kind, tls, security = false } = options
  if (kind === 'opensearch' && (tls !== undefined || security))
    throw new NoEngineError('OpenSearch comes without its security plugin here')
  const place = places.get(kind) ?? enginePlace(kind)
  places.set(kind, place)
  const dir = mkdtempSync(join(tmpdir(), 'peertrail-engine-'))
  dirs.add(dir)
  const node = { place, dir, log: join(dir, 'engine.log'), settings: settingsOf(options) }
  const password = security ? randomBytes(12).toString('hex') : ''
  try {
    // Asked of the kernel by the engine itself; it says which port it was given.
    let life: Life | null = launch(node, 0, password)
    const port = await portOf(node, life)
    const connection: Connection = {
      url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
      auth: security ? { kind: 'basic', username: 'elastic', password } : { kind: 'none' },
      caFile: tls?.ca ?? '',
      fingerprint: '',
    }
    await answers(node, life, connection)
    const end = async (signal: NodeJS.Signals) => {
      const own = life
      life = null
      if (own === null) return
      own.child.kill(signal)
      // A stopped process takes SIGTERM only when it goes on.
      own.child.kill('SIGCONT')
      const late = setTimeout(() => own.child.kill('SIGKILL'), STOP_MS)
      await own.ended
      clearTimeout(late)
    }
    return {
      kind,
      url: connection.url,
      connection,
      isOwn: true,
      kill: () => end('SIGKILL'),
      stop: () => end('SIGTERM'),
      async restart(settings = {}) {
        await end('SIGTERM')
        life = launch({ ...node, settings: { ...node.settings, ...settings } }, port, password)
        await answers(node, life, connection)
      },
      pause() {
        if (life !== null && life !== undefined) standStill(life.child)
      },
      resume: () => void life?.child.kill('SIGCONT'),
      async close() {
        await end('SIGKILL')
        removeDir(dir)
      },
    }
  } catch (error) {
    killIn(dir)
    removeDir(dir)
    throw error
  }
}

type EngineNode = {
  readonly place: EnginePlace
  readonly dir: string
  readonly log: string
  readonly settings: Settings
}

function settingsOf({ settings = {}, tls }: EngineOptions): Settings {
  return {
    'node.portsfile': 'true',
    ...(tls === undefined
      ? {}
      : {
          'xpack.security.http.ssl.enabled': 'true',
          'xpack.security.http.ssl.certificate': tls.certificate,
          'xpack.security.http.ssl.key': tls.key,
        }),
    ...settings,
  }
}

function launch({ place, dir, log, settings }: EngineNode, port: number, password: string): Life {
  const home = join(dir, 'node')
  // It writes the port into this folder and does not make it.
  mkdirSync(join(home, 'logs'), { recursive: true })
  rmSync(portsFile(dir), { force: true })
  const words = Object.entries(settings).map(([name, value]) => `${name}=${value}`)
  const secret = password === '' ? [] : [`bootstrap.password=${password}`]
  const argv = [place.script, String(port), home, ...words, ...secret]
  const bound = existsSync(SETPRIV) ? [SETPRIV, '--pdeathsig', 'KILL', ...argv] : argv
  const file = openSync(log, 'a', 0o600)
  // A group of its own: Ctrl-C ends the tests, which end it.
  const child = spawn(bound[0] ?? '', bound.slice(1), {
    env: { ...process.env, ENGINE_HEAP: HEAP, ...place.environment },
    stdio: ['ignore', file, file],
    detached: true,
    cwd: dir,
  })
  closeSync(file)
  living.add(child)
  const ended = new Promise<void>((done) => {
    child.once('exit', () => {
      living.delete(child)
      done()
    })
  })
  return { child, ended }
}

async function portOf(node: EngineNode, life: Life): Promise<number> {
  return waitFor(
    () => `the engine listens\n${tailOf(node.log)}`,
    () => {
      mustLive(node, life)
      const text = existsSync(portsFile(node.dir)) ? readFileSync(portsFile(node.dir), 'utf8') : ''
      const port = /127\.0\.0\.1:(\d+)/.exec(text)?.[1]
      return port === undefined ? null : Number(port)
    },
    READY_MS,
  )
}

/** Until it lets us in and every shard it has is there. */
async function answers(node: EngineNode, life: Life, connection: Connection): Promise<void> {
  const client = connect(connection, { timeoutMs: 5_000 })
  try {
    await waitFor(
      () => `${connection.url} answers\n${tailOf(node.log)}`,
      async () => {
        mustLive(node, life)
        try {
          const health = { wait_for_status: 'yellow', timeout: '3s' } as const
          return (await client.cluster.health(health)).timed_out === false && (await knowsItsUsers(client, connection))
        } catch {
          return false
        }
      },
      READY_MS,
    )
  } finally {
    await client.close()
  }
}

/**
 * A new node makes the index of its users and roles in the background; until that stands, questions are answered with 503 now and then.
 * Writing a role waits for it.
 */
async function knowsItsUsers(client: Client, { auth }: Connection): Promise<boolean> {
  if (auth.kind === 'none') return true
  const path = '/_security/role/test-engine-ready'
  await client.transport.request({ method: 'PUT', path, body: { cluster: [] } })
  await client.transport.request({ method: 'DELETE', path })
  return true
}

function mustLive({ log }: EngineNode, { child }: Life): void {
  if (child.exitCode === null && child.signalCode === null) return
  throw new Error(`the engine ended at once (${child.exitCode ?? child.signalCode}):\n${tailOf(log)}`)
}

function tailOf(log: string): string {
  const lines = existsSync(log) ? readFileSync(log, 'utf8').trimEnd().split('\n') : []
  return lines.slice(-LOG_LINES_SHOWN).join('\n')
}

function portsFile(dir: string): string {
  return join(dir, 'node/logs/http.ports')
}

/** A process that was killed just now may still have written into it. */
function removeDir(dir: string): void {
  rmSync(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 })
  dirs.delete(dir)
}

/** Those whose start failed half way. */
function killIn(dir: string): void {
  for (const child of living) if (child.spawnargs.some((word) => word.startsWith(dir))) child.kill('SIGKILL')
}
