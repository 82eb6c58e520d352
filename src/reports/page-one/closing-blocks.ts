/** The last sections of every report: integrity, retention, who may read and who asked, the block for the reviewer. */
import { DAY, MINUTE } from '../../time.ts'
import type { Block, Section } from '../document/report-document.ts'
import type { ReportQuestion, SourceIntegrity } from '../report-question.ts'
import { stampText } from '../revocation/revocation-text.ts'
import type { PageOne } from './page-one.ts'

/** Problems of a chain shown; the rest are counted. */
const PROBLEMS_SHOWN_MAX = 20

/** What is known about nobody having changed the records: the chain of a store, nothing of a cluster. */
export function integritySection({ damage = [] }: PageOne, { integrity }: ReportQuestion): Section {
  return {
    id: 'integrity',
    title: 'Integrity of the records',
    blocks: [
      ...(integrity.kind === 'chain' ? chainBlocks(integrity) : clusterBlocks(integrity.place)),
      ...damage.slice(0, PROBLEMS_SHOWN_MAX).map((text): Block => ({ kind: 'note', tone: 'bad', text })),
      {
        kind: 'paragraph',
        text: 'The files of this report are named with their SHA-256 in its manifest; peertrail verify compares them. It proves that they are as they were written, not that what was logged is true: a log file can be changed before it is read.',
      },
    ],
  }
}

function chainBlocks(integrity: Extract<SourceIntegrity, { kind: 'chain' }>): Block[] {
  const { count, head, segments, rows, unsealedFiles, problems, anchors } = integrity
  const isWhole = problems.length === 0
  return [
    sealNote(integrity),
    {
      kind: 'facts',
      rows: [
        ['Chain head', { text: count === 0 ? 'none: nothing was sealed' : `${count}:${head}`, isCode: true }],
        ['Sealed', `${segments} segments with ${rows} rows`],
        [
          'Not sealed yet',
          unsealedFiles === 0
            ? 'nothing'
            : `${unsealedFiles} ${unsealedFiles === 1 ? 'file' : 'files'}: no hash covers them, they may have been changed`,
        ],
        [
          'Anchors compared',
          anchors.length > 0
            ? anchors.join(', ')
            : `${isWhole ? 'none were given' : 'none that agrees'}: who holds root on this machine could have made the whole chain anew`,
        ],
      ],
    },
    ...(isWhole ? [] : [problemBullets(problems)]),
  ]
}

function sealNote({ count, problems }: Extract<SourceIntegrity, { kind: 'chain' }>): Block {
  if (problems.length > 0) {
    const text = `The store is not as it was sealed: ${problems.length} ${problems.length === 1 ? 'problem' : 'problems'}.`
    return { kind: 'note', tone: 'bad', text }
  }
  if (count === 0)
    return {
      kind: 'note',
      tone: 'warning',
      text: 'Nothing of the store is sealed yet: that nobody changed it is not shown.',
    }
  return {
    kind: 'note',
    tone: 'good',
    text: 'The store’s chain was recomputed, and its files of the period were hashed: they are as they were sealed.',
  }
}

function problemBullets(problems: readonly string[]): Block {
  const rest = problems.length - PROBLEMS_SHOWN_MAX
  return {
    kind: 'bullets',
    items: [...problems.slice(0, PROBLEMS_SHOWN_MAX), ...(rest > 0 ? [`${rest} more`] : [])],
  }
}

function clusterBlocks(place: string): Block[] {
  return [
    { kind: 'note', tone: 'warning', text: 'source integrity: not verifiable' },
    {
      kind: 'paragraph',
      text: `${place} cannot show that nobody changed or removed what it holds. Documents that came several times are counted once. The same period of an embedded store with its chain and anchors can be compared.`,
    },
  ]
}

export type RetentionFigure = { readonly framework: string; readonly figure: string; readonly days: number | null }

/** What frameworks ask for. Days: what the configured figure is held against; null = the framework leaves it to the organization. */
export const RETENTION_FIGURES: readonly RetentionFigure[] = [
  {
    framework: 'PCI DSS 4.0.1, 10.5.1',
    figure: '12 months, the newest 3 at once at hand (wording not compared)',
    days: 365,
  },
  {
    framework: 'HIPAA, 45 CFR 164.316(b)(2)(i)',
    figure: '6 years for required documentation: archived reports count, raw logs are not named',
    days: 2_192,
  },
  { framework: 'NIST SP 800-53 r5, AU-11', figure: 'a period the organization sets', days: null },
  {
    framework: 'ISO/IEC 27001:2022, SOC 2, NIS2',
    figure: 'no figure; a period the organization sets (wording not compared)',
    days: null,
  },
]

/** How long records are kept, as configured and as found, beside what frameworks ask for. */
export function retentionSection({ oldest }: PageOne, question: ReportQuestion): Section {
  const { retentionDays, retentionDatasets = [], reportTime, period } = question
  const all = retentionDays === 0 ? 'not stated' : `${retentionDays} days`
  const configured = [all, ...retentionDatasets.map(([dataset, days]) => `${dataset} ${days} days`)].join('; ')
  // What is gone first is what a framework's figure is held against.
  const least = [retentionDays, ...retentionDatasets.map(([, days]) => days)]
    .filter((days) => days > 0)
    .reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY)
  const blocks: Block[] = [
    {
      kind: 'facts',
      rows: [
        ['Configured', configured],
        [
          'Oldest record, by its own time',
          oldest === null ? 'there is no record at all' : `${stampText(oldest)}${ageText(oldest, reportTime)}`,
        ],
      ],
    },
    {
      kind: 'table',
      caption: 'Beside what frameworks ask for',
      columns: [{ title: 'Framework' }, { title: 'Asks for' }, { title: 'Configured here' }],
      rows: RETENTION_FIGURES.map(({ framework, figure, days }) => [
        framework,
        figure,
        days !== null && least < days
          ? { text: configured, tone: 'warning', note: 'shorter: keep reports, or a copy elsewhere, for the rest' }
          : { text: configured },
      ]),
      total: RETENTION_FIGURES.length,
      file: '',
      empty: '',
    },
  ]
  if (oldest !== null && oldest - period.from > MINUTE)
    blocks.splice(1, 0, {
      kind: 'note',
      tone: 'warning',
      text: `The period begins before the oldest record: of the time up to ${stampText(oldest)} nothing is recorded here.`,
    })
  return { id: 'retention', title: 'How long records are kept', blocks }
}

function ageText(oldest: number, reportTime: number): string {
  const days = Math.floor((reportTime - oldest) / DAY)
  return days >= 1 ? `, ${days} ${days === 1 ? 'day' : 'days'} before this report` : ''
}

/** Who asked for this report, and where it is recorded that somebody did. */
export function accessSection({ askedBy }: ReportQuestion): Section {
  return {
    id: 'who-read',
    title: 'Who may read the records, and who asked',
    blocks: [
      {
        kind: 'facts',
        rows: [
          ['Asked by', askedBy === '' ? 'not known' : askedBy],
          [
            'May read',
            'whoever the operating system lets read the store’s directory, or the cluster its indices; which accounts these are is not recorded here',
          ],
          [
            'Recorded',
            'every report, search, who and timeline is recorded with the user of the operating system; peertrail access-log prints it',
          ],
        ],
      },
    ],
  }
}

/** Lines for the reviewer to fill in. */
export function reviewSection(): Section {
  return {
    id: 'review',
    title: 'Review',
    blocks: [
      {
        kind: 'form',
        fields: ['Reviewed by', 'Date', 'Findings', 'Follow-up (case or ticket)', 'Signature'],
      },
    ],
  }
}
