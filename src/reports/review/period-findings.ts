/** Findings of a period and how they were handled: acknowledged, accepted by an exception, or nobody said anything. */
import type { FieldName } from '../../fields.ts'
import { equals, exists } from '../../kql/build.ts'
import { toDocuments } from '../../store/documents.ts'
import { ALL_TIME, type EventReader } from '../../store/event-reader.ts'
import type { Micros } from '../../time.ts'
import type { ReportPeriod } from '../report-question.ts'

export type HandledFinding = {
  readonly id: string
  readonly at: Micros
  readonly rule: string
  readonly title: string
  readonly severity: number
  readonly gateway: string
  readonly publicKey: string
  readonly peer: string
  readonly summary: string
  /** Why the inventory accepted it, and who approved; '' = it did not. */
  readonly exception: string
  readonly approvedBy: string
  /** The newest acknowledgement; '' = there is none up to the report's time. */
  readonly handledBy: string
  readonly reference: string
  readonly handledAt: Micros | null
}

export type FindingRule = {
  readonly rule: string
  readonly title: string
  readonly severity: number
  readonly count: number
  readonly handled: number
  readonly accepted: number
  readonly open: number
}

export type PeriodFindings = {
  /** Oldest first; at most FINDINGS_MAX. */
  readonly findings: readonly HandledFinding[]
  readonly count: number
  /** Of the findings told; the most severe and then the most open first. */
  readonly rules: readonly FindingRule[]
}

/** Findings of a report; their rules are suppressed for repeats, so a year rarely has as many. */
export const FINDINGS_MAX = 20_000
/** Acknowledgements read, the newest. */
const ACKNOWLEDGEMENTS_MAX = 100_000

const COLUMNS: readonly FieldName[] = [
  '@timestamp',
  'event.id',
  'event.kind',
  'event.severity',
  'host.name',
  'rule.id',
  'rule.name',
  'wireguard.finding.approved_by',
  'wireguard.finding.exception',
  'wireguard.finding.summary',
  'wireguard.peer.name',
  'wireguard.peer.public_key',
]

/** `handledUntil`: later acknowledgements are not known to the report. */
export async function readFindings(
  reader: EventReader,
  { from, to }: ReportPeriod,
  handledUntil: Micros,
): Promise<PeriodFindings> {
  const result = await reader.select(
    {
      datasets: ['wireguard.finding'],
      since: from,
      until: to - 1,
      columns: COLUMNS,
      filter: equals('event.kind', ['alert']),
    },
    `SELECT *, count(*) OVER () AS total FROM events WHERE "event.kind" = 'alert'
     ORDER BY "event.severity" DESC NULLS LAST, "@timestamp", "event.id" LIMIT ${FINDINGS_MAX}`,
  )
  const total = result.names.indexOf('total')
  const handling = result.rows.length === 0 ? new Map<string, Handling>() : await readHandling(reader, handledUntil)
  const findings = toDocuments(result).map((document): HandledFinding => {
    const id = document['event.id'] ?? ''
    const handled = handling.get(id)
    return {
      id,
      at: document['@timestamp'] ?? 0,
      rule: document['rule.id'] ?? '',
      title: document['rule.name'] ?? document['rule.id'] ?? '',
      severity: document['event.severity'] ?? 0,
      gateway: document['host.name'] ?? '',
      publicKey: document['wireguard.peer.public_key'] ?? '',
      peer: document['wireguard.peer.name'] ?? '',
      summary: document['wireguard.finding.summary'] ?? '',
      exception: document['wireguard.finding.exception'] ?? '',
      approvedBy: document['wireguard.finding.approved_by'] ?? '',
      handledBy: handled?.by ?? '',
      reference: handled?.reference ?? '',
      handledAt: handled?.at ?? null,
    }
  })
  return { findings, count: Number(result.rows[0]?.[total] ?? 0), rules: rulesOf(findings) }
}

type Handling = { readonly at: Micros; readonly by: string; readonly reference: string }

/** By event.id of the finding. */
async function readHandling(reader: EventReader, until: Micros): Promise<Map<string, Handling>> {
  const result = await reader.select(
    {
      datasets: ['wireguard.finding'],
      since: ALL_TIME.since,
      until,
      columns: [
        '@timestamp',
        'event.id',
        'wireguard.finding.case',
        'wireguard.finding.handled_by',
        'wireguard.finding.id',
      ],
      filter: exists('wireguard.finding.id'),
    },
    `SELECT * FROM events WHERE "wireguard.finding.id" IS NOT NULL
     ORDER BY "@timestamp" DESC, "event.id" DESC LIMIT ${ACKNOWLEDGEMENTS_MAX}`,
  )
  const found = new Map<string, Handling>()
  // The newest stand first.
  for (const document of toDocuments(result)) {
    const finding = document['wireguard.finding.id'] ?? ''
    if (found.has(finding)) continue
    found.set(finding, {
      at: document['@timestamp'] ?? 0,
      by: document['wireguard.finding.handled_by'] ?? '',
      reference: document['wireguard.finding.case'] ?? '',
    })
  }
  return found
}

function rulesOf(findings: readonly HandledFinding[]): FindingRule[] {
  const rules = [...Map.groupBy(findings, ({ rule }) => rule)].map(([rule, own]): FindingRule => {
    const handled = own.filter(({ handledAt }) => handledAt !== null).length
    const accepted = own.filter(({ handledAt, exception }) => handledAt === null && exception !== '').length
    return {
      rule,
      title: own[0]?.title ?? rule,
      severity: own.reduce((worst, { severity }) => Math.max(worst, severity), 0),
      count: own.length,
      handled,
      accepted,
      open: own.length - handled - accepted,
    }
  })
  return rules.sort((a, b) => b.severity - a.severity || b.open - a.open || (a.rule < b.rule ? -1 : 1))
}
