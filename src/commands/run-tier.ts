/** `peertrail run` with a pipeline that names a `tier`: works on what is in Kafka until it is told to stop (design 10). */
import { mkdirSync } from 'node:fs'
import { AppError } from '../errors.ts'
import { createAlarms } from '../live/alarms.ts'
import { createNotifier } from '../live/notify.ts'
import { createOwnLog } from '../live/own-log/own-log.ts'
import { startStatusServer } from '../live/status/status-server.ts'
import { tierStatusOf } from '../live/tier-status.ts'
import type { TierRun, TierSettings } from '../live/tiers/tier.ts'
import { safeText } from '../safe-text.ts'
import { MS } from '../time.ts'
import { VERSION } from '../version.ts'
import { crashAt } from './crash-at.ts'
import type { Environment } from './store-place.ts'

/** How often systemd hears that all is well, and alarms are looked for. */
const LOOK_MS = 5_000
/** Exits of ours are all over by then; systemd waits ten seconds. */
const STOP_MS = 9_000

/** Exit 0 after SIGTERM or SIGINT. Throws AppError when the brokers refuse it or it cannot go on. */
export async function runTier(settings: TierSettings, environment: Environment): Promise<number> {
  const now = () => Date.now() * MS
  const startedAt = now()
  const log = createOwnLog({ destination: process.stderr, color: environment['NO_COLOR'] === undefined })
  const notifier = createNotifier(environment)
  const alarms = createAlarms(log)
  let run: TierRun | null = null
  let isStopping = false
  const status = () =>
    tierStatusOf({
      settings,
      run,
      isStopping,
      startedAt,
      now: now(),
      version: VERSION,
      pid: process.pid,
      memoryBytes: process.memoryUsage.rss(),
      alarms,
    })
  makeStateDir(settings.stateDir)
  // Its own status stands also while no broker answers.
  const server = await startStatusServer({
    dir: settings.stateDir,
    listen: settings.config.listen,
    status,
    turnedAt: now,
    now,
    log,
  })
  const stop = (signal: NodeJS.Signals): void => {
    if (isStopping) process.exit(1)
    isStopping = true
    log.info({ signal }, `${signal}: stopping`)
    notifier.stopping()
    run?.stop()
    setTimeout(() => {
      log.warn({}, 'ended before everything was committed; it comes again from Kafka at the next start')
      process.exit(0)
    }, STOP_MS).unref()
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
  const look = setInterval(() => {
    status()
    notifier.alive(now())
  }, LOOK_MS)
  try {
    // Clients are loaded by who speaks to brokers alone.
    const { openConfiguredTier } = await import('../live/tiers/configured-tier.ts')
    run = await openConfiguredTier(settings, {
      now,
      log,
      environment,
      hide: (secret) => log.hide(secret),
      random: Math.random,
      step: crashAt(environment),
    })
    log.info({ tier: settings.tier, brokers: settings.kafka.brokers.join(',') }, `started: ${settings.tier}`)
    notifier.ready()
    if (isStopping) run.stop()
    await run.run()
  } finally {
    clearInterval(look)
    process.off('SIGTERM', stop)
    process.off('SIGINT', stop)
    await server.close()
  }
  log.info({}, 'ended')
  log.flush()
  return 0
}

function makeStateDir(dir: string): void {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 })
  } catch (cause) {
    throw new AppError('cannot-write', `cannot make the state directory ${safeText(dir)}`, {
      cause,
      advice: 'Name one this user may write with --state, or with `state: { dir: … }` in the pipeline file.',
    })
  }
}
