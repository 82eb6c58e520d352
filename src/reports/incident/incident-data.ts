/** The facts of an incident for programs: what `--json` and report.json carry beside the document. */
import type { Micros } from '../../time.ts'
import { toIso } from '../../time.ts'
import type { JsonValue } from '../document/report-document.ts'
import type { GatheredIncident } from './incident-facts.ts'
import type { StoryLine } from './story-row.ts'
import { timelineRow } from './story-row.ts'

export function incidentData(facts: GatheredIncident): JsonValue {
  const { scope, activity, bounds } = facts
  const { subject } = scope
  return {
    subject: {
      kind: subject.kind,
      label: subject.label,
      keys: subject.keys,
      emails: subject.emails,
      addresses: subject.addresses,
      resource: subject.resource,
    },
    keys: scope.keys,
    keys_omitted: scope.keysOmitted,
    machines: scope.machines,
    hosts: scope.hosts,
    records: bounds === null ? null : { oldest: toIso(bounds.oldestEvent), newest: toIso(bounds.newest) },
    documents: facts.documents,
    documents_by_dataset: Object.fromEntries(facts.datasets),
    lines: facts.written,
    counts: activity.counts,
    bytes: activity.bytes,
    attribution: Object.fromEntries([...activity.statuses].filter(([status]) => status !== '')),
    connections_through_the_period: facts.through,
    story: facts.shown.map(storyValue),
    mappings: facts.mappings.map(({ holder, since, until, first, last, ...rest }) => ({
      ...rest,
      ...holder,
      since: isoOf(since),
      until: isoOf(until),
      first: toIso(first),
      last: toIso(last),
    })),
    mapping_count: facts.mappingCount,
    stays: facts.stays.map(({ came, went, ...rest }) => ({
      ...rest,
      came: { from: isoOf(came.from), to: toIso(came.to) },
      went: went === null ? null : { from: toIso(went.from), to: toIso(went.to) },
    })),
    stay_count: facts.stayCount,
    rules: facts.rules.map(({ first, last, ...rest }) => ({ ...rest, first: toIso(first), last: toIso(last) })),
    rule_count: facts.ruleCount,
    findings: facts.findings.map(({ from, to, handled, ...rest }) => ({
      ...rest,
      from: toIso(from),
      to: toIso(to),
      handled: handled.map(({ at, ...each }) => ({ ...each, at: toIso(at) })),
    })),
    finding_count: facts.findingCount,
    disputes: facts.disputes.map(({ from, to, ...rest }) => ({ ...rest, from: toIso(from), to: toIso(to) })),
    gaps: facts.gaps.map(({ machine, source, gap }) => ({
      machine,
      source,
      reason: gap.reason,
      is_loss: gap.isLoss,
      id: gap.id,
      from: toIso(gap.from),
      to: toIso(gap.to),
    })),
  }
}

function isoOf(at: Micros | null): string | null {
  return at === null ? null : toIso(at)
}

/** As the file of lines has it. */
function storyValue(line: StoryLine): JsonValue {
  return Object.fromEntries(
    Object.entries(timelineRow(line)).filter(([, value]) => value !== undefined && value !== null),
  )
}
