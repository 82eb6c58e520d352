/** Other ways in, as sections: logins on the hosts that carry resources, commands and files in them, other ports, second hops, refusals. */
import type { Fields } from '../../fields.ts'
import type { Block, Cell, Column, Section, Table } from '../document/report-document.ts'
import type { AccessFacts } from './access-report-facts.ts'
import { countText, cutText, keyText, numberText, ownerCell, timeText } from './access-report-text.ts'
import { placedTable } from './access-report-what.ts'
import { withNotes } from './access-report-who.ts'
import type { Listed } from './access-ways-pages.ts'
import { holderText, personOf } from './access-ways-person.ts'
import { commandText, rightsOf } from './access-ways-rights.ts'

/** `number`: its place within part 2. */
export function waysSection(facts: AccessFacts, number: number): Section {
  const { ways, filter } = facts
  const what = filter.resource === '' ? 'a resource' : 'the resource'
  return {
    id: 'other-ways',
    title: `Part 2.${number}: Other ways in`,
    blocks: [
      {
        kind: 'paragraph',
        text: `Who logs in to a host that carries ${what}’s addresses can reach its data without a connection to it. What follows is as complete as the audit records of those hosts; a host without audit records shows nothing here.`,
      },
      ...hostsBlocks(facts),
      loginTable(facts),
      commandTable(facts),
      fileTable(facts),
      {
        ...placedTable(facts.beside, facts, 'Connections to those hosts on other ports'),
        empty: 'No connection to another port of those hosts is recorded.',
        ...(facts.beside.length > 0 && filter.resource !== '' ? { file: 'other-ports' } : {}),
      },
      hopTable(facts),
      refusedTable(facts),
      {
        kind: 'paragraph',
        text: `Shown are the first rows of each list. The login server runs programs before it opens a session (message of the day, checks of the account): ${countText(ways.commands.total - ways.commands.opened, 'command')} and ${countText(ways.files.total - ways.files.opened, 'file event')} of that kind stand in the files only.`,
      },
    ],
  }
}

/** Which hosts, and which of them say anything. */
function hostsBlocks({ resources, catalogue, pageOne }: AccessFacts): Block[] {
  const hosts = [...new Set(resources.flatMap((each) => each.hosts))].sort()
  const audited = new Set(
    pageOne.sources.filter(({ source, hasSpoken }) => source === 'auditd' && hasSpoken).map(({ machine }) => machine),
  )
  if (hosts.length === 0)
    return [
      {
        kind: 'note',
        tone: 'warning',
        text:
          catalogue.hosts.length === 0
            ? 'The inventory names no hosts: which hosts carry the resources is not known. Logins of all audited hosts are listed.'
            : 'No documented host carries an address of the resources.',
      },
    ]
  const silent = hosts.filter((host) => !audited.has(host))
  const list = hosts.slice(0, HOSTS_MAX).map(
    (host): Cell => ({
      text: host,
      note: `carries ${resources
        .filter((each) => each.hosts.includes(host))
        .map(({ name }) => name)
        .join(', ')}`,
    }),
  )
  return [
    { kind: 'bullets', items: list },
    ...(hosts.length > HOSTS_MAX
      ? [{ kind: 'paragraph', text: `And ${numberText(hosts.length - HOSTS_MAX)} more hosts.` } as const]
      : []),
    ...(silent.length === 0 || pageOne.sources.length === 0
      ? []
      : [
          {
            kind: 'note',
            tone: 'warning',
            text: `Not checked: no audit record of ${silent.slice(0, HOSTS_MAX).join(', ')} in the period. Logins there would not be seen.`,
          } as const,
        ]),
  ]
}

/** Hosts named. */
const HOSTS_MAX = 40

const WHO_COLUMNS: readonly Column[] = [{ title: 'Documented owner' }, { title: 'Peer, key' }]

/** The peer behind a document of a host; what is not exact is marked. */
function whoCells(document: Fields, { question, disputes }: AccessFacts): Cell[] {
  const { holder, now, disputed } = personOf(document, { names: question.names, disputes })
  const status = document['wireguard.attribution.status'] ?? ''
  const candidates = document['wireguard.attribution.candidates'] ?? []
  const reason = document['wireguard.attribution.reason'] ?? ''
  const notes = [
    ...(disputed.length > 0 ? ['key use disputed'] : []),
    ...(now === null
      ? []
      : [
          question.names.mode === 'as-known-now'
            ? 'named differently in the records'
            : `the newest inventory says: ${holderText(now)}`,
        ]),
  ]
  if (status !== 'exact') {
    const who = candidates.length === 0 ? '' : `; candidates: ${candidates.slice(0, 4).map(keyText).join(', ')}`
    return [
      { text: status === 'ambiguous' ? 'ambiguous' : 'not attributed', tone: 'warning', note: `${reason}${who}` },
      holder.publicKey === '' ? '' : { text: holder.name || 'not documented', note: keyText(holder.publicKey) },
    ]
  }
  return [
    withNotes(ownerCell(holder), notes),
    { text: holder.name || 'not documented', note: keyText(holder.publicKey) },
  ]
}

/** How the link from a host to a peer was made, in words. */
const METHODS: ReadonlyMap<string, string> = new Map([
  ['server-tuple', 'by client address and port, as the server saw them'],
  ['client-address', 'by client address and time'],
  ['via-host', 'through a login on another audited host'],
])

function linkCell(document: Fields): Cell {
  const method = document['wireguard.attribution.method'] ?? ''
  const hops = document['wireguard.attribution.hops'] ?? []
  return {
    text: METHODS.get(method) ?? (method || 'not linked'),
    ...(hops.length === 0 ? {} : { note: `over ${hops.join(' → ')}` }),
  }
}

function listTable(
  { shown, total }: Listed,
  table: Omit<Table, 'kind' | 'rows' | 'total' | 'file'> & { readonly file: string },
  cellsOf: (document: Fields) => Cell[],
): Table {
  return { kind: 'table', ...table, rows: shown.map(cellsOf), total }
}

function loginTable(facts: AccessFacts): Table {
  const { ways } = facts
  return listTable(
    ways.logins,
    {
      caption: 'Login sessions',
      columns: [
        { title: 'Host, session' },
        { title: 'Account' },
        ...WHO_COLUMNS,
        { title: 'From / to' },
        { title: 'Program' },
        { title: 'How the peer is known' },
      ],
      file: 'logins',
      empty: 'No login session is recorded.',
    },
    (each) => {
      const end = ways.ends.get(each['event.id'] ?? '')
      return [
        hostCell(each),
        accountCell(each),
        ...whoCells(each, facts),
        {
          text: timeText(each['@timestamp'] ?? null),
          note: end === undefined ? 'its end is not in the period' : timeText(end),
        },
        { text: each['process.executable'] ?? each['process.entry_leader.entry_meta.type'] ?? '', isCode: true },
        linkCell(each),
      ]
    },
  )
}

function hostCell(document: Fields): Cell {
  const session = document['auditd.session'] ?? ''
  return { text: document['host.name'] ?? '', ...(session === '' ? {} : { note: `session ${session}` }) }
}

function accountCell(document: Fields): Cell {
  const account = document['user.name'] ?? document['user.id'] ?? 'not recorded'
  return document['user.id'] === '0' ? { text: account, tone: 'warning', note: 'root' } : account
}

function commandTable(facts: AccessFacts): Table {
  return listTable(
    facts.ways.commands,
    {
      caption: 'Commands in login sessions',
      columns: [
        { title: 'Time' },
        { title: 'Host, session' },
        ...WHO_COLUMNS,
        { title: 'Account' },
        { title: 'Command', isCode: true },
      ],
      file: 'commands',
      empty: 'No command of a login session is recorded. Without an audit rule on execve none would be.',
    },
    (each) => [
      timeText(each['@timestamp'] ?? null),
      hostCell(each),
      ...whoCells(each, facts),
      actAccountCell(each),
      outcomeCell(each, cutText(commandText(each))),
    ],
  )
}

/** The account of the login, and below it with whose rights it acted. */
export function actAccountCell(document: Fields): Cell {
  const login = document['auditd.user.audit.name'] ?? document['auditd.user.audit.id'] ?? document['user.name'] ?? ''
  const rights = rightsOf(document)
  const text = login || 'not recorded'
  if (rights === '') return text
  return {
    text,
    tone: 'warning',
    note: rights.startsWith('by ') ? `privileged, ${rights}` : `with the rights of ${rights}`,
  }
}

/** A command or file, and whether it failed. */
export function outcomeCell(document: Fields, text: string): Cell {
  const isFailed = document['event.outcome'] === 'failure'
  return { text, isCode: true, ...(isFailed ? { note: 'failed' } : {}) }
}

function fileTable(facts: AccessFacts): Table {
  return listTable(
    facts.ways.files,
    {
      caption: 'Files in login sessions',
      columns: [
        { title: 'Time' },
        { title: 'Host, session' },
        ...WHO_COLUMNS,
        { title: 'Account' },
        { title: 'What' },
        { title: 'File', isCode: true },
      ],
      file: 'files',
      empty: 'No file event of a login session is recorded. Only files with an audit rule on them are.',
    },
    (each) => [
      timeText(each['@timestamp'] ?? null),
      hostCell(each),
      ...whoCells(each, facts),
      actAccountCell(each),
      { text: (each['event.action'] ?? '').replaceAll('-', ' '), note: cutText(each['process.executable'] ?? '') },
      outcomeCell(each, cutText(each['file.path'] ?? each['auditd.paths']?.join(' ') ?? '')),
    ],
  )
}

function hopTable(facts: AccessFacts): Table {
  return listTable(
    facts.ways.hops,
    {
      caption: 'Second hops: logins over another audited host',
      columns: [{ title: 'Time' }, { title: 'Host, session' }, { title: 'Account' }, ...WHO_COLUMNS, { title: 'Way' }],
      file: 'logins-over-hosts',
      empty: 'No login over another audited host is recorded. Hosts without audit records break the trail.',
    },
    (each) => [
      timeText(each['@timestamp'] ?? null),
      hostCell(each),
      accountCell(each),
      ...whoCells(each, facts),
      linkCell(each),
    ],
  )
}

function refusedTable(facts: AccessFacts): Table {
  return listTable(
    facts.ways.refused,
    {
      caption: 'Logins that were refused',
      columns: [
        { title: 'Time' },
        { title: 'Host' },
        { title: 'Name given', isCode: true },
        ...WHO_COLUMNS,
        { title: 'How the peer is known' },
      ],
      file: 'refused-logins',
      empty: 'No refused login is recorded.',
    },
    (each) => [
      timeText(each['@timestamp'] ?? null),
      each['host.name'] ?? '',
      each['user.name'] === undefined ? 'not recorded' : { text: cutText(each['user.name']), isCode: true },
      ...whoCells(each, facts),
      linkCell(each),
    ],
  )
}
