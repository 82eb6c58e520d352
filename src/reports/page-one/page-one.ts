/** Page one: what has to be known before a row is read. The same facts begin every report, and the same sections end it. */
import type { EventReader } from '../../store/event-reader.ts'
import type { Micros } from '../../time.ts'
import { clauseSections } from '../clauses/clause-section.ts'
import type { ReportKind, Section, StripChart } from '../document/report-document.ts'
import type { ReportQuestion } from '../report-question.ts'
import { readBlindPlaces } from './blind-places.ts'
import { readClocks } from './clock-offsets.ts'
import { accessSection, integritySection, retentionSection, reviewSection } from './closing-blocks.ts'
import { readDeclared } from './declared-sources.ts'
import { blindSection, clockSection, completenessSection, meaningSection, namesSection } from './opening-blocks.ts'
import { readCompleteness } from './source-completeness.ts'

export type PageOne = {
  /** By machine and source, sorted. */
  readonly sources: readonly SourceCompleteness[]
  /** What nobody can see, however well it is collected: one sentence each, of a machine ('' = of all). */
  readonly blind: readonly { readonly machine: string; readonly text: string }[]
  readonly clocks: readonly ClockOffset[]
  /**
   * What makes people prove who they are, by gateway, in the inventory's words; '' = nothing is documented there. `isChanged`: an earlier
   * inventory of the period says otherwise. Null = no inventory is in the records.
   */
  readonly enforcement?: readonly Enforcement[] | null
  /** The oldest record there is; null = there is none at all. */
  readonly oldest: Micros | null
  /** The newest. */
  readonly newest: Micros | null
  /** Sources beyond SOURCES_MAX, which are not in `sources`. */
  readonly sourcesOmitted?: number
  /** Findings that a clock was set or is not synchronised, a line each, in the period. */
  readonly clockFindings?: readonly string[]
  /** What the reader had to do without while this was read. */
  readonly damage?: readonly string[]
}

export type Enforcement = { readonly gateway: string; readonly text: string; readonly isChanged?: boolean }

export type SourceCompleteness = {
  readonly machine: string
  readonly source: string
  readonly isDeclared: boolean
  /** Percent of the period, 0 to 100. 0 where a rule logs only some of its packets: `besidesSampled` holds for all others. */
  readonly atLeast: number
  readonly atMost: number
  /** Documents made of it, by its heartbeats: of whole minutes, also those that an end of the period cuts. */
  readonly events: number
  /** Records known to be lost, where a number was given. */
  readonly lost: number
  /** Stated gaps in the period, oldest first, at most GAPS_TOLD_MAX. */
  readonly gaps: readonly StatedGap[]
  /** Anything came from it in the period. */
  readonly hasSpoken: boolean
  /** How many gaps there are, where `gaps` does not have all. */
  readonly gapCount?: number
  /** Losses in the period without a number. */
  readonly uncountedLosses?: number
  /** Log prefixes of which only some packets are logged. */
  readonly sampled?: readonly string[]
  /** `atLeast` of everything but those prefixes. */
  readonly besidesSampled?: number
  readonly received?: number
  readonly unparsed?: number
  readonly suspect?: number
  readonly outOfScope?: number
  /** Percent of the period in which heartbeats stand, whatever they say. */
  readonly heartbeats?: number
  /** Time of the period in which heartbeats say that nothing came. */
  readonly quiet?: Micros
  /** Of `wireguard`: usual time between polls; null = not known. */
  readonly pollPeriod?: Micros | null
  /** Widest distance from the newest record to the end of its minute, seconds. */
  readonly lagMax?: number
  readonly spans?: StripChart['lanes'][number]['spans']
}

export type StatedGap = { readonly from: Micros; readonly to: Micros; readonly reason: string }

/** Machine minus gateways, in microseconds; null = not measured. */
export type ClockOffset = { readonly machine: string; readonly offset: Micros | null; readonly joins: number }

/** Throws AppError of the reader. */
export async function readPageOne(reader: EventReader, question: ReportQuestion): Promise<PageOne> {
  const { period, progress } = question
  const bounds = await reader.bounds(null)
  progress('coverage', 0, 3)
  const declared = await readDeclared(reader, period)
  const { sources, omitted } = await readCompleteness(reader, period, declared)
  progress('coverage', 1, 3)
  const blind = await readBlindPlaces(reader, period, declared, sources)
  progress('coverage', 2, 3)
  const { clocks, findings } = await readClocks(reader, period, sources)
  progress('coverage', 3, 3)
  return {
    sources,
    blind,
    clocks,
    enforcement: declared.isKnown
      ? declared.gateways.map(({ name, identityEnforcedBy: text }) => {
          return { gateway: name, text, isChanged: declared.enforcedOtherwise.has(name) }
        })
      : null,
    oldest: bounds?.oldestEvent ?? null,
    newest: bounds?.newest ?? null,
    sourcesOmitted: omitted,
    clockFindings: findings,
    damage: [...reader.damage],
  }
}

/** What `exact` means, completeness, blind spots, clocks: the first sections of a report. */
export function pageOneSections(pageOne: PageOne, question: ReportQuestion): Section[] {
  return [
    meaningSection(pageOne),
    namesSection(question.names),
    completenessSection(pageOne, question.period),
    blindSection(pageOne),
    clockSection(pageOne),
  ]
}

/** Clauses it supports, integrity, retention and access, the review block: the last sections of a report. */
export function closingSections(kind: ReportKind, pageOne: PageOne, question: ReportQuestion): Section[] {
  return [
    ...clauseSections(kind, question.isEveryClause, question.integrity.kind === 'chain'),
    integritySection(pageOne, question),
    retentionSection(pageOne, question),
    accessSection(question),
    reviewSection(),
  ]
}
