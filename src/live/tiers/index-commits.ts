/** Tells the group how far each partition has got, as often as is worth it; and asks how far there is to go. */
import { setTimeout as pause } from 'node:timers/promises'
import type { Admin, Member } from '../../kafka/bus.ts'
import { safeText } from '../../safe-text.ts'
import { type Micros, MS, SECOND } from '../../time.ts'
import type { IndexProgress } from './index-progress.ts'

export type IndexCommits = {
  /** Everything that is safe by now; never rejects. */
  commit(): Promise<void>
  /** Offsets behind the newest messages as they were lately, by partition; null = the brokers have not told yet. */
  readonly ends: readonly number[] | null
  /** How often the group did not take them. */
  readonly refused: number
  /** Why it takes none now, '' = it does. */
  readonly trouble: string
}

const LOOK_EVERY: Micros = 5 * SECOND

export type CommitOptions = {
  readonly member: Member
  readonly admin: Admin
  readonly topic: string
  readonly progress: IndexProgress
  readonly commitEvery: Micros
  /** Both loops end with it. */
  readonly signal: AbortSignal
  readonly step: (name: string) => void
}

export function startCommits({
  member,
  admin,
  topic,
  progress,
  commitEvery,
  signal,
  step,
}: CommitOptions): IndexCommits {
  let ends: readonly number[] | null = null
  let refused = 0
  let trouble = ''
  let last: Promise<void> = Promise.resolve()

  async function commitOnce(): Promise<void> {
    const places = progress.uncommitted(topic).filter(({ partition }) => member.partitions.has(partition))
    if (places.length === 0) {
      // What was refused is another member's by now.
      trouble = ''
      return
    }
    try {
      step('index-committing')
      await member.commit(places)
      progress.committed(places)
      trouble = ''
      step('index-committed')
    } catch (error) {
      // They may be another member's by now: it brings the same documents again.
      refused++
      trouble = safeText(error instanceof Error ? error.message : String(error))
    }
  }

  const commit = (): Promise<void> => {
    // One after the other: an older offset must not come last.
    last = last.then(commitOnce)
    return last
  }

  async function look(): Promise<void> {
    try {
      ends = await admin.ends(topic)
    } catch {
      // The member tells what is wrong with the brokers.
      ends = null
    }
  }

  every(commitEvery, signal, commit)
  every(LOOK_EVERY, signal, look)
  return {
    commit,
    get ends() {
      return ends
    },
    get refused() {
      return refused
    },
    get trouble() {
      return trouble
    },
  }
}

/** `work` never rejects, and is never under way twice. */
function every(period: Micros, signal: AbortSignal, work: () => Promise<void>): void {
  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      await work()
      // Ends early with the tier: that is no error.
      await pause(period / MS, undefined, { signal }).catch(() => {})
    }
  }
  void run()
}
