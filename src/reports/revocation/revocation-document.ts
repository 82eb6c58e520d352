/**
 * Revocation reports as a document: the facts and the words of the page on a terminal, in a form that any page can show. Of one key its
 * parts stand one by one, of several each key has its own.
 */
import type { Micros } from '../../time.ts'
import type { Block, JsonValue, ReportDocument, Section } from '../document/report-document.ts'
import type { RevocationReport } from './revocation.ts'
import { actionsOf } from './revocation-actions.ts'
import type { RevocationFacts } from './revocation-facts.ts'
import { connectionBlocks, gatewayBlocks, sessionBlocks, shortKeyText } from './revocation-tables.ts'
import {
  betweenText,
  durationTexts,
  lastTexts,
  METHOD,
  reasonText,
  sourceText,
  stampText,
  storedText,
  verdictText,
} from './revocation-text.ts'

export type RevocationAsking = {
  /** Whose keys they are: `ivy (MacBook Air)`. Plain text. */
  readonly label: string
  /** Stands on the report; a parameter, never the clock. */
  readonly reportTime: Micros
  /** A command's words as a shell has to be told them. */
  readonly quoteCommand: (words: readonly string[]) => string
  /** What programs get beside the document. */
  readonly data: JsonValue
}

/** Keys that have a part of their own; more are counted. */
const KEYS_MAX = 50
const FINDINGS_MAX = 100

/** Found is whatever is not proved; of no key nothing is. */
export function revocationDocument(reports: readonly RevocationReport[], asking: RevocationAsking): ReportDocument {
  const shown = reports.slice(0, KEYS_MAX)
  const isOne = shown.length === 1
  return {
    kind: 'revocation',
    title: 'Revocation report',
    subject: asking.label,
    period: null,
    reportTime: asking.reportTime,
    summary: summaryOf(reports),
    sections: [
      ...shown.flatMap((report, i) => keySections(report, asking, isOne ? '' : `key-${i + 1}-`)),
      { id: 'method', title: 'What this rests on', blocks: [{ kind: 'bullets', items: METHOD }] },
    ],
    data: asking.data,
    isFound: reports.length === 0 || reports.some(({ verdict }) => verdict !== 'proved'),
  }
}

function summaryOf(reports: readonly RevocationReport[]): readonly string[] {
  const [first] = reports
  if (first === undefined) return ['No key was reported on.']
  if (reports.length === 1)
    return [`${first.verdict === 'proved' ? 'PROVED. ' : ''}${verdictText(first)}`, storedText(first)]
  const proved = reports.filter(({ verdict }) => verdict === 'proved').length
  const left = reports.length - Math.min(reports.length, KEYS_MAX)
  return [
    `${reports.length} keys: ${proved} proved, ${reports.length - proved} not proved.`,
    ...(left === 0 ? [] : [`The last ${left} of them have no part of their own here.`]),
  ]
}

/** `prefix`: '' for the only key. */
function keySections(report: RevocationReport, asking: RevocationAsking, prefix: string): Section[] {
  const { facts, ended } = report
  const part = (id: string, title: string, blocks: readonly Block[]): Section[] =>
    blocks.length === 0
      ? []
      : [{ id: `${prefix}${id}`, title: prefix === '' ? title : `${shortKeyText(facts.publicKey)} ${title}`, blocks }]
  const isEnded = ended !== null
  return [
    ...part('verdict', 'Verdict', verdictBlocks(report)),
    ...part('key', 'Key and owner', [headBlock(facts)]),
    ...part('durations', 'Durations', [{ kind: 'facts', rows: labelled(durationTexts(report)) }]),
    ...part('gateways', 'Gateways', gatewayBlocks(report)),
    ...part('last', 'Last of it', [{ kind: 'facts', rows: labelled(lastTexts(facts)) }]),
    ...part('connections', 'Connections that outlived the removal', isEnded ? connectionBlocks(facts) : []),
    ...part('sessions', 'Login sessions of the key that outlived the removal', isEnded ? sessionBlocks(facts) : []),
    ...part('findings', 'Findings about the key', findingBlocks(facts)),
    ...part('outer', 'Outer flows to the listen ports since, of whoever sent them', isEnded ? outerBlocks(facts) : []),
    ...part('completeness', 'Completeness of the records', isEnded ? completenessBlocks(report) : []),
    ...part('to-do', report.verdict === 'proved' ? 'Left to do' : 'Now do', todoBlocks(report, asking)),
  ]
}

function verdictBlocks(report: RevocationReport): Block[] {
  const { verdict, ended, reasons, provedUntil } = report
  const stored: Block = { kind: 'paragraph', text: storedText(report) }
  if (verdict === 'proved') return [{ kind: 'note', tone: 'good', text: `PROVED. ${verdictText(report)}` }, stored]
  const told = [
    ...(ended === null ? [] : [`By the polls it was removed at ${betweenText(ended)}.`]),
    ...(provedUntil === null ? [] : [`Nothing but that is in the way: it is proved up to ${stampText(provedUntil)}.`]),
  ]
  return [
    { kind: 'note', tone: 'bad', text: 'NOT PROVED, because of what follows, each on its own enough.' },
    { kind: 'bullets', items: reasons.map(reasonText) },
    ...told.map((text): Block => ({ kind: 'paragraph', text })),
    stored,
  ]
}

function headBlock({ publicKey, peer, inventory, runningKeys, compromisedAt, since, asked }: RevocationFacts): Block {
  const { name, device, owner } = peer
  const person =
    owner === null ? 'nobody is documented' : owner.name === '' ? owner.email : `${owner.name} <${owner.email}>`
  const others = runningKeys.map((each) => `${shortKeyText(each.publicKey)} on ${each.gateway} ${each.interface}`)
  return {
    kind: 'facts',
    rows: [
      ['Key', { text: publicKey, isCode: true }],
      ['Peer', name === '' ? 'documented nowhere in the inventory' : `${name}${device === '' ? '' : ` (${device})`}`],
      ...(name === '' ? [] : [['Owner', `${person}, documented`] as const]),
      ['Inventory', inventory === '' ? 'none' : `version ${inventory}`],
      ...(compromisedAt === null ? [] : [['Compromised', `${stampText(compromisedAt)}, as stated`] as const]),
      ...(since === null ? [] : [['Looked from', `${stampText(since)}, as asked`] as const]),
      ...(asked === null ? [] : [['Looked up to', stampText(asked)] as const]),
      ...(others.length === 0
        ? []
        : [
            [
              'Other keys',
              `${others.join(', ')} of the same peer ${others.length === 1 ? 'runs' : 'run'}: no part of this report`,
            ] as const,
          ]),
    ],
  }
}

function findingBlocks({ findings, findingCount, acknowledgements }: RevocationFacts): Block[] {
  return [
    {
      kind: 'table',
      caption: '',
      columns: [{ title: 'Time' }, { title: 'Finding' }, { title: 'Gateway' }, { title: 'Document', isCode: true }],
      rows: findings
        .slice(0, FINDINGS_MAX)
        .map(({ at, title, summary, gateway, id }) => [stampText(at), { text: title, note: summary }, gateway, id]),
      total: findingCount,
      file: '',
      empty: 'No finding about this key is recorded.',
    },
    ...(acknowledgements.length === 0
      ? []
      : [
          {
            kind: 'bullets' as const,
            items: acknowledgements
              .slice(0, FINDINGS_MAX)
              .map(({ at, by, reference }) => `${stampText(at)}: acknowledged by ${by}, case ${reference}`),
          },
        ]),
  ]
}

function outerBlocks({ outer, flows }: RevocationFacts): Block[] {
  return [
    {
      kind: 'table',
      caption: '',
      columns: [
        { title: 'Gateway' },
        { title: 'Without an answer', align: 'right' },
        { title: 'Answered', align: 'right' },
        { title: 'Still open or not counted', align: 'right' },
      ],
      rows: outer.map(({ gateway, unanswered, answered, undecided }) =>
        flows.unseen.includes(gateway)
          ? [{ text: gateway, note: 'its connection tracking is not recorded' }, 'not known', 'not known', 'not known']
          : [gateway, String(unanswered), String(answered), String(undecided)],
      ),
      total: outer.length,
      file: '',
      empty: 'No gateway had the key.',
    },
    {
      kind: 'paragraph',
      text: 'Other peers, scanners and a removed key look alike there: none of them is attributed.',
    },
  ]
}

function completenessBlocks({ facts, ended, lookedUntil }: RevocationReport): Block[] {
  const end = lookedUntil ?? facts.asked
  const period = ended === null || end === null ? '' : ` from ${stampText(ended.from)} to ${stampText(end)}`
  return [
    { kind: 'paragraph', text: `Looked at${period}.` },
    {
      kind: 'facts',
      rows: facts.coverage.map((source) => [`${source.machine} ${source.source}`, sourceText(source)] as const),
    },
  ]
}

/** Labels of the terminal's page as a page has them: `Last byte`. */
function labelled<Text>(rows: readonly (readonly [string, Text])[]): (readonly [string, Text])[] {
  return rows.map(([label, text]) => [`${label.charAt(0).toUpperCase()}${label.slice(1)}`, text] as const)
}

function todoBlocks(report: RevocationReport, { quoteCommand }: RevocationAsking): Block[] {
  const actions = actionsOf(report)
  if (actions.length === 0) return []
  return [
    {
      kind: 'table',
      caption: '',
      columns: [{ title: 'Where' }, { title: 'Why' }, { title: 'Command', isCode: true }],
      rows: actions.map(({ gateway, why, words }) => [
        gateway === '' ? 'here' : gateway,
        why,
        words === null ? '' : { text: quoteCommand(words), isCode: true },
      ]),
      total: actions.length,
      file: '',
      empty: 'Nothing.',
    },
  ]
}
