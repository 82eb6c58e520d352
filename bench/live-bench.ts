/**
 * Measures `peertrail run`: a writer child appends what a busy gateway logs (live-writer.ts) while the daemon follows the files and
 * writes NDJSON. Told is whether it keeps up, what it costs in processor and memory, and how long a line takes to become a
 * document. How far it has got is asked over its status socket.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { askStatus } from '../src/live/status/status-client.ts'
import type { DaemonStatus } from '../src/live/status.ts'
import { sampleLatency } from './live-latency.ts'
import { LEAD_MS, LIVE_PEERS, type LiveLoad, type Written } from './live-load.ts'
import type { LiveResult } from './live-table.ts'
import { countOutput } from './output-check.ts'
import { readProcess } from './process-numbers.ts'
import { createPeers, GATEWAY } from './site.ts'
import { inventoryYaml, rulesetJson } from './site-documents.ts'

export type LiveBench = { readonly result: LiveResult; readonly complaint: string }

const FIREWALL = '"dataset":"wireguard.firewall"'
/** Alone: what went through a spool on disk has its names in another order. */
const EXACT = '"status":"exact"'
const STARTED = '"action":"flow-started"'
const ENDED = '"action":"flow-ended"'

/** A daemon that starts on a busy machine, ms. */
const START_MS_MAX = 30_000
/** Between two looks at the daemon's memory. */
const LOOK_MS = 200
/** After the last line, for everything to be told; a daemon that fell behind has this long, ms. */
const DRAIN_MS_MAX = 60_000
/** Unread at the end of the load at most, in seconds of the load: what came since the last turn, on a busy machine. */
const BEHIND_SECONDS_MAX = 0.5
/** Kept of what a child said. */
const SAID_CHARS_MAX = 4_000

/** What the writer appends to. */
const LOGS = ['kern.log', 'conntrack.log', 'wg.snapshots']

/** One child. It may say more than it should, but not more than that is kept. */
type Child = { readonly process: ChildProcess; readonly pid: number; out(): string; err(): string }

/** Rejects when daemon or writer fail. What is made in `workDirectory` is removed again. */
export async function benchLive(load: LiveLoad, workDirectory: string): Promise<LiveBench> {
  mkdirSync(workDirectory, { recursive: true })
  const directory = mkdtempSync(join(workDirectory, 'live-'))
  const output = join(directory, 'documents.ndjson')
  writeSite(directory, output)
  const args = ['../src/main.ts', 'run', '--pipeline', join(directory, 'pipeline.yaml')]
  const daemon = start(args)
  try {
    const state = join(directory, 'state')
    await statusOf(state, daemon, START_MS_MAX)
    const used = await runLoad(directory, load, daemon)
    const { written } = used
    await drained(state, written, daemon)
    const cpuSeconds = (readProcess(daemon.pid)?.cpuSeconds ?? Number.NaN) - used.cpuBefore
    const counts = countOutput(output, [FIREWALL, EXACT, STARTED, ENDED])
    const result: LiveResult = {
      ...load,
      lines: written.packets + written.news + written.destroys,
      cpuSeconds,
      rssBytes: used.rssBytes,
      rssMaxBytes: readProcess(daemon.pid)?.highWaterBytes ?? Number.NaN,
      behindBytes: used.behind,
      keepsUp: used.behind <= (written.bytes / load.seconds) * BEHIND_SECONDS_MAX,
      checkpointBytes: used.checkpointBytes,
      ...(await sampleLatency(output)),
    }
    return { result, complaint: complaintOf(written, counts) }
  } finally {
    await stop(daemon)
    rmSync(directory, { recursive: true, force: true })
  }
}

function writeSite(directory: string, output: string): void {
  const peers = createPeers(LIVE_PEERS)
  writeFileSync(join(directory, 'ruleset.json'), rulesetJson())
  writeFileSync(join(directory, 'inventory.yaml'), inventoryYaml(peers, ['wireguard', 'nftables', 'conntrack']))
  for (const name of LOGS) writeFileSync(join(directory, name), '')
  const source = (type: string, name: string) => `  - { type: ${type}, host: ${GATEWAY}, path: ./${name} }`
  const pipeline = [
    'name: bench',
    'state: { dir: ./state }',
    'listen: off',
    'inventory: ./inventory.yaml',
    'sources:',
    source('nftables', 'kern.log'),
    source('conntrack', 'conntrack.log'),
    source('wireguard', 'wg.snapshots'),
    source('nftables-ruleset', 'ruleset.json'),
    'sinks:',
    `  ndjson: { path: ${JSON.stringify(output)} }`,
    '',
  ]
  writeFileSync(join(directory, 'pipeline.yaml'), pipeline.join('\n'))
}

/** The daemon while lines come. `behind` and `checkpointBytes` are as of the moment the last packet was written. */
async function runLoad(directory: string, load: LiveLoad, daemon: Child) {
  const cpuBefore = readProcess(daemon.pid)?.cpuSeconds ?? Number.NaN
  const writer = start(['live-writer.ts', directory, String(load.linesPerSecond), String(load.seconds)])
  const residents: number[] = []
  const beginsAt = Date.now() + LEAD_MS
  for (;;) {
    await pause(LOOK_MS)
    const at = Date.now()
    if (at >= beginsAt + load.seconds * 1000 || writer.process.exitCode !== null) break
    if (at >= beginsAt) residents.push(readProcess(daemon.pid)?.rssBytes ?? 0)
  }
  const written = sizeOf(directory)
  const { sources, checkpoint } = await statusOf(join(directory, 'state'), daemon, START_MS_MAX)
  const code = await ended(writer.process)
  if (code !== 0) throw new Error(`the writer ended with ${code}: ${writer.err().trim()}`)
  residents.sort((a, b) => a - b)
  return {
    cpuBefore,
    rssBytes: residents[residents.length >> 1] ?? Number.NaN,
    // Not what the sources say themselves: one that has to wait for the others has not looked.
    behind: Math.max(0, written - sources.reduce((sum, { bytes }) => sum + bytes, 0)),
    checkpointBytes: checkpoint.bytes,
    // Our own script's output.
    written: JSON.parse(writer.out()) as Written,
  }
}

function sizeOf(directory: string): number {
  return LOGS.reduce((sum, name) => sum + statSync(join(directory, name)).size, 0)
}

/** Until every line has its document and the sink has them all, or no more time is left: then documents are missing. */
async function drained(state: string, written: Written, daemon: Child): Promise<void> {
  const expected = written.packets + written.news + written.destroys
  const until = Date.now() + DRAIN_MS_MAX
  while (Date.now() < until) {
    const { documents, sinks } = await statusOf(state, daemon, START_MS_MAX)
    const made = (documents['wireguard.firewall'] ?? 0) + (documents['wireguard.flow'] ?? 0)
    if (made >= expected && sinks.every(({ waiting }) => waiting === 0)) return
    await pause(LOOK_MS)
  }
}

/** '' when every line became its document, attributed. */
function complaintOf(written: Written, { found, documents }: ReturnType<typeof countOutput>): string {
  const of = (text: string) => found.get(text) ?? 0
  const { packets, news, destroys } = written
  const wanted = [
    ['packet log lines gave', packets, of(FIREWALL), 'firewall documents'],
    ['NEW gave', news, of(STARTED), 'started flows'],
    ['DESTROY gave', destroys, of(ENDED), 'ended flows'],
  ] as const
  for (const [lines, from, to, kind] of wanted)
    if (from !== to) return `${from} ${lines} ${to} ${kind} (${documents} documents in all)`
  const lines = packets + news + destroys
  return of(EXACT) < lines ? `of ${lines} documents only ${of(EXACT)} were attributed exact` : ''
}

/** Asks until it answers. */
async function statusOf(state: string, daemon: Child, patienceMs: number): Promise<DaemonStatus> {
  const until = Date.now() + patienceMs
  for (;;) {
    try {
      return await askStatus(state)
    } catch (error) {
      if (daemon.process.exitCode !== null) throw new Error(`the daemon ended: ${daemon.err().trim()}`)
      if (Date.now() > until) throw error
      await pause(LOOK_MS)
    }
  }
}

/** A script of ours; flags of the measuring Node go on to it. */
function start([script = '', ...args]: readonly string[]): Child {
  const child = spawn(process.execPath, [...process.execArgv, join(import.meta.dirname, script), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let out = ''
  let err = ''
  child.stdout.on('data', (chunk: Buffer) => {
    out = (out + chunk.toString('latin1')).slice(-SAID_CHARS_MAX)
  })
  child.stderr.on('data', (chunk: Buffer) => {
    err = (err + chunk.toString('latin1')).slice(-SAID_CHARS_MAX)
  })
  return { process: child, pid: child.pid ?? 0, out: () => out, err: () => err }
}

/** Exit code once its output is read; null after a signal. */
function ended(child: ChildProcess): Promise<number | null> {
  if (child.stdout?.closed === true && child.exitCode !== null) return Promise.resolve(child.exitCode)
  return new Promise((resolve) => {
    child.once('close', resolve)
  })
}

async function stop({ process: child }: Child): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const over = ended(child)
  child.kill('SIGTERM')
  await over
}
