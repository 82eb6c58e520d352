/** What `peers` prints: a table for people at most 100 columns wide, JSON, or CSV with one row a peer. */

import { printCsv } from '../csv.ts'
import type { Difference, DifferenceKind } from '../identity/inventory-diff.ts'
import { bytesText, spanText } from '../quantity-text.ts'
import { INSTANT_MAX, INSTANT_MIN, type Micros, toIso } from '../time.ts'
import { printJson } from './ascii-json.ts'
import { type PeerFacts, peerName, shortKey } from './peer-facts.ts'
import type { LeftRow, PeersResult, RunningRow } from './peers-rows.ts'
import { type Column, counted, paint, type Terminal, table } from './terminal.ts'
import { printSecond, printTime } from './time-argument.ts'
import { addressPortText } from './who-question.ts'
import { shorten, wrapText } from './wrap-text.ts'

const WIDTH = 100
/** Together with the other columns at their widest they fill the line. */
const NAME_MAX = 13
const OWNER_MAX = 18
const PREFIXES_MAX = 18
/** Counts above are told in thousands. */
const COUNT_MAX = 99_999
/** Rows of one kind shown to people; --json and --csv have all. */
const SHOWN_MAX = 1_000

/** What a difference is called beside its peer; `inventory diff` tells it in full. */
const NOTES: { readonly [kind in DifferenceKind]: string } = {
  'unknown-peer': 'documented nowhere',
  'unknown-interface': 'interface not documented',
  'key-outside-dates': 'key runs outside its documented dates',
  'peer-expired': 'peer expired and still runs',
  'owner-left': 'owner left',
  'key-elsewhere': 'documented for another interface',
  'prefix-undocumented': 'not documented for it',
  'prefix-expired': 'expired and still runs',
  'no-owner': 'no owner documented',
  'rotation-overdue': 'key was to be replaced',
  'key-not-running': 'documented, does not run',
  'prefix-not-running': 'documented, does not run',
  'interface-not-running': 'documented interface, does not run',
  'no-snapshot': 'documented gateway, no polls',
}

const COLUMNS: readonly Column[] = [
  { title: 'peer' },
  { title: 'owner' },
  { title: 'key' },
  { title: 'AllowedIPs' },
  { title: 'handshake', align: 'right' },
  { title: 'flows', align: 'right' },
  { title: 'denied', align: 'right' },
  { title: 'bytes', align: 'right' },
]

/** Summary, one table an interface, what does not run, who left. */
export function peersText(terminal: Terminal, result: PeersResult): string {
  const groups = Map.groupBy(result.running, ({ peer }) => `${peer.gateway} ${peer.interface}`)
  const parts = [summary(terminal, result)]
  for (const [place, rows] of groups) {
    const title = paint(terminal, 'bold', `${shorten(place, WIDTH - 20)}: ${counted(rows.length, 'peer')}`)
    parts.push(`${title}\n${runningText(terminal, rows.slice(0, SHOWN_MAX), result.at)}${moreText(rows.length)}`)
  }
  if (result.missing.length > 0)
    parts.push(
      `${paint(terminal, 'bold', 'documented, and not running')}\n${result.missing.slice(0, SHOWN_MAX).map(missingText).join('')}${moreText(result.missing.length)}`,
    )
  if (result.left.length > 0)
    parts.push(
      `${paint(terminal, 'bold', 'gone within the day')}\n${result.left.slice(0, SHOWN_MAX).map(leftText).join('')}${moreText(result.left.length)}`,
    )
  return parts.join('\n')
}

function summary(terminal: Terminal, { at, isTimeGiven, gateways, running, missing, left }: PeersResult): string {
  const hasInventory = gateways.some(({ inventory }) => inventory !== '')
  const differing = running.filter(({ differences }) => openOf(differences).length > 0).length
  const open = openOf(missing).length
  const against = hasInventory
    ? `${running.length - differing} as documented, ${differing} not; ${open} documented and not running`
    : 'no inventory was recorded to compare with'
  const counts = `${counted(running.length, 'peer')} on ${counted(gateways.length, 'gateway')}: ${against}; ${left.length} gone within the day`
  const when = isTimeGiven ? `at ${printTime(at)}` : `as of ${printTime(at)}, the newest poll there is`
  return [
    ...wrapText(counts, WIDTH).map((line) => paint(terminal, 'bold', line)),
    ...[when, 'flows, denied packets and bytes are those of the 24 h before'].map((line) =>
      paint(terminal, 'dim', line),
    ),
  ]
    .map((line) => `${line}\n`)
    .join('')
}

function runningText(terminal: Terminal, rows: readonly RunningRow[], at: Micros): string {
  const cells = rows.map(({ peer, allowedIps, lastHandshake, totals }) => [
    peerName(peer, NAME_MAX),
    shorten(peer.owner === null ? '-' : peer.owner.name || peer.owner.email, OWNER_MAX),
    shortKey(peer.publicKey),
    prefixesText(allowedIps),
    lastHandshake === null ? 'never' : spanText(Math.max(0, at - lastHandshake)),
    countText(totals?.flows ?? 0),
    countText(totals?.denied ?? 0),
    bytesText((totals?.sourceBytes ?? 0) + (totals?.destinationBytes ?? 0)),
  ])
  const [header = '', ...lines] = table(terminal, COLUMNS, cells).split('\n')
  const body = lines.slice(0, rows.length).flatMap((line, i) => [
    `  ${line}`,
    ...wrapText(noteText(rows[i]?.differences ?? []), WIDTH - 8)
      .filter((note) => note !== '')
      .map((note) => paint(terminal, 'yellow', `      ! ${note}`)),
  ])
  return [`  ${header}`, ...body].map((line) => `${line}\n`).join('')
}

/** `10.8.0.11 +2`: the first, without the length of a single address. */
function prefixesText(allowedIps: readonly string[]): string {
  const [first, ...more] = allowedIps
  if (first === undefined) return 'none'
  const rest = more.length === 0 ? '' : ` +${more.length}`
  return `${shorten(first.replace(/\/(?:32|128)$/, ''), PREFIXES_MAX - rest.length)}${rest}`
}

function countText(count: number): string {
  return count > COUNT_MAX ? `${Math.round(count / 1000)}k` : String(count)
}

function noteText(differences: readonly Difference[]): string {
  const notes = openOf(differences).map(({ kind, prefix }) => `${prefix === '' ? '' : `${prefix} `}${NOTES[kind]}`)
  const excused = differences.length - notes.length
  return [...new Set(notes), ...(excused === 0 ? [] : [counted(excused, 'excused difference')])].join('; ')
}

/** Excused ones are known and accepted. */
function openOf(differences: readonly Difference[]): Difference[] {
  return differences.filter(({ exception }) => exception === null)
}

function missingText({ text, exception }: Difference): string {
  const lines = wrapText(`${text}${exception === null ? '' : ' Excused.'}`, WIDTH - 4)
  return lines.map((line, i) => `${i === 0 ? '  ' : '    '}${line}\n`).join('')
}

function leftText({ peer, allowedIps, until, replacedBy }: LeftRow): string {
  const person = peer.owner === null ? '' : `, ${peer.owner.name || peer.owner.email}`
  const name = `${peer.name === '' ? 'not documented' : peer.name}${person}, key ${shortKey(peer.publicKey)}`
  const how = replacedBy.length === 0 ? 'removed' : `replaced by ${replacedBy.map(shortKey).join(', ')}`
  const text = `${printSecond(until)}  ${name}, ${allowedIps.join(', ')} on ${peer.gateway} ${peer.interface}: ${how}`
  return wrapText(text, WIDTH - 4)
    .map((line, i) => `${i === 0 ? '  ' : '    '}${line}\n`)
    .join('')
}

function moreText(count: number): string {
  return count > SHOWN_MAX ? `  … and ${count - SHOWN_MAX} more: --json and --csv have all\n` : ''
}

/** One object on one line: `{at, given, gateways, running, missing, left}`; times in ISO 8601, null where nothing is known. ASCII. */
export function peersJson({ at, isTimeGiven, gateways, running, missing, left }: PeersResult): string {
  return printJson({
    at: iso(at),
    given: isTimeGiven,
    gateways: gateways.map(({ name, poll, inventory }) => ({ name, poll: iso(poll), inventory: inventory || null })),
    running: running.map(({ peer, allowedIps, endpoint, lastHandshake, totals, differences }) => ({
      ...peerJson(peer),
      allowedIps,
      endpoint,
      lastHandshake: iso(lastHandshake),
      flows: totals?.flows ?? 0,
      denied: totals?.denied ?? 0,
      sourceBytes: totals?.sourceBytes ?? 0,
      destinationBytes: totals?.destinationBytes ?? 0,
      lastSeen: iso(totals?.lastSeen ?? null),
      differences: differences.map(differenceJson),
    })),
    missing: missing.map((each) => ({
      gateway: each.gateway,
      interface: each.interface,
      publicKey: each.publicKey,
      peer: each.peer,
      ...differenceJson(each),
    })),
    left: left.map(({ peer, allowedIps, until, untilBefore, replacedBy }) => ({
      ...peerJson(peer),
      allowedIps,
      until: iso(until),
      untilBefore: iso(untilBefore),
      replacedBy,
    })),
  })
}

function peerJson({ gateway, interface: name, publicKey, name: peer, kind, device, owner }: PeerFacts): object {
  return { gateway, interface: name, publicKey, peer, kind, device, owner }
}

function differenceJson({ kind, prefix, text, exception }: Difference): object {
  return { kind, prefix, text, excused: exception !== null }
}

const CSV_COLUMNS = [
  'state',
  'gateway',
  'interface',
  'peer',
  'kind',
  'device',
  'owner_name',
  'owner_email',
  'public_key',
  'allowed_ips',
  'endpoint',
  'last_handshake',
  'flows',
  'denied',
  'source_bytes',
  'destination_bytes',
  'last_seen',
  'until',
  'note',
] as const

type CsvCells = { readonly [column in (typeof CSV_COLUMNS)[number]]?: string | number | null }

/** One row a running peer, then one for each key that is documented and does not run (`missing`), then for each that left (`gone`). */
export function peersCsv({ running, missing, left }: PeersResult): string {
  const rows: CsvCells[] = [
    ...running.map(({ peer, allowedIps, endpoint, lastHandshake, totals, differences }) => ({
      state: 'running',
      ...peerCells(peer),
      allowed_ips: allowedIps.join(' '),
      endpoint: endpoint === null ? null : addressPortText(endpoint.ip, endpoint.port),
      last_handshake: iso(lastHandshake),
      flows: totals?.flows ?? 0,
      denied: totals?.denied ?? 0,
      source_bytes: totals?.sourceBytes ?? 0,
      destination_bytes: totals?.destinationBytes ?? 0,
      last_seen: iso(totals?.lastSeen ?? null),
      note: noteText(differences),
    })),
    ...missing.map(({ gateway, interface: tunnel, peer, publicKey, text }) => ({
      state: 'missing',
      gateway,
      interface: tunnel,
      peer,
      public_key: publicKey,
      note: text,
    })),
    ...left.map(({ peer, allowedIps, until, replacedBy }) => ({
      state: 'gone',
      ...peerCells(peer),
      allowed_ips: allowedIps.join(' '),
      until: iso(until),
      note: replacedBy.length === 0 ? 'removed' : `replaced by ${replacedBy.join(' ')}`,
    })),
  ]
  return printCsv(
    CSV_COLUMNS,
    rows.map((row) => CSV_COLUMNS.map((column) => row[column] ?? null)),
  )
}

function peerCells({ gateway, interface: tunnel, name, kind, device, owner, publicKey }: PeerFacts): CsvCells {
  return {
    gateway,
    interface: tunnel,
    peer: name,
    kind,
    device,
    owner_name: owner?.name ?? null,
    owner_email: owner?.email ?? null,
    public_key: publicKey,
  }
}

function iso(at: Micros | null): string | null {
  return at === null || !(at >= INSTANT_MIN && at <= INSTANT_MAX) ? null : toIso(at)
}
