/**
 * A live run from its start to its end: opens what the settings name, lets the daemon turn, exchanges inventory and pipeline while
 * it goes on (SIGHUP), and puts everything away again.
 *
 * A reload is a checkpoint that nobody writes: the core is saved, made anew with the new settings, and goes on where it was. Files
 * and commands that are in both keep their place; nothing is read twice or missed.
 */

import { setTimeout as pause } from 'node:timers/promises'
import { deserialize, serialize } from 'node:v8'
import { type Acknowledgement, acknowledgementEvent } from '../acknowledgement.ts'
import type { Sink } from '../sinks/sink.ts'
import { openFollowed } from '../sources/follow-file.ts'
import type { LineSource } from '../sources/line-source.ts'
import type { Micros } from '../time.ts'
import { createAlarms } from './alarms.ts'
import type { Collector } from './collectors/collector.ts'
import { createDaemon, type Daemon } from './daemon.ts'
import { chainHeadEvent, coverageStarts } from './daemon-events.ts'
import type { SavedEngine } from './engine.ts'
import { fixedParts, intakeOf } from './live-hosts.ts'
import { statusOf } from './live-status.ts'
import type { Log } from './log.ts'
import type { Notifier } from './notify.ts'
import { openCollectors } from './open-collectors.ts'
import { openSinks, type SinkDeps } from './open-sinks.ts'
import { type Outputs, openOutputs } from './outputs.ts'
import { type PlannedFile, statePlaces } from './plan.ts'
import type { Settings } from './settings.ts'
import { openStateFile, type StateFile } from './state-file.ts'
import type { DaemonStatus } from './status.ts'

export type LiveRun = {
  /** Until `stop`, or until everything is read. */
  run(): Promise<void>
  stop(): void
  /** Goes on with other settings. What cannot be exchanged while running is said, and stays as it was. */
  reload(settings: Settings): void
  /** The new settings were no good; the run goes on with the old ones. */
  refuseReload(why: string): void
  status(): DaemonStatus
  /** Somebody did something about a finding: recorded in all sinks. Resolves true when it is safe in the store, false when that takes long. */
  acknowledge(given: Acknowledgement): Promise<boolean>
  readonly turnedAt: Micros
}

export type LiveDeps = {
  readonly now: () => Micros
  readonly log: Log
  /** Where secrets are looked for. */
  readonly environment: { readonly [name: string]: string | undefined }
  /** From now on this text appears in no line of the log. */
  readonly hide: (secret: string) => void
  /** From 0 to 1: attempts of many gateways must not come at one moment. */
  readonly random: () => number
  readonly notifier: Notifier
  readonly version: string
  readonly pid: number
  readonly memoryBytes: () => number
  /** Called at every point where a kill must be survived; for tests. */
  readonly step: (name: string) => void
}

/** For a store to take an acknowledgement; whoever asks waits ten seconds for the answer. */
const STORED_MS = 5_000

async function openAtPositions({ config, base }: Settings, state: StateFile, deps: SinkDeps): Promise<Sink[]> {
  const sinks = await openSinks(config, base, state.positions, deps)
  if (state.checkpoint === null && state.positions.size === 0)
    state.begin(new Map(sinks.map((sink) => [sink.name, sink.position()])))
  return sinks
}

/** Throws AppError when the state or a sink cannot be opened. Nothing runs before `run`. */
export async function openLiveRun(first: Settings, isOnce: boolean, deps: LiveDeps): Promise<LiveRun> {
  const { now, log, notifier, step } = deps
  const startedAt = now()
  const alarms = createAlarms(log)
  const state = openStateFile(first.stateDir, startedAt, step)
  if (state.setAside !== '') alarms.lasting('state-set-aside', 'state', state.setAside, startedAt)
  let daemon: Daemon | null = null
  const onHead = (head: Parameters<typeof chainHeadEvent>[1]): void => {
    log.info({ 'chain.count': head.count, 'chain.hash': head.hash }, `chain head ${head.count} ${head.hash}`)
    outputs.emitExcept('store', chainHeadEvent(settings.machine, head, now()))
  }
  const outputs: Outputs = openOutputs({
    sinks: await openAtPositions(first, state, { ...deps, onHead, stateDir: first.stateDir }).catch(
      (error: unknown) => {
        state.close()
        throw error
      },
    ),
    spools: statePlaces(first.stateDir).spools,
    spoolBytes: first.config.state.spoolBytes,
    now,
    log,
    onAccepted: () => daemon?.wake(),
  })
  let settings = first
  let loadedAt = startedAt
  let next: Settings | null = null
  let isStopping = false
  let collectors = new Map<string, Collector>()
  const sources = new Map<string, LineSource>()
  let cursors = state.checkpoint?.cursors ?? new Map<string, string>()

  /** Files of the settings, opened; those that are no longer named are closed. */
  async function openFiles(): Promise<{ planned: PlannedFile; source: LineSource }[]> {
    const named = new Set(settings.plan.files.map(({ label }) => label))
    for (const [label, source] of sources) {
      if (named.has(label)) continue
      sources.delete(label)
      await source.close()
    }
    return settings.plan.files.map((planned) => {
      const source = sources.get(planned.label) ?? openOne(planned)
      sources.set(planned.label, source)
      return { planned, source }
    })
  }

  function openOne({ label, path, host, entry, isJournal }: PlannedFile): LineSource {
    // What our own commands printed is all there is of it.
    const from = isJournal ? 'beginning' : settings.config.state.start
    const options = { path, host, kind: entry.kind, lineBytesMax: entry.lineBytesMax, from } as const
    return openFollowed(options, cursors.get(label))
  }

  async function exchangeCollectors(): Promise<void> {
    const { stateDir, config } = settings
    const places = { stateDir, journalBytes: config.state.journalBytes, start: config.state.start }
    const wanted = isOnce ? new Map<string, Collector>() : openCollectors(settings.plan, places, { now, log })
    for (const [key, collector] of collectors) if (!wanted.has(key)) await collector.stop()
    const kept = new Map([...wanted].map(([key, collector]) => [key, collectors.get(key) ?? collector]))
    for (const [key, collector] of kept) if (!collectors.has(key)) collector.start()
    collectors = kept
  }

  async function open(saved: SavedEngine | null): Promise<Daemon> {
    await exchangeCollectors()
    return createDaemon(
      {
        hosts: settings.hosts.map((host) => intakeOf(host, saved)),
        inventory: settings.inventory,
        inventoryText: settings.inventoryText,
        findings: settings.findings,
        files: await openFiles(),
        prefixes: new Map(
          settings.hosts.map(({ name, rulesets }) => [name, rulesets.flatMap((each) => each.prefixes)]),
        ),
        saved,
        relays: settings.config.kafka !== null,
        outputs,
        state,
        now,
        log,
      },
      isOnce,
    )
  }

  /** The core made anew with the new settings, from what it knows. */
  async function exchange(running: Daemon, wanted: Settings): Promise<Daemon> {
    const fixed = fixedParts(settings)
    if (fixedParts(wanted) === fixed) alarms.over('reload-refused', 'sinks')
    else alarms.lasting('reload-refused', 'sinks', 'sinks, state and listen are only read at the start: restart', now())
    // Saved and made anew in one step: nobody else holds the references.
    const saved = deserialize(serialize(running.engine.save())) as SavedEngine
    cursors = new Map([...sources].map(([label, source]) => [label, source.cursor()]))
    const { config, stateDir } = settings
    const { store, ndjson, command, elasticsearch, kafka, webhook, syslog, state: kept, listen } = config
    settings = {
      ...wanted,
      stateDir,
      config: { ...wanted.config, store, ndjson, command, elasticsearch, kafka, webhook, syslog, state: kept, listen },
    }
    loadedAt = now()
    log.info({ inventory: wanted.inventory.hash }, 'inventory and pipeline loaded again')
    return open(saved)
  }

  async function putAway(): Promise<void> {
    // Also those that a reload started while the run was told to stop, and all of them when it failed.
    for (const collector of collectors.values()) await collector.stop()
    for (const source of sources.values()) await source.close()
    await outputs.close()
    state.close()
  }

  async function goOn(): Promise<void> {
    daemon = await open(state.checkpoint?.engine ?? null)
    state.forgetCheckpoint()
    notifier.ready()
    if (!isOnce) for (const event of coverageStarts(settings.plan, 'source-started', startedAt)) outputs.emit(event)
    for (;;) {
      if (isStopping) daemon.stop()
      await daemon.run()
      if (next === null || isStopping) return
      const wanted = next
      next = null
      daemon = await exchange(daemon, wanted)
    }
  }

  return {
    async run() {
      try {
        await goOn()
      } finally {
        // Also after a fault: a process that neither works nor ends is restarted by nobody.
        await putAway()
      }
    },
    stop() {
      isStopping = true
      notifier.stopping()
      void stopAll()
    },
    reload(wanted) {
      if (isStopping) return
      alarms.over('reload-refused', 'settings')
      next = wanted
      daemon?.pause()
    },
    async acknowledge(given) {
      outputs.emit(acknowledgementEvent(given, now()))
      outputs.wake()
      const over = new AbortController()
      const late = pause(STORED_MS, false, { signal: over.signal, ref: false }).catch(() => false)
      const isStored = await Promise.race([outputs.stored().then(() => true), late])
      over.abort()
      return isStored
    },
    refuseReload: (why) => alarms.lasting('reload-refused', 'settings', why, now()),
    status: () => statusOf({ daemon, deps, settings, loadedAt, startedAt, isStopping, outputs, collectors, alarms }),
    get turnedAt() {
      return daemon?.turnedAt ?? startedAt
    },
  }

  /** Commands first: what they said until now is read before the daemon stops. */
  async function stopAll(): Promise<void> {
    await Promise.all([...collectors.values()].map((collector) => collector.stop()))
    if (!isOnce) for (const event of coverageStarts(settings.plan, 'source-stopped', now())) outputs.emit(event)
    daemon?.stop()
  }
}
