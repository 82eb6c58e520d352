/**
 * The demo capture written as growing, rotating logs while the daemon that follows them is killed five times: what comes of it is
 * what a replay gives, document by document.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { scheduler } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { DEMO, replayCapture } from '../replay-capture.ts'
import { openGrowingLogs } from './growing-logs.ts'

const MAIN = new URL('../../src/main.ts', import.meta.url).pathname
/** How each life ends: by SIGKILL when its share of the logs is written, or at a crash point. */
const LIVES = ['', 'checkpoint-committed:1', 'checkpoint-written:1', '', 'checkpoint-committed:1']
/** The writer's pace: ten seconds of the capture each. */
const PACE_MS = 120

const PIPELINE = `hosts: { gw2: { timezone: UTC } }
listen: 'off'
state: { dir: state }
inventory: inventory.yaml
sources:
${['gw1', 'gw2']
  .map(
    (host) => `  - { type: nftables, host: ${host}, path: ${host}/kern.log }
  - { type: nftables-ruleset, host: ${host}, path: ${host}/ruleset.json }
  - { type: conntrack, host: ${host}, path: ${host}/conntrack.log }
  - { type: wireguard, host: ${host}, path: ${host}/wg.snapshots }
`,
  )
  .join(
    '',
  )}${['app1', 'db1'].map((host) => `  - { type: auditd, host: ${host}, path: ${host}/audit.log }\n`).join('')}sinks:
  ndjson: { path: out.ndjson }
`

/** Said by a daemon about itself and what it waits for; a replay has no such thing. */
const LIVE_ONLY = /"action":"source-(?:started|stopped)"|"reason":"never-spoke"/

function startDaemon(
  dir: string,
  crashAt: string,
  ...options: string[]
): { child: ChildProcess; ended: Promise<void> } {
  const child = spawn(process.execPath, [MAIN, 'run', '--pipeline', join(dir, 'live.yaml'), ...options], {
    stdio: 'ignore',
    env: { ...process.env, PEERTRAIL_CRASH_AT: crashAt },
  })
  return { child, ended: new Promise((resolve) => void child.on('exit', () => resolve())) }
}

/** Without the time of making. A file is called as it was when it was read: live by its first name, in a capture by its last. */
function comparable(line: string): string {
  return line.replace(/"created":"[^"]*",/, '').replace(/"file":"([a-z.]+?)(?:\.\d+)?"/, '"file":"$1"')
}

/** By id. */
function byId(ndjson: string): Map<string, string> {
  const documents = ndjson.split('\n').filter((line) => line !== '')
  const known = new Map(documents.map((line) => [/"id":"([0-9a-v]{34})"/.exec(line)?.[1] ?? '', comparable(line)]))
  expect(known.size, 'an id stands there twice').toBe(documents.length)
  return known
}

test('growing logs, read by a daemon that is killed five times, give the documents of a replay', {
  timeout: 240_000,
}, async () => {
  const dir = mkdtempSync(join(tmpdir(), 'peertrail-growing-'))
  try {
    const logs = openGrowingLogs(DEMO, dir)
    writeFileSync(join(dir, 'live.yaml'), PIPELINE)
    for (const crashAt of LIVES) {
      const { child, ended } = startDaemon(dir, crashAt)
      for (let i = 0; i < logs.steps / (LIVES.length + 1); i++) {
        logs.grow()
        await scheduler.wait(PACE_MS)
      }
      if (crashAt === '') child.kill('SIGKILL')
      await ended
      expect(child.signalCode).toBe('SIGKILL')
    }
    while (logs.grow());
    const { child, ended } = startDaemon(dir, '', '--once')
    await ended
    expect(child.exitCode).toBe(0)

    const replayed = byId((await replayCapture(DEMO)).ndjson)
    const lived = byId(readFileSync(join(dir, 'out.ndjson'), 'utf8'))
    const missing = [...replayed].filter(([id]) => !lived.has(id)).map(([, line]) => line)
    const extra = [...lived].filter(([id, line]) => !replayed.has(id) && !LIVE_ONLY.test(line)).map(([, line]) => line)
    expect({ missing, extra }).toEqual({ missing: [], extra: [] })
    const other = [...replayed]
      .filter(([id, line]) => lived.get(id) !== line)
      .map(([id, line]) => [line, lived.get(id)])
    expect(other).toEqual([])
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
})
