/** Everything an incident report knows, apart from its words. */
import type { Bounds, EventReader } from '../../store/event-reader.ts'
import { countThrough } from '../connections-through.ts'
import type { Dispute } from '../disputes.ts'
import type { PageOne } from '../page-one/page-one.ts'
import type { ReportQuestion } from '../report-question.ts'
import { type PlacedGap, readGaps } from '../revocation/revocation-coverage.ts'
import { type ActivityFacts, type Presence, readActivity, readPresence } from './incident-activity.ts'
import { type IncidentFinding, readIncidentFindings } from './incident-findings.ts'
import { readStays, type Stay } from './incident-ledger.ts'
import { type Mapping, readMappings } from './incident-mappings.ts'
import { type RuleFact, readRules } from './incident-rules.ts'
import { type IncidentScope, isOfSubject } from './incident-scope.ts'
import { keyQuery } from './incident-subject.ts'
import { namedAt } from './story-holder.ts'
import type { StoryLine } from './story-row.ts'

export type IncidentFacts = {
  readonly scope: IncidentScope
  readonly activity: ActivityFacts
  readonly presence: readonly Presence[]
  readonly mappings: readonly Mapping[]
  readonly mappingCount: number
  readonly stays: readonly Stay[]
  readonly stayCount: number
  readonly rules: readonly RuleFact[]
  readonly ruleCount: number
  readonly findings: readonly IncidentFinding[]
  readonly findingCount: number
  readonly disputes: readonly Dispute[]
  /** Of the machines that tell of it, overlapping the period. */
  readonly gaps: readonly PlacedGap[]
  /** How the newest inventory names a key otherwise than documents of the time. */
  readonly renamed: number
  /** Of all records; null = there are none. */
  readonly bounds: Bounds | null
  /** Connections that began before the period and of which the next document stands behind it. */
  readonly through: number
}

/** Facts and what was written of them while they were read. */
export type GatheredIncident = IncidentFacts & {
  readonly pageOne: PageOne
  /** The first lines, at most STORY_SHOWN_MAX. */
  readonly shown: readonly StoryLine[]
  /** Documents of the story by dataset, sorted. */
  readonly datasets: ReadonlyMap<string, number>
  /** Documents of the story. */
  readonly documents: number
  /** Lines that were written to the file of the story. */
  readonly written: number
}

/** `disputes` are of all keys. Throws AppError of the reader. */
export async function readIncidentFacts(
  reader: EventReader,
  scope: IncidentScope,
  question: ReportQuestion,
  disputes: readonly Dispute[],
): Promise<IncidentFacts> {
  const { progress } = question
  const steps = 7
  const step = (done: number) => progress('incident', done, steps)
  step(0)
  const activity = await readActivity(reader, scope)
  step(1)
  const presence = (await readPresence(reader, scope)).filter(({ publicKey, from, to }) =>
    isOfSubject(scope, publicKey, from, to ?? from),
  )
  const { mappings, total: mappingCount } = await readMappings(reader, scope)
  step(2)
  const { stays, total: stayCount } = await readStays(reader, scope)
  step(3)
  const { rules, total: ruleCount } = await readRules(reader, scope)
  step(4)
  const { findings, total: findingCount } = await readIncidentFindings(reader, scope)
  step(5)
  const gaps = (await readGaps(reader, scope.period)).filter(({ machine }) => scope.machines.includes(machine))
  step(6)
  const facts = {
    scope,
    activity,
    presence,
    mappings,
    mappingCount,
    stays,
    stayCount,
    rules,
    ruleCount,
    findings,
    findingCount,
    disputes: disputes.filter(({ publicKey, from, to }) => isOfSubject(scope, publicKey, from, to)),
    gaps,
    renamed: mappings.filter(({ holder, first }) => namedAt(holder, first, question.names).other !== null).length,
    bounds: await reader.bounds(null),
    through: scope.keys.length === 0 ? 0 : await countThrough(reader, keyQuery(scope.keys), scope.period),
  }
  step(7)
  return facts
}
