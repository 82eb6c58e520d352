/**
 * The Elasticsearch of docker-compose.yml, each time as a project of its own name, port and volume: what a person has started from that
 * file is left alone. Its security is off there, so suites with users and TLS use the engines beside the checkout.
 */
import { spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Connection } from '../../src/elasticsearch/connection.ts'
import type { Engine, EngineOptions, Settings } from './engine-contract.ts'

const FILE = resolve(import.meta.dirname, '../../docker-compose.yml')
const SERVICE = 'elasticsearch'
const INSIDE_PORT = 9200
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

/** Whether such an engine can be had from Docker. */
export function isComposeThere({ kind, tls, security = false }: EngineOptions): boolean {
  if (kind !== 'elasticsearch-9' || tls !== undefined || security || !existsSync(FILE)) return false
  answers[0] ??= spawnSync('docker', ['info'], { timeout: ASK_MS, stdio: 'ignore' }).status === 0
  return answers[0]
}

/** Resolves when its health check says that it is up. Throws with what Docker said. */
export async function composeEngine({ kind, settings = {} }: EngineOptions): Promise<Engine> {
  const project = `peertrail-test-${randomBytes(4).toString('hex')}`
  const dir = mkdtempSync(join(tmpdir(), `${project}-`))
  // A port that Docker chose would be another one after a restart.
  const port = await freePort()
  const more = join(dir, 'more.yml')
  const compose = (...argv: readonly string[]) => ['compose', '-p', project, '-f', FILE, '-f', more, ...argv]
  const up = async (wanted: Settings) => {
    writeFileSync(more, moreOf(port, wanted))
    await docker(compose('up', '--detach', '--wait', '--no-deps', SERVICE))
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
  const url = `http://127.0.0.1:${port}`
  const connection: Connection = { url, auth: { kind: 'none' }, caFile: '', fingerprint: '' }
  const signal = (word: 'pause' | 'unpause') => void spawnSync('docker', compose(word, SERVICE), { stdio: 'ignore' })
  return {
    kind,
    url,
    connection,
    isOwn: true,
    kill: () => docker(compose('kill', '--signal', 'SIGKILL', SERVICE)),
    stop: () => docker(compose('stop', SERVICE)),
    async restart(changed = {}) {
      await docker(compose('stop', SERVICE))
      await up({ ...settings, ...changed })
    },
    pause: () => signal('pause'),
    resume: () => signal('unpause'),
    close,
  }
}

/** What differs from the file: the port, and settings, which the image takes from its environment. JSON is YAML. */
function moreOf(port: number, settings: Settings): string {
  const ports = JSON.stringify([`127.0.0.1:${port}:${INSIDE_PORT}`])
  const environment = JSON.stringify(settings)
  return `services:\n  ${SERVICE}:\n    ports: !override ${ports}\n    environment: ${environment}\n`
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
