/**
 * A log that is being written, through every kind of rotation, from a position that outlives the process: `kern.log.2.gz` at
 * the right byte, `kern.log.1`, then `kern.log` as it grows (design 13, docs/operations.md "Following files").
 *
 *   no seat ──► a file is chosen and opened ──► read to its end ──► the live file is another one by now, with bytes in it
 *      ▲                                              │                         │ the end of the old one was read after that
 *      └── its content is another: looked for ◄───────┘  ◄──────────────────────┘
 *
 * Nothing is decided by name alone, and no list of files to come is kept: after each file the directory is looked at anew.
 * Never more than two descriptors: the seat's, and one to look at another file with.
 */
import { parseCursor, printCursor } from './follow-cursor.ts'
import { createFollower } from './follow-steps.ts'
import { createWake } from './follow-wake.ts'
import type { FollowOptions, LineRead, LineSource } from './line-source.ts'

/** Reads without a complete line in one call: a line of some megabytes must not hold the caller up. */
const STEPS_MAX = 64

/** Follows `options.path` from `cursor`, text that `cursor()` gave before. A cursor that cannot be read is a gap, and everything there is is read. */
export function openFollowed(options: FollowOptions, cursor?: string): LineSource {
  const saved = cursor === undefined ? null : parseCursor(cursor)
  const isForeign = cursor !== undefined && saved === null
  const wake = createWake(options.path)
  const follower = createFollower(options, wake, saved, isForeign)
  let isClosed = false
  let running: Promise<unknown> = Promise.resolve()

  /** One after the other, so that `close` can wait for the last. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = running.then(work)
    running = turn.catch(() => {})
    return turn
  }

  async function read(): Promise<LineRead> {
    for (let i = 0; i < STEPS_MAX && !isClosed; i++) {
      const got = await follower.step()
      if (got !== null) return got
    }
    return follower.nothing(isClosed)
  }

  return {
    read() {
      wake.arm()
      return inTurn(read)
    },
    finish: () => inTurn(() => follower.finish()),
    cursor: () => printCursor(follower.cursor()),
    onChange(listener) {
      wake.onChange(listener)
    },
    get problem() {
      return follower.problem()
    },
    async close() {
      isClosed = true
      await wake.close()
      await inTurn(() => follower.close())
    },
  }
}
