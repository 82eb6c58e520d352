/**
 * Log lines of an address around a time: which interface it was seen on, and which rule decided about its packets.
 * Of each gateway, side, interface and port match only the nearest line is kept, so that a busy address costs no more.
 */
import { addressDigits } from '../address-digits.ts'
import type { FieldName, Fields } from '../fields.ts'
import { equals, hasAddress } from '../kql/build.ts'
import { allOf, anyOf } from '../kql/combine.ts'
import { toDocuments } from '../store/documents.ts'
import type { EventReader } from '../store/event-reader.ts'
import { HOUR, type Micros } from '../time.ts'
import type { RuleAnswer } from './who-answer.ts'
import type { Question } from './who-question.ts'

export type AddressLine = {
  readonly gateway: string
  readonly side: 'source' | 'destination'
  /** IN= of a source, OUT= of a destination; '' = none. */
  readonly interface: string
  readonly at: Micros
  /** Within what was asked for (--within): then the interface is evidence. */
  readonly isNear: boolean
  /** The port asked for stands on that side of the line. */
  readonly hasPort: boolean
  readonly rule: RuleAnswer
}

/** How far away the rule that stood is looked for. */
const RULE_WITHIN: Micros = HOUR

const RULE_COLUMNS: readonly FieldName[] = [
  '@timestamp',
  'event.id',
  'host.name',
  'rule.name',
  'rule.id',
  'rule.ruleset',
  'rule.version',
  'netfilter.log.prefix',
  'wireguard.flow.verdict',
  'wireguard.flow.id',
  'network.transport',
  'source.ip',
  'source.port',
  'destination.ip',
  'destination.port',
]

/** Nearest first. */
export async function readAddressLines(reader: EventReader, question: Question): Promise<AddressLine[]> {
  const { address, port, moment, within, gateway } = question
  const reach = Math.max(RULE_WITHIN, within)
  const side = (name: 'source' | 'destination', direction: 'ingress' | 'egress') =>
    `SELECT *, '${name}' AS side, coalesce("observer.${direction}.interface.name", '') AS tunnel,
       coalesce("${name}.port" = $2, false) AS has_port,
       greatest(epoch_us("@timestamp") - $4::BIGINT, $3::BIGINT - epoch_us("@timestamp"), 0) AS distance
     FROM events WHERE "${name}.ip" = $1 ${gateway === '' ? '' : `AND "host.name" = $5`}`
  const result = await reader.select(
    {
      datasets: ['wireguard.firewall'],
      isAside: true,
      since: moment.from - reach,
      until: moment.to + reach,
      columns: [...RULE_COLUMNS, 'observer.ingress.interface.name', 'observer.egress.interface.name'],
      filter: allOf([
        anyOf([hasAddress('source.ip', address.text), hasAddress('destination.ip', address.text)]),
        ...(gateway === '' ? [] : [equals('host.name', [gateway])]),
      ]),
    },
    `, sides AS (${side('source', 'ingress')} UNION ALL ${side('destination', 'egress')})
     SELECT ${RULE_COLUMNS.map((name) => `"${name}"`).join(', ')}, side, tunnel, has_port, distance FROM sides
     QUALIFY row_number() OVER (PARTITION BY "host.name", side, tunnel, has_port ORDER BY distance, "@timestamp", "event.id") = 1
     ORDER BY distance, "@timestamp", "event.id", side`,
    [
      addressDigits(address.text) ?? '',
      port,
      BigInt(moment.from),
      BigInt(moment.to),
      ...(gateway === '' ? [] : [gateway]),
    ],
  )
  const more = (i: number, name: string) => result.rows[i]?.[result.names.indexOf(name)] ?? null
  return toDocuments(result).map((document, i) => ({
    gateway: document['host.name'] ?? '',
    side: more(i, 'side') === 'source' ? 'source' : 'destination',
    interface: String(more(i, 'tunnel')),
    at: document['@timestamp'] ?? 0,
    isNear: Number(more(i, 'distance')) <= within,
    hasPort: more(i, 'has_port') === true,
    rule: ruleOf(document),
  }))
}

/** The rule that decided nearest to the time about packets of the address; those of its port go first. */
export function nearestRule(
  lines: readonly AddressLine[],
  gateway: string,
  at: Micros,
  port: number,
): RuleAnswer | null {
  const own = lines.filter((line) => line.gateway === gateway)
  const distance = (line: AddressLine) => Math.abs(line.at - at)
  const [nearest] = own.toSorted(
    (a, b) => (port < 0 ? 0 : Number(b.hasPort) - Number(a.hasPort)) || distance(a) - distance(b),
  )
  return nearest?.rule ?? null
}

/** By flow id: the line nearest to the flow's time among those that belong to it. */
export async function readFlowRules(
  reader: EventReader,
  ids: readonly string[],
  scope: { readonly since: Micros; readonly until: Micros },
  at: Micros,
): Promise<Map<string, RuleAnswer>> {
  if (ids.length === 0) return new Map()
  const list = ids.map((_, i) => `$${i + 2}`).join(', ')
  const result = await reader.select(
    {
      datasets: ['wireguard.firewall'],
      isAside: true,
      ...scope,
      columns: RULE_COLUMNS,
      filter: equals('wireguard.flow.id', ids),
    },
    `SELECT * FROM events WHERE "wireguard.flow.id" IN (${list})
     QUALIFY row_number() OVER (PARTITION BY "wireguard.flow.id" ORDER BY abs(epoch_us("@timestamp") - $1::BIGINT), "@timestamp", "event.id") = 1`,
    [BigInt(at), ...ids],
  )
  return new Map(toDocuments(result).map((document) => [document['wireguard.flow.id'] ?? '', ruleOf(document)]))
}

function ruleOf(document: Fields): RuleAnswer {
  return {
    at: document['@timestamp'] ?? 0,
    name: document['rule.name'] ?? '',
    id: document['rule.id'] ?? '',
    ruleset: document['rule.ruleset'] ?? '',
    version: document['rule.version'] ?? '',
    verdict: document['wireguard.flow.verdict'] ?? 'unknown',
    prefix: document['netfilter.log.prefix'] ?? '',
    transport: document['network.transport'] ?? '',
    source: { ip: document['source.ip'] ?? '', port: document['source.port'] ?? -1 },
    destination: { ip: document['destination.ip'] ?? '', port: document['destination.port'] ?? -1 },
  }
}
