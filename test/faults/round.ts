/** One round: a writer, a daemon, faults; then quiet, everything read to its end, and judged. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { scheduler } from 'node:timers/promises'
import { HOUR, MS } from '../../src/time.ts'
import { carryOut, type Scene, type Tally } from './carry-out.ts'
import { drain, superviseDaemon } from './daemon-child.ts'
import { type Delivered, readNdjson, readStore, readTaken } from './delivered.ts'
import { judge, type Verdict } from './judge.ts'
import { readLedger } from './ledger.ts'
import { makeOldStore } from './old-store.ts'
import type { RoundPlan } from './round-plan.ts'
import { mountSmallDisk } from './small-disk.ts'
import { makeWorkplace, type Workplace } from './workplace.ts'
import { superviseWriter } from './writer-child.ts'

export type RoundResult = {
  readonly verdict: Verdict
  readonly kills: number
  /** Crash points at which the daemon ended itself. */
  readonly points: readonly string[]
  readonly problems: readonly string[]
  /** Why it did not take place, '' = it did. */
  readonly skipped: string
}

const DISK_MIB = 64
/** The daemon has said its first word by then. */
const SETTLE_MS = 700
const COMMAND_RATE = 50
/** A daemon that was started just now has started its commands by then. */
const LIFE_MS = 2_500

/** `dir` is made, and is the caller's to remove. */
export async function playRound(dir: string, plan: RoundPlan): Promise<RoundResult> {
  const place = makeWorkplace(dir, {
    conntrack: plan.conntrack,
    commandRate: COMMAND_RATE,
    spool: plan.spool,
    hasCommandSink: true,
  })
  const disk = plan.disk === '' ? null : mountSmallDisk(place[plan.disk], DISK_MIB)
  if (plan.disk !== '' && disk === null)
    return { verdict: judgeNothing(), kills: 0, points: [], problems: [], skipped: 'mounting is not permitted' }
  try {
    if (plan.hasOldStore) await makeOldStore(place.store, Date.now() * MS)
    const tally = await play(place, plan, disk)
    const code = await drain(place)
    const problems = code === 0 ? [] : [`run --once ended with ${code}`]
    const { verdict, problems: found } = await verdictOf(place, tally)
    return { verdict, kills: tally.kills, points: tally.points, problems: [...problems, ...found], skipped: '' }
  } finally {
    disk?.unmount()
  }
}

async function play(place: Workplace, plan: RoundPlan, disk: Scene['disk']): Promise<Tally> {
  const bootedAt = Date.now() * MS - HOUR
  const writer = superviseWriter(place, {
    perSecond: plan.perSecond,
    bootedAt,
    hasConntrack: plan.conntrack === 'file',
  })
  const daemon = superviseDaemon(place)
  const tally: Tally = { kills: 0, isStateLost: false, points: [] }
  writer.start()
  daemon.start()
  try {
    await scheduler.wait(SETTLE_MS)
    for (const fault of plan.faults) await carryOut({ place, daemon, writer, disk, tally }, fault)
    disk?.clear()
    await carryOut({ place, daemon, writer, disk, tally }, { do: 'sink', mode: 'ok' })
    await scheduler.wait(SETTLE_MS)
    await writer.order({ do: 'stop' })
  } finally {
    await writer.kill()
    // What the command still prints after a kill would be told by the next start, which does not come.
    if (plan.conntrack === 'command') {
      await scheduler.wait(LIFE_MS)
      await daemon.stop()
    }
    await daemon.kill()
  }
  return tally
}

async function verdictOf(place: Workplace, tally: Tally): Promise<{ verdict: Verdict; problems: string[] }> {
  const problems: string[] = []
  const sinks: Delivered[] = []
  if (existsSync(join(place.store, 'manifest.sqlite'))) {
    const store = await readStore(place)
    problems.push(...store.problems)
    sinks.push(store.delivered)
  } else problems.push('there is no store')
  sinks.push(readNdjson(place), readTaken(place))
  const entries = readLedger(place.ledger)
  const commandEntries = readLedger(place.commandLedger)
  return { verdict: judge({ entries, commandEntries, sinks, isStateLost: tally.isStateLost }), problems }
}

function judgeNothing(): Verdict {
  return judge({ entries: [], commandEntries: [], sinks: [], isStateLost: false })
}
