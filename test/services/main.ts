/**
 * `npm run test:services [-- --only NAME] [-- --engine KIND]`: does it work with real servers, and not only with our idea of them?
 * engine.ts and broker.ts say where they come from. Exits 1 unless everything that ran holds; 2 for wrong usage.
 */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { AppError } from '../../src/errors.ts'
import { startBroker, whyNoBroker } from './broker.ts'
import type { Broker } from './broker-contract.ts'
import { killBrokers } from './broker-process.ts'
import { type CheckReport, checkReport } from './check-report.ts'
import { startEngine, whyNoEngine } from './engine.ts'
import { type Engine, NoEngineError } from './engine-contract.ts'
import { givenKind, givenUrl } from './engine-given.ts'
import { killEngines } from './engine-process.ts'
import type { Ground, Suite } from './suite.ts'
import { SUITES } from './suites.ts'

const KINDS = ['elasticsearch-9', 'elasticsearch-8', 'opensearch', 'kafka'] as const
/** Of one suite on one engine, and of all of them. */
const SUITE_MS = 600_000
const TOTAL_MS = 3_000_000

const startedAt = Date.now()
const say = (line: string): void => void process.stdout.write(`${line}\n`)

/** Of the suite that runs. */
const dirs = new Set<string>()
process.on('exit', () => {
  for (const dir of dirs) rmSync(dir, { recursive: true, force: true })
})
for (const [signal, status] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const)
  process.on(signal, () => process.exit(status))

const status = await main().catch((error: unknown) => {
  if (!(error instanceof AppError)) throw error
  say(`${error.message}\n${error.advice}`)
  return 1
})
// A request under way or a client left open would hold it.
process.exit(status)

async function main(): Promise<number> {
  const usage = (text: string) => {
    say(`${text}\nusage: npm run test:services -- [--only NAME] [--engine ${KINDS.join('|')}]`)
    return 2
  }
  let only: string | undefined
  let engine: string | undefined
  try {
    const { values } = parseArgs({ options: { only: { type: 'string' }, engine: { type: 'string' } } })
    ;({ only, engine } = values)
  } catch (error) {
    return usage(error instanceof Error ? error.message : String(error))
  }
  const names = [...new Set(SUITES.map(({ name }) => name))]
  if (only !== undefined && !names.includes(only)) return usage(`no suite ${only}; there are ${names.join(', ')}`)
  if (engine !== undefined && !KINDS.some((kind) => kind === engine)) return usage(`no engine ${engine}`)
  const suitesOn = (kind: Ground) =>
    SUITES.filter(({ name, engines }) => engines.includes(kind) && (only ?? name) === name)
  const wanted = KINDS.filter((kind) => (engine ?? kind) === kind && suitesOn(kind).length > 0)
  for (const problem of [
    wanted.some((kind) => kind !== 'kafka') ? whyNoEngine() : '',
    wanted.includes('kafka') ? whyNoBroker() : '',
  ]) {
    if (problem === '') continue
    say(problem)
    return 1
  }
  const given = givenUrl() === '' ? null : await givenKind()
  const kinds = wanted.filter((kind) => kind === 'kafka' || (given ?? kind) === kind)

  const report = checkReport(say)
  const skipped: string[] = []
  for (const kind of kinds) await runOn(kind, suitesOn(kind), report, skipped)
  const seconds = ((Date.now() - startedAt) / 1000).toFixed(0)
  say(`${report.checks} checks, ${report.failures} failed, ${skipped.length} suites skipped, ${seconds} s`)
  for (const each of skipped) say(`skipped: ${each}`)
  if (report.checks === 0) say('nothing was proved')
  return report.failures > 0 || report.checks === 0 ? 1 : 0
}

/** What all suites on one ground share, begun when the first asks. */
type Shared = {
  readonly engine: () => Promise<Engine>
  readonly broker: () => Promise<Broker>
  forget(): void
  close(): Promise<void>
}

function openShared(kind: Ground): Shared {
  const engines: Promise<Engine>[] = []
  const brokers: Promise<Broker>[] = []
  return {
    async engine() {
      if (engines.length === 0) engines.push(startEngine({ kind: engineKind(kind) }))
      const [shared = startEngine({ kind: engineKind(kind) })] = engines
      return shared
    },
    async broker() {
      if (brokers.length === 0) brokers.push(startBroker())
      const [shared = startBroker()] = brokers
      return shared
    },
    forget() {
      engines.length = 0
      brokers.length = 0
    },
    async close() {
      for (const each of [...engines, ...brokers]) await (await each.catch(() => null))?.close()
    },
  }
}

/** Throws for a suite that runs on brokers alone. */
function engineKind(kind: Ground): Exclude<Ground, 'kafka'> {
  if (kind === 'kafka') throw new NoEngineError('it runs on brokers alone')
  return kind
}

async function runOn(kind: Ground, suites: readonly Suite[], report: CheckReport, skipped: string[]): Promise<void> {
  const shared = openShared(kind)
  for (const suite of suites) {
    const name = `${suite.name} on ${kind}`
    if (Date.now() - startedAt > TOTAL_MS) {
      report.failed(name, `no time left: all have ${TOTAL_MS / 1000} s together`)
      continue
    }
    say(name)
    const from = Date.now()
    try {
      if ((await runSuite(suite, kind, shared, report)) === 'late') {
        // Whoever still works on it may leave it in any state.
        killEngines()
        killBrokers()
        shared.forget()
      }
    } catch (error) {
      if (error instanceof NoEngineError) {
        skipped.push(`${name}: ${error.message}`)
        say(`  – skipped: ${error.message}`)
      } else report.failed(`${name} ended early`, (error instanceof Error && error.stack) || String(error))
    }
    say(`  ${((Date.now() - from) / 1000).toFixed(1)} s`)
  }
  await shared.close()
}

async function runSuite(
  suite: Suite,
  kind: Ground,
  { engine, broker }: Shared,
  { proved, equal, ensure, failed }: CheckReport,
): Promise<'done' | 'late'> {
  const dir = mkdtempSync(join(tmpdir(), 'peertrail-services-'))
  dirs.add(dir)
  const own: (Engine | Broker)[] = []
  const time = new AbortController()
  let bell: NodeJS.Timeout | undefined
  const late = new Promise<'late'>((resolve) => {
    bell = setTimeout(() => resolve('late'), SUITE_MS)
  })
  const work = suite.run({
    kind,
    dir,
    signal: time.signal,
    engine,
    async startEngine(options = {}) {
      const started = await startEngine({ ...options, kind: engineKind(kind) })
      own.push(started)
      return started
    },
    broker,
    async startBroker(options = {}) {
      const started = await startBroker(options)
      own.push(started)
      return started
    },
    namespace: () => `t${randomBytes(4).toString('hex')}`,
    proved,
    equal,
    ensure,
  })
  try {
    const end = await Promise.race([work.then(() => 'done' as const), late])
    if (end === 'late') failed(`${suite.name} on ${kind} is still not done after ${SUITE_MS / 1000} s`)
    return end
  } finally {
    clearTimeout(bell)
    time.abort()
    work.catch(() => {})
    for (const each of own) await each.close()
    rmSync(dir, { recursive: true, force: true })
    dirs.delete(dir)
  }
}
