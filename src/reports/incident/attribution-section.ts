/** Who stood behind it: mappings with their times and uncertainty, the inventory that named the holder, and what the polls show. */
import type { Cell, Section } from '../document/report-document.ts'
import type { ReportQuestion } from '../report-question.ts'
import { betweenText, stampText } from '../revocation/revocation-text.ts'
import type { GatheredIncident } from './incident-facts.ts'
import type { Stay } from './incident-ledger.ts'
import type { Mapping } from './incident-mappings.ts'
import { count } from './incident-words.ts'
import { holderText, keyText, namedAt } from './story-holder.ts'

/** Section `attribution`: mappings, changes of the holder, and stays on interfaces. */
export function attributionSection(facts: GatheredIncident, question: ReportQuestion): Section {
  const { mappings, mappingCount, stays, stayCount } = facts
  const changes = holderChanges(mappings)
  return {
    id: 'attribution',
    title: 'Attribution, mapping by mapping',
    blocks: [
      {
        kind: 'note',
        tone: 'plain',
        text: 'Exact means the key: the packet came from whoever held it, as the polls before and after show. Device and owner are what the inventory version named beside it documents. Nobody is identified at the keyboard.',
      },
      ...(changes.length === 0 ? [] : [{ kind: 'bullets' as const, items: changes }]),
      {
        kind: 'table',
        caption: 'Mappings that documents of the period were attributed by',
        columns: [
          { title: 'Gateway and interface' },
          { title: 'Prefix', isCode: true },
          { title: 'Key and its holder' },
          { title: 'Seen to hold' },
          { title: 'Attribution' },
          { title: 'Mapping', isCode: true },
          { title: 'Inventory', isCode: true },
          { title: 'Documents', align: 'right' },
        ],
        rows: mappings.map((mapping) => mappingCells(mapping, question)),
        total: mappingCount,
        file: '',
        empty: 'no document of the period is attributed to anybody',
      },
      {
        kind: 'table',
        caption: 'When the keys were on an interface, by the polls',
        columns: [
          { title: 'Key', isCode: true },
          { title: 'Gateway and interface' },
          { title: 'AllowedIPs', isCode: true },
          { title: 'Came' },
          { title: 'Went' },
        ],
        rows: stays.map(stayCells),
        total: stayCount,
        file: '',
        empty: 'no poll shows one of the keys',
      },
    ],
  }
}

function mappingCells(mapping: Mapping, { names }: ReportQuestion): Cell[] {
  const { holder, other } = namedAt(mapping.holder, mapping.first, names)
  const isExact = mapping.status === 'exact'
  const candidates = mapping.candidates.map(keyText).join(', ')
  return [
    `${mapping.gateway} ${mapping.interface}`.trim(),
    mapping.prefix,
    {
      text: holder.publicKey === '' ? 'nobody' : holderText(holder),
      note: [
        holder.publicKey === '' ? '' : `key ${holder.publicKey}`,
        other === null ? '' : `the other inventory: ${holderText(other)}`,
        candidates === '' ? '' : `it may have been ${candidates}`,
      ]
        .filter((text) => text !== '')
        .join('; '),
    },
    mapping.since === null
      ? ''
      : {
          text: `since ${stampText(mapping.since)}`,
          note: mapping.until === null ? 'no end known to these documents' : `until ${stampText(mapping.until)}`,
        },
    {
      text: mapping.status,
      note: [mapping.reason, mapping.method].filter((text) => text !== '').join(', '),
      tone: isExact ? 'plain' : 'warning',
    },
    mapping.id,
    mapping.inventory,
    { text: String(mapping.documents), note: `${stampText(mapping.first)} to ${stampText(mapping.last)}` },
  ]
}

function stayCells({ publicKey, gateway, interface: tunnel, allowedIps, came, went, end }: Stay): Cell[] {
  return [
    publicKey,
    `${gateway} ${tunnel}`,
    allowedIps.join(' '),
    came.from === null
      ? { text: `by ${stampText(came.to)}`, note: 'there at the first poll that is recorded' }
      : betweenText({ from: came.from, to: came.to }),
    went === null
      ? 'there at the end of the period, or at the last poll before'
      : { text: betweenText(went), note: end === 'interface-down' ? 'its interface went down' : 'removed' },
  ]
}

/** Several keys behind one prefix of one interface, in order of time. */
export function holderChanges(mappings: readonly Mapping[]): string[] {
  const exact = mappings.filter(({ status, prefix }) => status === 'exact' && prefix !== '')
  const places = Map.groupBy(exact, (each) => `${each.gateway} ${each.interface}: ${each.prefix}`)
  return [...places].flatMap(([place, own]) => {
    const keys = [...new Set(own.toSorted((a, b) => a.first - b.first).map(({ holder }) => holder.publicKey))]
    if (keys.length < 2) return []
    const told = keys.map((key) => {
      const holder = own.find((each) => each.holder.publicKey === key)?.holder
      return holder === undefined ? keyText(key) : `${holderText(holder)} (${keyText(key)})`
    })
    return [`${place} was held by ${count(keys.length, 'key')} one after the other: ${told.join(', then ')}.`]
  })
}
