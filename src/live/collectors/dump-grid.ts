/**
 * When the next run of a command that ends is due: on a fixed grid of wall-clock time (every 10 s means at :00, :10, :20 …), so
 * that polls of many machines fall together and a slow run does not shift the later ones. A run that takes longer than the
 * period leaves out the times that it covers; two never run at once.
 */
import { MS } from '../../time.ts'
import type { Clock } from '../clock.ts'

export type DumpGrid = {
  /** The first run begins at once. */
  start(): void
  /** A run out of turn, as soon as none is under way: one that began before this call does not count for it. */
  readonly runNow: () => void
  /** No further run begins. Resolves when the last one has ended. */
  stop(): Promise<void>
}

/** Runs out of turn: at least this far apart, so that a stream of losses does not become a stream of dumps, ms. */
const OUT_OF_TURN_MS = 5_000

/** `run` must not reject. */
export function createDumpGrid(everyMs: number, clock: Clock, run: () => Promise<void>): DumpGrid {
  let isStarted = false
  let running: Promise<void> | null = null
  let isWanted = false
  /** The place on the grid that the last run was for. */
  let lastSlot = Number.NaN
  let lastBeganAt = Number.NEGATIVE_INFINITY
  let cancelGrid = () => {}
  let cancelWanted = () => {}

  const slotNow = () => Math.floor(clock.now() / MS / everyMs)

  function begin(): void {
    if (!isStarted || running !== null) return
    isWanted = false
    cancelWanted()
    lastBeganAt = clock.now()
    running = run().then(() => {
      running = null
      if (isWanted) outOfTurn()
    })
  }

  function wait(): void {
    const nowMs = clock.now() / MS
    cancelGrid = clock.after((slotNow() + 1) * everyMs - nowMs, () => {
      const slot = slotNow()
      // A timer may fire a little before the wall clock is there: same place, wait on. Set back, it is another place.
      if (slot !== lastSlot) {
        lastSlot = slot
        begin()
      }
      wait()
    })
  }

  function outOfTurn(): void {
    const distanceMs = Math.min(OUT_OF_TURN_MS, everyMs)
    const sinceMs = (clock.now() - lastBeganAt) / MS
    cancelWanted()
    if (sinceMs >= distanceMs || sinceMs < 0) begin()
    else cancelWanted = clock.after(distanceMs - sinceMs, begin)
  }

  return {
    start() {
      if (isStarted) return
      isStarted = true
      lastSlot = slotNow()
      begin()
      wait()
    },
    runNow() {
      if (!isStarted) return
      isWanted = true
      if (running === null) outOfTurn()
    },
    async stop() {
      isStarted = false
      isWanted = false
      cancelGrid()
      cancelWanted()
      await running
    },
  }
}
