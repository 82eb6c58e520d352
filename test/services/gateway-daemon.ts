/** `peertrail run` on a small gateway made up here: a packet log that grows when told to, and polls that go on. */
import { type ChildProcess, spawn } from 'node:child_process'
import { appendFileSync, closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { GATEWAY, PREFIX, packetLine, snapshotText } from '../faults/gateway-lines.ts'

export type GatewayDaemon = {
  /** So many packets more are logged. */
  readonly log: (packets: number) => void
  readonly start: (environment: { readonly [name: string]: string }) => void
  /** SIGTERM; resolves with its exit status. */
  readonly stop: () => Promise<number>
  readonly isRunning: () => boolean
  /** Everything it wrote, of all its lives. */
  readonly said: () => string
  /** Ends whatever runs. */
  readonly close: () => Promise<void>
}

const MAIN = resolve(import.meta.dirname, '../../src/main.ts')
const POLL_MS = 250
/** SIGTERM lets it try to deliver what it holds. */
const STOP_MS = 60_000

/** `sinks`: the lines of its pipeline file. */
export function createGatewayDaemon(dir: string, sinks: string): GatewayDaemon {
  mkdirSync(dir, { recursive: true })
  const at = (name: string) => join(dir, name)
  writeFileSync(
    at('pipeline.yaml'),
    `name: services
listen: 'off'
state: { dir: state }
hosts:
  ${GATEWAY}: { poll: ${POLL_MS}ms, prefixes: [{ match: '${PREFIX}', verdict: accepted }] }
sources:
  - { type: nftables, host: ${GATEWAY}, path: kern.log }
  - { type: wireguard, host: ${GATEWAY}, path: wg.snapshots }
${sinks}
`,
  )
  const now = () => Date.now() * 1000
  const bootedAt = now()
  const snapshot = () => appendFileSync(at('wg.snapshots'), snapshotText(now()))
  snapshot()
  appendFileSync(at('kern.log'), '')
  const polls = setInterval(snapshot, POLL_MS)
  let number = 0
  let life: { child: ChildProcess; ended: Promise<number> } | null = null

  const stop = async () => {
    const own = life
    if (own === null) return -1
    own.child.kill('SIGTERM')
    const late = setTimeout(() => own.child.kill('SIGKILL'), STOP_MS)
    const status = await own.ended
    clearTimeout(late)
    life = null
    return status
  }
  return {
    log(packets) {
      const lines = Array.from({ length: packets }, () => packetLine(number++, now(), bootedAt))
      appendFileSync(at('kern.log'), lines.join(''))
    },
    start(environment) {
      const log = openSync(at('daemon.log'), 'a', 0o600)
      const own = Object.entries(process.env).filter(([name]) => !name.startsWith('PEERTRAIL_'))
      const child = spawn(process.execPath, [MAIN, 'run', '--pipeline', at('pipeline.yaml')], {
        stdio: ['ignore', log, log],
        env: { ...Object.fromEntries(own), ...environment },
      })
      closeSync(log)
      const ended = new Promise<number>((done) => void child.once('exit', (status) => done(status ?? -1)))
      life = { child, ended }
    },
    stop,
    isRunning: () => life !== null && life.child.exitCode === null && life.child.signalCode === null,
    said: () => readFileSync(at('daemon.log'), 'utf8'),
    async close() {
      clearInterval(polls)
      life?.child.kill('SIGKILL')
      await life?.ended
    },
  }
}
