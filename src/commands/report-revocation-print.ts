/**
 * A revocation report on a terminal or on paper: the verdict first, in the words an auditor may quote, then durations, evidence and what is
 * to be done. Every line has at most `width` characters; commands that are longer stay whole.
 */

import { dayOf, spanText, timeOfDay } from '../quantity-text.ts'
import type { JudgedGateway, RevocationReport } from '../reports/revocation/revocation.ts'
import { actionsOf } from '../reports/revocation/revocation-actions.ts'
import type { OutlivingFlow, OutlivingSession, RevocationFacts } from '../reports/revocation/revocation-facts.ts'
import {
  betweenText,
  durationTexts,
  lastTexts,
  METHOD,
  openText,
  reasonText,
  sourceText,
  stampText,
  storedText,
  verdictText,
} from '../reports/revocation/revocation-text.ts'
import type { Micros } from '../time.ts'
import type { Cell } from './document-line.ts'
import { type FittedColumn, fittedTable } from './fitted-table.ts'
import { shortKey } from './peer-facts.ts'
import type { SelectedPeers } from './peer-selector.ts'
import { shellWords } from './shell-words.ts'
import { counted, paint, type Terminal } from './terminal.ts'
import { shorten, wrapText } from './wrap-text.ts'

/** Labels stand left of the facts. */
const LABEL = 13
/** Characters of a label that comes from data. */
const LABEL_MAX = 28
/** Connections and acts told on the page; --json has more. */
const [FLOWS_MAX, ACTS_MAX] = [12, 8]

/** The whole page, ended by LF. `width` in characters. */
export function revocationText(
  terminal: Terminal,
  width: number,
  reports: readonly RevocationReport[],
  selected: SelectedPeers,
): string {
  const page = createPage(terminal, width)
  const pages = reports.map((report) => keyPage(page, report))
  const several =
    reports.length > 1
      ? [`${page.wrapped(`${counted(reports.length, 'key')} of ${selected.label}: one report each.`).join('\n')}\n`]
      : []
  return [...several, ...pages].join(`\n${paint(terminal, 'dim', '─'.repeat(width))}\n\n`)
}

type Page = {
  readonly terminal: Terminal
  readonly width: number
  wrapped(text: string): string[]
  /** Labels on the left, texts wrapped beside them. */
  facts(list: readonly (readonly [string, string])[]): string[]
  bullets(texts: readonly string[]): string[]
  title(text: string): string
  table(columns: readonly FittedColumn[], rows: readonly (readonly Cell[])[]): string[]
}

function createPage(terminal: Terminal, width: number): Page {
  return {
    terminal,
    width,
    wrapped: (text) => wrapText(text, width),
    facts: (list) => {
      const labels = list.map(([label]) => shorten(label, LABEL_MAX))
      const room = Math.max(LABEL, ...labels.map((label) => label.length + 2))
      return list.flatMap(([, text], i) =>
        wrapText(text, width - room).map((line, row) => `${(row === 0 ? (labels[i] ?? '') : '').padEnd(room)}${line}`),
      )
    },
    bullets: (texts) =>
      texts.flatMap((text) => wrapText(text, width - 4).map((line, i) => `${i === 0 ? '  - ' : '    '}${line}`)),
    title: (text) => paint(terminal, 'bold', shorten(text, width)),
    table: (columns, rows) => fittedTable(terminal, width, columns, rows).trimEnd().split('\n'),
  }
}

function keyPage(page: Page, report: RevocationReport): string {
  const { facts } = report
  const parts = [
    heading(page, facts),
    verdict(page, report),
    [page.title('Durations'), ...page.facts(durationTexts(report))],
    gateways(page, report),
    [page.title('Last of it'), ...page.facts(lastTexts(facts))],
    report.ended === null ? [] : connections(page, facts),
    report.ended === null ? [] : sessions(page, facts),
    findings(page, facts),
    report.ended === null ? [] : outer(page, facts),
    report.ended === null ? [] : completeness(page, report),
    todo(page, report),
    [page.title('What this rests on'), ...page.bullets(METHOD)],
  ]
  return parts
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.map((line) => `${line}\n`).join(''))
    .join('\n')
}

function heading(page: Page, { publicKey, peer, inventory, runningKeys, compromisedAt }: RevocationFacts): string[] {
  const { name, device, owner } = peer
  const person =
    owner === null ? 'nobody is documented' : owner.name === '' ? owner.email : `${owner.name} <${owner.email}>`
  const others = runningKeys.map((each) => `${shortKey(each.publicKey)} on ${each.gateway} ${each.interface}`)
  return [
    paint(page.terminal, 'bold', 'Revocation report'),
    ...page.facts([
      ['key', publicKey],
      ['peer', name === '' ? 'documented nowhere in the inventory' : `${name}${device === '' ? '' : ` (${device})`}`],
      ...(name === '' ? [] : [['owner', `${person}, documented`] as const]),
      ['inventory', inventory === '' ? 'none' : `version ${inventory}`],
      ...(compromisedAt === null ? [] : [['compromised', `${stampText(compromisedAt)}, as stated`] as const]),
      ...(others.length === 0
        ? []
        : [
            [
              'other keys',
              `${others.join(', ')} of the same peer ${others.length === 1 ? 'runs' : 'run'}: no part of this report`,
            ] as const,
          ]),
    ]),
  ]
}

function verdict(page: Page, report: RevocationReport): string[] {
  const { terminal } = page
  const stored = page.wrapped(storedText(report))
  if (report.verdict === 'proved')
    return [
      paint(terminal, 'bold', paint(terminal, 'green', 'PROVED')),
      ...page.wrapped(verdictText(report)),
      ...stored,
    ]
  return [
    paint(terminal, 'bold', paint(terminal, 'red', 'NOT PROVED, because')),
    ...page.bullets(report.reasons.map(reasonText)),
    ...(report.ended === null ? [] : page.wrapped(`By the polls it was removed at ${betweenText(report.ended)}.`)),
    ...(report.provedUntil === null
      ? []
      : page.wrapped(`Nothing but that is in the way: it is proved up to ${stampText(report.provedUntil)}.`)),
    ...stored,
  ]
}

function gateways(page: Page, { gateways: judged, facts, ended }: RevocationReport): string[] {
  const times = judged.flatMap(({ removal, polls }) => [
    ...(removal === null ? [] : [removal.lastWith, removal.firstWithout]),
    ...(polls?.last === undefined || polls.last === null ? [] : [polls.last]),
  ])
  const clock = clockOf(times)
  const rows = judged.map((gateway): Cell[] => {
    const { removal, polls, stored } = gateway
    const state = ended === null ? stateOf({ ...gateway, isShownAbsent: true }) : stateOf(gateway)
    return [
      plain(gateway.gateway),
      { text: state.text, style: state.style },
      plain(removal === null ? '' : clock(removal.lastWith)),
      plain(removal === null ? '' : clock(removal.firstWithout)),
      plain(polls?.last === undefined || polls.last === null ? 'none' : clock(polls.last)),
      plain(polls === null ? '' : spanText(polls.period)),
      plain(polls === null ? '' : String(polls.holeCount)),
      plain(stored.length === 0 ? 'not looked at' : stored.some(({ holdsKey }) => holdsKey) ? 'HOLDS IT' : 'absent'),
    ]
  })
  const columns: FittedColumn[] = [
    { title: 'gateway', least: 8 },
    { title: 'the key there', least: 16 },
    { title: 'last poll with' },
    { title: 'first without' },
    { title: 'last poll' },
    { title: 'every', align: 'right', rank: 2 },
    { title: 'holes', align: 'right' },
    { title: 'stored', rank: 1 },
  ]
  const day =
    times[0] === undefined
      ? ''
      : new Set(times.map(dayOf)).size > 1
        ? ', times in UTC'
        : `, times of ${dayOf(times[0])} in UTC`
  const earlier = judged.flatMap(({ gateway, appearances }) =>
    appearances
      .slice(0, -1)
      .flatMap(({ end, until, interface: name }, i) =>
        until === null
          ? []
          : [
              `${gateway}: ${end === 'removed' ? 'removed from' : 'down with'} ${name} by ${stampText(until)}, and back by ${stampText(appearances[i + 1]?.since ?? until)}`,
            ],
      ),
  )
  const evidence = judged.flatMap(({ gateway, removal }) =>
    removal === null || removal.id === ''
      ? []
      : [
          `${gateway}: document ${removal.id}${removal.evidenceIds.length === 0 ? '' : `; done by ${removal.evidenceIds.join(', ')}`}`,
        ],
  )
  const others = facts.gateways.filter(({ gateway }) => !judged.some((each) => each.gateway === gateway))
  return [
    page.title(`Gateways${day}`),
    ...(rows.length === 0 ? ['  none'] : page.table(columns, rows)),
    ...page.bullets([
      ...earlier,
      ...evidence,
      ...(others.length === 0
        ? []
        : [`not declared, and never had the key: ${others.map(({ gateway }) => gateway).join(', ')}`]),
    ]),
  ]
}

function stateOf({ appearances, removal, isShownAbsent, polls, heldDown }: JudgedGateway): Cell {
  if (appearances.some(({ until }) => until === null)) return { text: 'runs', style: 'red' }
  if (heldDown.length > 0) return { text: 'interface down', style: 'red' }
  if (polls === null) return { text: 'not known', style: 'red' }
  const text = removal !== null ? 'removed' : appearances.length > 0 ? 'removed earlier' : 'never there'
  return { text: isShownAbsent ? text : `${text}; see above`, style: isShownAbsent ? 'green' : 'yellow' }
}

function connections(page: Page, { flows }: RevocationFacts): string[] {
  const isKnown = flows.unseen.length === 0
  const title = page.title(
    `Connections that outlived the removal: ${isKnown || flows.count > 0 ? flows.count : 'not known'}`,
  )
  const gap = isKnown
    ? []
    : page.wrapped(`Connection tracking of ${flows.unseen.join(', ')} is not recorded: what stood there is not known.`)
  if (flows.count === 0) return [title, ...gap]
  const clock = clockOf(flows.told.flatMap(({ start, end }) => (end === null ? [start] : [start, end])))
  const rows = flows.told.slice(0, FLOWS_MAX).map((flow) => flowRow(flow, clock))
  const more = flows.count - rows.length
  return [
    title,
    ...gap,
    ...page.wrapped(
      'No packet of them passes the tunnel without the key. Their entries stay in conntrack until they time out, and what comes back through them goes to whoever has the address then.',
    ),
    ...page.wrapped(`Of those without a recorded end: ${openText(flows)}.`).slice(0, flows.openCount),
    ...page.table(
      [
        { title: 'began' },
        { title: 'ended' },
        { title: 'gateway', rank: 2, least: 6 },
        { title: 'connection', least: 42 },
        { title: 'resource', rank: 1, least: 8 },
        { title: 'state', rank: 3 },
      ],
      rows,
    ),
    ...(more > 0 ? [`and ${counted(more, 'more connection')}; --json has them`] : []),
  ]
}

function flowRow(
  { gateway, start, end, isEndLost, transport, source, destination, resource, state }: OutlivingFlow,
  clock: Clock,
): Cell[] {
  return [
    plain(clock(start)),
    { text: end === null ? (isEndLost ? 'not seen' : 'open') : clock(end), style: end === null ? 'yellow' : null },
    plain(gateway),
    plain(`${transport} ${source} → ${destination}`),
    plain(resource === 'uncatalogued' ? '' : resource),
    plain(state),
  ]
}

function sessions(page: Page, { sessions: found }: RevocationFacts): string[] {
  const title = page.title(
    `Login sessions of the key that outlived the removal: ${found.isSeen || found.count > 0 ? found.count : 'not known, no audit log of a host is recorded'}`,
  )
  return [title, ...found.told.flatMap((session) => sessionLines(page, session))]
}

function sessionLines(page: Page, { host, session, user, start, end, acts, actCount }: OutlivingSession): string[] {
  const until = end === null ? 'no end recorded' : `ended ${stampText(end)}`
  const told = acts.slice(0, ACTS_MAX)
  return [
    ...page.bullets([
      `${host}: ${user || 'somebody'}, session ${session}, from ${stampText(start)}, ${until}; ${actCount === 0 ? 'nothing recorded in it after the removal' : `${counted(actCount, 'act')} after the removal:`}`,
    ]),
    ...told.map((act) =>
      shorten(`      ${timeOfDay(act.at)}  pid ${act.pid}  ${act.action}  ${act.process}  ${act.text}`, page.width),
    ),
    ...(actCount > told.length ? [`      and ${counted(actCount - told.length, 'more act')}`] : []),
  ]
}

function findings(page: Page, { findings: found, findingCount, acknowledgements }: RevocationFacts): string[] {
  const lines = found.slice(0, FLOWS_MAX).map(({ at, title, id }) => `${stampText(at)}: ${title} (${id})`)
  const acks = acknowledgements.map(
    ({ at, by, reference }) => `${stampText(at)}: acknowledged by ${by}, case ${reference}`,
  )
  const more = findingCount - lines.length
  return [
    page.title(`Findings about the key: ${findingCount}`),
    ...page.bullets([...lines, ...acks, ...(more > 0 ? [`and ${counted(more, 'more')}`] : [])]),
  ]
}

function outer(page: Page, { outer: facts, flows }: RevocationFacts): string[] {
  return [
    page.title('Outer flows to the listen ports since, of whoever sent them'),
    ...page.bullets([
      ...facts.map(({ gateway, unanswered, answered, undecided }) =>
        flows.unseen.includes(gateway)
          ? `${gateway}: not known, its connection tracking is not recorded`
          : `${gateway}: ${unanswered} without an answer, ${answered} answered, ${undecided} still open or not counted`,
      ),
      'Other peers, scanners and a removed key look alike there: none of them is attributed.',
    ]),
  ]
}

function completeness(page: Page, { facts, ended, lookedUntil }: RevocationReport): string[] {
  const end: Micros | null = lookedUntil ?? facts.asked
  const period = ended === null || end === null ? '' : ` from ${stampText(ended.from)} to ${stampText(end)}`
  return [
    page.title('Completeness of the records'),
    ...page.wrapped(`Looked at${period}.`),
    ...page.facts(facts.coverage.map((source) => [`${source.machine} ${source.source}`, sourceText(source)] as const)),
  ]
}

function todo(page: Page, report: RevocationReport): string[] {
  const actions = actionsOf(report)
  if (actions.length === 0) return []
  const title = report.verdict === 'proved' ? 'Left to do' : 'Now do'
  return [
    page.title(title),
    ...actions.flatMap(({ gateway, why, words }) => [
      ...page.bullets([`${gateway === '' ? '' : `on ${gateway}: `}${why}`]),
      // A command is never broken: it is there to be copied.
      ...(words === null ? [] : [`      ${shellWords(words)}`]),
    ]),
  ]
}

type Clock = (at: Micros) => string

/** Times of day where all of the times are of one day, else with the day. */
function clockOf(times: readonly Micros[]): Clock {
  const isOneDay = new Set(times.map(dayOf)).size <= 1
  return (at) => (isOneDay ? timeOfDay(at) : `${dayOf(at)} ${timeOfDay(at)}`)
}

function plain(text: string): Cell {
  return { text, style: null }
}
