/**
 * Measures the way to Elasticsearch: packet log documents through the product's sink into a bulk server that answers success
 * (elasticsearch-bulk-server.ts), rsyslog's omelasticsearch with the same documents beside it, and a real engine where one can be
 * started. Afterwards the server says what it got: a sink that leaves documents out, or sends them twice, is not measured as fast.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startEngine } from '../test/services/engine.ts'
import { NoEngineError } from '../test/services/engine-contract.ts'
import { findModules, rsyslogBulkJob } from './elasticsearch-rsyslog.ts'
import type { Sent } from './elasticsearch-send.ts'
import type { GeneratedCapture } from './generate.ts'
import { measure, median, type Usage } from './measure.ts'
import { forget, type PeerProgram } from './peer-program.ts'
import type { Result } from './table.ts'

export type ElasticsearchBench = {
  /** The product's row, and what is in it. */
  readonly results: readonly Result[]
  /** rsyslog's row, null without it. */
  readonly baseline: Result | null
  readonly complaints: readonly string[]
}

export type ElasticsearchBenchInput = {
  readonly capture: GeneratedCapture
  readonly runs: number
  readonly workDirectory: string
  /** Null: not there, or left out. */
  readonly rsyslog: PeerProgram | null
  readonly peersRoot: string
  readonly withEngine: boolean
  readonly say: (text: string) => void
}

/** Budget of the design: on two cores, of which the server has a part. */
const DOCUMENTS_MIN = 60_000
/** Fewer documents are not judged: compiling the code would be half of what is measured. */
const JUDGED_DOCUMENTS_MIN = 200_000
const NAMESPACE = 'bench'
const READY_MS = 10_000

/** Of the server: documents, of these with an id it had seen, bytes of bodies as sent and unpacked. */
type Received = {
  readonly documents: number
  readonly repeated: number
  readonly sentBytes: number
  readonly bytes: number
}
type Server = { readonly port: number; received(): Received; stop(): Promise<void> }

export async function benchElasticsearch(input: ElasticsearchBenchInput): Promise<ElasticsearchBench> {
  const { capture, workDirectory } = input
  const directory = join(workDirectory, 'elasticsearch')
  mkdirSync(directory, { recursive: true })
  const documents = join(directory, 'documents.ndjson')
  const complaints: string[] = []
  const printed = child(capture, 'write', documents)
  const bytes = statSync(documents).size
  const sent = await sendRuns(input, directory, complaints)
  const ours = judged(toResult('elasticsearch: sink → bulk answers success', sent, bytes))
  const results = [ours, toResult('  … printing the documents only', printed, bytes)]
  const baseline = input.rsyslog === null ? null : await benchRsyslog(input, input.rsyslog, documents, complaints)
  const real = input.withEngine ? await benchEngine(input, directory, bytes, complaints) : null
  rmSync(directory, { recursive: true, force: true })
  return { results: real === null ? results : [...results, real], baseline, complaints }
}

async function sendRuns(input: ElasticsearchBenchInput, directory: string, complaints: string[]): Promise<Sent> {
  const { capture, runs, say } = input
  const all: Sent[] = []
  for (let run = 0; run < runs; run++) {
    const server = await startServer(join(directory, `progress-${run}`))
    try {
      all.push(await childBeside(capture, 'send', `http://127.0.0.1:${server.port}`, join(directory, `state-${run}`)))
      const { documents, repeated, sentBytes, bytes } = server.received()
      if (documents !== capture.lines || repeated > 0)
        complaints.push(`elasticsearch: ${capture.lines} documents were sent as ${documents}, ${repeated} twice`)
      if (run === 0) say(`  ${(bytes / sentBytes).toFixed(1)} times smaller on the way\n`)
    } finally {
      await server.stop()
    }
  }
  // By wall time, which the budget is about; its CPU time goes with it.
  const middle = all.sort((a, b) => a.seconds - b.seconds)[Math.floor(all.length / 2)]
  if (middle === undefined) throw new Error('no run')
  return middle
}

async function benchRsyslog(
  { capture, runs, workDirectory, peersRoot, say }: ElasticsearchBenchInput,
  program: PeerProgram,
  documents: string,
  complaints: string[],
): Promise<Result | null> {
  const modules = findModules(program, peersRoot)
  if (modules === null) {
    say('omelasticsearch: not found; `npm run bench -- --install-peers` unpacks Debian’s package aside\n')
    return null
  }
  const usages: Usage[] = []
  for (let run = 0; run < runs; run++) {
    const progress = join(workDirectory, `rsyslog-progress-${run}`)
    const job = { program, modules, workDirectory, documents, progress }
    // The server's file is the sign that rsyslog is done, so it must not be removed once the server has it open.
    forget(rsyslogBulkJob({ ...job, port: 0 }))
    const server = await startServer(progress)
    try {
      usages.push(await measure(rsyslogBulkJob({ ...job, port: server.port })))
      const { documents: count } = server.received()
      if (count !== capture.lines) complaints.push(`omelasticsearch sent ${count} of ${capture.lines} documents`)
    } finally {
      await server.stop()
    }
  }
  const { wallSeconds: seconds, cpuSeconds, rssBytes } = median(usages)
  const sent = { documents: capture.lines, seconds, cpuSeconds, counts: {} }
  return { ...toResult('rsyslog: file → omelasticsearch', sent, statSync(documents).size), rssBytes }
}

/** Null, with a word, where no engine can be started. */
async function benchEngine(
  { capture, say }: ElasticsearchBenchInput,
  directory: string,
  bytes: number,
  complaints: string[],
): Promise<Result | null> {
  try {
    const engine = await startEngine({ kind: 'elasticsearch-9' })
    try {
      const main = join(import.meta.dirname, '../src/main.ts')
      const install = [main, 'install', 'elasticsearch', '--url', engine.url, '--metrics', 'standard']
      execFileSync(process.execPath, install, { stdio: ['ignore', 'ignore', 'inherit'] })
      const sent = await childBeside(capture, 'send', engine.url, join(directory, 'state-engine'))
      const created = sent.counts['created'] ?? 0
      if (created !== capture.lines) complaints.push(`elasticsearch: the engine created ${created} of ${capture.lines}`)
      return toResult('elasticsearch: sink → real engine beside it', sent, bytes)
    } finally {
      await engine.close()
    }
  } catch (error) {
    if (!(error instanceof NoEngineError)) throw error
    say(`elasticsearch: no real engine (${error.message})\n`)
    return null
  }
}

/** Alone: nothing else runs meanwhile. */
function child(capture: GeneratedCapture, ...args: readonly string[]): Sent {
  const printed = execFileSync(process.execPath, senderArguments(capture, args), {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  // Our own script's output.
  return JSON.parse(printed.toString()) as Sent
}

/** While this process goes on: it may have a server's output to read. */
async function childBeside(capture: GeneratedCapture, mode: string, url: string, state: string): Promise<Sent> {
  mkdirSync(state, { recursive: true })
  const args = senderArguments(capture, [mode, url, NAMESPACE, state])
  const sender = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let printed = ''
  sender.stdout.on('data', (chunk: Buffer) => {
    printed += chunk.toString()
  })
  const [code] = await once(sender, 'close')
  if (code !== 0) throw new Error(`the sender ended with ${String(code)}`)
  // Our own script's output.
  return JSON.parse(printed) as Sent
}

function senderArguments(capture: GeneratedCapture, args: readonly string[]): string[] {
  return [...process.execArgv, join(import.meta.dirname, 'elasticsearch-send.ts'), capture.directory, ...args]
}

async function startServer(progress: string): Promise<Server> {
  writeFileSync(progress, '')
  const script = join(import.meta.dirname, 'elasticsearch-bulk-server.ts')
  const server = spawn(process.execPath, [script, progress], { stdio: ['ignore', 'pipe', 'inherit'] })
  return {
    port: await portOf(server),
    received() {
      const last = readFileSync(progress, 'latin1').trimEnd().split('\n').at(-1) ?? ''
      const [documents = 0, repeated = 0, sentBytes = 0, bytes = 0] = last.split(' ').map(Number)
      return { documents, repeated, sentBytes, bytes }
    },
    async stop() {
      const ended = once(server, 'close')
      server.kill('SIGTERM')
      await ended
    },
  }
}

/** As it prints it; rejects when it ends before. */
async function portOf(server: ChildProcess): Promise<number> {
  const signal = AbortSignal.timeout(READY_MS)
  const [printed] = await once(server.stdout ?? server, 'data', { signal })
  return Number(/^READY (\d+)/.exec(String(printed))?.[1])
}

function toResult(work: string, { documents, seconds, cpuSeconds }: Sent, bytes: number): Result {
  const common = { unit: 'documents', bytes, rowBytes: null, rssBytes: null, budget: '', verdict: '' } as const
  return { work, units: documents, wallSeconds: seconds, cpuSeconds, ...common }
}

function judged(result: Result): Result {
  const isMet = result.units / result.wallSeconds >= DOCUMENTS_MIN
  const verdict = result.units < JUDGED_DOCUMENTS_MIN ? '' : isMet ? 'met' : 'MISSED'
  return { ...result, budget: `>= ${DOCUMENTS_MIN / 1000} k/s`, verdict }
}
