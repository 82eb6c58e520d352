/**
 * What belongs to an incident: beside the documents that name the subject, what the keys did that held its address, what happened on the
 * hosts that carry it, and what was changed and not seen on all of these machines.
 */

import { addressBits } from '../../address.ts'
import type { Inventory } from '../../identity/inventory.ts'
import type { Query } from '../../kql/ast.ts'
import { equals, exists } from '../../kql/build.ts'
import { allOf, anyOf } from '../../kql/combine.ts'
import { compareText } from '../../kql/text-match.ts'
import type { EventReader, Selection } from '../../store/event-reader.ts'
import { inventoryAt, ledgerSpans } from '../../store/ledger-reader.ts'
import type { Micros } from '../../time.ts'
import type { Names } from '../names/names.ts'
import { readPersonDocuments, type Tenure } from '../names/person-documents.ts'
import type { ReportPeriod } from '../report-question.ts'
import { holdingQuery, type IncidentSubject, keyQuery, subjectQuery } from './incident-subject.ts'

/** Keys that held an address in the period; the rest is counted. */
export const HOLDERS_MAX = 200
/** Datasets of the story; the counters of peers would bury it. */
export const STORY_DATASETS = [
  'wireguard.audit',
  'wireguard.coverage',
  'wireguard.finding',
  'wireguard.firewall',
  'wireguard.flow',
  'wireguard.session',
]

export type IncidentScope = {
  readonly subject: IncidentSubject
  readonly period: ReportPeriod
  /** The subject's keys and those that held its addresses, sorted. */
  readonly keys: readonly string[]
  /** Of a person: when each key was hers; null = the subject is none, and keys are meant at any time. */
  readonly tenures: readonly Tenure[] | null
  /** Keys that held an address and are beyond HOLDERS_MAX. */
  readonly keysOmitted: number
  /** Audited machines that carry the subject's addresses or its resource. */
  readonly hosts: readonly string[]
  /** Every machine that tells of it, sorted; these are asked for gaps and changes. All machines where nothing tells of it. */
  readonly machines: readonly string[]
  /** Documents about it, without changes and gaps of the machines. */
  readonly about: Query
  /** All of the story. */
  readonly story: Selection
  /** Whether any document of the period is about it. */
  readonly isKnown: boolean
}

/** Throws AppError of the reader. */
export async function readIncidentScope(
  reader: EventReader,
  subject: IncidentSubject,
  period: ReportPeriod,
  names: Names,
): Promise<IncidentScope> {
  const bounds = { since: period.from, until: period.to - 1 }
  const holders = await holdersOf(reader, subject, bounds)
  const others = holders.filter((key) => !subject.keys.includes(key))
  const added = others.slice(0, HOLDERS_MAX)
  const person = subject.emails.length === 0 ? null : await readPersonDocuments(reader, subject, names)
  const keys = [...new Set([...(person?.keys ?? subject.keys), ...added])].sort(compareText)
  const hosts = await hostsOf(reader, subject, period)
  const about = anyOf([
    person === null ? subjectQuery(subject) : person.query,
    // What a key did elsewhere is not about this address; its sessions, its changes and the findings on it are.
    allOf([equals('event.dataset', ['wireguard.session', 'wireguard.finding']), keyQuery(added)]),
    allOf([
      equals('host.name', hosts),
      anyOf([
        equals('event.dataset', ['wireguard.audit']),
        equals('event.action', ['host-login', 'host-login-failed', 'host-logout']),
      ]),
    ]),
  ])
  const named = await machinesOf(reader, { datasets: STORY_DATASETS, ...bounds, query: about })
  const isKnown = named.length > 0
  const all = isKnown ? [] : await machinesOf(reader, { datasets: STORY_DATASETS, ...bounds, query: allOf([]) })
  const machines = [...new Set([...named, ...hosts, ...all])].sort(compareText)
  const context = allOf([
    equals('host.name', machines),
    anyOf([equals('event.action', ['source-gap', 'source-lost']), exists('wireguard.change.target')]),
  ])
  return {
    subject,
    period,
    keys,
    tenures: person?.tenures ?? null,
    keysOmitted: others.length - added.length,
    hosts,
    machines,
    about,
    story: { datasets: STORY_DATASETS, ...bounds, query: anyOf([about, context]) },
    isKnown,
  }
}

/** Whether a key was the subject's in any part of a stretch of time. */
export function isOfSubject({ keys, tenures }: IncidentScope, publicKey: string, from: Micros, to: Micros): boolean {
  if (tenures === null) return keys.includes(publicKey)
  return tenures.some((each) => each.publicKey === publicKey && each.from <= to && from <= each.to)
}

async function holdersOf(
  reader: EventReader,
  { addresses }: IncidentSubject,
  bounds: { readonly since: number; readonly until: number },
): Promise<string[]> {
  if (addresses.length === 0) return []
  const query = allOf([exists('wireguard.peer.public_key'), holdingQuery(addresses)])
  const groups = await reader.groups({ datasets: STORY_DATASETS, ...bounds, query }, ['wireguard.peer.public_key'])
  return groups.map(({ values }) => String(values[0])).sort(compareText)
}

async function machinesOf(reader: EventReader, selection: Selection): Promise<string[]> {
  const groups = await reader.groups(selection, ['host.name'])
  return groups.flatMap(({ values }) => (typeof values[0] === 'string' ? [values[0]] : [])).sort(compareText)
}

/** Hosts that the inventory of the time gives one of the addresses, or an address of the resource. */
async function hostsOf(reader: EventReader, subject: IncidentSubject, { to }: ReportPeriod): Promise<string[]> {
  if (subject.addresses.length === 0 && subject.resource === '') return []
  const hosts = new Set<string>()
  for (const { gateway } of await ledgerSpans(reader))
    for (const host of hostsBy(await inventoryAt(reader, gateway, to), subject)) hosts.add(host)
  return [...hosts].sort(compareText)
}

function hostsBy({ hosts, resources }: Inventory, { addresses, resource }: IncidentSubject): string[] {
  const prefixes = resources.filter(({ name }) => name === resource).flatMap((each) => each.addresses)
  const carries = (address: string) =>
    addresses.includes(address) || prefixes.some((prefix) => isSameAddress(prefix, address))
  return hosts.filter((host) => host.addresses.some(carries)).map(({ name }) => name)
}

/** A resource may be written as an address or as a prefix of one; a wider one names no host. */
function isSameAddress(prefix: string, address: string): boolean {
  const [base = '', bits] = prefix.split('/')
  const parsed = addressBits(address)
  return base === address && (bits === undefined || Number(bits) === (parsed?.family === 4 ? 32 : 128))
}
