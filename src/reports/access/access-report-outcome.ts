/** Part 5 of an access report: outcomes, what was turned away, what nobody can be named for, and what reached a peer. */
import { compareText } from '../../kql/text-match.ts'
import type { Block, Cell, Section } from '../document/report-document.ts'
import type { AccessFacts } from './access-report-facts.ts'
import { sorted, sumOf, sumsBy } from './access-report-sums.ts'
import {
  countText,
  keyText,
  listText,
  numberText,
  OUTCOME_COLUMNS,
  outcomeCells,
  timeText,
} from './access-report-text.ts'
import { placeText, TABLE_MAX } from './access-report-who.ts'
import type { AccessGroup } from './access-rows.ts'

/** Rules told. */
const RULES_MAX = 60

const MEANINGS: readonly Cell[] = [
  { text: 'Connected', note: 'allowed, and reply traffic was seen. Only this is called accessed.' },
  { text: 'Refused by server', note: 'allowed at the gateway; the server said no.' },
  { text: 'Allowed, no answer', note: 'allowed at the gateway; nothing came back.' },
  {
    text: 'Denied at gateway',
    note: 'a rule dropped or rejected the packet. Each logged packet is a row: a repeated attempt is logged again.',
  },
  { text: 'Unknown', note: 'nobody can tell, or the verdict is not known. It may have been access.' },
]

/** Part 5: what each outcome means, by gateway, what nothing documents, which rules turned away. */
export function outcomeSection(facts: AccessFacts): Section {
  const { accessors, details } = facts
  const gateways = sumsBy(accessors, ({ gateway, interface: name }) => placeText(gateway, name)).sort((a, b) =>
    compareText(a.name, b.name),
  )
  const violations = accessors.filter(({ policies }) => policies.includes('violation'))
  const connected = violations.filter(({ sums }) => sums.outcomes.connected > 0)
  const denying = details.denying.slice(0, RULES_MAX)
  const blocks: Block[] = [
    { kind: 'bullets', items: MEANINGS },
    {
      kind: 'table',
      caption: 'By gateway and interface',
      columns: [{ title: 'Gateway, interface' }, ...OUTCOME_COLUMNS],
      rows: gateways.slice(0, TABLE_MAX).map(({ name, sums }) => [name, ...outcomeCells(sums)]),
      total: gateways.length,
      file: '',
      empty: 'nothing recorded',
    },
    {
      kind: 'note',
      tone: connected.length > 0 ? 'warning' : 'plain',
      text:
        violations.length === 0
          ? 'Documented grants: nothing is recorded that the inventory’s policy does not grant. Without a documented peer or resource there is no such judgement.'
          : `Documented grants: ${countText(violations.length, 'pair')} of key and resource without one, ${numberText(connected.length)} of them connected. They are marked “no documented grant”. What the rules allow may be more than what is documented.`,
    },
    {
      kind: 'bullets',
      items: denying.map(({ gateway, rule, verdict }) => ({ text: rule, note: `${verdict}, ${gateway}` })),
    },
  ]
  if (denying.length < details.denying.length)
    blocks.push({ kind: 'paragraph', text: `And ${numberText(details.denying.length - denying.length)} more rules.` })
  return {
    id: 'outcome',
    title: 'Part 5: Outcome',
    blocks: blocks.filter((each) => each.kind !== 'bullets' || each.items.length > 0),
  }
}

/** Rows of which the key is not certain, with reasons and candidates. Always there. */
export function unattributedSection(facts: AccessFacts): Section {
  const { unattributed } = facts
  const sums = sumOf(unattributed)
  const places = Map.groupBy(unattributed, ({ status, reason, resource, gateway }) =>
    JSON.stringify([status, reason, resource, gateway]),
  )
  const rows = [...places.values()]
    .map((groups) => ({ groups, sums: sumOf(groups) }))
    .sort((a, b) => b.sums.rows - a.sums.rows || compareText(JSON.stringify(a.groups), JSON.stringify(b.groups)))
    .map(({ groups, sums: own }): Cell[] => {
      const first = groups[0]
      if (first === undefined) return []
      const candidates = candidatesOf(facts, first)
      return [
        first.resource,
        first.gateway,
        { text: first.status, note: first.reason || 'no reason recorded' },
        listText(candidates, 6) || 'none recorded',
        ...outcomeCells(own),
        { text: timeText(own.first), note: timeText(own.last) },
      ]
    })
  return {
    id: 'not-attributed',
    title: 'Part 5.1: Not attributed to one key',
    blocks: [
      {
        kind: 'paragraph',
        text:
          sums.rows === 0
            ? 'Every recorded row of the period stands for one key.'
            : `${countText(sums.rows, 'row')}, ${numberText(sums.outcomes.connected)} of them connected, cannot be laid to one key. Candidates are named, never chosen. Any of the people above may stand behind them, or somebody else.`,
      },
      ...(rows.length === 0
        ? []
        : [
            {
              kind: 'table',
              caption: 'Rows without a certain key',
              columns: [
                { title: 'Resource' },
                { title: 'Gateway' },
                { title: 'Attribution, reason' },
                { title: 'Candidates' },
                ...OUTCOME_COLUMNS,
                { title: 'First / last' },
              ],
              rows: rows.slice(0, TABLE_MAX),
              total: rows.length,
              file: rows.length > TABLE_MAX ? facts.result.file : '',
              empty: '',
            } as const,
          ]),
    ],
  }
}

function candidatesOf({ details, accessors, question }: AccessFacts, group: AccessGroup): string[] {
  const keys = details.candidates
    .filter(
      (each) =>
        each.status === group.status &&
        each.reason === group.reason &&
        each.gateway === group.gateway &&
        (each.resource || 'uncatalogued') === group.resource,
    )
    .flatMap((each) => each.keys)
  return sorted(keys).map((key) => {
    const name =
      accessors.find(({ holder }) => holder.publicKey === key)?.holder.name ??
      question.names.known.find(({ publicKey }) => publicKey === key)?.name ??
      ''
    return name === '' ? keyText(key) : `${name} (${keyText(key)})`
  })
}

/** Connections towards peers; null when there is none. */
export function reachedSection({ reached, result }: AccessFacts): Section | null {
  if (reached.length === 0) return null
  const rows = [...Map.groupBy(reached, ({ holder, gateway }) => JSON.stringify([holder, gateway])).values()]
    .map((groups) => ({ groups, sums: sumOf(groups) }))
    .sort((a, b) => b.sums.rows - a.sums.rows || compareText(JSON.stringify(a.groups), JSON.stringify(b.groups)))
  return {
    id: 'towards-peers',
    title: 'Part 5.2: Connections towards peers',
    blocks: [
      {
        kind: 'paragraph',
        text: `${countText(sumOf(reached).rows, 'row')} were opened by something that is no peer, towards a peer. They are no access of that peer and are not counted as one.`,
      },
      {
        kind: 'table',
        caption: 'Peers that were connected to',
        columns: [{ title: 'Peer' }, { title: 'Gateway' }, { title: 'Address' }, ...OUTCOME_COLUMNS],
        rows: rows
          .slice(0, TABLE_MAX)
          .map(({ groups, sums }) => [
            { text: groups[0]?.holder.name || 'not documented', note: keyText(groups[0]?.holder.publicKey ?? '') },
            groups[0]?.gateway ?? '',
            { text: listText(sorted(groups.map(({ destination }) => destination))), isCode: true },
            ...outcomeCells(sums),
          ]),
        total: rows.length,
        file: rows.length > TABLE_MAX ? result.file : '',
        empty: '',
      },
    ],
  }
}
