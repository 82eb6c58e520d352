/** Part 2 of an access report: which resources, and who accessed each of them. */
import { bytesText } from '../../quantity-text.ts'
import type { Block, Cell, Column, Section, Table } from '../document/report-document.ts'
import type { CataloguedResource } from './access-report-catalogue.ts'
import type { AccessFacts } from './access-report-facts.ts'
import { type Accessor, NO_SUMS, sumOf, sumsBy } from './access-report-sums.ts'
import {
  countText,
  cutText,
  keyText,
  listText,
  numberText,
  OUTCOME_COLUMNS,
  outcomeCells,
  ownerCell,
  peerCell,
  timeText,
} from './access-report-text.ts'
import { BY_PEER_FILE, notesOf, placeText, TABLE_MAX, withNotes } from './access-report-who.ts'
import type { AccessSums } from './access-rows.ts'

/** Resources with a section of their own, the most used first; rows of each, and names in the list of those without a row. */
const [RESOURCE_SECTIONS_MAX, RESOURCE_ROWS_MAX, SILENT_MAX] = [40, 60, 200]
/** What documents call a resource that the catalogue does not know. */
export const UNCATALOGUED = 'uncatalogued'

/** All resources, then each of the most used ones, then what is in no catalogue. */
export function whatSections(facts: AccessFacts): Section[] {
  const used = sumsBy(
    facts.accessors.filter(({ resource }) => resource !== UNCATALOGUED),
    ({ resource }) => resource,
  )
  const own = used.slice(0, RESOURCE_SECTIONS_MAX).map(
    ({ name, parts, sums }, i): Section => ({
      id: `resource-${i + 1}`,
      title: `Part 2.${i + 1}: ${name}`,
      blocks: [resourceFacts(name, parts, sums, facts), accessorTable(parts, facts, 'Who accessed it, and who tried')],
    }),
  )
  return [overviewOf(facts, used, own.length), ...own, ...uncatalogued(facts, own.length + 1)]
}

type UsedResource = { readonly name: string; readonly parts: readonly Accessor[]; readonly sums: AccessSums }

function overviewOf(facts: AccessFacts, used: readonly UsedResource[], sectionCount: number): Section {
  const silent = silentResources(facts)
  const rows = used.map(({ name, parts, sums }): Cell[] => {
    const peers = new Set(
      parts.filter((each) => each.sums.outcomes.connected > 0).map(({ holder }) => holder.publicKey),
    )
    return [
      name,
      ownerOf(parts),
      parts.find(({ classification }) => classification !== '')?.classification ?? 'not classified',
      numberText(peers.size),
      ...outcomeCells(sums),
      bytesText(sums.sourceBytes),
      bytesText(sums.destinationBytes),
    ]
  })
  const blocks: Block[] = [
    {
      kind: 'paragraph',
      text: '“Accessed” means connected: reply traffic was seen. Rows of which the key is not certain are not in these numbers, they have a section of their own.',
    },
    {
      kind: 'table',
      caption: 'Resources',
      columns: [
        { title: 'Resource' },
        { title: 'Owner' },
        { title: 'Classification' },
        { title: 'Keys that connected', align: 'right' },
        ...OUTCOME_COLUMNS,
        { title: 'Sent', align: 'right' },
        { title: 'Received', align: 'right' },
      ],
      rows: rows.slice(0, TABLE_MAX),
      total: rows.length,
      file: rows.length > TABLE_MAX ? BY_PEER_FILE : '',
      empty: 'No connection to a catalogued resource is recorded in the period. That is not the same as no access.',
    },
  ]
  if (used.length > sectionCount)
    blocks.push({
      kind: 'note',
      tone: 'plain',
      text: `The ${numberText(sectionCount)} most used resources have a section each; the others stand in the file ${BY_PEER_FILE}.`,
    })
  if (silent.length > 0)
    blocks.push(
      {
        kind: 'paragraph',
        text: `Documented resources of which nothing is recorded in the period: ${numberText(silent.length)}. Nothing recorded does not mean no access; see the completeness of the records.`,
      },
      { kind: 'bullets', items: silent.slice(0, SILENT_MAX).map(silentText) },
    )
  if (silent.length > SILENT_MAX)
    blocks.push({
      kind: 'paragraph',
      text: `And ${numberText(silent.length - SILENT_MAX)} more; peertrail report requirements lists what is documented.`,
    })
  return { id: 'what', title: 'Part 2: What', blocks }
}

/** Of the catalogue, no row at all, attributed or not. */
export function silentResources({ resources, result }: AccessFacts): CataloguedResource[] {
  const told = new Set([...result.groups.map(({ resource }) => resource), ...(result.resources ?? [])])
  return resources.filter(({ name }) => !told.has(name))
}

function silentText({ name, owner, classification }: CataloguedResource): Cell {
  const more = [owner === '' ? '' : `owner ${owner}`, classification].filter((text) => text !== '').join(', ')
  return { text: name, note: `nothing recorded${more === '' ? '' : `; ${more}`}` }
}

function ownerOf(parts: readonly Accessor[]): string {
  return parts.find(({ resourceOwner }) => resourceOwner !== '')?.resourceOwner ?? 'none documented'
}

function resourceFacts(name: string, parts: readonly Accessor[], sums: AccessSums, facts: AccessFacts): Block {
  const catalogued = facts.catalogue.resources.find((each) => each.name === name)
  return {
    kind: 'facts',
    rows: [
      ['Owner', ownerOf(parts)],
      ['Classification', parts.find((each) => each.classification !== '')?.classification ?? 'not classified'],
      [
        'Documented at',
        catalogued === undefined
          ? 'not in the inventory of the period'
          : `${listText(catalogued.addresses, 8)}${catalogued.ports.length === 0 ? ', any port' : `, ${listText(catalogued.ports, 8)}`}`,
      ],
      ['Reached at', listText([...new Set(parts.flatMap(({ destinations }) => destinations))].sort(), 8)],
      [
        'Hosts that carry it',
        catalogued === undefined || catalogued.hosts.length === 0 ? 'none documented' : listText(catalogued.hosts, 8),
      ],
      ['Connected', `${countText(sums.outcomes.connected, 'time')} by ${countText(accessedBy(parts), 'key')}`],
    ],
  }
}

function accessedBy(parts: readonly Accessor[]): number {
  return new Set(parts.filter(({ sums }) => sums.outcomes.connected > 0).map(({ holder }) => holder.publicKey)).size
}

const ACCESSOR_COLUMNS: readonly Column[] = [
  { title: 'Documented owner' },
  { title: 'Peer, key' },
  ...OUTCOME_COLUMNS,
  { title: 'Sent / received', align: 'right' },
  { title: 'First / last' },
  { title: 'Through / from' },
  { title: 'Rules' },
]

/** One row a key and interface. */
export function accessorTable(parts: readonly Accessor[], facts: AccessFacts, caption: string): Table {
  return {
    kind: 'table',
    caption,
    columns: ACCESSOR_COLUMNS,
    rows: parts.slice(0, RESOURCE_ROWS_MAX).map((each) => accessorCells(each, facts)),
    total: parts.length,
    file: parts.length > RESOURCE_ROWS_MAX ? BY_PEER_FILE : '',
    empty: 'nothing recorded',
  }
}

/** The same where rows go to different places: which, comes first. */
export function placedTable(parts: readonly Accessor[], facts: AccessFacts, caption: string): Table {
  const table = accessorTable(parts, facts, caption)
  return {
    ...table,
    columns: [{ title: 'Destination' }, ...table.columns],
    rows: table.rows.map((cells, i) => [destinationCell(parts[i]), ...cells]),
  }
}

function destinationCell(accessor: Accessor | undefined): Cell {
  if (accessor === undefined) return ''
  return { text: listText(accessor.destinations, 3), note: accessor.resource }
}

function accessorCells(accessor: Accessor, facts: AccessFacts): Cell[] {
  const { holder, gateway, resource, sums, policies } = accessor
  const place = { publicKey: holder.publicKey, gateway, resource }
  const endpoints = facts.details.endpointsOf(place)
  const policy = policies.includes('violation') ? ['no documented grant'] : []
  const peer = peerCell(holder)
  const name = typeof peer === 'string' ? { text: peer } : peer
  return [
    withNotes(ownerCell(holder), [...policy, ...notesOf([accessor], facts)]),
    { ...name, note: [name.note ?? '', keyText(holder.publicKey)].filter((text) => text !== '').join(', ') },
    ...outcomeCells(sums),
    { text: bytesText(sums.sourceBytes), note: bytesText(sums.destinationBytes) },
    { text: timeText(sums.first), note: timeText(sums.last) },
    {
      text: placeText(gateway, accessor.interface),
      note: endpoints.length === 0 ? 'outer address not recorded' : `from ${listText(endpoints)}`,
    },
    cutText(listText(facts.details.rulesOf(place), 3)) || 'none logged',
  ]
}

function uncatalogued(facts: AccessFacts, number: number): Section[] {
  if (facts.filter.resource !== '' && facts.filter.resource !== UNCATALOGUED) return []
  const parts = facts.accessors.filter(({ resource }) => resource === UNCATALOGUED)
  const sums = parts.length === 0 ? NO_SUMS : sumOf(parts.map((each) => each.sums))
  const places = [...new Set(parts.flatMap(({ destinations }) => destinations))].sort()
  return [
    {
      id: 'uncatalogued',
      title: `Part 2.${number}: Destinations that are in no catalogue`,
      blocks: [
        {
          kind: 'paragraph',
          text:
            parts.length === 0
              ? 'Nothing is recorded to a destination outside the catalogue.'
              : `${countText(sums.rows, 'row')} to ${countText(places.length, 'destination')} that the inventory names no resource for: ${listText(places, 12)}.`,
        },
        ...(parts.length === 0 ? [] : [placedTable(parts, facts, 'Who, and where to')]),
      ],
    },
  ]
}
