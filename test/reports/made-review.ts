/** A gateway over a month, made up: what is documented, what runs, what was used, changed and found. And the question asked of it. */
import { hash } from 'node:crypto'
import type { Fields } from '../../src/fields.ts'
import type { ReportDocument, Section, Table } from '../../src/reports/document/report-document.ts'
import type { NamesMode } from '../../src/reports/names/names.ts'
import { readNames } from '../../src/reports/names/read-names.ts'
import type { ReportBuilder, ReportQuestion } from '../../src/reports/report-question.ts'
import type { RowOutlet } from '../../src/reports/rows/row-outlet.ts'
import type { EventReader } from '../../src/store/event-reader.ts'
import { openStoreReader } from '../../src/store/reader.ts'
import { SECOND } from '../../src/time.ts'
import { ledgerDocuments } from '../commands/made-ledger.ts'
import { micros, withStore } from '../commands/made-store.ts'
import { createSnapshots, type Shown } from '../identity/snapshots.ts'

export const keyOf = (letter: string) => `${letter.repeat(42)}E=`
export const [LAPTOP, TABLET, SITE, OLD, GONE, STRANGER] = ['L', 'T', 'S', 'O', 'G', 'X'].map(keyOf) as [
  string,
  string,
  string,
  string,
  string,
  string,
] // six letters, six keys

export const FROM = micros('2026-11-01T00:00:00Z')
export const TO = micros('2026-12-01T00:00:00Z')

const PEOPLE = `people:
  - { email: ann@example.com, name: Ann, groups: [dba] }
  - { email: bob@example.com, name: Bob, groups: [dba], until: 2026-11-10 }
`
const REST = `gateways: [{ name: gw1, interfaces: [wg0], sources: [conntrack, wireguard] }]
resources:
  - { name: customer-db, addresses: [10.20.0.10/32], ports: [tcp/5432], classification: restricted }
  - { name: wiki, addresses: [10.20.0.11/32] }
  - { name: mail, addresses: [10.20.0.12/32] }
policy:
  - { groups: [dba], resources: [customer-db, wiki] }
  - { groups: [nobody-is-in-it], resources: [mail] }
`
const PEERS = `peers:
  - name: laptop
    kind: device
    owner: ann@example.com
    gateway: gw1
    interface: wg0
    keys: [{ public_key: "${LAPTOP}", since: 2026-01-10 }]
    allowed_ips: [10.8.0.2/32]
    requirement: NET-12 database access
    rotate_every: 90d
  - name: tablet
    kind: device
    owner: bob@example.com
    gateway: gw1
    interface: wg0
    keys: [{ public_key: "${TABLET}" }]
    allowed_ips: [10.8.0.3/32]
    requirement: "NET-12: second tablet"
  - name: branch
    kind: site
    gateway: gw1
    interface: wg0
    keys: [{ public_key: "${SITE}" }]
    allowed_ips: [10.8.0.4/32, { prefix: 192.168.5.0/24, requirement: printers of the branch, expires: 2027-02-01 }]
  - name: old
    kind: device
    owner: ann@example.com
    gateway: gw1
    interface: wg0
    keys: [{ public_key: "${OLD}" }]
    allowed_ips: [10.8.0.5/32]
    requirement: NET-14
    expires: 2026-11-05
`
const GONE_PEER = `  - name: gone
    kind: device
    owner: ann@example.com
    gateway: gw1
    interface: wg0
    keys: [{ public_key: "${GONE}" }]
    allowed_ips: [10.8.0.6/32]
    requirement: NET-15
`
const EXCEPTIONS = `exceptions:
  - { check: no-owner, peer: branch, reason: new owner is looked for, approved_by: carol@example.com, until: 2026-11-20 }
  - { check: peer-expired, peer: old, reason: migration, approved_by: carol@example.com, until: 2027-01-01 }
`
export const FIRST = `version: 1\n${PEOPLE}${REST}${PEERS}`
export const SECOND_VERSION = `version: 1\n${PEOPLE}${REST}${PEERS}${GONE_PEER}${EXCEPTIONS}`

export const RUNNING: Shown = {
  wg0: {
    [LAPTOP]: ['10.8.0.2/32', '10.9.0.0/24'],
    [TABLET]: ['10.8.0.3/32'],
    [SITE]: ['10.8.0.4/32', '192.168.5.0/24'],
    [OLD]: ['10.8.0.5/32'],
    [STRANGER]: ['10.8.0.66/32'],
  },
}

/** Polls of a run of the collector, a second apart, the first one at `time`. */
export function pollsFrom(time: string, shown: Shown, inventory: string, gateway = 'gw1', count = 4): Fields[] {
  const snapshot = createSnapshots()
  const start = micros(time) / SECOND
  return ledgerDocuments(
    gateway,
    Array.from({ length: count }, (_, i) => snapshot(start + i, shown)),
    inventory,
  )
}

/** The same document has the same id. */
export function made(time: string, fields: Fields): Fields {
  const id = hash('sha256', JSON.stringify([time, fields]), 'hex').slice(0, 24)
  return { '@timestamp': micros(time), 'event.id': id, 'host.name': 'gw1', ...fields }
}

function point(time: string, publicKey: string, handshake: string): Fields {
  return made(time, {
    'event.dataset': 'wireguard.peer',
    'wireguard.interface.name': 'wg0',
    'wireguard.peer.public_key': publicKey,
    ...(handshake === '' ? {} : { 'wireguard.peer.last_handshake': micros(handshake) }),
  })
}

export function flow(time: string, publicKey: string, resource: string, more: Fields = {}): Fields {
  return made(time, {
    'event.dataset': 'wireguard.flow',
    'wireguard.peer.public_key': publicKey,
    'wireguard.peer.role': 'source',
    'wireguard.peer.prefix': '10.8.0.2/32',
    'wireguard.resource.name': resource,
    'wireguard.flow.outcome': 'connected',
    ...more,
  })
}

const finding: Fields = {
  'event.dataset': 'wireguard.finding',
  'event.kind': 'alert',
  'event.severity': 3,
  'rule.id': 'unknown-peer',
  'rule.name': 'Key that nobody documented',
  'wireguard.finding.summary': 'a key nobody knows',
}
const FOUND = made('2026-11-16T08:00:00Z', finding)

const set = made('2026-11-15T10:00:00Z', {
  'event.dataset': 'wireguard.audit',
  'event.action': 'executed',
  'event.outcome': 'success',
  'user.name': 'root',
  'process.args': ['wg', 'set', 'wg0', 'peer', STRANGER, 'allowed-ips', '10.8.0.66/32'],
  'process.executable': '/usr/bin/wg',
  'wireguard.change.target': 'wireguard',
  'wireguard.peer.public_key': LAPTOP,
  'wireguard.peer.name': 'laptop',
  'wireguard.peer.owner.name': 'Ann',
})

export const MONTH: readonly Fields[] = [
  ...pollsFrom('2026-10-20T00:00:00Z', RUNNING, FIRST),
  ...pollsFrom('2026-11-15T09:00:00Z', RUNNING, SECOND_VERSION),
  ...pollsFrom('2026-11-30T23:59:56Z', RUNNING, SECOND_VERSION),
  made('2026-11-30T23:00:00Z', {
    'event.dataset': 'wireguard.coverage',
    'event.action': 'source-heartbeat',
    'wireguard.coverage.source': 'conntrack',
    'wireguard.coverage.seen': 12,
  }),
  point('2026-10-20T00:00:00Z', LAPTOP, '2026-10-19T23:59:00Z'),
  point('2026-11-30T23:59:00Z', LAPTOP, '2026-11-30T23:58:00Z'),
  // The interface was restarted since: the newer point has none.
  point('2026-10-20T00:00:00Z', TABLET, '2026-09-01T08:00:00Z'),
  point('2026-11-30T23:59:00Z', TABLET, ''),
  point('2026-11-30T23:59:00Z', SITE, '2026-11-30T23:57:00Z'),
  point('2026-11-30T23:59:00Z', OLD, '2026-11-30T23:57:00Z'),
  flow('2026-11-12T10:00:00Z', LAPTOP, 'customer-db'),
  flow('2026-10-21T10:00:00Z', LAPTOP, 'wiki'),
  flow('2026-11-12T10:00:00Z', LAPTOP, 'mail', { 'wireguard.flow.outcome': 'no-answer' }),
  flow('2026-11-13T10:00:00Z', OLD, 'wiki', {
    'wireguard.flow.outcome': 'refused',
    'wireguard.peer.prefix': '10.8.0.5/32',
  }),
  // Reached by somebody is no use by the key.
  flow('2026-11-13T10:00:00Z', OLD, 'customer-db', { 'wireguard.peer.role': 'destination' }),
  // After the period.
  flow('2026-12-02T10:00:00Z', LAPTOP, 'wiki'),
  set,
  { ...set, '@timestamp': micros('2026-11-15T10:05:00Z'), 'event.id': 'another-of-it' },
  made('2026-11-15T10:00:01Z', {
    'event.dataset': 'wireguard.session',
    'event.action': 'peer-added',
    'event.start': micros('2026-11-15T10:00:00Z'),
    'event.end': micros('2026-11-15T10:00:01Z'),
    'wireguard.interface.name': 'wg0',
    'wireguard.peer.public_key': STRANGER,
    'wireguard.peer.allowed_ips': ['10.8.0.66/32'],
    'wireguard.change.evidence_ids': [set['event.id'] ?? ''],
  }),
  made('2026-11-17T10:00:01Z', {
    'event.dataset': 'wireguard.session',
    'event.action': 'allowed-ips-changed',
    'event.start': micros('2026-11-17T10:00:00Z'),
    'event.end': micros('2026-11-17T10:00:01Z'),
    'wireguard.interface.name': 'wg0',
    'wireguard.peer.public_key': LAPTOP,
    'wireguard.peer.name': 'laptop',
    'wireguard.peer.owner.name': 'Ann',
    'wireguard.peer.owner.email': 'ann@example.com',
    'wireguard.change.before': ['10.8.0.2/32'],
    'wireguard.change.after': ['10.8.0.2/32', '10.9.0.0/24'],
  }),
  FOUND,
  made('2026-11-18T08:00:00Z', { ...finding, 'rule.id': 'port-scan', 'rule.name': 'Port scan by a peer' }),
  made('2026-11-17T08:00:00Z', {
    'event.dataset': 'wireguard.finding',
    'event.kind': 'event',
    'wireguard.finding.id': FOUND['event.id'] ?? '',
    'wireguard.finding.handled_by': 'carol',
    'wireguard.finding.case': 'INC-1',
  }),
]

export type Asked = {
  readonly document: ReportDocument
  /** Complete rows, by name of their file. */
  readonly files: ReadonlyMap<string, readonly { readonly [column: string]: unknown }[]>
}

/** Made of a store that holds the documents. `through` may stand between. */
export async function reportOf<Options>(
  build: ReportBuilder<Options>,
  options: Options,
  documents: readonly Fields[],
  { mode = 'as-recorded', ...question }: Partial<ReportQuestion> & { readonly mode?: NamesMode } = {},
  through: (reader: EventReader) => EventReader = (reader) => reader,
): Promise<Asked> {
  return withStore(
    documents,
    async (dir) => {
      const reader = await openStoreReader(dir)
      const texts = new Map<string, string>()
      const outlet: RowOutlet = {
        forms: ['ndjson'],
        open: (name) => ({
          write: async (_form, lines) => void texts.set(name, `${texts.get(name) ?? ''}${String(lines)}`),
          end: async () => void texts.set(name, texts.get(name) ?? ''),
        }),
      }
      try {
        const asked: ReportQuestion = {
          period: { from: FROM, to: TO },
          reportTime: TO,
          names: await readNames(reader, mode),
          isEveryClause: false,
          retentionDays: 90,
          askedBy: 'auditor',
          integrity: { kind: 'not-verifiable', place: 'a test' },
          progress: () => {},
          ...question,
        }
        const document = await build(through(reader), asked, options, outlet)
        const files = [...texts].map(([name, text]) => [name, rowsOf(text)] as const)
        return { document, files: new Map(files) }
      } finally {
        reader.close()
      }
    },
    { isOpen: true },
  )
}

function rowsOf(text: string): { readonly [column: string]: unknown }[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { [column: string]: unknown }) // an object each: writeRows
}

export function section({ document }: Asked, id: string): Section {
  const found = document.sections.find((each) => each.id === id)
  if (found === undefined) throw new Error(`no section ${id}`)
  return found
}

export function tables(asked: Asked, id: string): Table[] {
  return section(asked, id).blocks.flatMap((block) => (block.kind === 'table' ? [block] : []))
}

/** Its tables as text, cells by `|`, notes in braces. */
export function tableText(asked: Asked, id: string): string[] {
  return tables(asked, id).flatMap(({ rows, empty }) =>
    rows.length === 0
      ? [empty]
      : rows.map((row) =>
          row
            .map((cell) =>
              typeof cell === 'string' ? cell : `${cell.text}${cell.note === undefined ? '' : ` {${cell.note}}`}`,
            )
            .join(' | '),
        ),
  )
}

export function noteText(asked: Asked, id: string): string {
  return section(asked, id)
    .blocks.flatMap((block) => (block.kind === 'note' ? [block.text] : []))
    .join('\n')
}

/** Columns of a row as words, `-` for what is not there. */
export function wordsOf(row: { readonly [column: string]: unknown }, columns: readonly string[]): string {
  return columns.map((name) => wordOf(row[name])).join(' ')
}

function wordOf(value: unknown): string {
  return typeof value === 'string' ? value : value === undefined ? '-' : JSON.stringify(value)
}
