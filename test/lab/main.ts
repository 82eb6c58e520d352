/**
 * `npm run test:lab`: real hosts in network namespaces, `peertrail run` on their gateway, and a judge that holds the store against
 * what was done. Exit 0 all is right, 1 something is not, 3 this machine cannot hold a lab.
 *
 *   --keep   leave the lab's directory for a look
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Micros, MS, SECOND } from '../../src/time.ts'
import { PATIENCE_MS, until, wallClock } from './conditions.ts'
import { judgeLab } from './judge.ts'
import { loadNow, NoLabError, prepareMachine } from './lab-machine.ts'
import { buildMachines, type Machines } from './lab-machines.ts'
import { clearLeftovers, clearPlace, type LabPlace, makePlace } from './lab-place.ts'
import { reportText } from './report.ts'
import { type StoreWatch, watchStore } from './store-watch.ts'
import { tellStory } from './story.ts'

const isKept = process.argv.includes('--keep')
/** A SIGTERM drains and ends the daemon within this. */
const STOP_MS = 10_000
/** conntrack forgets a connection that is over within this (network.ts), or when its table is read next. */
const ENDS_WITHIN: Micros = 10 * SECOND
const startedAt = wallClock()

const status = await main()
// Pipes of processes that are gone would hold it open.
process.exit(status)

async function main(): Promise<number> {
  try {
    prepareMachine(say)
  } catch (error) {
    if (!(error instanceof NoLabError)) throw error
    process.stdout.write(`no lab: ${error.message}\n`)
    return 3
  }
  clearLeftovers(say)
  const place = makePlace()
  for (const [signal, status] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)
    process.on(signal, () => {
      clearPlace(place.id, isKept)
      process.exit(status)
    })
  try {
    return await runLab(place)
  } catch (error) {
    if (error instanceof NoLabError) {
      process.stdout.write(`no lab: ${error.message}\n`)
      return 3
    }
    process.stdout.write(`the lab failed: ${error instanceof Error ? error.stack : String(error)}\n`)
    return 1
  } finally {
    const kept = clearPlace(place.id, isKept)
    if (kept !== '') say(`kept: ${kept}`)
  }
}

async function runLab(place: LabPlace): Promise<number> {
  const load = { before: loadNow(), most: loadNow() }
  const look = setInterval(() => {
    load.most = Math.max(load.most, loadNow())
  }, 5_000)
  try {
    say(`lab ${place.id}`)
    const machines = await buildMachines(place, say)
    const { daemon, truth } = machines
    daemon.start()
    await until('conntrack of the daemon', () => daemon.conntrackPid())
    await daemon.nextDump('ruleset', 0)
    for (const kind of ['wg', 'wg'] as const) await daemon.nextDump(kind)
    const watch = watchStore(daemon.store, truth.startedAt)
    await tellStory(machines, say)
    say('waiting until everything can be found')
    await settle(machines, watch)
    const stopping = wallClock()
    daemon.signal('SIGTERM')
    const status = await daemon.end
    const stop = { status, ms: (wallClock() - stopping) / MS, isInTime: wallClock() - stopping < STOP_MS * MS }
    await watch.stop()
    const { secrets: _, ...told } = truth
    writeFileSync(join(place.dir, 'truth.json'), JSON.stringify(told))
    say('judging')
    const judgement = judgeLab(machines, watch, load, stop)
    process.stdout.write(reportText(judgement))
    return judgement.faults.length === 0 ? 0 : 1
  } finally {
    clearInterval(look)
  }
}

/** As long as something is missing that must come; what never comes is the judge's business. */
async function settle({ truth: { attempts, outages } }: Machines, watch: StoreWatch): Promise<void> {
  const certain = attempts.filter(
    ({ verdict, sourcePort, isCertain }) => verdict !== 'none' && sourcePort > 0 && isCertain,
  )
  // Nobody may have seen the end of a connection that was open while conntrack was not read.
  const isWatched = (since: Micros, until: Micros) =>
    outages.every(({ from, to }) => until < from - ENDS_WITHIN || since > to)
  const isThere = () =>
    certain.every(
      ({ sourcePort, outcome, from, to }) =>
        watch.seenAt(sourcePort) !== undefined &&
        (outcome === 'denied' || !isWatched(from, to) || watch.hasEnded(sourcePort)),
    )
  await until('everything is in the store', isThere, PATIENCE_MS).catch((error: unknown) => say(String(error)))
}

function say(text: string): void {
  process.stdout.write(`${((wallClock() - startedAt) / SECOND).toFixed(1).padStart(6)} s  ${text}\n`)
}
