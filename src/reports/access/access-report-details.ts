/** What stands beside the rows of an access report: outer addresses, rules, NAT, candidates. Which occur, not how often. */
import type { FieldName } from '../../fields.ts'
import type { Query } from '../../kql/ast.ts'
import { equals, exists } from '../../kql/build.ts'
import { allOf, anyOf } from '../../kql/combine.ts'
import { fieldsOf } from '../../kql/query-fields.ts'
import { compareText } from '../../kql/text-match.ts'
import { type SqlParameter, toSql } from '../../kql/to-sql.ts'
import type { EventReader } from '../../store/event-reader.ts'
import type { ReportPeriod } from '../report-question.ts'
import type { AccessFilter } from './access-rows.ts'

/** Look-ups by place; empty where nothing is recorded. */
export type AccessDetails = {
  /** Outer addresses of the device, without ports: those change all the time. Sorted. */
  readonly endpointsOf: (place: Place) => readonly string[]
  /** `wg-allow sql: (inet edge forward_wg)`, sorted. */
  readonly rulesOf: (place: Place) => readonly string[]
  /** What the server saw as client address. Sorted. */
  readonly sourceNatOf: (place: Place) => readonly string[]
  /** What the client asked for where that was translated. Sorted. */
  readonly destinationNatOf: (place: Place) => readonly string[]
  /** A connection went on while its address passed to another key. */
  readonly hasHolderChanged: (place: Place) => boolean
  /**
   * The key stands at the receiving end: somebody behind the gateway connected to it. `address` is where the connection went.
   */
  readonly isReached: (publicKey: string, address: string) => boolean
  /** Rules that turned packets away, with what they are called in the ruleset. Sorted. */
  readonly denying: readonly { readonly gateway: string; readonly rule: string; readonly verdict: string }[]
  /** Who else it may have been. At most CANDIDATES_MAX. */
  readonly candidates: readonly Candidates[]
}

/** A key at a resource, as one gateway saw it. */
export type Place = { readonly publicKey: string; readonly gateway: string; readonly resource: string }

/** Of rows that are alike in these. */
export type Candidates = {
  readonly status: string
  readonly reason: string
  readonly resource: string
  readonly gateway: string
  /** Public keys, sorted. */
  readonly keys: readonly string[]
}

/** Combinations. */
export const CANDIDATES_MAX = 2000

const KEY: FieldName = 'wireguard.peer.public_key'
const RESOURCE: FieldName = 'wireguard.resource.name'
const TRAFFIC = ['wireguard.flow', 'wireguard.firewall']

/** Look-ups of all resources, whichever is asked about: other ports of its hosts are told too. Throws AppError of the reader. */
export async function readDetails(
  reader: EventReader,
  period: ReportPeriod,
  filter: AccessFilter,
  person: Query | null = null,
): Promise<AccessDetails> {
  const wanted = allOf([
    exists(KEY),
    ...(filter.keys.length === 0 ? [] : [equals(KEY, filter.keys)]),
    ...(person === null ? [] : [person]),
  ])
  const ask = (datasets: readonly string[], query: Query, fields: readonly FieldName[]) =>
    reader.groups({ datasets, since: period.from, until: period.to - 1, query: allOf([wanted, query]) }, fields)
  const byPlace = async (datasets: readonly string[], field: FieldName, query: Query = exists(field)) =>
    tableOf((await ask(datasets, query, [KEY, 'host.name', RESOURCE, field])).map(({ values }) => texts(values)))

  const endpoints = await byPlace(TRAFFIC, 'wireguard.peer.endpoint.ip')
  const sourceNat = await byPlace(['wireguard.flow'], 'source.nat.ip')
  const destinationNat = await byPlace(['wireguard.flow'], 'destination.ip', exists('destination.nat.ip'))
  const changed = await byPlace(
    TRAFFIC,
    'wireguard.attribution.reason',
    equals('wireguard.attribution.reason', ['holder-changed']),
  )
  const rules = await ask(['wireguard.firewall'], exists('rule.name'), [
    KEY,
    'host.name',
    RESOURCE,
    'rule.name',
    'rule.ruleset',
    'wireguard.flow.verdict',
  ])
  const reached = await ask(TRAFFIC, equals('wireguard.peer.role', ['destination']), [
    KEY,
    'destination.ip',
    'destination.nat.ip',
  ])
  const inbound = new Set(
    reached.map(({ values: [key = null, asked = null, nat = null] }) => `${key}\0${nat ?? asked}`),
  )
  const ruled = rules.map(({ values }) => texts(values))
  const byRule = tableOf(
    ruled.map(([key = '', gateway = '', resource = '', name = '', chain = '']) => [
      key,
      gateway,
      resource,
      ruleText(name, chain),
    ]),
  )
  return {
    endpointsOf: (place) => endpoints.get(placeOf(place)) ?? [],
    rulesOf: (place) => byRule.get(placeOf(place)) ?? [],
    sourceNatOf: (place) => sourceNat.get(placeOf(place)) ?? [],
    destinationNatOf: (place) => destinationNat.get(placeOf(place)) ?? [],
    hasHolderChanged: (place) => changed.has(placeOf(place)),
    isReached: (publicKey, address) => inbound.has(`${publicKey}\0${address}`),
    denying: denyingRules(ruled.filter(([, , resource]) => filter.resource === '' || resource === filter.resource)),
    candidates: await readCandidates(reader, period, filter),
  }
}

function denyingRules(rules: readonly (readonly string[])[]): AccessDetails['denying'] {
  const denying = rules.flatMap(([, gateway = '', , name = '', chain = '', verdict = '']) =>
    verdict === 'dropped' || verdict === 'rejected' ? [{ gateway, rule: ruleText(name, chain), verdict }] : [],
  )
  const identity = (each: (typeof denying)[number]) => JSON.stringify(each)
  return [...new Map(denying.map((each) => [identity(each), each])).values()].sort((a, b) =>
    compareText(identity(a), identity(b)),
  )
}

function ruleText(name: string, chain: string): string {
  return chain === '' ? name.trim() : `${name.trim()} (${chain})`
}

/** Values of the last column by the first three, each once and in order. */
function tableOf(rows: readonly (readonly string[])[]): Map<string, string[]> {
  const found = new Map<string, Set<string>>()
  for (const [publicKey = '', gateway = '', resource = '', value = ''] of rows) {
    // The engine calls it so where a document names none.
    const place = placeOf({ publicKey, gateway, resource: resource || 'uncatalogued' })
    found.set(place, (found.get(place) ?? new Set()).add(value))
  }
  return new Map([...found].map(([place, values]) => [place, [...values].sort(compareText)]))
}

/** NUL stands in no key, machine or resource. */
function placeOf({ publicKey, gateway, resource }: Place): string {
  return `${publicKey}\0${gateway}\0${resource}`
}

function texts(values: readonly (string | number | boolean | null)[]): string[] {
  return values.map((value) => String(value ?? ''))
}

async function readCandidates(
  reader: EventReader,
  { from, to }: ReportPeriod,
  filter: AccessFilter,
): Promise<Candidates[]> {
  const query = allOf([
    equals('wireguard.attribution.status', ['ambiguous', 'unknown']),
    ...(filter.keys.length === 0 ? [] : [equals('wireguard.attribution.candidates', filter.keys)]),
    ...(filter.resource === '' ? [] : [equals(RESOURCE, [filter.resource])]),
    anyOf(TRAFFIC.map((dataset) => equals('event.dataset', [dataset]))),
  ])
  const parameters: SqlParameter[] = []
  const where = toSql(query, parameters)
  const named: readonly FieldName[] = [
    'wireguard.attribution.status',
    'wireguard.attribution.reason',
    RESOURCE,
    'host.name',
    'wireguard.attribution.candidates',
  ]
  const { rows } = await reader.select(
    {
      datasets: TRAFFIC,
      since: from,
      until: to - 1,
      columns: [...new Set([...named, ...fieldsOf(query)])],
      filter: query,
    },
    `SELECT "wireguard.attribution.status", "wireguard.attribution.reason", "wireguard.resource.name", "host.name",
       list_sort("wireguard.attribution.candidates") AS candidates
     FROM events WHERE ${where} GROUP BY ALL ORDER BY ALL LIMIT ${CANDIDATES_MAX}`,
    parameters,
  )
  return rows.map(([status, reason, resource, gateway, keys]) => ({
    status: String(status ?? ''),
    reason: String(reason ?? ''),
    resource: String(resource ?? ''),
    gateway: String(gateway ?? ''),
    keys: Array.isArray(keys) ? keys.map(String) : [],
  }))
}
