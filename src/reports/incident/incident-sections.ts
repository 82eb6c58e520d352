/** The sections of an incident report between page one and its end: the story, and what it rests on. */
import type { Block, Cell, Section, Table } from '../document/report-document.ts'
import type { ReportQuestion } from '../report-question.ts'
import { stampText } from '../revocation/revocation-text.ts'
import { activityChart, presenceChart } from './incident-charts.ts'
import { EVIDENCE_FILE } from './incident-evidence.ts'
import type { GatheredIncident } from './incident-facts.ts'
import { count, lookedFor, unknowns } from './incident-words.ts'
import { keyText } from './story-holder.ts'
import { rangeCell, STORY_TABLE_COLUMNS, storyCells, TIMELINE_FILE } from './story-row.ts'

/** Gaps told in the report; the coverage report has all. */
const GAPS_TOLD_MAX = 100

/** Section `story`: charts and the first lines; the file has all. */
export function storySection(facts: GatheredIncident): Section {
  const { shown, written, scope, documents } = facts
  const charts = [activityChart(facts), presenceChart(facts)].flatMap((chart) =>
    chart === null ? [] : [{ kind: 'chart' as const, chart }],
  )
  const table: Table = {
    kind: 'table',
    caption: 'The story in order of time',
    columns: STORY_TABLE_COLUMNS,
    rows: shown.map(storyCells),
    total: written,
    file: TIMELINE_FILE,
    empty: 'no document about it is recorded in this period',
  }
  return {
    id: 'story',
    title: 'What happened, in order',
    blocks: [
      {
        kind: 'paragraph',
        text: `${count(written, 'line')} from ${count(documents, 'document')}. A connection is one line, whatever number of documents tell of it; repetitions within a minute are one line. Changes and gaps of ${scope.machines.join(', ') || 'no machine'} stand among them, whoever made them. Times are UTC, by the clock of the machine that is named.`,
      },
      ...(facts.disputes.length === 0 ? [] : [disputeNote(facts)]),
      ...charts,
      table,
    ],
  }
}

function disputeNote({ disputes }: GatheredIncident): Block {
  const told = disputes.map(
    ({ publicKey, rule, finding, from, to }) =>
      `key ${keyText(publicKey)}, ${stampText(from)} to ${stampText(to)}: ${rule}, finding ${finding}`,
  )
  return {
    kind: 'note',
    tone: 'bad',
    text: `Key use disputed. Findings say that a key was in wrong hands (${told.join('; ')}). What overlaps them is marked; it is what the key did, and says nothing about its owner.`,
  }
}

/** Section `rules`: by gateway and chain. */
export function rulesSection({ rules, ruleCount }: GatheredIncident): Section {
  return {
    id: 'rules',
    title: 'The rules as they stood',
    blocks: [
      {
        kind: 'paragraph',
        text: 'The text of a ruleset is not in the records. The version is a hash of the rule as it stood when the line was logged: a rule that was changed has another one. Accepted means by that rule; a later chain may have dropped the packet all the same.',
      },
      {
        kind: 'table',
        caption: '',
        columns: [
          { title: 'Gateway' },
          { title: 'Rule' },
          { title: 'Handle', isCode: true },
          { title: 'Chain', isCode: true },
          { title: 'Version', isCode: true },
          { title: 'Verdict' },
          { title: 'Lines', align: 'right' },
          { title: 'First and last line' },
        ],
        rows: rules.map((rule): Cell[] => [
          rule.gateway,
          rule.name.trim(),
          rule.id,
          rule.ruleset,
          rule.version === '' ? { text: 'not recorded', tone: 'warning' } : rule.version,
          rule.verdict,
          String(rule.lines),
          rangeCell(rule.first, rule.last),
        ]),
        total: ruleCount,
        file: '',
        empty: 'no packet log line about it is recorded in this period',
      },
    ],
  }
}

const SEVERITIES: readonly string[] = ['not said', 'low', 'medium', 'high', 'critical']

/** Section `findings`: the gravest first, each with its handling. */
export function findingsSection({ findings, findingCount }: GatheredIncident): Section {
  return {
    id: 'findings',
    title: 'Findings on it',
    blocks: [
      {
        kind: 'paragraph',
        text: 'Findings are opinions about facts, made by detections and checks. Handling is shown up to the newest record, also where it came after the period.',
      },
      {
        kind: 'table',
        caption: '',
        columns: [
          { title: 'Time' },
          { title: 'Severity' },
          { title: 'Machine' },
          { title: 'Finding' },
          { title: 'Status' },
          { title: 'Finding id', isCode: true },
        ],
        rows: findings.map((finding): Cell[] => [
          rangeCell(finding.from, finding.to),
          {
            text: SEVERITIES[finding.severity] ?? 'not said',
            tone: finding.severity >= 3 ? 'bad' : finding.severity === 2 ? 'warning' : 'plain',
          },
          finding.machine,
          { text: finding.summary || finding.title, note: `${finding.title} (${finding.rule})` },
          statusCell(finding),
          { text: finding.id, note: `${count(finding.evidence.length, 'document')} behind it` },
        ]),
        total: findingCount,
        file: '',
        empty: 'no finding on it is recorded for this period',
      },
    ],
  }
}

function statusCell({ handled, exception }: GatheredIncident['findings'][number]): Cell {
  const last = handled.at(-1)
  if (last !== undefined)
    return {
      text: `acknowledged by ${last.by}`,
      note: [stampText(last.at), last.reference === '' ? '' : `case ${last.reference}`, last.note]
        .filter((text) => text !== '')
        .join(', '),
    }
  return exception === '' ? { text: 'open', tone: 'warning' } : { text: 'accepted by an exception', note: exception }
}

/** Section `evidence`: how many documents of which dataset. */
export function evidenceSection({ datasets, documents }: GatheredIncident): Section {
  const rows = [...datasets].map(([dataset, number]): Cell[] => [{ text: dataset, isCode: true }, String(number)])
  return {
    id: 'evidence',
    title: 'Evidence',
    blocks: [
      {
        kind: 'paragraph',
        text: `${count(documents, 'document')} of the story. The file ${EVIDENCE_FILE} names each with its id, dataset, time and machine; the same id finds it in the records: peertrail search 'event.id : ID'.`,
      },
      {
        kind: 'table',
        caption: '',
        columns: [{ title: 'Dataset' }, { title: 'Documents', align: 'right' }],
        rows,
        total: rows.length,
        file: EVIDENCE_FILE,
        empty: 'no document',
      },
    ],
  }
}

/** Section `not-known`: what stands between the records and certainty. */
export function unknownSection(facts: GatheredIncident, { integrity }: ReportQuestion): Section {
  const { gaps, scope, pageOne } = facts
  const told = gaps.slice(0, GAPS_TOLD_MAX)
  const sentences = unknowns(facts, integrity, pageOne.damage ?? [])
  const places = new Map(gaps.map((each) => [`${each.machine}\0${each.source}`, each.count]))
  return {
    id: 'not-known',
    title: 'What is not known',
    blocks: [
      {
        kind: 'paragraph',
        text: `Searched for: ${lookedFor(scope.subject).join('; ')}. Rows that are missing are no proof that nothing happened: a key that used another address, a host without audit records, or a rule that logs nothing leaves no trace here. What nobody can see, however well it is collected, stands on the first page.`,
      },
      ...(sentences.length === 0 ? [] : [{ kind: 'bullets' as const, items: sentences }]),
      {
        kind: 'table',
        caption: 'Gaps and losses of these machines in the period',
        columns: [
          { title: 'Machine' },
          { title: 'Source' },
          { title: 'Time' },
          { title: 'Why' },
          { title: 'Evidence', isCode: true },
        ],
        rows: told.map(({ machine, source, gap }): Cell[] => [
          machine,
          source,
          rangeCell(gap.from, gap.to),
          `${gap.reason}${gap.isLoss ? ': not everything was recorded' : ': nothing was recorded'}`,
          gap.id,
        ]),
        // Of a source with many gaps only the oldest were read.
        total: [...places.values()].reduce((sum, each) => sum + each, 0),
        file: '',
        empty: 'no gap is stated',
      },
    ],
  }
}
