/** The command line as a program, as a person starts it. */
import { spawn } from 'node:child_process'
import { resolve } from 'node:path'

export type PeertrailEnd = { readonly status: number; readonly stdout: string; readonly stderr: string }

export type PeertrailOptions = {
  /** Beside PATH and the like; what this machine has set for peertrail is left out. */
  readonly environment?: { readonly [name: string]: string }
  readonly cwd?: string
  readonly patienceMs?: number
}

const MAIN = resolve(import.meta.dirname, '../../src/main.ts')
const PATIENCE_MS = 120_000

/** Resolves whatever its exit status is; -1 after a signal or when its time was over. */
export function runPeertrail(
  argv: readonly string[],
  { environment = {}, cwd = process.cwd(), patienceMs = PATIENCE_MS }: PeertrailOptions = {},
): Promise<PeertrailEnd> {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('PEERTRAIL_'))
  const child = spawn(process.execPath, [MAIN, ...argv], {
    cwd,
    env: { ...Object.fromEntries(own), ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: patienceMs,
    killSignal: 'SIGKILL',
  })
  const output = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output.stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output.stderr += text
  })
  return new Promise((done, failed) => {
    child.once('error', failed)
    child.once('close', (status) => done({ status: status ?? -1, ...output }))
  })
}
