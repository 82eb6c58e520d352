/** The first sections of every report, in words: what `exact` means, how names were taken, completeness, blind spots, clocks. */
import { spanText } from '../../quantity-text.ts'
import { type Micros, MS } from '../../time.ts'
import type { Block, Cell, RichCell, Section } from '../document/report-document.ts'
import type { Names } from '../names/names.ts'
import type { ReportPeriod } from '../report-question.ts'
import { stampText } from '../revocation/revocation-text.ts'
import { rangeText } from './completeness-text.ts'
import { LANES_MAX, stripOf } from './coverage-strip.ts'
import type { ClockOffset, PageOne, SourceCompleteness } from './page-one.ts'

/** Sources shown in the table; the coverage report has all of them. */
const SOURCES_SHOWN_MAX = 200
/** Changes of the inventory about the past that are shown. */
const BACKDATED_SHOWN_MAX = 50
/** Gaps named in a source's row. */
const GAPS_NAMED_MAX = 3

/** What `exact` means. */
export function meaningSection({ sources, enforcement = [] }: PageOne): Section {
  return {
    id: 'meaning',
    title: 'What this report can say about who',
    blocks: [
      {
        kind: 'note',
        tone: 'plain',
        text: 'exact means the key: the packets came through the tunnel of this key, by the routing of WireGuard itself. It does not mean that a person sat at the device.',
      },
      {
        kind: 'facts',
        rows: [
          ['Key', `proved by cryptokey routing. ${resolutionText(sources)}`],
          [
            'Device and owner',
            'assigned to the key by the inventory: a documented assignment, not an authentication. Whoever holds the key uses it.',
          ],
          ['Where identity is enforced', enforcementText(enforcement)],
          [
            'Ambiguous and unknown',
            'answers too: the records allow several keys, or none. Such traffic stands in the report, under no name.',
          ],
          ['Absence of rows', 'proves nothing where the records have holes, and is never stated as no access'],
          ['Times', 'UTC, by the clock of the machine that recorded them'],
        ],
      },
    ],
  }
}

/** What administrators documented; nothing here checks it. */
function enforcementText(enforcement: Exclude<PageOne['enforcement'], undefined>): string {
  if (enforcement === null) return 'not known: no inventory is in the records that would say it'
  const changed = enforcement.filter(({ isChanged = false }) => isChanged).map(({ gateway }) => gateway)
  const otherwise =
    changed.length === 0 ? '' : ` An earlier inventory of the period says otherwise of ${changed.join(', ')}.`
  const stated = enforcement.filter(({ text }) => text !== '').map(({ gateway, text }) => `${gateway}: ${text}`)
  if (stated.length === 0)
    return `nowhere, as far as the inventory says: holding the key is enough${otherwise && `.${otherwise}`}`
  const silent = enforcement.filter(({ text }) => text === '').map(({ gateway }) => gateway)
  const rest = silent.length === 0 ? '' : `; ${silent.join(', ')}: nothing is documented, holding the key is enough`
  return `by the inventory, ${stated.join('; ')}${rest}. Not checked here.${otherwise}`
}

/** `Polls: every 1 s on gw1, …`. */
function resolutionText(sources: readonly SourceCompleteness[]): string {
  const polled = sources.filter(({ source, pollPeriod = null }) => source === 'wireguard' && pollPeriod !== null)
  if (polled.length === 0) return 'No polls of WireGuard are recorded in the period.'
  const periods = polled.map(({ pollPeriod }) => pollPeriod ?? 0)
  const [least, most] = [Math.min(...periods), Math.max(...periods)]
  const shown =
    roundedText(least) === roundedText(most) ? roundedText(least) : `${roundedText(least)} to ${roundedText(most)}`
  return `Who held which address is known at the resolution of the polls: about every ${shown}. A change undone between two polls is invisible.`
}

/** Heartbeats count polls by the minute: more digits than the first would be made up. */
function roundedText(period: Micros): string {
  return spanText(Math.max(MS, Math.round(period / (100 * MS)) * 100 * MS))
}

/** Of which time the names are, and what the inventory changed about the past. */
export function namesSection({ mode, inventory, backdated, remarks = [] }: Names): Section {
  const blocks: Block[] = [
    {
      kind: 'paragraph',
      text:
        mode === 'as-recorded'
          ? 'Names are as recorded: those that the inventory in use at the time gave. Where the newest inventory says otherwise, the row is marked.'
          : 'Names are as known now: those that the newest inventory gives for the time of each row. Where the records of the time say otherwise, the row is marked.',
    },
    {
      kind: 'paragraph',
      text:
        inventory === ''
          ? 'No inventory is in the records: keys have no names.'
          : `The newest inventory has the hash ${inventory}.`,
    },
  ]
  blocks.push(...remarks.map((text): Block => ({ kind: 'note', tone: 'warning', text })))
  if (backdated.length > 0)
    blocks.push({
      kind: 'table',
      caption: 'Changes of the inventory about the past, the newest first',
      columns: [{ title: 'First seen' }, { title: 'About the time from' }, { title: 'What changed' }],
      rows: backdated
        .slice(0, BACKDATED_SHOWN_MAX)
        .map(({ firstSeen, about, text }) => [
          stampText(firstSeen),
          about === null ? 'the beginning' : stampText(about),
          text,
        ]),
      total: backdated.length,
      file: '',
      empty: '',
    })
  else
    blocks.push({
      kind: 'paragraph',
      text: 'No version of the inventory in the records changed what an earlier one said about the past.',
    })
  return { id: 'names', title: 'How people and devices are named', blocks }
}

/** The range of each source, its gaps, and the strip of the period. */
export function completenessSection(pageOne: PageOne, period: ReportPeriod): Section {
  const { sources, sourcesOmitted = 0, damage = [] } = pageOne
  const blocks: Block[] = [
    {
      kind: 'paragraph',
      text: 'Of each source the time that was surely recorded (at least) and the time that may have been (at most), in percent of the period. Minutes with a gap, a loss without a number or no sign of life are not counted as recorded. Silence alone proves no gap: a minute in which nothing came counts as recorded where the source spoke before and after it.',
    },
    ...damage.map(
      (text): Block => ({ kind: 'note', tone: 'bad', text: `Part of the records could not be read: ${text}` }),
    ),
    completenessTable(sources, sourcesOmitted),
  ]
  if (sources.some(({ sampled = [] }) => sampled.length > 0))
    blocks.push({
      kind: 'paragraph',
      text: '* A rule of this gateway logs only some packets of a prefix, so that nothing is certain of the source as a whole. The figure holds for all other prefixes.',
    })
  const lanes = sources.map(({ machine, source, spans = [] }) => ({ label: `${machine} ${source}`, spans }))
  if (lanes.length > 0) blocks.push({ kind: 'chart', chart: stripOf('What was recorded when', period, lanes) })
  if (lanes.length > LANES_MAX)
    blocks.push({
      kind: 'paragraph',
      text: `The chart shows the first ${LANES_MAX} of ${lanes.length} sources.`,
    })
  return { id: 'completeness', title: 'How complete the records are', blocks }
}

function completenessTable(sources: readonly SourceCompleteness[], omitted: number): Block {
  return {
    kind: 'table',
    caption: 'Completeness by machine and source',
    columns: [
      { title: 'Machine' },
      { title: 'Source' },
      { title: 'Recorded', align: 'right' },
      { title: 'Documents', align: 'right' },
      { title: 'Lost', align: 'right' },
      { title: 'Gaps' },
    ],
    rows: sources
      .slice(0, SOURCES_SHOWN_MAX)
      .map((each) => [
        each.machine,
        sourceCell(each),
        { text: rangeText(each), tone: toneOf(each) },
        String(each.events),
        lostText(each),
        gapsText(each),
      ]),
    total: sources.length + omitted,
    file: '',
    empty: 'No source said anything in the period, and none is declared: nothing is known about its completeness.',
  }
}

function sourceCell({ source, isDeclared, hasSpoken, heartbeats = 0 }: SourceCompleteness): RichCell {
  if (hasSpoken) return isDeclared ? { text: source } : { text: source, note: 'not declared' }
  if (heartbeats > 0) return { text: source, note: 'nothing came in the period' }
  return { text: source, tone: 'bad', note: isDeclared ? 'declared, and silent' : 'silent' }
}

function toneOf({ atLeast, atMost, besidesSampled = atLeast }: SourceCompleteness): 'good' | 'warning' | 'bad' {
  if (atMost === 0) return 'bad'
  return besidesSampled >= 100 && atLeast >= 100 ? 'good' : 'warning'
}

/** `12`, `12 and more`: losses without a number are not made into one. */
export function lostText({ lost, uncountedLosses = 0 }: SourceCompleteness): string {
  if (uncountedLosses === 0) return String(lost)
  return lost === 0 ? 'some, not counted' : `${lost} and more`
}

function gapsText({ gaps, gapCount = gaps.length }: SourceCompleteness): string {
  const named = gaps
    .slice(0, GAPS_NAMED_MAX)
    .map(({ from, to, reason }) => `${stampText(from)}, ${spanText(to - from)}: ${reason}`)
  const rest = gapCount - named.length
  return [...named, ...(rest > 0 ? [`${rest} more`] : [])].join('; ') || 'none stated'
}

/** What nobody can see, of single machines and of all. */
export function blindSection({ blind }: PageOne): Section {
  const ofAll = blind.filter(({ machine }) => machine === '').map(({ text }) => text)
  const ofMachines = blind.filter(({ machine }) => machine !== '')
  return {
    id: 'blind-spots',
    title: 'What nobody can see in these records',
    blocks: [
      {
        kind: 'paragraph',
        text: 'The rows of this report are silent about all of this. Absence there proves nothing.',
      },
      {
        kind: 'table',
        caption: 'By machine',
        columns: [{ title: 'Machine' }, { title: 'What is not recorded' }],
        rows: ofMachines.map(({ machine, text }) => [machine, text]),
        total: ofMachines.length,
        file: '',
        empty: 'Of no single machine is anything known to be left out. What the documents do not show is below.',
      },
      { kind: 'bullets', items: ofAll },
    ],
  }
}

/** Offsets of the hosts’ clocks, and findings about clocks. */
export function clockSection({ clocks, clockFindings = [] }: PageOne): Section {
  const blocks: Block[] = [
    {
      kind: 'table',
      caption: 'Clocks of hosts against their gateways',
      columns: [
        { title: 'Host' },
        { title: 'Against the gateways' },
        { title: 'Logins that measured it', align: 'right' },
      ],
      rows: clocks.map((each): readonly Cell[] => [each.machine, offsetText(each), String(each.joins)]),
      total: clocks.length,
      file: '',
      empty: 'No audited host is in the records of the period: no clock was compared with another.',
    },
    {
      kind: 'paragraph',
      text: 'The clocks of gateways are not compared with each other or with a reference: times on several gateways are as far apart as their clocks.',
    },
  ]
  if (clockFindings.length > 0)
    blocks.push(
      { kind: 'note', tone: 'warning', text: 'Clocks were found set or not synchronised in the period:' },
      { kind: 'bullets', items: clockFindings },
    )
  return { id: 'clocks', title: 'Clocks', blocks }
}

/** `7.2 s behind, at most`; `not measured` is never `no difference`. */
export function offsetText({ offset, joins }: ClockOffset): string {
  if (offset === null || joins === 0) return 'not measured'
  if (Math.abs(offset) < MS) return 'no difference seen'
  return `${spanText(Math.abs(offset))} ${offset > 0 ? 'ahead' : 'behind'}, at most`
}
