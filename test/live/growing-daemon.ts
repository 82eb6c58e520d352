/** A daemon that follows the growing logs of the demo capture (growing-logs.ts), as a process of its own that may be killed. */
import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'

const MAIN = new URL('../../src/main.ts', import.meta.url).pathname

/** `sinks`: one line of YAML below `sinks:`. */
export function growingPipeline(sinks: string): string {
  const files = ['gw1', 'gw2'].map(
    (host) => `  - { type: nftables, host: ${host}, path: ${host}/kern.log }
  - { type: nftables-ruleset, host: ${host}, path: ${host}/ruleset.json }
  - { type: conntrack, host: ${host}, path: ${host}/conntrack.log }
  - { type: wireguard, host: ${host}, path: ${host}/wg.snapshots }
`,
  )
  const audited = ['app1', 'db1'].map((host) => `  - { type: auditd, host: ${host}, path: ${host}/audit.log }\n`)
  return `hosts: { gw2: { timezone: UTC } }
listen: 'off'
state: { dir: state }
inventory: inventory.yaml
sources:
${files.join('')}${audited.join('')}sinks:
  ${sinks}
`
}

/** Said by a daemon about itself and what it waits for; a replay has no such thing. */
export const LIVE_ONLY = /"action":"source-(?:started|stopped)"|"reason":"never-spoke"/

/** Without the time of making. A file is called as it was when it was read: live by its first name, in a capture by its last. */
export function comparable(line: string): string {
  return line.replace(/"created":"[^"]*",/, '').replace(/"file":"([a-z.]+?)(?:\.\d+)?"/, '"file":"$1"')
}

export type GrowingDaemon = { readonly child: ChildProcess; readonly ended: Promise<void>; said(): string }

/** Reads `live.yaml` in `dir`. `crashAt`: a named point at which it kills itself, '' = none. */
export function startDaemon(
  dir: string,
  { crashAt = '', options = [] }: { readonly crashAt?: string; readonly options?: readonly string[] },
): GrowingDaemon {
  const child = spawn(process.execPath, [MAIN, 'run', '--pipeline', join(dir, 'live.yaml'), ...options], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, PEERTRAIL_CRASH_AT: crashAt },
  })
  let said = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  return { child, ended: new Promise((resolve) => void child.on('exit', () => resolve())), said: () => said }
}
