/** Everybody whom the records of a period name, with devices, accounts, keys and addresses: what pseudonyms are made for. */
import { canonicalAddress, canonicalPrefix } from '../../address.ts'
import { AppError } from '../../errors.ts'
import type { FieldName } from '../../fields.ts'
import type { Inventory } from '../../identity/inventory.ts'
import { equals, exists } from '../../kql/build.ts'
import { allOf } from '../../kql/combine.ts'
import { compareText } from '../../kql/text-match.ts'
import { columnName } from '../../store/columns.ts'
import { ALL_TIME, type EventReader, LEDGER_DATASET } from '../../store/event-reader.ts'
import { DAY, type Micros } from '../../time.ts'
import { readInventoryVersions } from '../names/inventory-versions.ts'
import { PERSONAL_FIELDS, PERSONAL_KINDS, type PersonalKind, SYSTEM_ACCOUNTS } from './personal-fields.ts'

export type PersonalTexts = {
  /** Sorted, each once; addresses canonical. Of `address` there is nothing: `tunnels` says it. */
  readonly texts: ReadonlyMap<PersonalKind, readonly string[]>
  /** Names and e-mails as inventories pair them. */
  readonly people: readonly { readonly name: string; readonly email: string }[]
  /** Canonical prefixes that peers held, default routes left out. */
  readonly tunnels: readonly string[]
  /** Canonical prefixes of servers and resources: they stay legible where a prefix of a whole network covers them. */
  readonly fixed: readonly string[]
  /** Names of gateways, hosts and resources of inventories: they stay legible. Absent = none. */
  readonly machines?: readonly string[]
}

/** Texts of one kind. Beyond it nothing is made: a name left out would stand in the report. */
export const TEXTS_MAX = 500_000
/** Shorter prefixes are routes to anywhere, in two halves often (0.0.0.0/1): what lies there is nobody's. Bits. */
const TUNNEL_BITS_MIN = { 4: 8, 6: 16 } as const
/** A report may tell what led to its period: sessions that had begun before, a week at most. */
const LEAD: Micros = 8 * DAY

/** Period: begin included, end excluded. Throws AppError of the reader, `refused` where there are too many names. */
export async function readPersonalTexts(
  reader: EventReader,
  period: { readonly from: Micros; readonly to: Micros },
): Promise<PersonalTexts> {
  const gathered = createGathered()
  const { versions } = await readInventoryVersions(reader)
  for (const { inventory } of versions) if (inventory !== null) addInventory(gathered, inventory)
  const stretch = {
    since: Math.max(ALL_TIME.since, period.from - LEAD),
    until: Math.min(ALL_TIME.until, period.to + LEAD),
  }
  for (const [field, kind] of PERSONAL_FIELDS) {
    for (const text of await valuesOf(reader, field, stretch)) gathered.add(kind, text)
  }
  for (const field of ['auditd.summary.actor.primary', 'auditd.summary.actor.secondary'] as const) {
    // Without a name the id stands there.
    for (const text of await valuesOf(reader, field, stretch)) if (!/^\d+$/.test(text)) gathered.add('account', text)
  }
  for (const field of ['source.address', 'auditd.data.hostname'] as const) {
    for (const text of await valuesOf(reader, field, stretch))
      if (canonicalAddress(text) === null && text !== '?' && text !== 'localhost') gathered.add('device', text)
  }
  for (const prefix of await valuesOf(reader, 'wireguard.peer.prefix', stretch)) gathered.addTunnel(prefix)
  for (const address of await failedClients(reader, stretch)) gathered.add('endpoint', address)
  for (const key of await listedKeys(reader, stretch)) gathered.add('key', key)
  await addLedger(gathered, reader, stretch)
  return gathered.done()
}

type Stretch = { readonly since: Micros; readonly until: Micros }

function createGathered() {
  const texts = new Map<PersonalKind, Set<string>>(PERSONAL_KINDS.map((kind) => [kind, new Set()]))
  const people = new Map<string, { name: string; email: string }>()
  const [tunnels, fixed, machines] = [new Set<string>(), new Set<string>(), new Set<string>()]

  function add(kind: PersonalKind, text: string): void {
    if (text === '' || (kind === 'account' && SYSTEM_ACCOUNTS.has(text.toLowerCase()))) return
    // Who tries to log in as `172.16.0.9` must not make that address illegible.
    if (kind !== 'endpoint' && canonicalAddress(text) !== null) return
    const set = texts.get(kind)
    set?.add(kind === 'endpoint' ? (canonicalAddress(text) ?? text) : text)
    if (set !== undefined && set.size > TEXTS_MAX) throw tooMany(kind)
  }

  return {
    add,
    addPerson(name: string, email: string): void {
      add('person', email)
      add('person', name)
      if (name !== '' && email !== '') people.set(`${name}\0${email}`, { name, email })
    },
    addTunnel(text: string): void {
      const prefix = canonicalPrefix(text)
      if (prefix === null) return
      const isV6 = prefix.includes(':')
      if (Number(prefix.slice(prefix.indexOf('/') + 1)) < TUNNEL_BITS_MIN[isV6 ? 6 : 4]) return
      tunnels.add(prefix)
      if (tunnels.size > TEXTS_MAX) throw tooMany('address')
    },
    addFixed(text: string): void {
      const prefix = canonicalPrefix(text)
      if (prefix !== null) fixed.add(prefix)
    },
    /** Named by the inventory as a machine or resource: legible, also where somebody tries to log in by that name. */
    addMachine: (name: string) => machines.add(name),
    done(): PersonalTexts {
      for (const kind of ['peer', 'account', 'device'] as const)
        for (const name of machines) texts.get(kind)?.delete(name)
      return {
        texts: new Map([...texts].map(([kind, set]) => [kind, [...set].sort(compareText)])),
        people: [...people.values()].sort((a, b) => compareText(a.email, b.email) || compareText(a.name, b.name)),
        tunnels: [...tunnels].sort(compareText),
        fixed: [...fixed].sort(compareText),
        machines: [...machines].sort(compareText),
      }
    },
  }
}

type Gathered = ReturnType<typeof createGathered>

function tooMany(kind: PersonalKind): AppError {
  return new AppError('refused', `the records of this period name more than ${TEXTS_MAX} texts of the kind ${kind}`, {
    advice: 'A report that leaves some of them legible is none: ask for a shorter period.',
  })
}

function addInventory(gathered: Gathered, inventory: Inventory): void {
  for (const { name, email } of inventory.people) gathered.addPerson(name, email)
  for (const peer of inventory.peers) {
    gathered.add('peer', peer.name)
    gathered.add('device', peer.device)
    for (const { email } of peer.owners) gathered.addPerson('', email)
    for (const { publicKey } of peer.keys) gathered.add('key', publicKey)
    for (const { prefix } of peer.allowedIps) gathered.addTunnel(prefix)
  }
  for (const { approvedBy } of inventory.exceptions) gathered.addPerson('', approvedBy)
  for (const { name, owner, addresses } of inventory.resources) {
    gathered.addMachine(name)
    // A team has a name, a person or a mailbox an address: its shape tells it.
    if (owner.includes('@')) gathered.addPerson('', owner)
    for (const address of addresses) gathered.addFixed(address)
  }
  for (const { name, addresses } of inventory.hosts) {
    gathered.addMachine(name)
    for (const address of addresses) gathered.addFixed(address)
  }
  for (const { name } of inventory.gateways) gathered.addMachine(name)
}

/** Different values of a field that holds no lists. */
async function valuesOf(reader: EventReader, field: FieldName, stretch: Stretch): Promise<string[]> {
  const groups = await reader.groups({ datasets: null, ...stretch, query: exists(field) }, [field])
  return groups.flatMap(({ values: [value = null] }) => (value === null ? [] : [String(value)]))
}

/** Clients of logins that failed: where they come from says who tried. */
async function failedClients(reader: EventReader, stretch: Stretch): Promise<string[]> {
  const query = allOf([equals('event.action', ['host-login-failed']), exists('source.ip')])
  const groups = await reader.groups({ datasets: null, ...stretch, query }, ['source.ip'])
  return groups.flatMap(({ values: [value = null] }) => (value === null ? [] : [String(value)]))
}

/** Keys of documents that do not know which of several it was. */
async function listedKeys(reader: EventReader, stretch: Stretch): Promise<string[]> {
  const field = 'wireguard.attribution.candidates'
  const { rows } = await reader.select(
    { datasets: null, ...stretch, columns: [field], filter: exists(field) },
    `SELECT DISTINCT key FROM (SELECT unnest(${columnName(field)}) AS key FROM events WHERE ${columnName(field)} IS NOT NULL)
     LIMIT ${TEXTS_MAX + 1}`,
  )
  return rows.map(([key]) => String(key))
}

/** What the polls showed: peers that no document of the period names, AllowedIPs and endpoints they had. */
async function addLedger(gathered: Gathered, reader: EventReader, stretch: Stretch): Promise<void> {
  const actions = ['ledger-keyframe', 'ledger-change'] as const
  const { rows } = await reader.select(
    {
      datasets: [LEDGER_DATASET],
      ...stretch,
      columns: ['event.action', 'event.original'],
      filter: equals('event.action', actions),
    },
    `SELECT DISTINCT cells FROM (
       SELECT unnest(TRY_CAST(json_extract("event.original", '$.peers') AS JSON[])) AS cells FROM events
       WHERE "event.action" IN ('ledger-keyframe', 'ledger-change') AND json_valid("event.original"))
     LIMIT ${TEXTS_MAX + 1}`,
  )
  for (const [text] of rows) {
    const cells: unknown = JSON.parse(String(text))
    if (!Array.isArray(cells)) continue
    // [interface, public key, AllowedIPs, endpoint address or '', endpoint port]: identity/ledger-journal.ts
    const [, key, prefixes, endpoint] = cells as unknown[]
    if (typeof key === 'string') gathered.add('key', key)
    if (typeof endpoint === 'string') gathered.add('endpoint', endpoint)
    if (Array.isArray(prefixes)) for (const prefix of prefixes) gathered.addTunnel(String(prefix))
  }
}
