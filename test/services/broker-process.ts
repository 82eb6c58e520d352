/** A broker as a process of ours on the loopback interface: started from a script that becomes the broker's JVM. */

import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Broker, BrokerOptions } from './broker-contract.ts'
import { newPrefix } from './broker-given.ts'
import { brokerPlace } from './broker-place.ts'
import type { Settings } from './engine-contract.ts'
import type { EnginePlace } from './engine-place.ts'
import { type FaultyProxy, openFaultyProxy } from './faulty-proxy.ts'
import { standStill } from './stand-still.ts'
import { waitFor } from './wait-for.ts'

/** From the start of the process to the first answer: 3 s; the first time Maven fetches 45 MB. */
const READY_MS = 180_000
/** From SIGTERM to the end. */
const STOP_MS = 30_000
const HEAP = '400m'
const LOG_LINES_SHOWN = 15
/**
 * Ports to choose from: below those Linux gives to outgoing connections (ip_local_port_range). A client that tries a closed port among
 * those can be given that very port, meets itself, and the broker finds it taken.
 */
const PORTS = { from: 21_300, count: 200 } as const
/** util-linux: the broker ends with the process that started it, even when that is killed. */
const SETPRIV = '/usr/bin/setpriv'
const HOST = '127.0.0.1'

const living = new Set<ChildProcess>()
const dirs = new Set<string>()
process.on('exit', () => {
  killBrokers()
  for (const dir of dirs) removeDir(dir)
})

/** At once, without waiting: for the end of this process. */
export function killBrokers(): void {
  for (const child of living) child.kill('SIGKILL')
}

type Life = { readonly child: ChildProcess; readonly ended: Promise<void> }

type Node = {
  readonly place: EnginePlace
  readonly dir: string
  readonly log: string
  readonly port: number
  readonly settings: Settings
}

/** Throws NoEngineError, or Error with the tail of its log. */
export async function localBroker({ settings = {}, proxies: count = 0 }: BrokerOptions): Promise<Broker> {
  const place = brokerPlace()
  const dir = mkdtempSync(join(tmpdir(), 'peertrail-broker-'))
  dirs.add(dir)
  const [port = 0, controller = 0, ...others] = await freePorts(2 + 2 * count)
  const listeners = others.slice(0, count)
  const proxies: FaultyProxy[] = []
  const own = { ...listenersOf(port, controller, listeners, others.slice(count)), ...settings }
  const node = { place, dir, log: join(dir, 'node/broker.log'), port, settings: own }
  let life: Life | null = null
  const end = async (signal: NodeJS.Signals) => {
    const ending = life
    life = null
    if (ending === null) return
    ending.child.kill(signal)
    // A stopped process takes SIGTERM only when it goes on.
    ending.child.kill('SIGCONT')
    const late = setTimeout(() => ending.child.kill('SIGKILL'), STOP_MS)
    await ending.ended
    clearTimeout(late)
  }
  const close = async () => {
    await end('SIGKILL')
    for (const proxy of proxies) await proxy.close()
    removeDir(dir)
  }
  try {
    for (const [i, target] of listeners.entries()) proxies.push(await openFaultyProxy(others[count + i] ?? 0, target))
    life = await launch(node)
  } catch (error) {
    await close()
    throw error
  }
  return {
    address: `${HOST}:${port}`,
    proxies,
    isOwn: true,
    prefix: newPrefix,
    kill: () => end('SIGKILL'),
    stop: () => end('SIGTERM'),
    async restart() {
      await end('SIGTERM')
      life = await launch(node)
    },
    pause() {
      if (life !== null && life !== undefined) standStill(life.child)
    },
    resume: () => void life?.child.kill('SIGCONT'),
    close,
  }
}

/** Each proxy's clients are told the proxy's port, because they come in by a listener of its own. */
function listenersOf(
  port: number,
  controller: number,
  listeners: readonly number[],
  proxies: readonly number[],
): Settings {
  const named = listeners.map((each, i) => ({ name: `PROXY${i}`, port: each, told: proxies[i] ?? 0 }))
  const list = (of: readonly string[]) => of.join(',')
  return {
    listeners: list([
      `PLAINTEXT://${HOST}:${port}`,
      `CONTROLLER://${HOST}:${controller}`,
      ...named.map((each) => `${each.name}://${HOST}:${each.port}`),
    ]),
    'advertised.listeners': list([
      `PLAINTEXT://${HOST}:${port}`,
      ...named.map(({ name, told }) => `${name}://${HOST}:${told}`),
    ]),
    'listener.security.protocol.map': list([
      'CONTROLLER:PLAINTEXT',
      'PLAINTEXT:PLAINTEXT',
      ...named.map(({ name }) => `${name}:PLAINTEXT`),
    ]),
    'controller.quorum.voters': `1@${HOST}:${controller}`,
  }
}

/** Resolves when it answers. */
async function launch(node: Node): Promise<Life> {
  const { place, dir, port, settings } = node
  const words = Object.entries(settings).map(([name, value]) => `${name}=${value}`)
  const argv = [place.script, String(port), join(dir, 'node'), ...words]
  const bound = existsSync(SETPRIV) ? [SETPRIV, '--pdeathsig', 'KILL', ...argv] : argv
  const said = join(dir, 'start.log')
  const file = openSync(said, 'w', 0o600)
  // A group of its own: Ctrl-C ends the tests, which end it.
  const child = spawn(bound[0] ?? '', bound.slice(1), {
    env: { ...process.env, KAFKA_HEAP: HEAP, ...place.environment },
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
  const tails = () => `${tailOf(said)}\n${tailOf(node.log)}`
  try {
    await waitFor(
      () => `the broker answers\n${tails()}`,
      () => {
        if (child.exitCode !== null || child.signalCode !== null)
          throw new Error(`the broker ended at once (${child.exitCode ?? child.signalCode}):\n${tails()}`)
        return readFileSync(said, 'utf8').includes('KAFKA READY')
      },
      READY_MS,
    )
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  }
  return { child, ended }
}

/** Nobody listens on them now. */
async function freePorts(count: number): Promise<readonly number[]> {
  const free: number[] = []
  // Another run beside this one begins elsewhere.
  const first = process.pid % PORTS.count
  for (let i = 0; i < PORTS.count && free.length < count; i++) {
    const port = PORTS.from + ((first + i) % PORTS.count)
    if (await isFree(port)) free.push(port)
  }
  if (free.length < count)
    throw new Error(`no ${count} ports are free from ${PORTS.from} to ${PORTS.from + PORTS.count - 1}`)
  return free
}

function isFree(port: number): Promise<boolean> {
  const server = createServer()
  return new Promise((done) => {
    server.once('error', () => done(false))
    server.listen(port, HOST, () => server.close(() => done(true)))
  })
}

function tailOf(log: string): string {
  const lines = existsSync(log) ? readFileSync(log, 'utf8').trimEnd().split('\n') : []
  return lines.slice(-LOG_LINES_SHOWN).join('\n')
}

/** A process that was killed just now may still have written into it. */
function removeDir(dir: string): void {
  rmSync(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 })
  dirs.delete(dir)
}
