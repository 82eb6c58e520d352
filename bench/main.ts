/**
 * `npm run bench`: generates a capture from the real grammar, runs `peertrail replay` over it, and syslog-ng and rsyslog over
 * the same packet log in the same run, then single parts; prints a table against the budgets of docs and writes
 * bench/.data/last.json. What the peers do is in syslog-ng.ts and rsyslog.ts; how time is measured, in measure.ts.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { type CaptureKind, type GeneratedCapture, generateCapture } from './generate.ts'
import { installPeers } from './install-peers.ts'
import type { PartResult } from './lookups.ts'
import { type BenchOptions, readOptions, USAGE } from './options.ts'
import { benchPeer } from './peer-bench.ts'
import { findPeer, type PeerName } from './peer-program.ts'
import { benchReplay } from './replay-bench.ts'
import { rsyslogJob } from './rsyslog.ts'
import { syslogNgJob } from './syslog-ng.ts'
import { formatTable, type Result, ratio } from './table.ts'

const DATA = join(import.meta.dirname, '.data')
const PEERS = join(DATA, 'peers')
/** Of this run alone: two at a time disturb each other's times, never each other's files. */
const WORK = join(DATA, `work-${process.pid}`)
const JOBS = { 'syslog-ng': syslogNgJob, rsyslog: rsyslogJob } as const

/** Budgets (design of the product: twice syslog-ng, 5 M look-ups, a gigabyte for a million open flows). */
const RATIO_MIN = 2
const LOOKUPS_MIN = 5_000_000
const OPEN_FLOWS = 1_000_000
const OPEN_FLOWS_BYTES_MAX = 1_000_000_000

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2))
  if (options === 'help') {
    process.stdout.write(USAGE)
    return 0
  }
  if (options.installsPeers) {
    installPeers(PEERS, say)
    return 0
  }
  mkdirSync(WORK, { recursive: true })
  try {
    return await runAll(options)
  } finally {
    rmSync(WORK, { recursive: true, force: true })
  }
}

async function runAll(options: BenchOptions): Promise<number> {
  const complaints: string[] = []
  const packets = generate('packets', options.lines)
  const peers = options.withPeers ? await runPeers(packets, options.runs, complaints) : []
  const baseline = peers.find((result) => result.work === 'syslog-ng') ?? null
  const results = [...(await runReplays(packets, baseline, options, complaints)), ...peers, ...runParts(packets)]
  process.stdout.write(`\n${machine()}\n\n${formatTable(results, baseline)}`)
  for (const complaint of complaints) process.stdout.write(`WRONG: ${complaint}\n`)
  writeFileSync(join(DATA, 'last.json'), `${JSON.stringify({ machine: machine(), results, complaints }, null, 2)}\n`)
  // The table says which budget is missed; a figure of a busy machine is no failure. Work left out is one.
  return complaints.length > 0 ? 1 : 0
}

async function runPeers(packets: GeneratedCapture, runs: number, complaints: string[]): Promise<Result[]> {
  const results: Result[] = []
  for (const name of ['syslog-ng', 'rsyslog'] satisfies PeerName[]) {
    const program = findPeer(name, join(PEERS, 'root'))
    if (program === null) {
      say(`${name}: not found; \`npm run bench -- --install-peers\` unpacks Debian's package aside\n`)
      continue
    }
    say(`${name}: ${runs} x ${packets.lines} lines …\n`)
    const job = JOBS[name](program, WORK, packets.packetLog)
    const result = await attempt(name, complaints, () => benchPeer(name, job, packets, runs))
    if (result !== null) results.push(result)
  }
  return results
}

async function runReplays(
  packets: GeneratedCapture,
  baseline: Result | null,
  options: BenchOptions,
  complaints: string[],
): Promise<Result[]> {
  const results: Result[] = []
  const run = async (
    title: string,
    capture: GeneratedCapture,
    runs: number,
    judge: (result: Result) => Result,
  ): Promise<void> => {
    say(`peertrail, ${title}: ${runs} x ${capture.lines} lines …\n`)
    const bench = await attempt(title, complaints, () => benchReplay(capture, runs, WORK, `peertrail: ${title}`))
    if (bench === null) return
    results.push(judge(bench.result))
    if (bench.complaint !== '') complaints.push(`${title}: ${bench.complaint}`)
  }
  const budget = `>= ${RATIO_MIN} x syslog-ng`
  await run('packet log', packets, options.runs, (result) =>
    baseline === null ? { ...result, budget } : judged(result, budget, ratio(result, baseline) >= RATIO_MIN),
  )
  await run('packet log + conntrack', generate('flows', Math.ceil(options.lines / 5)), options.runs, (result) => result)
  if (!options.isQuick) {
    // One line in twenty is dropped: enough packets for a million accepted ones.
    const open = generate('open-flows', Math.ceil(OPEN_FLOWS * 1.05))
    await run('1 M open flows', open, 1, (result) =>
      judged(result, '<= 1 GB', (result.rssBytes ?? 0) <= OPEN_FLOWS_BYTES_MAX),
    )
  }
  return results
}

/** One measurement that fails costs its row, not the table. */
async function attempt<T>(title: string, complaints: string[], work: () => Promise<T>): Promise<T | null> {
  try {
    return await work()
  } catch (error) {
    complaints.push(`${title}: ${error instanceof Error ? error.message : String(error)}`)
    return null
  }
}

/** Single parts run in a child of their own. */
function runParts(packets: GeneratedCapture): Result[] {
  say('parts alone …\n')
  const script = join(import.meta.dirname, 'lookups.ts')
  const printed = execFileSync(process.execPath, [...process.execArgv, script, packets.packetLog], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  // Our own script's output.
  const parts = JSON.parse(printed.toString()) as PartResult[]
  return parts.map((part) => {
    const { work, unit, units, seconds: wallSeconds, cpuSeconds } = part
    const result: Result = {
      work,
      unit,
      units,
      bytes: null,
      wallSeconds,
      cpuSeconds,
      rssBytes: null,
      budget: '',
      verdict: '',
    }
    // By CPU time: on a shared machine the wall clock measures the others too.
    return work.startsWith('ledger') ? judged(result, '>= 5 M/s', units / cpuSeconds >= LOOKUPS_MIN) : result
  })
}

function judged(result: Result, budget: string, isMet: boolean): Result {
  return { ...result, budget, verdict: isMet ? 'met' : 'MISSED' }
}

function generate(kind: CaptureKind, lines: number): GeneratedCapture {
  say(`capture ${kind}, ${lines} lines …\n`)
  return generateCapture(DATA, { kind, lines })
}

function machine(): string {
  const processors = cpus()
  return `Node ${process.version}, ${processors.length} x ${processors[0]?.model.trim() ?? 'unknown'}`
}

/** Progress goes to standard error: the table alone is the output. */
function say(text: string): void {
  process.stderr.write(text)
}

try {
  process.exitCode = await main()
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 2
}
