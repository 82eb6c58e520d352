/** Grants and exceptions in the words of a review. */
import type { Block, Cell, ChartBlock, Section, Tone } from '../document/report-document.ts'
import type { RowOutlet } from '../rows/row-outlet.ts'
import { ownerCell } from '../standing/documented-holder.ts'
import { GRANTS_MAX, type Grant, type GrantLine, type GrantState } from '../standing/grants.ts'
import {
  countText,
  DECISION,
  KEEP_OR_REMOVE,
  listText,
  shownTable,
  timeCell,
  USE_TEXT,
  useCell,
} from '../standing/shown-table.ts'
import type { ExceptionLine } from './exception-lines.ts'
import { policyText } from './inventory-changes.ts'
import type { ReviewFacts } from './review-facts.ts'

export const GRANTS_FILE = 'grants'
export const POLICY_FILE = 'policy-lines'
export const EXCEPTIONS_FILE = 'exceptions'

/** Bars of a chart. */
const BARS_MAX = 30

/** What a state means in a cell. */
export const STATE_TEXT: Readonly<Record<GrantState, string>> = {
  used: 'used',
  tried: 'tried, no answer recorded',
  unused: 'not used in what was recorded',
  'not-recorded': 'not recorded',
  renamed: 'not known: the catalogue changed',
}

/** Lines of the policy, and grants without a recorded use. */
export function grantsSection(facts: ReviewFacts, outlet: RowOutlet): Section {
  const { grants, standing } = facts
  const open = grants.grants.filter(({ state }) => state !== 'used')
  const isNone = standing.inventory === null
  const isWhole = isUseWhole(facts)
  const blocks: Block[] = [
    {
      kind: 'paragraph',
      text: 'What the policy of the inventory lets each peer reach at the end of the period, against what its keys did reach. Used means that an answer came back. No use in the records is no proof of no use where the records have gaps.',
    },
    {
      kind: 'paragraph',
      text: USE_TEXT,
    },
    ...chart(grants.lines),
    shownTable(outlet, {
      caption: 'Lines of the policy',
      columns: [
        { title: 'Line', align: 'right' },
        { title: 'Grants' },
        { title: 'Peers', align: 'right' },
        { title: 'Used', align: 'right' },
        { title: 'Not used', align: 'right' },
        { title: 'Not known', align: 'right' },
        { title: 'What ends it' },
        DECISION,
      ],
      items: grants.lines,
      cells: (line) => policyCells(line, isWhole),
      file: POLICY_FILE,
      empty: isNone ? 'not checked: there is no inventory' : 'The inventory has no line of policy that holds.',
    }),
    shownTable(outlet, {
      caption: 'Grants without a recorded use in the period',
      columns: [
        { title: 'Resource' },
        { title: 'Peer' },
        { title: 'Owner' },
        { title: 'By' },
        { title: 'In the period' },
        { title: 'Last use on record, whenever it was' },
        { title: 'What ends it' },
        DECISION,
      ],
      items: open,
      total: grants.count - grants.lines.reduce((sum, { counts }) => sum + counts.used, 0),
      cells: grantCells,
      file: GRANTS_FILE,
      empty: isNone ? 'not checked: there is no inventory' : 'Every grant was used in the period.',
    }),
    ...grantNotes(facts),
  ]
  return { id: 'review-grants', title: 'Grants never used', blocks }
}

function grantNotes({ grants, tracked, standing, pageOne }: ReviewFacts): Block[] {
  const blocks: Block[] = []
  const gateways = [...new Set(standing.inventory?.peers.map(({ gateway }) => gateway) ?? [])].sort()
  const silent = gateways.filter((name) => !tracked.has(name))
  if (silent.length > 0)
    blocks.push({
      kind: 'note',
      tone: 'warning',
      text: `Connection tracking of ${listText(silent)} is not recorded in the period, or no poll of its keys: whether grants of its peers were used is not known.`,
    })
  const partly = pageOne.sources.filter(
    ({ machine, source, atLeast, hasSpoken }) =>
      ['conntrack', 'wireguard'].includes(source) && hasSpoken && atLeast < 100 && gateways.includes(machine),
  )
  if (partly.length > 0)
    blocks.push({
      kind: 'note',
      tone: 'warning',
      text: `Connections and their keys were recorded in part: ${listText(partly.map(({ machine, source, atLeast }) => `${machine} ${source} at least ${Math.floor(atLeast * 10) / 10} %`))}. A use in the rest of the time is not seen.`,
    })
  if (grants.count > grants.grants.length)
    blocks.push({
      kind: 'note',
      tone: 'warning',
      text: `The policy gives ${grants.count} grants; the first ${GRANTS_MAX} are told one by one, all are counted by line.`,
    })
  return blocks
}

function chart(lines: readonly GrantLine[]): ChartBlock[] {
  if (lines.length === 0) return []
  const bars = lines.map(({ line, counts }) => ({
    label: `line ${line}`,
    values: [counts.used, counts.tried + counts.unused, counts['not-recorded'] + counts.renamed],
  }))
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
  const sorted = bars.toSorted((a, b) => sum(b.values) - sum(a.values))
  return [
    {
      kind: 'chart',
      chart: {
        kind: 'bars',
        title: 'Grants by line of the policy',
        unit: 'grants',
        series: [
          { name: 'used', tone: 'good' },
          { name: 'not used', tone: 'warning' },
          { name: 'not known', tone: 'neutral' },
        ],
        bars: sorted.slice(0, BARS_MAX),
      },
    },
  ]
}

/** Whether nothing is known to be missing of the connections of any gateway with peers: else no line is called unused without a doubt. */
function isUseWhole({ standing, pageOne }: ReviewFacts): boolean {
  const { sources, damage = [] } = pageOne
  const gateways = new Set(standing.inventory?.peers.map(({ gateway }) => gateway) ?? [])
  const whole = sources.filter(
    ({ source, atLeast, lost, uncountedLosses = 0 }) =>
      source === 'conntrack' && atLeast >= 100 && lost + uncountedLosses === 0,
  )
  return damage.length === 0 && [...gateways].every((name) => whole.some(({ machine }) => machine === name))
}

function policyCells({ line, policy, counts, peers }: GrantLine, isWhole: boolean): Cell[] {
  const unused = counts.tried + counts.unused
  const unknown = counts['not-recorded'] + counts.renamed
  const isIdle = counts.used === 0 && unknown === 0
  const text = policyText(policy)
  return [
    String(line),
    text,
    String(peers),
    String(counts.used),
    { text: String(unused), tone: unused > 0 ? 'warning' : 'plain' },
    String(unknown),
    isIdle
      ? peers === 0
        ? 'Nobody is in these groups: take the line out of policy.'
        : isWhole && counts.tried === 0
          ? 'Nobody used it: take the line out of policy.'
          : 'No use of it is recorded. Where that is enough: take the line out of policy.'
      : '',
    isIdle ? KEEP_OR_REMOVE : '',
  ]
}

function grantCells(grant: Grant): Cell[] {
  const tone: Tone = grant.state === 'unused' || grant.state === 'tried' ? 'warning' : 'plain'
  return [
    { text: grant.resource, ...(grant.classification === '' ? {} : { note: grant.classification }) },
    grant.isRunning ? grant.peer : { text: grant.peer, note: 'no key of it runs' },
    ownerCell(grant),
    `line ${grant.line}, ${grant.groups.join(', ')}`,
    { text: STATE_TEXT[grant.state], tone },
    useCell(grant),
    grantEnd(grant),
    KEEP_OR_REMOVE,
  ]
}

/** What in the inventory ends a grant: membership first, because a line is for everybody in its groups. */
export function grantEnd({ peer, groups, resource, line }: Grant): string {
  return `Take ${peer} or its owner out of ${groups.join(', ')}, or ${resource} out of line ${line} of policy; and close it in the rules of the gateway.`
}

function asRich(cell: Cell) {
  return typeof cell === 'string' ? { text: cell } : cell
}

/** Every exception of the inventory, expired ones first. */
export function exceptionsSection({ exceptions, standing }: ReviewFacts, outlet: RowOutlet): Section {
  const expired = exceptions.filter(({ isExpired }) => isExpired).length
  const blocks: Block[] = [
    shownTable(outlet, {
      caption: '',
      columns: [
        { title: 'Peer' },
        { title: 'Excused from' },
        { title: 'Reason' },
        { title: 'Approved by' },
        { title: 'Until' },
        { title: 'Excuses now' },
        DECISION,
      ],
      items: exceptions,
      cells: exceptionCells,
      file: EXCEPTIONS_FILE,
      empty: standing.inventory === null ? 'not checked: there is no inventory' : 'The inventory has no exception.',
    }),
  ]
  if (expired > 0)
    blocks.push({
      kind: 'note',
      tone: 'warning',
      text: `${countText(expired, 'exception')} expired by the end of the period: what it excused counts again.`,
    })
  return { id: 'review-exceptions', title: 'Exceptions', blocks }
}

function exceptionCells(each: ExceptionLine): Cell[] {
  const excuses =
    each.excuses === null
      ? 'not judged in this report'
      : each.excuses === 0
        ? 'nothing'
        : countText(each.excuses, 'line')
  return [
    each.peer,
    { text: each.check, isCode: true },
    each.reason,
    each.approvedBy,
    each.until === null
      ? { text: 'without an end', tone: 'warning' }
      : {
          ...asRich(timeCell(each.until, '')),
          tone: each.isExpired ? 'bad' : 'plain',
          ...(each.isExpired ? { note: 'expired' } : {}),
        },
    each.isExpired && each.excuses !== null && each.excuses > 0 ? `${excuses} would be, if it held` : excuses,
    KEEP_OR_REMOVE,
  ]
}
