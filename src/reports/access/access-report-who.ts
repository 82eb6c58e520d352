/** Parts 1, 3 and 4 of an access report: who, when, where from and through. */
import { compareText } from '../../kql/text-match.ts'
import { bytesText } from '../../quantity-text.ts'
import type { Cell, Section, Table } from '../document/report-document.ts'
import type { AccessFacts } from './access-report-facts.ts'
import { type Accessor, distinctHolders, sorted, sumOf, sumsBy } from './access-report-sums.ts'
import {
  countText,
  keyCell,
  keyText,
  listText,
  numberText,
  ownerCell,
  peerCell,
  timeText,
} from './access-report-text.ts'
import { holderText } from './access-ways-person.ts'

/** Rows of a table on the page; all are in `access-by-peer`. */
export const TABLE_MAX = 200
/** The file that has each pair of key and resource. */
export const BY_PEER_FILE = 'access-by-peer'

/** Part 1: one row a key with its holder. */
export function whoSection(facts: AccessFacts): Section {
  const { accessors } = facts
  const peers = sumsBy(accessors, ({ holder }) => JSON.stringify(holder))
  const rows = peers.map(({ parts, sums }): Cell[] => {
    const [first] = parts
    if (first === undefined) return []
    const { holder } = first
    const connected = sorted(parts.filter((each) => each.sums.outcomes.connected > 0).map(({ resource }) => resource))
    const { 'no-answer': unanswered, refused, unknown, denied } = sums.outcomes
    return [
      withNotes(ownerCell(holder), notesOf(parts, facts)),
      peerCell(holder),
      keyCell(holder),
      holder.groups.join(', '),
      listText(connected, 8),
      numberText(sums.outcomes.connected),
      numberText(refused + unanswered + unknown),
      numberText(denied),
      timeText(sums.first),
      timeText(sums.last),
    ]
  })
  return {
    id: 'who',
    title: 'Part 1: Who',
    blocks: [
      {
        kind: 'paragraph',
        text: 'A row is a key with what was documented of it when it was used. The owner is a documented assignment: it names who answers for the key, not who sat at the device. A site is not a person: behind its key stands a network.',
      },
      {
        kind: 'table',
        caption: 'Keys that opened or tried connections',
        columns: [
          { title: 'Documented owner' },
          { title: 'Peer' },
          { title: 'Key', isCode: true },
          { title: 'Groups' },
          { title: 'Resources accessed' },
          { title: 'Connected', align: 'right' },
          { title: 'Allowed, not connected', align: 'right' },
          { title: 'Denied', align: 'right' },
          { title: 'First' },
          { title: 'Last' },
        ],
        rows: rows.slice(0, TABLE_MAX),
        total: rows.length,
        file: rows.length > TABLE_MAX ? BY_PEER_FILE : '',
        empty: 'No connection of a known key is recorded in the period. That is not the same as no access.',
      },
    ],
  }
}

/** What has to be known of a key's rows beside the numbers. */
export function notesOf(parts: readonly Accessor[], { question, details }: AccessFacts): string[] {
  const sums = sumOf(parts.map((each) => each.sums))
  const nows = distinctHolders(parts.flatMap((each) => each.nows))
  const isNow = question.names.mode === 'as-known-now'
  const hasChanged = parts.some(({ holder, gateway, resource }) =>
    details.hasHolderChanged({ publicKey: holder.publicKey, gateway, resource }),
  )
  return [
    ...(sums.disputed > 0 ? [`key use disputed (${countText(sums.disputed, 'row')})`] : []),
    ...(nows.length > 0
      ? [
          isNow
            ? 'named differently in the records'
            : `the newest inventory says${sums.renamed < sums.rows ? ` of ${countText(sums.renamed, 'row')}` : ''}: ${nows.map(holderText).join('; or ')}`,
        ]
      : sums.renamed > 0
        ? ['named differently by the newest inventory']
        : []),
    ...(hasChanged ? ['the address passed to another key while a connection was open: it counts for the first'] : []),
  ]
}

/** Notes below what the cell says already. */
export function withNotes(cell: Cell, notes: readonly string[]): Cell {
  if (notes.length === 0) return cell
  const rich = typeof cell === 'string' ? { text: cell } : cell
  const all = [...(rich.note === undefined ? [] : [rich.note]), ...notes]
  return { ...rich, tone: 'warning', note: all.join('; ') }
}

/** Part 3: first, last, busiest. */
export function whenSection({ result, question }: AccessFacts): Section {
  const { all } = result
  const busiest = [...result.buckets]
    .map(({ at, outcomes }) => ({ at, rows: Object.values(outcomes).reduce((sum, each) => sum + each, 0) }))
    .sort((a, b) => b.rows - a.rows || a.at - b.at)[0]
  return {
    id: 'when',
    title: 'Part 3: When',
    blocks: [
      {
        kind: 'facts',
        rows: [
          ['Period', `${timeText(question.period.from)} to ${timeText(question.period.to)}, the end not included`],
          ['First recorded', timeText(all.first) || 'nothing is recorded'],
          ['Last recorded', timeText(all.last) || 'nothing is recorded'],
          ...(busiest === undefined || busiest.rows === 0
            ? []
            : [['Most in one interval', `${countText(busiest.rows, 'row')} from ${timeText(busiest.at)}`] as const]),
          [
            'Clock',
            'All times are UTC, by the clock of the machine that saw it. A row stands where its connection began.',
          ],
          ['Each row', `Begin, end and duration stand in the file ${result.file}.`],
        ],
      },
    ],
  }
}

/** Part 4: gateways, outer addresses, NAT, rules; one row a key and interface. */
export function whereSection({ accessors, details }: AccessFacts): Section {
  const places = sumsBy(accessors, ({ holder, gateway, interface: name }) =>
    JSON.stringify([holder.publicKey, holder.name, gateway, name]),
  ).sort(
    (a, b) =>
      compareText(a.parts[0]?.gateway ?? '', b.parts[0]?.gateway ?? '') ||
      b.sums.rows - a.sums.rows ||
      compareText(a.name, b.name),
  )
  const rows = places.map(({ parts, sums }): Cell[] => {
    const first = parts[0]
    const all = (valuesOf: (typeof details)['rulesOf']) =>
      sorted(
        parts.flatMap(({ holder, gateway, resource }) => [
          ...valuesOf({ publicKey: holder.publicKey, gateway, resource }),
        ]),
      )
    return [
      placeText(first?.gateway ?? '', first?.interface ?? ''),
      {
        text: first?.holder.name || keyText(first?.holder.publicKey ?? ''),
        note: keyText(first?.holder.publicKey ?? ''),
      },
      { text: listText(all(details.endpointsOf), 6) || 'not recorded', isCode: true },
      { text: listText(all(details.sourceNatOf), 6) || 'none seen', isCode: true },
      { text: listText(all(details.destinationNatOf), 6) || 'none seen', isCode: true },
      listText(all(details.rulesOf), 6) || 'none logged',
      bytesText(sums.sourceBytes),
      bytesText(sums.destinationBytes),
    ]
  })
  const table: Table = {
    kind: 'table',
    caption: 'Through which gateway, and from where',
    columns: [
      { title: 'Gateway, interface' },
      { title: 'Peer' },
      { title: 'Outer addresses of the device' },
      { title: 'Address the servers saw' },
      { title: 'Asked for before translation' },
      { title: 'Rules that logged it' },
      { title: 'Sent', align: 'right' },
      { title: 'Received', align: 'right' },
    ],
    rows: rows.slice(0, TABLE_MAX),
    total: rows.length,
    file: rows.length > TABLE_MAX ? BY_PEER_FILE : '',
    empty: 'No connection of a known key is recorded in the period.',
  }
  return {
    id: 'where',
    title: 'Part 4: Where from and through',
    blocks: [
      {
        kind: 'paragraph',
        text: 'The outer address is where the device’s packets came from as last known at that time; it is not proof of a place. Addresses the servers saw are those after source NAT: logs of a server name them. Ports, rule versions and both tuples of each connection stand in the files.',
      },
      table,
    ],
  }
}

/** `gw1, wg0`. */
export function placeText(gateway: string, name: string): string {
  return [gateway, name].filter((text) => text !== '').join(', ') || 'not recorded'
}
