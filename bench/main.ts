/**
 * `npm run bench`: generates a capture from the real grammar, runs `peertrail replay` over it, and syslog-ng and rsyslog over
 * the same packet log in the same run, LAUREL over the same audit log, then the embedded store, Elasticsearch, Kafka, the daemon and single parts; prints tables
 * against the budgets of docs and writes bench/.data/last.json. What the peers do is in syslog-ng.ts, rsyslog.ts and laurel.ts;
 * how time is measured, in measure.ts.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { benchAudit } from './audit-bench.ts'
import { generateAuditCapture } from './audit-capture.ts'
import { benchElasticsearch } from './elasticsearch-bench.ts'
import { generateFlowStore, generateMixedStore } from './flow-store.ts'
import { type CaptureKind, type GeneratedCapture, generateCapture } from './generate.ts'
import { installPeers } from './install-peers.ts'
import { benchKafka, type KafkaBench } from './kafka-bench.ts'
import { benchLive } from './live-bench.ts'
import { formatLive, type LiveResult } from './live-table.ts'
import type { PartResult } from './lookups.ts'
import { type BenchOptions, readOptions, USAGE } from './options.ts'
import { benchPeer } from './peer-bench.ts'
import { findPeer, type PeerName } from './peer-program.ts'
import { benchReplay, type ReplayBench } from './replay-bench.ts'
import { benchReport } from './report-bench.ts'
import { rsyslogJob } from './rsyslog.ts'
import { benchIngest, benchQueries, benchWriter, writtenResult } from './store-bench.ts'
import { syslogNgJob } from './syslog-ng.ts'
import { type Answer, formatAnswers, formatTable, type Result, ratio } from './table.ts'

const DATA = join(import.meta.dirname, '.data')
const PEERS = join(DATA, 'peers')
/** Of this run alone: two at a time disturb each other's times, never each other's files. */
const WORK = join(DATA, `work-${process.pid}`)
const JOBS = { 'syslog-ng': syslogNgJob, rsyslog: rsyslogJob } as const

/** Budgets (design of the product: twice syslog-ng, one and a half times LAUREL, 5 M look-ups, a gigabyte for a million open flows). */
const RATIO_MIN = 2
const AUDIT_RATIO_MIN = 1.5
const LOOKUPS_MIN = 5_000_000
const OPEN_FLOWS = 1_000_000
const OPEN_FLOWS_BYTES_MAX = 1_000_000_000
/** Of the first question: one peer in one day. */
const ANSWER_MS_MAX = 1_000
/** Rows of the store that is asked; of the one the writer alone fills. */
const STORED = { full: 5_000_000, quick: 200_000 } as const
/** Flows of the store that is reported on. */
const REPORTED = { full: 5_000_000, quick: 100_000 } as const
const WRITTEN = { full: 1_000_000, quick: 100_000 } as const
/** Documents for Elasticsearch; all of them are in memory before the first is sent. */
const SHIPPED = { full: 400_000, quick: 50_000 } as const
/** What the daemon follows: a gateway of the budget's size, or enough to see that it works. */
const LIVE = {
  full: { linesPerSecond: 20_000, seconds: 30 },
  quick: { linesPerSecond: 2_000, seconds: 8 },
} as const

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
  const replays = await runReplays(packets, baseline, options, complaints)
  const store = options.withStore ? await runStore(packets, options, complaints) : NO_STORE
  const audit = await runAudit(options, complaints)
  const cluster = options.withElasticsearch ? await runElasticsearch(options, complaints) : NO_CLUSTER
  const kafka = options.withKafka ? await runKafka(options, complaints) : null
  const live = options.withLive ? await runLive(options, complaints) : []
  const results = [
    ...replays,
    ...peers,
    ...audit,
    ...store.results,
    ...cluster.results,
    ...(kafka?.results ?? []),
    ...runParts(packets),
  ]
  const baselines = [baseline, audit[1] ?? null, cluster.baseline].filter((result) => result !== null)
  process.stdout.write(`\n${machine()}\n\n${formatTable(results, baselines)}`)
  if (store.answers.length > 0) process.stdout.write(`\n${formatAnswers(store.answers)}`)
  for (const remark of kafka?.remarks ?? []) process.stdout.write(`\n${remark}\n`)
  if (live.length > 0) process.stdout.write(`\n${formatLive(live)}`)
  for (const complaint of complaints) process.stdout.write(`WRONG: ${complaint}\n`)
  writeFileSync(
    join(DATA, 'last.json'),
    `${JSON.stringify({ machine: machine(), results, answers: store.answers, live, complaints }, null, 2)}\n`,
  )
  // The table says which budget is missed; a figure of a busy machine is no failure. Work left out is one.
  return complaints.length > 0 ? 1 : 0
}

async function runPeers(packets: GeneratedCapture, runs: number, complaints: string[]): Promise<Result[]> {
  const results: Result[] = []
  for (const name of ['syslog-ng', 'rsyslog'] as const) {
    const program = findPeer(name, join(PEERS, 'root'))
    if (program === null) {
      say(notFound(name))
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

/** Our row, and LAUREL's after it where it is there. */
async function runAudit(options: BenchOptions, complaints: string[]): Promise<Result[]> {
  say(`capture audit, ${options.lines} records …\n`)
  const capture = generateAuditCapture(DATA, options.lines)
  const program = options.withPeers ? findPeer('laurel', join(PEERS, 'root')) : null
  if (options.withPeers && program === null) say(notFound('laurel'))
  say(`peertrail${program === null ? '' : ' and laurel'}, audit log: ${options.runs} x ${capture.records} records …\n`)
  const bench = await attempt('audit log', complaints, () => benchAudit(capture, program, options.runs, WORK))
  if (bench === null) return []
  complaints.push(...bench.complaints)
  const { ours, laurel } = bench
  const budget = `>= ${AUDIT_RATIO_MIN} x LAUREL`
  if (laurel === null) return [{ ...ours, budget }]
  return [judged(ours, budget, ratio(ours, laurel) >= AUDIT_RATIO_MIN), laurel]
}

/** Our rows, and omelasticsearch's after them where it is there. */
async function runElasticsearch(
  { isQuick, runs, withPeers }: BenchOptions,
  complaints: string[],
): Promise<{ readonly results: readonly Result[]; readonly baseline: Result | null }> {
  const capture = generate('packets', SHIPPED[isQuick ? 'quick' : 'full'])
  say(`elasticsearch: ${runs} x ${capture.lines} documents …\n`)
  const root = join(PEERS, 'root')
  const rsyslog = withPeers ? findPeer('rsyslog', root) : null
  const input = { capture, runs, workDirectory: WORK, rsyslog, peersRoot: root, withEngine: !isQuick, say }
  const bench = await attempt('elasticsearch', complaints, () => benchElasticsearch(input))
  if (bench === null) return NO_CLUSTER
  complaints.push(...bench.complaints)
  const { results, baseline } = bench
  return { results: baseline === null ? results : [...results, baseline], baseline }
}

const NO_CLUSTER = { results: [], baseline: null } as const

/** Null where no broker can be had. */
async function runKafka({ isQuick }: BenchOptions, complaints: string[]): Promise<KafkaBench | null> {
  const input = { dataDirectory: DATA, workDirectory: WORK, isQuick, say }
  const bench = await attempt('kafka', complaints, () => benchKafka(input))
  complaints.push(...(bench?.complaints ?? []))
  return bench
}

/** Last of all: nothing else of ours runs beside it. */
async function runLive({ isQuick }: BenchOptions, complaints: string[]): Promise<LiveResult[]> {
  const load = LIVE[isQuick ? 'quick' : 'full']
  say(`peertrail run: ${load.linesPerSecond} lines/s for ${load.seconds} s …\n`)
  const bench = await attempt('run', complaints, () => benchLive(load, WORK))
  if (bench !== null && bench.complaint !== '') complaints.push(`run: ${bench.complaint}`)
  return bench === null ? [] : [bench.result]
}

type StoreResults = { readonly results: readonly Result[]; readonly answers: readonly Answer[] }

const NO_STORE: StoreResults = { results: [], answers: [] }

async function runStore(
  packets: GeneratedCapture,
  { isQuick, lines, runs }: BenchOptions,
  complaints: string[],
): Promise<StoreResults> {
  const results: Result[] = []
  const size = isQuick ? 'quick' : 'full'
  const ingest = async (title: string, capture: GeneratedCapture): Promise<void> => {
    say(`${title}: ${runs} x ${capture.lines} lines …\n`)
    const bench = await attempt<ReplayBench>(title, complaints, () => benchIngest(capture, runs, WORK, title))
    if (bench !== null) results.push(bench.result)
    if (bench !== null && bench.complaint !== '') complaints.push(`${title}: ${bench.complaint}`)
  }
  await ingest('store: packet log', packets)
  await ingest('store: packet log + conntrack', generate('flows', Math.ceil(lines / 5)))
  say(`store, writer alone: ${runs} x ${WRITTEN[size]} rows …\n`)
  results.push(...((await attempt('writer alone', complaints, () => benchWriter(WRITTEN[size], runs, WORK))) ?? []))
  say(`store of ${STORED[size]} flow documents, written once …\n`)
  const kept = await attempt('store to ask', complaints, () => generateFlowStore(DATA, STORED[size]))
  if (kept === null) return { results, answers: [] }
  const written = await writtenResult(kept, `store: ${STORED[size] / 1e6} M flow documents of a month`)
  if (written !== null) results.push(written)
  say(`store, questions: first and ${runs} x warm …\n`)
  const answers = (await attempt('questions', complaints, async () => benchQueries(kept, runs))) ?? []
  say(`access report of ${REPORTED[size]} flows …\n`)
  const report = async () => benchReport(await generateMixedStore(DATA, REPORTED[size]), REPORTED[size], WORK)
  results.push(...((await attempt('access report', complaints, report)) ?? []))
  return { results, answers: answers.map((answer, i) => ({ ...answer, budgetMs: i === 0 ? ANSWER_MS_MAX : null })) }
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
      rowBytes: null,
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

function notFound(name: PeerName): string {
  return `${name}: not found; \`npm run bench -- --install-peers\` unpacks Debian's package aside\n`
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
