/** Part 6 of an access report in words: acts with other rights, changes of peers, firewalls and settings; who made them, where that is recorded. */
import type { Fields } from '../../fields.ts'
import type { Cell, Column, Section, Table } from '../document/report-document.ts'
import type { AccessFacts } from './access-report-facts.ts'
import { cutText, keyText, listText, timeText } from './access-report-text.ts'
import { ownerText, personOf } from './access-ways-person.ts'
import { commandText } from './access-ways-rights.ts'
import { actAccountCell, outcomeCell } from './access-ways-sections.ts'

const WHEN_WHERE: readonly Column[] = [{ title: 'Time' }, { title: 'Machine' }]

/** Part 6: three tables, always there. */
export function privilegedSection(facts: AccessFacts): Section {
  return {
    id: 'privileged',
    title: 'Part 6: Privileged actions and changes',
    blocks: [
      {
        kind: 'paragraph',
        text: 'Changes of peers are seen by the polls of the gateways: when, and what. Who made them is known only where audit records of the gateway show it.',
      },
      privilegedTable(facts),
      peersTable(facts),
      settingsTable(facts),
    ],
  }
}

function privilegedTable(facts: AccessFacts): Table {
  const { privileged } = facts.changes
  return {
    kind: 'table',
    caption: 'Privileged actions, accounts and audit settings',
    columns: [
      ...WHEN_WHERE,
      { title: 'Account' },
      { title: 'Behind the session' },
      { title: 'Action' },
      { title: 'Command', isCode: true },
      { title: 'Result' },
    ],
    rows: privileged.shown.map((each) => [
      timeText(each['@timestamp'] ?? null),
      each['host.name'] ?? '',
      actAccountCell(each),
      behindCell(each, facts),
      actionCell(each),
      outcomeCell(each, cutText(commandText(each))),
      each['event.outcome'] ?? 'unknown',
    ]),
    total: privileged.total,
    file: 'privileged',
    empty: 'No privileged action is recorded on an audited machine.',
  }
}

function peersTable(facts: AccessFacts): Table {
  const { peers } = facts.changes
  return {
    kind: 'table',
    caption: 'Changes of peers and interfaces',
    columns: [
      ...WHEN_WHERE,
      { title: 'Change' },
      { title: 'Peer, key' },
      { title: 'Documented owner' },
      { title: 'Before / after' },
      { title: 'Made by' },
    ],
    rows: peers.shown.map((each) => peerChangeCells(each, facts)),
    total: peers.total,
    file: 'peer-changes',
    empty: 'No change of a peer or interface is recorded. A change undone between two polls is invisible.',
  }
}

function settingsTable(facts: AccessFacts): Table {
  const { settings } = facts.changes
  return {
    kind: 'table',
    caption: 'Changes of firewalls and WireGuard settings, by audit records',
    columns: [
      ...WHEN_WHERE,
      { title: 'What' },
      { title: 'Account' },
      { title: 'Behind the session' },
      { title: 'Command', isCode: true },
      { title: 'Result' },
    ],
    rows: settings.shown.map((each) => [
      timeText(each['@timestamp'] ?? null),
      each['host.name'] ?? '',
      { text: each['wireguard.change.target'] ?? '', note: (each['event.action'] ?? '').replaceAll('-', ' ') },
      actAccountCell(each),
      behindCell(each, facts),
      outcomeCell(each, cutText(commandText(each))),
      each['event.outcome'] ?? 'unknown',
    ]),
    total: settings.total,
    file: 'setting-changes',
    empty: 'No such change is recorded on an audited machine. A gateway without audit records shows none.',
  }
}

function actionCell(document: Fields): Cell {
  const target = document['user.target.name'] ?? document['group.name'] ?? ''
  const text = (document['event.action'] ?? '').replaceAll('-', ' ')
  return target === '' ? text : { text, note: target }
}

/** The peer whose login it was. */
function behindCell(document: Fields, { question, disputes }: AccessFacts): Cell {
  const { holder, disputed } = personOf(document, { names: question.names, disputes })
  const status = document['wireguard.attribution.status'] ?? ''
  if (status !== 'exact' || holder.publicKey === '')
    return status === 'ambiguous' ? { text: 'ambiguous', tone: 'warning' } : 'no peer is known behind it'
  const owner = ownerText(holder) || 'none documented'
  return {
    text: owner,
    note: `${holder.name || 'not documented'}, ${keyText(holder.publicKey)}${disputed.length > 0 ? ', key use disputed' : ''}`,
  }
}

function peerChangeCells(document: Fields, facts: AccessFacts): Cell[] {
  const { holder } = personOf(document, { names: facts.question.names, disputes: facts.disputes })
  const action = document['event.action'] ?? ''
  const isPeer = holder.publicKey !== ''
  const prefixes = document['wireguard.peer.allowed_ips'] ?? []
  const before = document['wireguard.change.before'] ?? (action === 'peer-removed' ? prefixes : [])
  const after = document['wireguard.change.after'] ?? (action === 'peer-added' ? prefixes : [])
  return [
    betweenCell(document),
    { text: document['host.name'] ?? '', note: document['wireguard.interface.name'] ?? '' },
    action.replaceAll('-', ' '),
    isPeer ? { text: holder.name || 'not documented', note: keyText(holder.publicKey) } : 'the interface',
    isPeer ? ownerText(holder) || 'none documented' : '',
    { text: listText(before, 6) || '–', note: listText(after, 6) || '–' },
    makerCell(document, facts),
  ]
}

/** A change lies between two polls. */
function betweenCell(document: Fields): Cell {
  const [start, end] = [document['event.start'], document['event.end']]
  if (start === undefined || end === undefined || start === end) return timeText(document['@timestamp'] ?? null)
  return { text: timeText(end), note: `after ${timeText(start)}` }
}

function makerCell(document: Fields, facts: AccessFacts): Cell {
  const ids = document['wireguard.change.evidence_ids'] ?? []
  const makers = ids.flatMap((id) => facts.changes.makers.get(id) ?? [])
  const [first] = makers
  if (first === undefined) return ids.length === 0 ? 'not recorded' : { text: 'audit events', note: listText(ids, 3) }
  const account = first['auditd.user.audit.name'] ?? first['user.name'] ?? 'account not recorded'
  const { holder } = personOf(first, { names: facts.question.names, disputes: facts.disputes })
  const person = holder.publicKey === '' ? '' : `, ${ownerText(holder) || holder.name || keyText(holder.publicKey)}`
  return { text: `${account}${person}`, note: cutText(commandText(first)) }
}
