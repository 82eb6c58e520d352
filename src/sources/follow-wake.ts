/** When to look again: inotify on the directory by way of tail-file, and a timer for the places that inotify does not reach. */
import { FollowedTail } from './follow-tail.ts'

/** Between two looks where nothing tells of changes (network mounts, bind mounts, links into other directories), in ms. */
const TICK_MS = 1000

export type Wake = {
  readonly tail: FollowedTail
  /** Set here, cleared by who has looked. */
  readonly due: {
    /** Names may have changed since the directory was listed. */
    listing: boolean
    /** A second has passed: for what is dear or nothing tells of. */
    tick: boolean
  }
  /** From now on the next change is told, once. */
  arm(): void
  onChange(listener: () => void): void
  /** Ends the watch and the timer. */
  close(): Promise<void>
}

/** Runs until it is closed. */
export function createWake(path: string): Wake {
  const due = { listing: true, tick: true }
  let listener: () => void = () => {}
  let isArmed = false
  const tail = new FollowedTail(path, changed)
  let watching = tail.watch()
  const timer = setInterval(() => {
    due.tick = true
    watching = watching.then(() => tail.watch())
    changed(true)
  }, TICK_MS)

  function changed(isRotation: boolean): void {
    if (isRotation) due.listing = true
    if (!isArmed) return
    isArmed = false
    listener()
  }

  return {
    tail,
    due,
    arm() {
      isArmed = true
    },
    onChange(next) {
      listener = next
    },
    async close() {
      clearInterval(timer)
      isArmed = false
      listener = () => {}
      await watching
      tail.unwatch()
    },
  }
}
