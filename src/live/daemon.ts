/**
 * The daemon's loop: reads what was written, takes it through the core, keeps checkpoints. One turn after the other, each of whole
 * steps, so that between two turns cursors, core and what was emitted belong together.
 *
 *   readers ─► engine ─► outputs (spools ─► sinks)
 *      ▲ nothing is read while a spool is full      └─ all sinks accepted ─► checkpoint: cursors + core
 */
import { setImmediate as turnOver } from 'node:timers/promises'
import type { IntakeHost } from '../correlate/intake.ts'
import type { Inventory } from '../identity/inventory.ts'
import type { LineSource } from '../sources/line-source.ts'
import { type Micros, MS, SECOND } from '../time.ts'
import { createCheckpoints } from './checkpoints.ts'
import { createEngine, type Engine, type SavedEngine } from './engine.ts'
import type { FindingInputs } from './finding-inputs.ts'
import type { Log } from './log.ts'
import { createLoopWait } from './loop-wait.ts'
import type { Outputs } from './outputs.ts'
import type { PlannedFile } from './plan.ts'
import { createRate } from './rate.ts'
import { createReader, type Reader } from './reader.ts'
import { relayTo } from './relay-to.ts'
import type { StateFile } from './state-file.ts'

export type DaemonParts = {
  readonly hosts: readonly IntakeHost[]
  readonly inventory: Inventory
  readonly inventoryText: string
  readonly findings?: FindingInputs
  readonly files: readonly { readonly planned: PlannedFile; readonly source: LineSource }[]
  /** Log prefixes known before any ruleset is read, by machine. */
  readonly prefixes: ReadonlyMap<string, readonly string[]>
  readonly saved: SavedEngine | null
  /** Logins are joined with flows elsewhere: what that takes goes to Kafka (design 10). */
  readonly relays: boolean
  readonly outputs: Outputs
  readonly state: StateFile
  readonly now: () => Micros
  readonly log: Log
}

export type Daemon = {
  /** Turns until `stop`; of a run that reads what is there, until everything is read. */
  run(): Promise<void>
  /** Ends `run` as it is, to go on with another daemon. */
  pause(): void
  /** No more is read; what is decided is delivered, and a checkpoint is made if the sinks accept in time. */
  stop(): void
  /** Something may be there: a file changed, a sink accepted. */
  wake(): void
  readonly engine: Engine
  readonly readers: readonly Reader[]
  readonly checkpoints: ReturnType<typeof createCheckpoints>
  /** Wall clock of the last whole turn. */
  readonly turnedAt: Micros
  readonly isBlocked: boolean
  /** Late records a second over the last minute. */
  lateRate(now: Micros): number
}

/** Records taken through the core in one turn: some 20 ms. */
const TURN_MAX = 2_000
/** Without news a turn comes this often, for time to pass. */
const IDLE_MS = 100
/** Nobody is waited for longer than this at the end; systemd gives up after ten seconds. */
const STOP_PATIENCE: Micros = 7 * SECOND

export function createDaemon(parts: DaemonParts, isOnce: boolean): Daemon {
  // Closures name these and not `parts`: it would keep alive what was saved.
  const { now, log, outputs, hosts, prefixes } = parts
  const startedAt = now()
  const wait = createLoopWait()
  const engine = createEngine(
    {
      hosts,
      inventory: parts.inventory,
      inventoryText: parts.inventoryText,
      isLive: !isOnce,
      ...(parts.findings === undefined ? {} : { findings: parts.findings }),
      sources: parts.files.map(({ planned }) => ({
        label: planned.label,
        host: planned.host,
        entry: planned.entry,
        options: decoderOptions({ hosts, prefixes }, planned, startedAt),
      })),
      ...(parts.relays ? { openRelay: relayTo((event) => outputs.emitRelay(event), hosts) } : {}),
    },
    { emit: (event) => outputs.emit(event), emitLedger: (event) => outputs.emitLedger(event) },
    parts.saved ?? undefined,
  )
  const readers = parts.files.map(({ planned, source }, index) => {
    source.onChange(() => wait.wake())
    return createReader(planned, index, source, () => engine, { now, startedAt })
  })
  const checkpoints = createCheckpoints({ state: parts.state, outputs, engine, readers, now, log })
  /** Files that are over (`isOnce`). */
  const ended = new Set<number>()
  let isStopping = false
  let isPaused = false
  let isBlocked = false
  let turnedAt = startedAt
  const lateRate = createRate()
  let lateKnown = engine.late

  /** One turn; whether there may be more to do at once. */
  async function turn(): Promise<boolean> {
    isBlocked = outputs.isFull
    let isBusy = false
    if (!isBlocked) {
      const moved = await Promise.all(
        readers.map((reader, index) => (ended.has(index) ? Promise.resolve(false) : reader.step())),
      )
      isBusy = moved.includes(true)
      if (isOnce) isBusy = (await finishRead()) || isBusy
      else pass()
      isBusy = release() || isBusy
    }
    countLate()
    outputs.wake()
    if (ended.size === 0) checkpoints.tick()
    turnedAt = now()
    return isBusy
  }

  /** Time passes where nothing is written. */
  function pass(): void {
    const at = now()
    const lags = readers.map((reader) => reader.lag).filter((lag) => lag !== null)
    const least = lags.length === 0 ? null : Math.min(...lags)
    for (const reader of readers) reader.pass(at, least)
  }

  /** Files read to their end are over, in a run that reads what is there. What comes of that is no state to go on from. */
  async function finishRead(): Promise<boolean> {
    const read = [...readers.entries()].filter(([index, reader]) => !ended.has(index) && isRead(reader))
    if (read.length > 0 && ended.size === 0) await checkpoints.last(Number.POSITIVE_INFINITY)
    for (const [index, reader] of read) {
      await reader.finish()
      engine.finish(index)
      ended.add(index)
    }
    return read.length > 0
  }

  function countLate(): void {
    const { late } = engine
    if (late > lateKnown) lateRate.add(late - lateKnown, now())
    lateKnown = late
  }

  /** In pieces, so that a full spool is noticed. */
  function release(): boolean {
    for (let taken = 0; taken < TURN_MAX; taken += PIECE) {
      if (engine.release(PIECE) < PIECE) return false
      if (outputs.isFull) return false
    }
    return true
  }

  /** False also when a spool became full within the turn: what waits behind it comes with the next. */
  function isReleased(): boolean {
    return readers.every((_, index) => engine.waiting(index) === 0)
  }

  async function end(): Promise<void> {
    engine.end()
    outputs.wake()
    await outputs.barrier()
  }

  return {
    async run() {
      while (!isStopping) {
        if (isPaused) return
        const isBusy = await turn()
        if (isOnce && !isBusy && !isBlocked && ended.size === readers.length && isReleased()) return end()
        if (isBusy) await turnOver()
        else await wait.forNews(IDLE_MS)
      }
      await turn()
      if (ended.size === 0) await checkpoints.last(STOP_PATIENCE / MS)
    },
    pause() {
      isPaused = true
      wait.wake()
    },
    stop() {
      isStopping = true
      wait.wake()
    },
    wake: () => wait.wake(),
    engine,
    readers,
    checkpoints,
    get turnedAt() {
      return turnedAt
    },
    lateRate: (at) => lateRate.perSecond(at),
    get isBlocked() {
      return isBlocked
    },
  }
}

/** Between two looks at the spools. */
const PIECE = 200

function isRead(reader: Reader): boolean {
  return reader.isAtEnd || reader.source.problem !== ''
}

function decoderOptions(parts: Pick<DaemonParts, 'hosts' | 'prefixes'>, { host }: PlannedFile, startedAt: Micros) {
  const intake = parts.hosts.find(({ name }) => name === host)
  const { timezone = '', booted = null } = intake?.options ?? {}
  return {
    zone: timezone === '' ? 'UTC' : timezone,
    referenceAt: startedAt,
    prefixes: parts.prefixes.get(host) ?? [],
    ...(booted === null ? {} : { boot: { at: booted, id: String(booted) } }),
  }
}
