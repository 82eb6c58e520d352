/**
 * Posture in the pipeline: keeps what machines last said, and judges a machine whenever its host facts come (hourly). A finding about
 * the same is told again only after a day; one that went away in between and is back, or weighs otherwise now, is told at once.
 * Synchronous, runs on event time alone.
 */
import type { Event } from '../event.ts'
import type { Inventory } from '../identity/inventory.ts'
import { type HostFacts, isKnown } from '../sources/hostfacts/facts.ts'
import type { RulesetDocument } from '../sources/nftables/ruleset-document.ts'
import type { SnapshotRecord } from '../sources/wireguard/record.ts'
import { DAY, HOUR, type Micros } from '../time.ts'
import type { KernelSighting, MachineView } from './check.ts'
import { createPostureFindings, subjectOf } from './finding-events.ts'
import { createPeerCourses, type PeerCourses, type SavedPeerCourses } from './peer-courses.ts'
import { createPostureView, unknownMachine } from './posture-view.ts'
import { type CheckOutcome, type PostureFinding, runChecks, severityOf } from './run-checks.ts'
import { withKernel } from './seen-kernels.ts'
import { storedOfFacts } from './stored-confs.ts'

/** The same finding about the same again only after this long. */
export const SUPPRESSION: Micros = DAY

/** A poll that is older than this when facts come says nothing of now. */
export const SNAPSHOT_AGE_MAX: Micros = HOUR

/** Findings remembered for suppression; beyond it the oldest are forgotten, and told again at the next facts. */
export const REMEMBERED_MAX = 50_000

/** A machine posture hears of, and what else it will say: facts wait for the first of each, so that a start is judged whole. */
export type PostureHost = {
  readonly name: string
  readonly hasSnapshots: boolean
  readonly hasRuleset: boolean
}

export type PostureDeskOptions = {
  /** Null: none; an empty one counts as none too. */
  readonly inventory: Inventory | null
  readonly hosts: readonly PostureHost[]
}

type Told = {
  readonly host: string
  readonly check: string
  readonly at: Micros
  /** What makes it worth telling again: severity, and the exception that accepts it. */
  readonly mark: string
}

type SavedMachine = {
  readonly snapshot: SnapshotRecord | null
  readonly ruleset: RulesetDocument | null
  readonly facts: HostFacts | null
  readonly factsAt: Micros
  readonly kernels: readonly KernelSighting[]
  readonly courses: SavedPeerCourses
  readonly isWaiting: boolean
}

/** Plain data; Maps are kept as such. */
export type SavedPostureDesk = {
  readonly machines: Map<string, SavedMachine>
  /** By check and subject, which begins with the host. */
  readonly told: Map<string, Told>
}

type Machine = Omit<{ -readonly [Key in keyof SavedMachine]: SavedMachine[Key] }, 'courses'> & {
  readonly courses: PeerCourses
}

export type PostureDesk = ReturnType<typeof createPostureDesk>

/** Hosts that are not in `options.hosts` are taken as they come. */
export function createPostureDesk(
  { inventory, hosts }: PostureDeskOptions,
  emit: (event: Event) => void,
  saved?: SavedPostureDesk,
) {
  const documented = inventory === null || inventory.hash === '' ? null : inventory
  const declared = new Map(hosts.map((each) => [each.name, each]))
  const machines = new Map([...(saved?.machines ?? [])].map(([name, each]) => [name, restored(each)]))
  const told = saved?.told ?? new Map<string, Told>()
  const toEvents = createPostureFindings()

  function machineOf(host: string): Machine {
    const machine = machines.get(host) ?? restored(null)
    machines.set(host, machine)
    return machine
  }

  function judgeWhenWhole(host: string, machine: Machine): void {
    if (!machine.isWaiting || machine.facts === null) return
    const { hasSnapshots = false, hasRuleset = false } = declared.get(host) ?? {}
    if ((hasSnapshots && machine.snapshot === null) || (hasRuleset && machine.ruleset === null)) return
    machine.isWaiting = false
    judge(host, machine)
  }

  function judge(host: string, machine: Machine): void {
    // Facts that waited for the first poll are judged by its time.
    const at = Math.max(machine.factsAt, machine.snapshot?.at ?? machine.factsAt)
    const views = [...machines].map(([name, each]) => viewOf(name, each, name === host ? at : null))
    const outcomes = runChecks(createPostureView(views, documented), [host])
    forgetGone(host, outcomes)
    for (const outcome of outcomes) tell(outcome)
  }

  /** What went away is told at once when it is back; what could not be looked at has not gone away. */
  function forgetGone(host: string, outcomes: readonly CheckOutcome[]): void {
    const standing = new Set<string>()
    const unknown = new Set<string>()
    for (const outcome of outcomes) {
      for (const result of outcome.results) {
        if (result.kind === 'finding') standing.add(identityOf(outcome, result))
        else if (result.kind === 'not-checked') unknown.add(outcome.check.id)
      }
    }
    for (const [identity, { host: own, check }] of told) {
      if (own === host && !standing.has(identity) && !unknown.has(check)) told.delete(identity)
    }
  }

  function tell(outcome: CheckOutcome): void {
    const { check, host, at, results } = outcome
    const fresh = results.filter((result) => {
      if (result.kind !== 'finding') return false
      const identity = identityOf(outcome, result)
      const mark = `${severityOf(result, check)} ${result.exception?.reason ?? ''}`
      const last = told.get(identity)
      if (last !== undefined && last.mark === mark && at - last.at < SUPPRESSION) return false
      // The newest stand last, so the oldest are found first.
      told.delete(identity)
      told.set(identity, { host, check: check.id, at, mark })
      return true
    })
    if (fresh.length > 0) for (const event of toEvents({ ...outcome, results: fresh })) emit(event)
    for (const identity of told.keys()) {
      if (told.size <= REMEMBERED_MAX) break
      told.delete(identity)
    }
  }

  return {
    /** A poll; one with rows that could not be read is left out, because a peer that is missing in it proves nothing. */
    snapshot(host: string, record: SnapshotRecord): void {
      const machine = machineOf(host)
      if (!record.isComplete || record.at < (machine.snapshot?.at ?? record.at)) return
      machine.snapshot = record
      machine.courses.observe(record.at, record.peers)
      judgeWhenWhole(host, machine)
    },
    /** The ruleset as of `at`; each takes the place of the one before. */
    ruleset(host: string, at: Micros, document: RulesetDocument): void {
      const machine = machineOf(host)
      machine.ruleset = document
      if (at >= machine.factsAt) judgeWhenWhole(host, machine)
    },
    /** Judges the machine, now or as soon as the first poll and ruleset are in that its sources will bring. */
    facts(host: string, at: Micros, facts: HostFacts): void {
      const machine = machineOf(host)
      if (at < machine.factsAt) return
      machine.facts = facts
      machine.factsAt = at
      if (isKnown(facts.kernel.release)) machine.kernels = withKernel(machine.kernels, facts.kernel.release, at)
      // Waited once already: what did not come by now is judged as not known.
      const hasWaited = machine.isWaiting
      machine.isWaiting = true
      if (hasWaited) {
        machine.isWaiting = false
        judge(host, machine)
      } else judgeWhenWhole(host, machine)
    },
    save: (): SavedPostureDesk => ({
      machines: new Map([...machines].map(([name, each]) => [name, { ...each, courses: each.courses.save() }])),
      told,
    }),
  }
}

function restored(saved: SavedMachine | null): Machine {
  if (saved === null) {
    return {
      snapshot: null,
      ruleset: null,
      facts: null,
      factsAt: Number.NEGATIVE_INFINITY,
      kernels: [],
      courses: createPeerCourses(),
      isWaiting: false,
    }
  }
  return { ...saved, courses: createPeerCourses(saved.courses) }
}

function identityOf(outcome: CheckOutcome, finding: PostureFinding): string {
  return `${outcome.check.id}\0${subjectOf(outcome, finding)}`
}

/** `judgedAt` null: only what runs on it is asked for. */
function viewOf(host: string, machine: Machine, judgedAt: Micros | null): MachineView {
  const { snapshot, ruleset, facts, kernels, courses } = machine
  if (judgedAt === null) return { ...unknownMachine(host, snapshot?.at ?? 0), wireguard: snapshot }
  return {
    host,
    at: judgedAt,
    wireguard: snapshot !== null && judgedAt - snapshot.at <= SNAPSHOT_AGE_MAX ? snapshot : null,
    peers: courses.all(),
    stored: storedOfFacts(facts),
    ruleset,
    facts,
    kernels,
  }
}
