/** What `inventory diff` prints: a page for people at most 100 columns wide, JSON, or CSV with one row a difference. */

import { printCsv } from '../csv.ts'
import { DIFFERENCE_KINDS, type Difference, type DifferenceKind } from '../identity/inventory-diff.ts'
import { type Micros, toIso } from '../time.ts'
import { displayWidth } from './display-width.ts'
import type { DiffResult } from './inventory-diff.ts'
import { counted, paint, type Terminal, table } from './terminal.ts'
import { printDay, printSecond, printTime } from './time-argument.ts'
import { shorten, wrapCommand, wrapText } from './wrap-text.ts'

const WIDTH = 100
/** Characters of `gateway interface` at the left. */
const PLACE_MAX = 28
const GATEWAY_MAX = 40
/** Differences of one kind shown to people; --json and --csv have all. */
const SHOWN_MAX = 100

/** `isAccess`: somebody has access who should not, so it matters whether the key is in use. */
const KINDS: { readonly [kind in DifferenceKind]: { readonly title: string; readonly isAccess: boolean } } = {
  'unknown-peer': { title: 'keys that run and are documented nowhere', isAccess: true },
  'unknown-interface': { title: 'interfaces that run and are not documented', isAccess: true },
  'key-outside-dates': { title: 'keys that run outside their documented dates', isAccess: true },
  'peer-expired': { title: 'peers that expired and still run', isAccess: true },
  'owner-left': { title: 'peers that run though their owner left', isAccess: true },
  'key-elsewhere': { title: 'keys that run elsewhere than documented', isAccess: true },
  'prefix-undocumented': { title: 'AllowedIPs that run and are not documented', isAccess: true },
  'prefix-expired': { title: 'AllowedIPs that expired and still run', isAccess: true },
  'no-owner': { title: 'peers that run and have no owner', isAccess: false },
  'rotation-overdue': { title: 'keys that were to be replaced', isAccess: false },
  'key-not-running': { title: 'documented keys that do not run', isAccess: false },
  'prefix-not-running': { title: 'documented AllowedIPs that do not run', isAccess: false },
  'interface-not-running': { title: 'documented interfaces that do not run', isAccess: false },
  'no-snapshot': { title: 'documented gateways without a snapshot', isAccess: false },
}

/** Summary, gateways, then every kind that occurs with its differences and how to mend them; excused ones last. */
export function diffText(terminal: Terminal, result: DiffResult): string {
  const open = result.differences.filter(({ exception }) => exception === null)
  const excused = result.differences.filter(({ exception }) => exception !== null)
  const parts = [summary(terminal, result, open.length, excused.length), gatewayTable(terminal, result)]
  const width = result.differences.reduce((most, each) => Math.max(most, displayWidth(placeOf(each))), 0)
  for (const kind of DIFFERENCE_KINDS) {
    const group = open.filter((each) => each.kind === kind)
    if (group.length > 0) parts.push(groupText(terminal, kind, group, width))
  }
  if (excused.length > 0) parts.push(excusedText(terminal, excused, width))
  if (open.some(({ mend }) => mend.command.startsWith('wg set '))) {
    const hint = '`wg set` changes what runs now. Change the stored configuration too, or it returns with a restart.'
    parts.push(`${paint(terminal, 'dim', hint)}\n`)
  }
  return parts.join('\n')
}

function summary(terminal: Terminal, { inventory, at }: DiffResult, open: number, excused: number): string {
  const count =
    open === 0 ? paint(terminal, 'green', 'no differences') : paint(terminal, 'red', counted(open, 'difference'))
  const more = excused === 0 ? '' : `, ${excused} excused`
  return `${count} between what runs and what is documented${more}\ninventory ${inventory.hash}, as of ${printTime(at)}\n`
}

function gatewayTable(terminal: Terminal, { gateways }: DiffResult): string {
  return table(
    terminal,
    [
      { title: 'gateway' },
      { title: 'interfaces', align: 'right' },
      { title: 'peers', align: 'right' },
      { title: 'snapshot' },
    ],
    gateways.map(({ name, isObserved, snapshotAt, interfaces, peers }) => [
      shorten(name, GATEWAY_MAX),
      isObserved ? String(interfaces) : '',
      isObserved ? String(peers) : '',
      isObserved ? (snapshotAt === null ? 'without a date' : printTime(snapshotAt)) : 'none',
    ]),
  )
}

function groupText(terminal: Terminal, kind: DifferenceKind, group: readonly Difference[], width: number): string {
  const { title, isAccess } = KINDS[kind]
  const name = paint(terminal, isAccess ? 'red' : 'yellow', kind)
  const lines = [`${name} (${group.length}): ${title}`]
  const shown = group.slice(0, SHOWN_MAX)
  for (const [i, each] of shown.entries()) {
    lines.push(...hanging(placeOf(each), wrapText(sentence(each), textWidth(width)), width))
    // Several prefixes of one peer are mended by one command.
    const isLastOfCommand = shown[i + 1]?.mend.command !== each.mend.command
    for (const line of mendLines(each, isLastOfCommand, textWidth(width))) {
      lines.push(...hanging('', [line], width).map((text) => paint(terminal, 'dim', text)))
    }
  }
  if (shown.length < group.length) lines.push(`  … and ${group.length - shown.length} more: --json and --csv have all`)
  return lines.map((line) => `${line}\n`).join('')
}

/** Whether an access that should not be is in use is what everybody asks next. */
function sentence({ kind, publicKey, lastHandshake, text }: Difference): string {
  if (!KINDS[kind].isAccess || publicKey === '') return text
  return `${text} ${lastHandshake === null ? 'No handshake yet.' : `Last handshake ${printSecond(lastHandshake)}.`}`
}

function mendLines({ mend }: Difference, withCommand: boolean, width: number): string[] {
  const lines: string[] = []
  const label = (name: string, texts: readonly string[]) => {
    for (const [i, text] of texts.entries()) lines.push(`${(i === 0 ? name : '').padEnd(LABEL)}${text}`)
  }
  if (mend.inventory !== '') label('inventory', wrapText(mend.inventory, width - LABEL))
  if (mend.command !== '' && withCommand) {
    label('gateway', wrapCommand(mend.command, width - LABEL) ?? ['(not shown here: --json has it)'])
  }
  return lines
}

/** Width of `inventory` and two blanks. */
const LABEL = 11

function excusedText(terminal: Terminal, excused: readonly Difference[], width: number): string {
  const lines = [`${paint(terminal, 'cyan', 'excused')} (${excused.length}): known and accepted, see exceptions`]
  for (const each of excused.slice(0, SHOWN_MAX)) {
    const { reason = '', approvedBy = '', until = null } = each.exception ?? {}
    const end = until === null ? '' : `, until ${printDay(until)}`
    const text = `${each.kind}: ${each.text} ${reason} (${approvedBy}${end})`
    lines.push(...hanging(placeOf(each), wrapText(text, textWidth(width)), width))
  }
  if (excused.length > SHOWN_MAX) lines.push(`  … and ${excused.length - SHOWN_MAX} more: --json and --csv have all`)
  return lines.map((line) => `${line}\n`).join('')
}

function placeOf({ gateway, interface: name }: Difference): string {
  return shorten(name === '' ? gateway : `${gateway} ${name}`, PLACE_MAX)
}

function textWidth(placeWidth: number): number {
  return WIDTH - placeWidth - 4
}

/** `place` before the first line, blanks before the others. */
function hanging(place: string, lines: readonly string[], width: number): string[] {
  return lines.map((line, i) => {
    const head = i === 0 ? place : ''
    return `  ${head}${' '.repeat(Math.max(0, width - displayWidth(head)))}  ${line}`.trimEnd()
  })
}

/** One object on one line: `{at, inventory, gateways, differences}`; times in ISO 8601. Printable ASCII only. */
export function diffJson({ at, inventory, gateways, differences }: DiffResult): string {
  const document = {
    at: toIso(at),
    inventory: inventory.hash,
    gateways: gateways.map((gateway) => ({
      name: gateway.name,
      at: toIso(gateway.at),
      observed: gateway.isObserved,
      snapshot: isoOrNull(gateway.snapshotAt),
      interfaces: gateway.interfaces,
      peers: gateway.peers,
    })),
    differences: differences.map(({ exception, lastHandshake, ...rest }) => ({
      ...rest,
      lastHandshake: isoOrNull(lastHandshake),
      exception: exception === null ? null : { ...exception, until: isoOrNull(exception.until) },
    })),
  }
  const escaped = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  // Outside its strings JSON is ASCII, so what is replaced stands in a string.
  return `${JSON.stringify(document).replace(/[\u007f-\uffff]/g, escaped)}\n`
}

const CSV_COLUMNS = [
  'kind',
  'gateway',
  'interface',
  'peer',
  'public_key',
  'prefix',
  'documented',
  'running',
  'last_handshake',
  'text',
  'inventory_line',
  'gateway_command',
  'excused_because',
  'excused_by',
  'excused_until',
]

/** One row a difference, excused ones too, below a header line. */
export function diffCsv({ differences }: DiffResult): string {
  return printCsv(
    CSV_COLUMNS,
    differences.map((each) => [
      each.kind,
      each.gateway,
      each.interface,
      each.peer,
      each.publicKey,
      each.prefix,
      each.documented,
      each.running,
      isoOrNull(each.lastHandshake),
      each.text,
      each.mend.inventory,
      each.mend.command,
      each.exception?.reason ?? null,
      each.exception?.approvedBy ?? null,
      isoOrNull(each.exception?.until ?? null),
    ]),
  )
}

function isoOrNull(at: Micros | null): string | null {
  return at === null ? null : toIso(at)
}
