/**
 * Whom a tier waits for, and how long. Its clock is the time it listened: only while the brokers answered and everything that was
 * told had been heard. An outage of the brokers, a process that stood still, a backlog: none of them makes anybody silent.
 */
import type { ProgressMessage } from '../../relay/messages.ts'
import type { Patience } from '../../relay/partition-core.ts'
import { quoted } from '../../safe-text.ts'
import { type Micros, SECOND } from '../../time.ts'
import type { Log } from '../log.ts'

/** A machine or a correlator's partition, as far as it has told. */
export type Speaker = {
  readonly name: string
  readonly reached: Micros
  /** What can be worked off of it: of a machine no more than its flows are settled. */
  readonly sure: Micros
  readonly isFinished: boolean
}

export type Listening = {
  heard(message: ProgressMessage): void
  /** Who spoke according to a restored state; told before somebody who is known already, it changes nothing. */
  recall(speaker: Speaker): void
  /** Everything that was told until `now` (wall clock) has been heard. */
  caughtUp(now: Micros): void
  /** `expected`: promised machines, whether they have spoken or not. Each core is to wait for those that it has not heard yet. */
  patience(): Patience
  /** Somebody is waited for no longer because what waits for it fills the memory; until it is `forgiven`. */
  giveUp(name: string): void
  forgive(): void
  /** Machines that spoke, by name. */
  machines(): readonly (Speaker & { readonly isGivenUp: boolean })[]
  /** All that may speak: promised, or heard. */
  names(): ReadonlySet<string>
}

/** Between two looks at the brokers more than this: the process or the brokers stood still, and nobody can be blamed. */
const STEP_MAX: Micros = 5 * SECOND
/** Machines and partitions remembered: more than a core waits for, or it would wait for one that nobody here can give up. */
const SPEAKERS_MAX = 200_000

/** As Patience and status name a correlator's partition. */
export function partitionName(partition: number): string {
  return `partition:${partition}`
}

/** Who tells it, as Patience names it. */
export function nameOf(message: ProgressMessage): string {
  return message.kind === 'machine' ? message.machine : partitionName(message.partition)
}

/** What a message says of who tells it. */
export function speakerOf(message: ProgressMessage): Speaker {
  const name = nameOf(message)
  const { reached } = message
  return message.kind === 'machine'
    ? { name, reached, sure: Math.min(reached, message.settled), isFinished: message.isFinished }
    : { name, reached, sure: reached, isFinished: false }
}

/** `promised`: machines of the inventory that are to be waited for. `partitions`: names of the correlators' partitions that are. */
export function createListening(
  {
    promised,
    partitions,
    patience,
  }: { readonly promised: readonly string[]; readonly partitions: readonly string[]; readonly patience: Micros },
  log: Log,
): Listening {
  const speakers = new Map<string, Speaker & { at: Micros }>()
  for (const name of partitions) speakers.set(name, { name, reached: 0, sure: 0, isFinished: false, at: 0 })
  const tooSlow = new Set<string>()
  let givenUp: ReadonlySet<string> = new Set()
  /** The same object as long as nobody comes or goes. */
  let present: Patience = { expected: new Set(promised), givenUp }
  /** Time listened so far. */
  let clock: Micros = 0
  let lookedAt: Micros | null = null

  /** Sets are made anew only when somebody comes or goes: a core may look at them at every call. */
  function review(): void {
    const silent = [...speakers.values()].filter(({ isFinished, at }) => !isFinished && clock - at > patience)
    const unheard = promised.filter((name) => !speakers.has(name))
    const nowGivenUp = new Set([...silent.map(({ name }) => name), ...(clock > patience ? unheard : []), ...tooSlow])
    for (const name of nowGivenUp)
      if (!givenUp.has(name) && !tooSlow.has(name))
        log.warn(
          { about: name, seconds: patience / SECOND },
          `${quoted(name)} says nothing: it is waited for no longer`,
        )
    for (const name of givenUp)
      if (!nowGivenUp.has(name)) log.info({ about: name }, `${quoted(name)} is waited for again`)
    if (isSame(nowGivenUp, givenUp)) return
    givenUp = nowGivenUp
    present = { expected: new Set(promised.filter((name) => !nowGivenUp.has(name))), givenUp }
  }

  return {
    heard(message) {
      const name = nameOf(message)
      const known = speakers.get(name)
      // Partitions are all known from the beginning.
      if (known === undefined && (message.kind === 'partition' || speakers.size >= SPEAKERS_MAX)) return
      const told = speakerOf(message)
      speakers.set(name, { ...told, reached: Math.max(known?.reached ?? 0, told.reached), at: clock })
      if (known === undefined || givenUp.has(name)) review()
    },
    recall(speaker) {
      if (speakers.has(speaker.name) || speakers.size >= SPEAKERS_MAX) return
      speakers.set(speaker.name, { ...speaker, at: clock })
      review()
    },
    caughtUp(now) {
      const step = lookedAt === null ? 0 : now - lookedAt
      lookedAt = now
      if (step > 0 && step <= STEP_MAX) clock += step
      review()
    },
    patience: () => present,
    giveUp(name) {
      if (tooSlow.has(name)) return
      tooSlow.add(name)
      log.error(
        { about: name },
        `${quoted(name)} is so far behind that memory is full: it is waited for no longer until the others are worked off`,
      )
      review()
    },
    forgive() {
      if (tooSlow.size === 0) return
      tooSlow.clear()
      review()
    },
    machines: () =>
      [...speakers.values()]
        .filter(({ name }) => !partitions.includes(name))
        .map(({ name, reached, sure, isFinished }) => ({
          name,
          reached,
          sure,
          isFinished,
          isGivenUp: givenUp.has(name),
        }))
        .sort((a, b) => (a.name < b.name ? -1 : 1)),
    names: () => new Set([...promised, ...speakers.keys()]),
  }
}

function isSame(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return a.size === b.size && [...a].every((name) => b.has(name))
}
