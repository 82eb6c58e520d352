/**
 * wireguard.audit documents: one audit event each, in the shape of Elastic's auditd_manager (design 4). Fields come in sections of one
 * shape each, so that printing reads them straight (audit-json.ts) and nobody puts them together unless asked.
 */
import { createFacet, type Event, type Facet } from '../../event.ts'
import { decodeBytes } from '../../event-json.ts'
import type { Fields } from '../../fields.ts'
import type { AuditFacts } from '../../sources/auditd/facts.ts'
import type { AuditEvent, AuditRecord } from '../../sources/auditd/record.ts'
import type { Micros } from '../../time.ts'
import { createFacetCache } from '../shared-facets.ts'
import { type AuditAccounts, createAccounts, type PrintedAccounts } from './audit-accounts.ts'
import {
  type AuditAction,
  actionOfRecord,
  actionOfSyscall,
  actionOfUnknown,
  CREATED_FILE,
  isAddition,
} from './audit-actions.ts'
import { fileOf } from './audit-file.ts'
import { createAuditIds } from './audit-ids.ts'
import { networkOf, shownHost } from './audit-network.ts'
import { createEntityIds, processOf } from './audit-process.ts'
import { type AuditObject, dataOf, rareDataOf, summaryOf } from './audit-summary.ts'
import { CUT_ORIGINAL, type Cuts, cutNames, ORIGINAL_MAX } from './audit-text.ts'

/** What the join knows of an event beyond its records. */
export type AuditExtra = {
  /**
   * Who is behind it: fields of wireguard.*, process.entry_leader.* and process.session_leader.*, nothing of related.*. Null where
   * nobody knows.
   */
  readonly identity: Facet | null
  /** For related.user, related.hosts and related.ip (canonical addresses). */
  readonly people: readonly string[]
  readonly hosts: readonly string[]
  readonly addresses: readonly string[]
  /** The event is evidence of a change of WireGuard or of the firewall: adds category `configuration` and type `change`. */
  readonly change: 'wireguard' | 'nftables' | ''
}

/** The document's own fields by part; each part always has the same keys. */
export type AuditSections = {
  readonly event: Fields
  readonly process: Fields
  readonly user: Fields
  readonly data: Fields
  readonly rare: Fields | null
  readonly summary: Fields
  readonly file: Fields | null
  readonly network: Fields | null
  readonly related: Fields
}

/**
 * One document. Its own fields are only put together when somebody asks for one: most documents are written and never looked at,
 * straight from the sections. Facets: action and outcome, host, then the identity if there is one.
 */
export class AuditDocument implements Event {
  readonly dataset = 'wireguard.audit'
  readonly sections: AuditSections
  /** event.original, not yet joined and decoded. */
  readonly records: readonly AuditRecord[]
  readonly facets: readonly Facet[]
  /** `sections.user` as text, where that is known. */
  readonly accounts: PrintedAccounts | null
  /** Wall clock when it was made (`event.created`); NaN in a replay. */
  created: Micros = Number.NaN
  #own: Fields | null = null

  constructor(
    sections: AuditSections,
    records: readonly AuditRecord[],
    facets: readonly Facet[],
    accounts: PrintedAccounts | null,
  ) {
    this.sections = sections
    this.records = records
    this.facets = facets
    this.accounts = accounts
  }

  stamp(created: Micros): void {
    this.created = created
    this.#own = null
  }

  get own(): Fields {
    if (this.#own !== null) return this.#own
    const first = { 'event.original': originalOf(this.records) }
    const live = Number.isNaN(this.created) ? {} : { 'event.created': this.created }
    // Sections hold Fields only.
    this.#own = Object.assign(first, live, ...Object.values(this.sections)) as Fields
    return this.#own
  }
}

/** Makes wireguard.audit documents of one host. */
export function createAuditDocuments(
  host: string,
): (event: AuditEvent, facts: AuditFacts, extra: AuditExtra) => AuditDocument {
  const idOf = createAuditIds(host)
  const accountsOf = createAccounts()
  const entityId = createEntityIds(host)
  const headers = createHeaders()
  const places = createFacetCache()
  const placeOf = (node: string) =>
    places(node, () =>
      createFacet({
        'host.name': host,
        'host.os.type': 'linux',
        'auditd.node': node === '' ? undefined : decodeBytes(node),
      }),
    )

  return (event, facts, extra) => {
    const action = actionOf(event, facts)
    const cuts: Cuts = { bits: 0 }
    const addresses: string[] = []
    const accounts = accountsOf(facts, action.actor, cuts)
    const network = networkOf(facts, cuts, addresses)
    const file = fileOf(facts, action.object, cuts)
    const object: AuditObject = { kind: action.object, type: file?.type ?? '', path: file?.path ?? '' }
    const id = idOf(event)
    const sections: AuditSections = {
      process: processOf(facts, entityId(event, facts.ses, facts.pid), cuts),
      user: accounts.fields,
      data: dataOf(facts, cuts),
      rare: rareDataOf(facts, cuts),
      summary: summaryOf(facts, object, accounts, cuts),
      file: file?.fields ?? null,
      network,
      related: relatedOf(host, facts, extra, accounts, addresses),
      // Last: it says what the parts above had to cut.
      event: eventOf(event, facts, id, cuts),
    }
    const header = headers(facts, action, extra.change)
    const place = placeOf(event.node)
    return new AuditDocument(
      sections,
      event.records,
      extra.identity === null ? [header, place] : [header, place, extra.identity],
      accounts.printed,
    )
  }
}

function actionOf({ records }: AuditEvent, facts: AuditFacts): AuditAction {
  const { typeName } = facts
  const ofRecord = actionOfRecord(typeName)
  if (ofRecord !== undefined) {
    if (typeName !== 'AVC') return ofRecord
    const isAppArmor = records.some(({ name, body }) => name === 'AVC' && body.startsWith('apparmor='))
    return isAppArmor ? APPARMOR : SELINUX
  }
  if (facts.syscall < 0) return actionOfUnknown(typeName)
  const action = actionOfSyscall(facts.syscallName)
  const isNew = action.action === CREATED_FILE.action && facts.paths.some(({ nametype }) => nametype === 'CREATE')
  return isNew ? CREATED_FILE : action
}

const APPARMOR: AuditAction = {
  ...actionOfUnknown('violated-apparmor-policy'),
  category: ['process'],
  object: 'policy',
}
const SELINUX: AuditAction = { ...actionOfUnknown('violated-selinux-policy'), category: ['process'], object: 'policy' }

type Outcome = 'success' | 'failure' | 'unknown'

/** A connect that did not wait is under way, not failed (formats.md 3.3). */
function outcomeOf({ isSuccess, exit, syscallName }: AuditFacts): Outcome {
  if (isSuccess === null) return 'unknown'
  return isSuccess || (exit === EINPROGRESS && syscallName === 'connect') ? 'success' : 'failure'
}

const EINPROGRESS = '-115'

/** Headers of plain system calls, by action and outcome: no key is put together for them. */
const HEADER_SLOTS = 64
type RecentHeader = {
  readonly action: AuditAction
  readonly outcome: Outcome
  readonly isSuccess: boolean | null
  readonly change: AuditExtra['change']
  readonly header: Facet
}

/** What is the same for all events of one action, record type, outcome and change. */
function createHeaders(): (facts: AuditFacts, action: AuditAction, change: AuditExtra['change']) => Facet {
  const cache = createFacetCache()
  const slots: (RecentHeader | undefined)[] = Array.from({ length: HEADER_SLOTS }, () => undefined)

  function headerOf(facts: AuditFacts, action: AuditAction, change: AuditExtra['change'], outcome: Outcome): Facet {
    const { action: name, type } = action
    const key = `${facts.typeName} ${name} ${type.length} ${type[0]} ${outcome} ${resultOf(facts)} ${change}`
    return cache(key, () => makeHeader(facts, action, change, outcome))
  }

  return (facts, action, change) => {
    const outcome = outcomeOf(facts)
    if (facts.typeName !== 'SYSCALL') return headerOf(facts, action, change, outcome)
    const { isSuccess } = facts
    const slot = (action.action.length * 5 + outcome.length + change.length) & (HEADER_SLOTS - 1)
    const recent = slots[slot]
    const isSame =
      recent !== undefined &&
      recent.action === action &&
      recent.outcome === outcome &&
      recent.isSuccess === isSuccess &&
      recent.change === change
    if (isSame) return recent.header
    const header = headerOf(facts, action, change, outcome)
    slots[slot] = { action, outcome, isSuccess, change, header }
    return header
  }
}

function makeHeader(
  facts: AuditFacts,
  { action, category, type }: AuditAction,
  change: AuditExtra['change'],
  outcome: Outcome,
): Facet {
  const isCall = facts.syscall >= 0 && isAddition(facts.typeName)
  return createFacet({
    'event.kind': 'event',
    'event.category': change === '' ? category : union(category, ['configuration']),
    'event.type': change === '' ? type : union(type, ['change']),
    'event.action': action,
    'event.outcome': outcome,
    'event.dataset': 'wireguard.audit',
    'event.module': 'auditd',
    'event.provider': 'auditd',
    'auditd.message_type': isCall ? 'syscall' : facts.typeName.toLowerCase(),
    'auditd.result': resultOf(facts),
    'wireguard.change.target': change || undefined,
  })
}

function resultOf({ isSuccess }: AuditFacts): string {
  return isSuccess === null ? 'unknown' : isSuccess ? 'success' : 'fail'
}

/** `values` themselves where nothing is to be added. */
function union(values: readonly string[], more: readonly string[]): readonly string[] {
  if (more.length === 0) return values
  const added = more.filter((value, i) => !values.includes(value) && more.indexOf(value) === i)
  return added.length === 0 ? values : [...values, ...added]
}

function eventOf(event: AuditEvent, facts: AuditFacts, id: string, cuts: Cuts): Fields {
  if (originalLength(event.records) > ORIGINAL_MAX) cuts.bits |= CUT_ORIGINAL
  const isWhole = event.completeness === 'complete'
  const keys = facts.keys.length === 0 ? undefined : uniqueKeys(facts.keys)
  return {
    '@timestamp': event.at,
    'event.id': id,
    'event.sequence': event.serial,
    'error.type': isWhole ? undefined : event.completeness,
    'error.message': isWhole ? undefined : faultOf(event),
    tags: keys,
    'auditd.key': keys,
    'auditd.session': facts.ses < 0 ? undefined : String(facts.ses),
    'auditd.incomplete': isWhole ? undefined : true,
    'auditd.dropped': event.dropped > 0 ? event.dropped : undefined,
    'auditd.cut': cutNames(cuts),
  }
}

function faultOf({ completeness, dropped }: AuditEvent): string {
  return completeness === 'capped'
    ? `The event has more records than are kept; ${dropped} were left out.`
    : 'The end of the event was not seen; records may be missing.'
}

/** Lines joined by LF. */
function originalLength(records: readonly AuditRecord[]): number {
  let length = records.length - 1
  for (const { raw } of records) length += raw.length
  return length
}

function originalOf(records: readonly AuditRecord[]): string {
  return decodeBytes(
    records
      .map(({ raw }) => raw)
      .join('\n')
      .slice(0, ORIGINAL_MAX),
  )
}

function uniqueKeys(keys: readonly string[]): readonly string[] | undefined {
  const [first] = keys
  if (keys.length === 1 && first !== undefined && first !== '' && !first.includes('\0')) return keys
  const shown = keys
    .filter((key, i) => key !== '' && keys.indexOf(key) === i)
    .map((key) => key.replaceAll('\0', '\ufffd'))
  return shown.length === 0 ? undefined : shown
}

/** Every account, address and machine of the document, once each; `addresses` are its own. */
function relatedOf(
  host: string,
  { message }: AuditFacts,
  extra: AuditExtra,
  accounts: AuditAccounts,
  addresses: string[],
): Fields {
  const hosts = [host]
  if (message !== null) {
    const shown = shownHost(message)
    if (shown !== '' && shown !== message.addr) add(hosts, [shown])
  }
  add(hosts, extra.hosts)
  const names = union(accounts.names, extra.people)
  add(addresses, extra.addresses)
  return {
    'related.user': names.length === 0 ? undefined : names,
    'related.ip': addresses.length === 0 ? undefined : addresses,
    'related.hosts': hosts,
  }
}

function add(list: string[], values: readonly string[]): void {
  for (const value of values) if (!list.includes(value)) list.push(value)
}
