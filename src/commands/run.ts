/**
 * `peertrail run [--pipeline FILE]`: the daemon (design 9). Reads what the machine's logs and commands tell for as long as it lives;
 * SIGTERM and SIGINT drain and end it, SIGHUP loads inventory and pipeline again.
 */
import { existsSync } from 'node:fs'
import { hostname } from 'node:os'
import { setFlagsFromString } from 'node:v8'
import { AppError, formatProblem } from '../errors.ts'
import { type LiveRun, openLiveRun } from '../live/live-run.ts'
import type { Log } from '../live/log.ts'
import { createNotifier } from '../live/notify.ts'
import { createOwnLog } from '../live/own-log/own-log.ts'
import { loadSettings, type Settings } from '../live/settings.ts'
import { startStatusServer } from '../live/status/status-server.ts'
import { loadTierSettings } from '../live/tier-settings.ts'
import { MS } from '../time.ts'
import { VERSION } from '../version.ts'
import { crashAt } from './crash-at.ts'
import { runTier } from './run-tier.ts'
import { type Environment, SYSTEM_PIPELINE } from './store-place.ts'

export type RunArguments = {
  /** '' = /etc/peertrail/pipeline.yaml. */
  readonly pipeline: string
  /** Another state directory, '' = as the pipeline says. */
  readonly state: string
  /** Reads what is there, settles everything as a replay does, and ends. Commands are not run. */
  readonly isOnce: boolean
}

/**
 * Old space grows by at most so much before it is collected, in percent of what lives in it. A record waits seconds for its evidence
 * and dies old: left to itself the heap doubles or more before anybody looks. 30 saves nothing over 60 and costs a tenth of the time.
 */
const HEAP_GROWING_PERCENT = 60
/** How often alarms are looked for and systemd hears that all is well. */
const LOOK_MS = 5_000
/** Exits of ours are all over by then; systemd waits ten seconds. */
const STOP_MS = 9_000

export async function runDaemon(args: RunArguments, environment: Environment): Promise<number> {
  const path = args.pipeline === '' ? SYSTEM_PIPELINE : args.pipeline
  if (args.pipeline === '' && !existsSync(path))
    throw new AppError('usage', `no pipeline file: ${SYSTEM_PIPELINE} is not there and --pipeline was not given`, {
      advice: '`peertrail init` writes one for this machine.',
    })
  const machine = hostname()
  const tier = await loadTierSettings(path, machine, args.state)
  if (tier !== null) {
    if (args.isOnce)
      throw new AppError('usage', '--once reads logs to their end, and what is in Kafka has none', {
        advice: 'Run the tier without it; SIGTERM ends it.',
      })
    return runTier(tier, environment)
  }
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWING_PERCENT}`)
  const settings = await loadSettings(path, machine, args.state)
  const now = () => Date.now() * MS
  const log = createOwnLog({ destination: process.stderr, color: environment['NO_COLOR'] === undefined })
  const notifier = createNotifier(environment)
  const live = await openLiveRun(settings, args.isOnce, {
    now,
    log,
    environment,
    hide: (secret) => log.hide(secret),
    random: Math.random,
    notifier,
    version: VERSION,
    pid: process.pid,
    memoryBytes: () => process.memoryUsage.rss(),
    step: crashAt(environment),
  })
  const server = args.isOnce
    ? null
    : await startStatusServer({
        dir: settings.stateDir,
        listen: settings.config.listen,
        status: () => live.status(),
        turnedAt: () => live.turnedAt,
        acknowledge: (given) => live.acknowledge(given),
        now,
        log,
      })
  const release = listenToSignals(live, () => loadSettings(path, machine, args.state), log)
  const look = setInterval(() => {
    live.status()
    notifier.alive(live.turnedAt)
  }, LOOK_MS)
  log.info({ pipeline: path, sources: settings.plan.files.length }, `started: ${started(settings)}`)
  try {
    await live.run()
  } finally {
    clearInterval(look)
    release()
    await server?.close()
  }
  log.info({}, 'ended')
  log.flush()
  return 0
}

function started({ plan, stateDir }: Settings): string {
  const files = `${plan.files.length} ${plan.files.length === 1 ? 'source' : 'sources'}`
  const commands = plan.commands.length === 0 ? '' : `, ${plan.commands.length} commands`
  return `${files}${commands}, state in ${stateDir}`
}

/** What gives the signals back. */
function listenToSignals(live: LiveRun, load: () => Promise<Settings>, log: Log): () => void {
  let isStopping = false
  const stop = (signal: NodeJS.Signals): void => {
    // Asked twice: whoever asks does not want to wait.
    if (isStopping) process.exit(1)
    isStopping = true
    log.info({ signal }, `${signal}: stopping`)
    live.stop()
    setTimeout(() => {
      log.warn({}, 'ended before everything was delivered; it comes again from the logs at the next start')
      process.exit(0)
    }, STOP_MS).unref()
  }
  let asked = 0
  const reload = (): void => {
    const own = ++asked
    load().then(
      (settings) => {
        // Asked again meanwhile: only what was loaded last counts.
        if (own === asked) live.reload(settings)
      },
      (error: unknown) => {
        // The place says more than that there is one.
        const problems = error instanceof AppError ? error.problems.map(formatProblem) : []
        const why = problems.length > 0 ? problems : [error instanceof Error ? error.message : String(error)]
        live.refuseReload(`SIGHUP refused, the old settings go on: ${why.join('\n')}`)
      },
    )
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
  process.on('SIGHUP', reload)
  return () => {
    process.off('SIGTERM', stop)
    process.off('SIGINT', stop)
    process.off('SIGHUP', reload)
  }
}
