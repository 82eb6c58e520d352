/** Which clauses a report supports: evidence towards them, never more. */
import type { Block, ReportKind, Section } from '../document/report-document.ts'
import type { Clause } from './clause.ts'
import { EU_CLAUSES } from './eu-clauses.ts'
import { INDUSTRY_CLAUSES } from './industry-clauses.ts'
import { US_CLAUSES } from './us-clauses.ts'

export const CLAUSES: readonly Clause[] = [...INDUSTRY_CLAUSES, ...EU_CLAUSES, ...US_CLAUSES]

/** What is shown of a clause whose wording nobody held against the framework's text. */
export const NOT_COMPARED = 'wording not compared'

/** Those of a kind of report; without `isEvery` only those that were compared. */
export function clausesFor(kind: ReportKind, isEvery: boolean): Clause[] {
  return CLAUSES.filter(({ kinds, verifiedAgainst }) => kinds.includes(kind) && (isEvery || verifiedAgainst !== null))
}

/** Records of a cluster have no chain: nothing of theirs is evidence towards those. */
const CHAIN = 'the chain of the store'

/** One section: the table of clauses, and how many were left out. `hasChain`: the report is of a store. */
export function clauseSections(kind: ReportKind, isEvery: boolean, hasChain = true): Section[] {
  const isSupported = ({ support }: Clause) => hasChain || !support.startsWith(CHAIN)
  const shown = clausesFor(kind, isEvery).filter(isSupported)
  const left = clausesFor(kind, true).filter(isSupported).length - shown.length
  const blocks: Block[] = [
    {
      kind: 'paragraph',
      text: 'Parts of this report are evidence towards these clauses: they support them. Whether a clause is met is for the auditor to say; the words here are ours, the numbers lead to the text.',
    },
    {
      kind: 'table',
      caption: '',
      columns: [
        { title: 'Framework' },
        { title: 'Clause' },
        { title: 'About' },
        { title: 'Supported by' },
        { title: 'Compared with' },
      ],
      rows: shown.map(({ framework, number, about, support, verifiedAgainst }) => [
        framework,
        number,
        about,
        support,
        verifiedAgainst ?? { text: NOT_COMPARED, tone: 'warning' },
      ]),
      total: shown.length,
      file: '',
      empty: 'No clause whose wording was compared is supported by this kind of report.',
    },
  ]
  if (left > 0)
    blocks.push({
      kind: 'paragraph',
      text: `${left} more ${left === 1 ? 'clause is' : 'clauses are'} left out, because nobody compared ${left === 1 ? 'its' : 'their'} wording with the text: PCI DSS, ISO/IEC 27001, SOC 2 and NIS2 among them. --every-clause shows them, marked.`,
    })
  return [{ id: 'supports', title: 'Clauses it supports', blocks }]
}
