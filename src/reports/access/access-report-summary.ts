/** What an access report says first: one to three sentences, large numbers, charts, and what is wrong with the period. */
import { bytesText, spanText } from '../../quantity-text.ts'
import { DISPUTES_MAX } from '../disputes-read.ts'
import type { Block, ChartBlock, Section, Series } from '../document/report-document.ts'
import type { AccessFacts } from './access-report-facts.ts'
import { sorted, sumOf, sumsBy } from './access-report-sums.ts'
import { countText, numberText, OUTCOME_ORDER, OUTCOME_TITLES, timeText } from './access-report-text.ts'
import { UNCATALOGUED } from './access-report-what.ts'
import type { Outcome } from './access-rows.ts'

/** Bars of a chart. */
const BARS_MAX = 25

const SERIES: readonly Series[] = OUTCOME_ORDER.map((each) => ({
  name: OUTCOME_TITLES[each],
  tone: toneOf(each),
}))

function toneOf(outcome: Outcome): Series['tone'] {
  if (outcome === 'connected') return 'good'
  if (outcome === 'denied') return 'bad'
  return outcome === 'unknown' ? 'warning' : outcome === 'refused' ? 'neutral' : 'plain'
}

/** The numbers of the summary; all of them are counted from rows. */
export type Headline = {
  /** Documented owners of devices and servers, each once. */
  readonly people: number
  readonly sites: number
  /** Keys that connected and have no documented owner. */
  readonly unowned: number
  readonly keys: number
  readonly resources: number
  readonly uncatalogued: number
  readonly connected: number
  readonly denied: number
  readonly unattributed: number
  readonly disputed: number
}

/** Of exact rows, but for `denied`, `unattributed` and `disputed`, which are of all. */
export function headlineOf({ accessors, unattributed, result }: AccessFacts): Headline {
  const connected = accessors.filter(({ sums }) => sums.outcomes.connected > 0)
  const left = result.omittedConnected ?? { rows: 0, uncatalogued: 0, holders: [] }
  const made = [...connected, ...left.holders.map((holder) => ({ holder }))]
  const devices = made.filter(({ holder }) => holder.kind !== 'site')
  const distinct = (values: readonly string[]) => sorted(values.filter((each) => each !== '')).length
  const owner = (each: Pick<(typeof connected)[number], 'holder'>) => each.holder.ownerEmail || each.holder.ownerName
  return {
    people: distinct(devices.map(owner)),
    sites: distinct(made.filter(({ holder }) => holder.kind === 'site').map(({ holder }) => holder.publicKey)),
    unowned: distinct(devices.filter((each) => owner(each) === '').map(({ holder }) => holder.publicKey)),
    keys: distinct(made.map(({ holder }) => holder.publicKey)),
    resources: distinct(connected.filter(({ resource }) => resource !== UNCATALOGUED).map(({ resource }) => resource)),
    uncatalogued: connected
      .filter(({ resource }) => resource === UNCATALOGUED)
      .reduce((sum, { sums }) => sum + sums.outcomes.connected, left.uncatalogued),
    connected: sumOf(accessors.map(({ sums }) => sums)).outcomes.connected + left.rows,
    denied: result.all.outcomes.denied,
    unattributed: sumOf(unattributed).rows,
    disputed: result.all.disputed,
  }
}

/** Sentences that stand alone. */
export function summaryOf(facts: AccessFacts): string[] {
  const { people, sites, unowned, keys, resources, uncatalogued, connected, denied, unattributed, disputed } =
    headlineOf(facts)
  const { all } = facts.result
  const { unknown = '' } = facts.filter
  if (unknown !== '')
    return [
      `Nobody called “${unknown}” is in the inventory or in the records, by name, key, e-mail or address. \`peertrail peers\` lists who is.`,
    ]
  if (all.rows === 0)
    return [
      'No connection and no denied attempt is recorded in the period. That is not the same as no access: see what was recorded when.',
    ]
  const who = [
    `of ${countText(people, 'documented owner')}`,
    ...(sites > 0 ? [`${numberText(sites)} of a site`] : []),
    ...(unowned > 0 ? [`${numberText(unowned)} without a documented owner`] : []),
  ]
  const first =
    connected === 0
      ? 'Nobody is recorded to have accessed a resource: no connection of a known key was answered.'
      : `${countText(keys, 'key')} (${who.join(', ')}) accessed ${countText(resources, 'resource')} in ${countText(connected, 'connection')}${uncatalogued > 0 ? `, ${numberText(uncatalogued)} of them to destinations in no catalogue` : ''}.`
  const others = all.outcomes.refused + all.outcomes['no-answer'] + all.outcomes.unknown
  const turned =
    denied === 0 && isSilent(facts, 'nftables')
      ? 'What gateways denied was not recorded'
      : `${countText(denied, 'attempt was', 'attempts were')} denied at a gateway`
  const second = `${turned}, ${numberText(others)} did not end in a connection or ended unknown.`
  const third = [
    unattributed === 0 ? 'Every row stands for one key' : `${countText(unattributed, 'row')} cannot be laid to one key`,
    ...(disputed > 0 ? [`of ${countText(disputed, 'row')} the use of the key is disputed`] : []),
  ]
  return [first, second, `${third.join('; ')}.`]
}

/** Large numbers, charts, and what is wrong with the period. */
export function glanceSection(facts: AccessFacts): Section {
  const { result, accessors } = facts
  const line = headlineOf(facts)
  const { all } = result
  const blocks: Block[] = [
    ...periodNotes(facts),
    {
      kind: 'figures',
      items: [
        {
          label: 'Connected',
          value: numberText(all.outcomes.connected),
          tone: 'good',
          note: `${numberText(line.connected)} of a certain key`,
        },
        { label: 'Denied at gateways', value: numberText(all.outcomes.denied), tone: 'plain' },
        {
          label: 'Other or unknown',
          value: numberText(all.outcomes.refused + all.outcomes['no-answer'] + all.outcomes.unknown),
          tone: 'plain',
        },
        {
          label: 'Not attributed',
          value: numberText(line.unattributed),
          tone: line.unattributed > 0 ? 'warning' : 'plain',
        },
        { label: 'Key use disputed', value: numberText(line.disputed), tone: line.disputed > 0 ? 'bad' : 'plain' },
        {
          label: 'Bytes sent / received',
          value: `${bytesText(all.sourceBytes)} / ${bytesText(all.destinationBytes)}`,
          tone: 'plain',
        },
      ],
    },
    {
      kind: 'facts',
      rows: [
        ['Rows', `${numberText(all.rows)}, all in the file ${result.file}`],
        ['Accessed means', 'connected: reply traffic was seen'],
        [
          'Parts',
          '1 who, 2 what, 3 when, 4 where from and through, 5 outcome, 6 privileged actions and changes, 7 completeness, 8 integrity, 9 retention and access, 10 review',
        ],
        ...(result.omitted.rows > 0
          ? [
              [
                'Not in the tables',
                `${countText(result.omitted.rows, 'row')} of ${numberText(result.omitted.groups)} combinations, ${numberText(result.omitted.outcomes.connected)} of them connected; they are in the file and in the totals`,
              ] as const,
            ]
          : []),
      ],
    },
  ]
  return { id: 'glance', title: 'At a glance', blocks: [...blocks, ...charts(facts, accessors)] }
}

function charts({ result }: AccessFacts, accessors: AccessFacts['accessors']): ChartBlock[] {
  if (result.all.rows === 0) return []
  const byResource = sumsBy(accessors, ({ resource }) => resource)
    .sort((a, b) => b.sums.rows - a.sums.rows)
    .slice(0, BARS_MAX)
  const byGateway = sumsBy(accessors, ({ gateway }) => gateway).slice(0, BARS_MAX)
  return [
    {
      kind: 'chart',
      chart: {
        kind: 'columns',
        title: `Access over time, by outcome, every ${spanText(result.width)}`,
        unit: 'rows',
        series: SERIES,
        width: result.width,
        buckets: result.buckets.map(({ at, outcomes }) => ({
          at,
          values: OUTCOME_ORDER.map((each) => outcomes[each]),
        })),
      },
    },
    {
      kind: 'chart',
      chart: {
        kind: 'bars',
        title: 'By resource',
        unit: 'rows',
        series: SERIES,
        bars: byResource.map(({ name, sums }) => ({
          label: name,
          values: OUTCOME_ORDER.map((each) => sums.outcomes[each]),
        })),
      },
    },
    {
      kind: 'chart',
      chart: {
        kind: 'bars',
        title: 'Allowed against denied, by gateway',
        unit: 'rows',
        series: [
          { name: 'Allowed', tone: 'good' },
          { name: 'Denied', tone: 'bad' },
          { name: 'Verdict or outcome unknown', tone: 'warning' },
        ],
        bars: byGateway.map(({ name, sums: { outcomes } }) => ({
          label: name,
          values: [outcomes.connected + outcomes.refused + outcomes['no-answer'], outcomes.denied, outcomes.unknown],
        })),
      },
    },
  ]
}

/** No machine was recorded by such a source in the period. */
function isSilent({ pageOne }: AccessFacts, name: string): boolean {
  return !pageOne.sources.some(({ source, hasSpoken }) => source === name && hasSpoken)
}

/** Whether the records reach over the period at all, and what of them could not be read. */
function periodNotes(facts: AccessFacts): Block[] {
  const { question, result, pageOne, damage, catalogue, through, disputes } = facts
  const { period } = question
  const { oldest, newest } = pageOne
  const notes: string[] = []
  if (oldest === null || newest === null)
    notes.push('The records hold nothing at all: nothing can be said about the period.')
  else if (newest < period.from || oldest >= period.to)
    notes.push(
      `The period lies outside of the records, which go from ${timeText(oldest)} to ${timeText(newest)}: nothing can be said about it.`,
    )
  else {
    if (oldest > period.from)
      notes.push(
        `The records begin at ${timeText(oldest)}: of the first ${spanText(oldest - period.from)} of the period nothing is known.`,
      )
    if (newest < period.to - END_TOLERANCE)
      notes.push(
        `The newest record is of ${timeText(newest)}: of the last ${spanText(period.to - newest)} of the period nothing is known.`,
      )
  }
  if (through > 0)
    notes.push(
      `${countText(through, 'connection')} began before the period and went on after it without a document in between: ${through === 1 ? 'it was open, and is no row' : 'they were open, and are no rows'} of this report. A longer period shows ${through === 1 ? 'it' : 'them'}.`,
    )
  const { denied, connected } = result.all.outcomes
  if (denied === 0 && isSilent(facts, 'nftables'))
    notes.push(
      'No packet log was recorded in the period: what gateways denied is not known, and 0 denied means nothing.',
    )
  if (connected === 0 && isSilent(facts, 'conntrack'))
    notes.push(
      'Connection tracking was not recorded in the period: which connections were answered is not known, and 0 connected means nothing.',
    )
  if (disputes.length >= DISPUTES_MAX)
    notes.push(
      `More than ${numberText(DISPUTES_MAX)} findings say that a key is in wrong hands; the newest were looked at, and rows of older ones are not marked.`,
    )
  if (catalogue.omitted > 0)
    notes.push(
      `The inventory changed often: ${countText(catalogue.omitted, 'older version')} of the period were not looked at for resources and hosts.`,
    )
  return [
    ...notes.map((text): Block => ({ kind: 'note', tone: 'warning', text })),
    ...damage.map((text): Block => ({ kind: 'note', tone: 'bad', text: `Could not be read: ${text}` })),
  ]
}

/** A heartbeat says once a minute that there was nothing to tell; a record less old than two is no gap. */
const END_TOLERANCE = 120_000_000
