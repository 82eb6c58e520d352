/**
 * One service of docker-compose.yml, each time as a project of its own name, port and volume: what a person has started from that file
 * is left alone.
 */
import { spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Settings } from './engine-contract.ts'

export type ComposeService = {
  /** As the file calls it. */
  readonly name: string
  /** Port inside the container that is wanted outside. */
  readonly insidePort: number
  /** What the image takes from its environment, beside what the file says; `port` is the one outside. */
  readonly environment: (port: number, settings: Settings) => Settings
}

export type ComposeProject = {
  /** On 127.0.0.1; stays the same over `restart`. */
  readonly port: number
  kill(): Promise<void>
  stop(): Promise<void>
  restart(settings?: Settings): Promise<void>
  pause(): void
  resume(): void
  /** With its volumes. */
  close(): Promise<void>
}

const FILE = resolve(import.meta.dirname, '../../docker-compose.yml')
/** The image may have to be fetched. */
const PATIENCE_MS = 600_000
const ASK_MS = 10_000

/** How to take away each project that runs. */
const running = new Map<string, readonly string[]>()
/** What Docker answered, asked once. */
const answers: boolean[] = []
process.on('exit', () => {
  for (const argv of running.values()) spawnSync('docker', argv, { timeout: PATIENCE_MS, stdio: 'ignore' })
})

/** Whether the file is there and an engine of Docker answers. */
export function isDockerThere(): boolean {
  if (!existsSync(FILE)) return false
  answers[0] ??= spawnSync('docker', ['info'], { timeout: ASK_MS, stdio: 'ignore' }).status === 0
  return answers[0]
}

/** Resolves when its health check says that it is up. Throws with what Docker said. */
export async function openComposeProject(service: ComposeService, settings: Settings): Promise<ComposeProject> {
  const project = `peertrail-test-${randomBytes(4).toString('hex')}`
  const dir = mkdtempSync(join(tmpdir(), `${project}-`))
  // A port that Docker chose would be another one after a restart.
  const port = await freePort()
  const more = join(dir, 'more.yml')
  const { name } = service
  const compose = (...argv: readonly string[]) => ['compose', '-p', project, '-f', FILE, '-f', more, ...argv]
  const up = async (wanted: Settings) => {
    writeFileSync(more, moreOf(service, port, wanted))
    await docker(compose('up', '--detach', '--wait', '--no-deps', name))
  }
  const down = compose('down', '--volumes', '--timeout', '0')
  running.set(project, down)
  const close = async () => {
    await docker(down)
    running.delete(project)
    rmSync(dir, { recursive: true, force: true })
  }
  try {
    await up(settings)
  } catch (error) {
    await close()
    throw error
  }
  const signal = (word: 'pause' | 'unpause') => void spawnSync('docker', compose(word, name), { stdio: 'ignore' })
  return {
    port,
    kill: () => docker(compose('kill', '--signal', 'SIGKILL', name)),
    stop: () => docker(compose('stop', name)),
    async restart(changed = {}) {
      await docker(compose('stop', name))
      await up({ ...settings, ...changed })
    },
    pause: () => signal('pause'),
    resume: () => signal('unpause'),
    close,
  }
}

/** What differs from the file. JSON is YAML. */
function moreOf({ name, insidePort, environment }: ComposeService, port: number, settings: Settings): string {
  const ports = JSON.stringify([`127.0.0.1:${port}:${insidePort}`])
  const more = JSON.stringify(environment(port, settings))
  return `services:\n  ${name}:\n    ports: !override ${ports}\n    environment: ${more}\n`
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((done) => void server.listen(0, '127.0.0.1', done))
  // A server that listens on a port has an address of this shape.
  const { port } = server.address() as AddressInfo
  await new Promise<void>((done) => void server.close(() => done()))
  return port
}

function docker(argv: readonly string[]): Promise<void> {
  const child = spawn('docker', argv, { stdio: ['ignore', 'ignore', 'pipe'], timeout: PATIENCE_MS })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-2_000)
  })
  return new Promise((done, failed) => {
    child.once('error', failed)
    child.once('close', (status) => {
      if (status === 0) done()
      else failed(new Error(`docker ${argv.slice(-4).join(' ')} ended with ${status}:\n${said}`))
    })
  })
}
