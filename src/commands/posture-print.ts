/**
 * Prints what posture found, one area below the other over all machines: what is in order, what is not with evidence and mending, and
 * what could not be looked at. What the inventory accepts stands apart at the end.
 */
import { SEVERITY_NAMES, type Severity } from '../finding-document.ts'
import { dateText } from '../identity/inventory-diff-text.ts'
import { type MachineView, POSTURE_AREAS, type PostureKind } from '../posture/check.ts'
import { type CheckOutcome, type PostureFinding, severityOf } from '../posture/run-checks.ts'
import { safeText } from '../safe-text.ts'
import { commandLines } from './doctor-print.ts'
import type { PosturePage } from './posture-json.ts'
import { counted, paint, type Terminal } from './terminal.ts'
import { printTime } from './time-argument.ts'
import { shorten, wrapText } from './wrap-text.ts'

/** Characters of a line: as wide as people read with ease. */
const [WIDTH_MIN, WIDTH_MAX] = [80, 100]
/** The word before each line, right of two blanks. */
const LABEL = 13
const INDENT = 2 + LABEL

const COLORS = { 1: 'dim', 2: 'yellow', 3: 'red', 4: 'red' } as const

/** A finding with where it was found. */
type Found = { readonly host: string; readonly check: PostureKind; readonly finding: PostureFinding }

/** `columns`: of the terminal, 0 = none. */
export function postureText(terminal: Terminal, page: PosturePage, columns: number): string {
  const width = Math.min(WIDTH_MAX, Math.max(WIDTH_MIN, columns))
  const isMany = page.machines.length > 1
  const areas = POSTURE_AREAS.map((area) => page.outcomes.filter(({ check }) => check.area === area))
  const told = areas.filter((outcomes) => outcomes.length > 0)
  const shared = sharedReasons(page.outcomes)
  const parts = [
    headText(terminal, page, width),
    ...told.map((outcomes) => areaText(terminal, outcomes, { isMany, width, shared })),
    sharedText(terminal, page.outcomes, { isMany, width, shared }),
    acceptedText(terminal, page.outcomes, isMany, width),
    endText(terminal, page.outcomes, width),
  ]
  return parts.filter((part) => part !== '').join('\n')
}

function headText(terminal: Terminal, { place, inventory, machines }: PosturePage, width: number): string {
  const documented = inventory === null ? 'no inventory' : `inventory ${inventory.hash}`
  const names = Math.max(...machines.map(({ host }) => Array.from(safeText(host)).length), 0)
  const lines = machines.flatMap((machine) =>
    wrapText(`${safeText(machine.host).padEnd(names)}  ${machineText(machine)}`, width),
  )
  return [
    paint(terminal, 'bold', shorten(`Posture of ${place}`, width)),
    ...wrapText(documented, width).map((line) => paint(terminal, 'dim', line)),
    ...lines.map((line) => paint(terminal, 'dim', line)),
  ]
    .map((line) => `${line}\n`)
    .join('')
}

function machineText({ at, wireguard }: MachineView): string {
  if (wireguard === null) return `judged as of ${printTime(at)}, peers not known`
  const interfaces = counted(wireguard.interfaces.length, 'interface')
  if (wireguard.interfaces.length === 0) return `judged as of ${printTime(at)}, no WireGuard interface`
  return `judged as of ${printTime(at)}, ${counted(wireguard.peers.length, 'peer')} on ${interfaces}`
}

type Layout = {
  /** More than one machine: then each line says which. */
  readonly isMany: boolean
  readonly width: number
  /** Reasons that stand in several areas, and are told once at the end. */
  readonly shared: ReadonlySet<string>
}

function areaText(terminal: Terminal, outcomes: readonly CheckOutcome[], layout: Layout): string {
  const { isMany, width, shared } = layout
  const [first] = outcomes
  const found = findingsOf(outcomes).filter(({ finding }) => finding.exception === null)
  const lines = [
    paint(terminal, 'bold', first?.check.area ?? ''),
    ...okLines(terminal, outcomes, isMany, width),
    ...findingsText(terminal, bySeverity(found), isMany, width),
    ...notCheckedLines(terminal, outcomes, layout, (reason) => !shared.has(reason)),
  ]
  // All that an area has may be told apart.
  return lines.length === 1 ? '' : lines.map((line) => `${line}\n`).join('')
}

/** Machines of which the same is said are told of once. */
function okLines(terminal: Terminal, outcomes: readonly CheckOutcome[], isMany: boolean, width: number): string[] {
  const texts = new Map<string, string[]>()
  for (const { host, results } of outcomes) {
    for (const result of results) if (result.kind === 'passed') push(texts, result.text, host)
  }
  const byHosts = new Map<string, string[]>()
  for (const [text, hosts] of texts) push(byHosts, hostsText(hosts, isMany), text)
  return [...byHosts].flatMap(([hosts, each]) =>
    labelled(paint(terminal, 'green', 'ok'), 'ok', wrapText(`${hosts}${each.join(' ')}`, width - INDENT)),
  )
}

/** Checks that lack the same are told together. */
function notCheckedLines(
  terminal: Terminal,
  outcomes: readonly CheckOutcome[],
  { isMany, width }: Layout,
  isTold: (reason: string) => boolean,
): string[] {
  const byReason = new Map<string, { readonly hosts: string[]; readonly titles: string[] }>()
  for (const { host, check, results } of outcomes) {
    for (const result of results) {
      if (result.kind !== 'not-checked' || !isTold(result.reason)) continue
      const known = byReason.get(result.reason) ?? { hosts: [], titles: [] }
      byReason.set(result.reason, known)
      if (!known.hosts.includes(host)) known.hosts.push(host)
      if (!known.titles.includes(check.title)) known.titles.push(check.title)
    }
  }
  const label = paint(terminal, 'cyan', 'not checked')
  return [...byReason].flatMap(([reason, { hosts, titles }]) => {
    const open = wrapText(`Left open: ${titles.join('; ')}.`, width - INDENT)
    return labelled(label, 'not checked', [
      ...wrapText(`${hostsText(hosts, isMany)}${reason}`, width - INDENT),
      ...open.map((line) => paint(terminal, 'dim', line)),
    ])
  })
}

function sharedReasons(outcomes: readonly CheckOutcome[]): ReadonlySet<string> {
  const areas = new Map<string, string[]>()
  for (const { check, results } of outcomes) {
    for (const result of results) if (result.kind === 'not-checked') push(areas, result.reason, check.area)
  }
  return new Set([...areas].filter(([, each]) => each.length > 1).map(([reason]) => reason))
}

/** What is missing for several areas is told once. */
function sharedText(terminal: Terminal, outcomes: readonly CheckOutcome[], layout: Layout): string {
  const { shared } = layout
  if (shared.size === 0) return ''
  const lines = notCheckedLines(terminal, outcomes, layout, (reason) => shared.has(reason))
  return [paint(terminal, 'bold', 'Not looked at'), ...lines].map((line) => `${line}\n`).join('')
}

/** What mends several in a row is told below the last of them. */
function findingsText(terminal: Terminal, found: readonly Found[], isMany: boolean, width: number): string[] {
  const mendOf = ({ host, finding }: Found) => [host, ...finding.mend].join('\n')
  return found.flatMap((each, i) => {
    const next = found[i + 1]
    const isToldBelow = next !== undefined && mendOf(next) === mendOf(each)
    return findingLines(
      terminal,
      isToldBelow ? { ...each, finding: { ...each.finding, mend: [] } } : each,
      isMany,
      width,
    )
  })
}

function findingLines(terminal: Terminal, found: Found, isMany: boolean, width: number): string[] {
  const { host, check, finding } = found
  const room = width - INDENT
  const severity = severityOf(finding, check)
  const name = SEVERITY_NAMES[severity]
  const evidence = finding.evidence.flatMap((line) => wrapText(line, room)).map((line) => paint(terminal, 'dim', line))
  return labelled(paint(terminal, COLORS[severity], name), name, [
    ...wrapText(`${hostsText([host], isMany)}${finding.text}`, room),
    ...evidence,
    ...finding.mend.flatMap(apart).flatMap((line) => commandLines(terminal, line, room)),
  ])
}

/** A comment behind a command would be broken in the middle, and its rest be run: it stands below. */
function apart(line: string): string[] {
  const [, command, comment] = /^([^#'"]*[^#'"\s])\s+(#\s.*)$/.exec(line) ?? []
  return command === undefined || comment === undefined ? [line] : [command, comment]
}

function acceptedText(terminal: Terminal, outcomes: readonly CheckOutcome[], isMany: boolean, width: number): string {
  const found = findingsOf(outcomes).filter(({ finding }) => finding.exception !== null)
  if (found.length === 0) return ''
  const room = width - INDENT
  const lines = bySeverity(found).flatMap(({ host, check, finding }) => {
    const name = SEVERITY_NAMES[severityOf(finding, check)]
    const { reason = '', approvedBy = '', until = null } = finding.exception ?? {}
    const end = until === null ? 'without an end' : `until ${dateText(until)}`
    return labelled(paint(terminal, 'dim', name), name, [
      ...wrapText(`${hostsText([host], isMany)}${finding.text}`, room),
      ...wrapText(`Accepted by ${approvedBy} ${end}: ${reason} (${check.id})`, room).map((line) =>
        paint(terminal, 'dim', line),
      ),
    ])
  })
  return [paint(terminal, 'bold', 'Accepted by the inventory'), ...lines].map((line) => `${line}\n`).join('')
}

function endText(terminal: Terminal, outcomes: readonly CheckOutcome[], width: number): string {
  const found = findingsOf(outcomes)
  const open = found.filter(({ finding }) => finding.exception === null)
  const counts = ([4, 3, 2, 1] as const).flatMap((severity) => {
    const count = open.filter((each) => severityOf(each.finding, each.check) === severity).length
    return count === 0 ? [] : [`${count} ${SEVERITY_NAMES[severity]}`]
  })
  const accepted = found.length - open.length
  const unknown = outcomes.filter(({ results }) => results.some(({ kind }) => kind === 'not-checked')).length
  const rest = [
    ...(accepted === 0 ? [] : [`${accepted} accepted`]),
    ...(unknown === 0 ? [] : [`${counted(unknown, 'check')} not made or not in full`]),
  ]
  const isAnyMade = found.length > 0 || outcomes.some(({ results }) => results.some(({ kind }) => kind === 'passed'))
  const isWell = isAnyMade && open.every((each) => severityOf(each.finding, each.check) === 1)
  const verdict =
    counts.length > 0 ? `Found: ${counts.join(', ')}.` : isAnyMade ? 'Nothing found.' : 'Nothing was checked.'
  const changes = open.some(({ finding }) => finding.mend.some((line) => line.startsWith('wg set ')))
  const hint = changes
    ? wrapText(
        '`wg set` changes what runs now, also for whoever is logged in through that peer. Change the stored configuration too, or it returns with a restart.',
        width,
      )
    : []
  return [
    ...hint.map((line) => paint(terminal, 'dim', line)),
    `${paint(terminal, isWell ? 'green' : 'yellow', verdict)}${rest.length === 0 ? '' : ` ${capital(rest.join(', '))}.`}`,
  ]
    .map((line) => `${line}\n`)
    .join('')
}

function findingsOf(outcomes: readonly CheckOutcome[]): Found[] {
  return outcomes.flatMap(({ host, check, results }) =>
    results.flatMap((finding) => (finding.kind === 'finding' ? [{ host, check, finding }] : [])),
  )
}

/** The most severe first; of one severity as they came, which is by machine. */
function bySeverity(found: readonly Found[]): Found[] {
  const weight = ({ finding, check }: Found): Severity => severityOf(finding, check)
  return found.toSorted((a, b) => weight(b) - weight(a))
}

/** `gw1, gw2: `, '' where there is one machine only. */
function hostsText(hosts: readonly string[], isMany: boolean): string {
  return isMany ? `${hosts.map((host) => safeText(host)).join(', ')}: ` : ''
}

function labelled(label: string, plain: string, lines: readonly string[]): string[] {
  const [first = '', ...rest] = lines
  return [
    `  ${label}${' '.repeat(LABEL - plain.length)}${first}`,
    ...rest.map((line) => `${' '.repeat(INDENT)}${line}`),
  ]
}

function push(lists: Map<string, string[]>, key: string, value: string): void {
  const list = lists.get(key)
  if (list === undefined) lists.set(key, [value])
  else if (!list.includes(value)) list.push(value)
}

function capital(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`
}
