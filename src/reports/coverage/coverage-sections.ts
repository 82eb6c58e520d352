/** The sections of a coverage report that no other report has. */
import { spanText } from '../../quantity-text.ts'
import { DAY } from '../../time.ts'
import type { Block, Section, Tone } from '../document/report-document.ts'
import { percentText } from '../page-one/completeness-text.ts'
import { lostText } from '../page-one/opening-blocks.ts'
import type { PageOne, SourceCompleteness } from '../page-one/page-one.ts'
import type { ReportPeriod } from '../report-question.ts'
import { stampText } from '../revocation/revocation-text.ts'
import { DAYS_FILE, type Days } from './day-rows.ts'
import { meaningOf } from './hole-meaning.ts'
import { HOLES_FILE, type Hole, type Holes } from './hole-rows.ts'
import { REMARKS_MAX, type RemarkCount } from './remark-counts.ts'
import { isSilent } from './silent-source.ts'

/** Sources shown; the file has all of them. */
const SOURCES_SHOWN_MAX = 200
/** Columns of the chart, by the contract of charts. */
const BUCKETS_MAX = 400

/** Five figures: sources, gaps, losses, declared and silent, not declared. */
export function overviewSection({ sources }: PageOne, { gaps, losses }: Holes): Section {
  const silent = sources.filter(isSilent)
  const undeclared = sources.filter(({ isDeclared }) => !isDeclared)
  const toneOf = (count: number, tone: Tone): Tone => (count === 0 ? 'good' : tone)
  return {
    id: 'overview',
    title: 'At a glance',
    blocks: [
      {
        kind: 'figures',
        items: [
          { label: 'sources', value: String(sources.length), tone: 'plain' },
          { label: 'gaps stated', value: String(gaps), tone: toneOf(gaps, 'warning') },
          { label: 'losses stated', value: String(losses), tone: toneOf(losses, 'warning') },
          {
            label: 'declared and silent',
            value: String(silent.length),
            // Where nothing is declared that says nothing.
            tone: undeclared.length === sources.length ? 'plain' : toneOf(silent.length, 'bad'),
          },
          {
            label: 'not declared',
            value: String(undeclared.length),
            tone: 'plain',
            note: 'there, and no inventory asks for it',
          },
        ],
      },
    ],
  }
}

/** Numbers of each source, and documents over time. `hasFiles`: tables are written beside the page. */
export function deliveredSection(
  { sources, sourcesOmitted = 0 }: PageOne,
  days: Days,
  period: ReportPeriod,
  hasFiles: boolean,
): Section {
  const columns = [
    'Received',
    'Documents',
    'Out of scope',
    'Unparsed',
    'Suspect',
    'Lost',
    'Longest lag',
    'Heartbeats',
    'Nothing came',
  ]
  const blocks: Block[] = [
    {
      kind: 'table',
      caption: 'By machine and source, in whole minutes of the period',
      columns: [
        { title: 'Machine' },
        { title: 'Source' },
        ...columns.map((title) => ({ title, align: 'right' as const })),
      ],
      rows: sources.slice(0, SOURCES_SHOWN_MAX).map(deliveredRow),
      total: sources.length + sourcesOmitted,
      // Its rows are days: only who is not shown here has to be looked up there.
      file: hasFiles && sources.length + sourcesOmitted > SOURCES_SHOWN_MAX ? DAYS_FILE : '',
      empty: 'No source said anything in the period, and none is declared.',
    },
    {
      kind: 'paragraph',
      text: `${hasFiles ? `The file ${DAYS_FILE} has a row for each source and ${days.step === DAY ? 'day' : `${days.step / DAY} days`}. ` : ''}Heartbeats: the part of the period in which peertrail says whether anything came, also where nothing did. Lag: from the newest record to the end of its minute.`,
    },
  ]
  const chart = documentsChart(days, period)
  if (chart !== null) blocks.push(chart)
  return { id: 'delivered', title: 'What each source delivered', blocks }
}

function deliveredRow(source: SourceCompleteness): string[] {
  const {
    machine,
    received = 0,
    unparsed = 0,
    suspect = 0,
    outOfScope = 0,
    lagMax = 0,
    heartbeats = 0,
    quiet = 0,
  } = source
  return [
    machine,
    source.source,
    String(received),
    String(source.events),
    String(outOfScope),
    String(unparsed),
    String(suspect),
    lostText(source),
    received === 0 ? 'nothing came' : `${lagMax} s`,
    percentText(heartbeats, Math.floor),
    quiet === 0 ? '0 s' : spanText(quiet),
  ]
}

function documentsChart({ step, buckets }: Days, { from, to }: ReportPeriod): Block | null {
  if (buckets.length < 2 || buckets.length > BUCKETS_MAX) return null
  const names = [...new Set(buckets.flatMap(({ documents }) => [...documents.keys()]))].sort()
  return {
    kind: 'chart',
    chart: {
      kind: 'columns',
      title: `Documents by source, ${step === DAY ? 'a day' : `${step / DAY} days`} each, from ${stampText(from)} to ${stampText(to)}`,
      unit: 'documents',
      series: names.map((name) => ({ name, tone: 'neutral' })),
      width: step,
      buckets: buckets.map(({ at, documents }) => ({ at, values: names.map((name) => documents.get(name) ?? 0) })),
    },
  }
}

/** Gaps and losses with what each means for who reads about its time. */
export function holesSection({ shown, gaps, losses }: Holes, hasFiles: boolean): Section {
  return {
    id: 'holes',
    title: 'What is missing, and what that means',
    blocks: [
      {
        kind: 'table',
        caption: 'Gaps and losses, by time',
        columns: [
          { title: 'From' },
          { title: 'To' },
          { title: 'Length', align: 'right' },
          { title: 'Machine' },
          { title: 'Source' },
          { title: 'Reason' },
          { title: 'For who reads about this time' },
        ],
        rows: shown.map(holeRow),
        total: gaps + losses,
        file: hasFiles ? HOLES_FILE : '',
        empty: 'No gap and no loss was stated. What sources cannot notice themselves is not among them.',
      },
      {
        kind: 'paragraph',
        text: `The ends of a gap are the last thing known before it and the first known after it.${hasFiles ? ` The file ${HOLES_FILE} has all of them, and every start and stop that a source told of itself.` : ''}`,
      },
    ],
  }
}

function holeRow(hole: Hole): string[] {
  const { machine, source, from, to, reason, isLoss } = hole
  return [
    stampText(from),
    to > from ? stampText(to) : 'not known',
    to > from ? spanText(to - from) : 'not known',
    machine,
    source,
    reason,
    isLoss ? lossMeaning(hole) : meaningOf({ machine, source }),
  ]
}

function lossMeaning({ reason, machine, source }: Hole): string {
  switch (reason) {
    case 'sampled-rule':
      return 'lines of this prefix are a sample from then on'
    case 'limit':
      return 'a limit of peertrail was reached; the table below names it'
    case 'printk':
    case 'journald-suppressed':
      return 'lines of another program; packet lines are not among them'
    case 'nf-log-buffer':
      return 'a packet line was cut; its addresses may be missing'
    default:
      return `some of it: ${meaningOf({ machine, source })}`
  }
}

const REMARKS: Readonly<Record<RemarkCount['action'], string>> = {
  'parse-failed': 'could not be read; kept with its text',
  'suspect-line': 'claims more than it can prove; never attributed',
  limit: 'a limit of peertrail was reached',
}

/** Lines that could not be used and limits that were hit, by reason. */
export function remarksSection(remarks: readonly RemarkCount[]): Section {
  return {
    id: 'remarks',
    title: 'What could not be used',
    blocks: [
      {
        kind: 'table',
        caption: '',
        columns: [
          { title: 'Machine' },
          { title: 'Source' },
          { title: 'What' },
          { title: 'Reason or limit' },
          { title: 'Times', align: 'right' },
        ],
        rows: remarks.map(({ machine, source, action, reason, count }) => [
          machine,
          source,
          REMARKS[action],
          reason,
          String(count),
        ]),
        total: remarks.length,
        file: '',
        empty: 'Every line could be read and believed, and no limit was reached.',
      },
      ...(remarks.length === REMARKS_MAX
        ? [{ kind: 'paragraph' as const, text: `The ${REMARKS_MAX} most frequent are shown; there may be more.` }]
        : []),
    ],
  }
}

/** What these records do not count. */
export function elsewhereSection(): Section {
  return {
    id: 'elsewhere',
    title: 'Not in these records',
    blocks: [
      {
        kind: 'facts',
        rows: [
          ['Duplicates', 'each document is counted once by its id; how often one came again is not recorded'],
          [
            'Dead letters',
            'documents that a cluster or Kafka refused are kept beside the sender, not here; peertrail deadletters list shows them',
          ],
          ['Machines nobody declared and nobody collects', 'leave no trace here'],
        ],
      },
    ],
  }
}
