/** Requirements in the words of a report. */

import type { Micros } from '../../time.ts'
import type { Block, Cell, Column, Figures, Section } from '../document/report-document.ts'
import type { RowOutlet } from '../rows/row-outlet.ts'
import { ownerCell } from '../standing/documented-holder.ts'
import {
  countText,
  DECISION,
  KEEP_OR_REMOVE,
  keyCell,
  listText,
  mendCell,
  shownTable,
  timeCell,
  USE_TEXT,
  useCell,
} from '../standing/shown-table.ts'
import { unpolled } from '../standing/standing-section.ts'
import { isIdle, PREFIXES_MAX, type RequirementPrefix, type RequirementRow } from './requirement-rows.ts'
import type { RequirementsFacts } from './requirements-report.ts'
import { BARE_MAX, type BarePrefix } from './without-requirement.ts'

export const REQUIREMENTS_FILE = 'requirements'
export const PREFIXES_FILE = 'requirement-prefixes'
export const BARE_FILE = 'without-requirement'

const NO_INVENTORY = 'not checked: there is no inventory'

/** How many there are, how many are idle, and how much has none. */
export function figuresOf({ found, bare, bareCount, from, standing }: RequirementsFacts): Figures {
  const isWhole = standing.inventory !== null && standing.gateways.length > 0 && unpolled(standing).length === 0
  const idle = found.rows.filter((row) => isIdle(row, from)).length
  const running = bare.filter(({ isRunning }) => isRunning === true).length
  return {
    kind: 'figures',
    items: [
      { label: 'requirements', value: String(found.rows.length), tone: 'plain' },
      { label: 'prefixes with one', value: String(found.count), tone: 'plain' },
      {
        label: 'requirements without recorded use',
        value: String(idle),
        tone: idle > 0 ? 'warning' : isWhole ? 'good' : 'plain',
        note: 'in the period',
      },
      {
        label: 'prefixes without one',
        value: String(bareCount),
        tone: bareCount > 0 ? 'bad' : isWhole ? 'good' : 'plain',
        note: `${running} of them running`,
      },
    ],
  }
}

/** One row a requirement. */
export function requirementSection(facts: RequirementsFacts, outlet: RowOutlet): Section {
  const { found, standing } = facts
  const blocks: Block[] = [
    {
      kind: 'paragraph',
      text: 'A requirement is what the inventory gives as the reason for a peer, or for one entry of its AllowedIPs. Texts that begin with the same number are one. Whether it still stands, nothing here can tell.',
    },
    {
      kind: 'paragraph',
      text: USE_TEXT,
    },
    shownTable(outlet, {
      caption: '',
      columns: [
        { title: 'Requirement' },
        { title: 'Peers' },
        { title: 'Owners' },
        { title: 'Prefixes' },
        { title: 'Grants of its peers' },
        { title: 'Last use on record' },
        { title: 'Expires' },
        DECISION,
      ],
      items: found.rows,
      cells: (row) => rowCells(row, standing.at),
      file: REQUIREMENTS_FILE,
      empty: standing.inventory === null ? NO_INVENTORY : 'The inventory names no requirement.',
    }),
    ...useNotes(facts),
  ]
  return { id: 'requirements', title: 'Requirements', blocks }
}

/** Where absence of use proves nothing. */
function useNotes({ standing, tracked, pageOne }: RequirementsFacts): Block[] {
  const gateways = [...new Set(standing.inventory?.peers.map(({ gateway }) => gateway) ?? [])].sort()
  const silent = gateways.filter((name) => !tracked.has(name))
  const partly = pageOne.sources.filter(
    ({ machine, source, atLeast, hasSpoken }) =>
      ['conntrack', 'wireguard'].includes(source) && hasSpoken && atLeast < 100 && gateways.includes(machine),
  )
  const blocks: Block[] = []
  if (silent.length > 0)
    blocks.push({
      kind: 'note',
      tone: 'warning',
      text: `Connection tracking of ${listText(silent)} is not recorded in the period, or no poll of its keys: of its peers “none recorded” says nothing.`,
    })
  if (partly.length > 0)
    blocks.push({
      kind: 'note',
      tone: 'warning',
      text: `Connections and their keys were recorded in part: ${listText(partly.map(({ machine, source, atLeast }) => `${machine} ${source} at least ${Math.floor(atLeast * 10) / 10} %`))}. A use in the rest of the time is not seen.`,
    })
  return blocks
}

function rowCells(row: RequirementRow, at: Micros): Cell[] {
  const isExpired = row.expires !== null && row.expires <= at
  const named = row.texts.filter((text) => text !== row.id)
  const owners = listText(row.owners)
  return [
    { text: row.id, ...(named.length === 0 ? {} : { note: listText(named, 3) }) },
    listText(row.peers),
    row.withoutOwner === 0
      ? owners
      : {
          text: owners === '' ? 'nobody' : owners,
          tone: 'warning',
          note: `${countText(row.withoutOwner, 'peer')} without an owner`,
        },
    { text: listText(row.prefixes), isCode: true, note: `${row.running} running` },
    grantsText(row.grants),
    useCell(row),
    row.expires === null
      ? ''
      : {
          ...asRich(timeCell(row.expires, '')),
          tone: isExpired ? 'bad' : 'plain',
          ...(isExpired ? { note: 'expired' } : {}),
        },
    KEEP_OR_REMOVE,
  ]
}

function grantsText(grants: RequirementRow['grants']): Cell {
  if (grants.length === 0) return 'none by the policy'
  const used = grants.filter(({ lastUse }) => lastUse !== null).map(({ resource }) => resource)
  const unused = grants.filter(({ lastUse }) => lastUse === null).map(({ resource }) => resource)
  return {
    text: used.length === 0 ? listText(unused) : listText(used),
    note:
      used.length === 0 ? 'no use recorded' : unused.length === 0 ? 'all used' : `no use recorded: ${listText(unused)}`,
  }
}

function asRich(cell: Cell) {
  return typeof cell === 'string' ? { text: cell } : cell
}

const PREFIX_COLUMNS: readonly Column[] = [
  { title: 'Requirement' },
  { title: 'Prefix', isCode: true },
  { title: 'Peer' },
  { title: 'Where' },
  { title: 'Runs' },
  { title: 'Last use on record' },
  { title: 'Expires' },
]

/** One row a documented prefix, under its requirement. */
export function prefixSection({ found, standing }: RequirementsFacts, outlet: RowOutlet): Section {
  const blocks: Block[] = [
    shownTable(outlet, {
      caption: '',
      columns: PREFIX_COLUMNS,
      items: found.prefixes,
      total: found.count,
      cells: prefixCells,
      file: PREFIXES_FILE,
      empty: standing.inventory === null ? NO_INVENTORY : 'The inventory names no requirement.',
    }),
  ]
  if (found.count > PREFIXES_MAX)
    blocks.push({
      kind: 'note',
      tone: 'warning',
      text: `There are ${found.count} of them; the first ${PREFIXES_MAX} are told.`,
    })
  return { id: 'requirement-prefixes', title: 'Prefixes by requirement', blocks }
}

function prefixCells(each: RequirementPrefix): Cell[] {
  const runs =
    each.isRunning === null ? 'not known: no poll' : each.isRunning ? 'yes' : { text: 'no', tone: 'warning' as const }
  return [
    each.isOwn ? each.id : { text: each.id, note: 'of its peer' },
    each.prefix,
    each.peer,
    `${each.gateway} ${each.interface}`,
    runs,
    useCell(each),
    timeCell(each.expires, ''),
  ]
}

/** What has no requirement, with the lines that remove it. */
export function bareSection({ bare, bareCount, standing, found }: RequirementsFacts, outlet: RowOutlet): Section {
  const blocks: Block[] = [
    {
      kind: 'paragraph',
      text: 'AllowedIPs that run, or are documented, and that no requirement is given for; what runs and is documented nowhere has none. A command replaces the whole list of a peer and leaves what has a requirement: the same one mends all prefixes of that peer.',
    },
    shownTable(outlet, {
      caption: '',
      columns: [
        { title: 'Prefix', isCode: true },
        { title: 'Peer' },
        { title: 'Owner' },
        { title: 'Key' },
        { title: 'Where' },
        { title: 'What it is' },
        { title: 'Last use on record' },
        { title: 'What removes it' },
        DECISION,
      ],
      items: bare,
      total: bareCount,
      cells: bareCells,
      file: BARE_FILE,
      empty:
        standing.inventory === null
          ? NO_INVENTORY
          : standing.gateways.length === 0
            ? 'not checked: no poll of a gateway is recorded'
            : 'Every prefix that ran or is documented has a requirement.',
    }),
  ]
  if (found.rows.length === 0 && bareCount > 0)
    blocks.push({
      kind: 'note',
      tone: 'bad',
      text: 'The inventory names no requirement at all. These lines together would take away all access: write the requirements down first (requirement of a peer, or of an entry of allowed_ips).',
    })
  if (bareCount > BARE_MAX)
    blocks.push({
      kind: 'note',
      tone: 'warning',
      text: `There are ${bareCount} of them; the first ${BARE_MAX} are told.`,
    })
  return { id: 'without-requirement', title: 'Prefixes without a requirement', blocks }
}

function bareCells(each: BarePrefix): Cell[] {
  const what = each.isRunning
    ? each.isDocumented
      ? 'runs, documented without a reason'
      : each.peer === ''
        ? 'runs, its key is documented nowhere here'
        : 'runs, not documented for this peer'
    : each.isRunning === null
      ? 'documented without a reason; whether it runs is not known'
      : 'documented without a reason, does not run'
  return [
    each.prefix === '' ? 'no AllowedIPs' : each.prefix,
    each.peer === '' ? { text: 'not documented', tone: 'warning' } : each.peer,
    each.peer === '' ? '' : ownerCell(each),
    keyCell(each.publicKey),
    `${each.gateway} ${each.interface}`,
    { text: what, tone: each.isDocumented ? 'warning' : 'bad' },
    useCell(each),
    mendCell(each.mend),
    KEEP_OR_REMOVE,
  ]
}
