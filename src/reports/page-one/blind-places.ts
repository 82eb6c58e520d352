/**
 * What nobody can see in the records, however complete they are (design 7): sources that are not there, prefixes that are logged in part,
 * interfaces of which no line came, hosts that are not audited, and what posture checks found. What is in no document is said of all.
 */
import type { Fields } from '../../fields.ts'
import { equals, exists } from '../../kql/build.ts'
import { allOf } from '../../kql/combine.ts'
import { compareText } from '../../kql/text-match.ts'
import { dayOf } from '../../quantity-text.ts'
import { toDocuments } from '../../store/documents.ts'
import type { EventReader } from '../../store/event-reader.ts'
import type { ReportPeriod } from '../report-question.ts'
import type { Declared } from './declared-sources.ts'
import type { PageOne, SourceCompleteness } from './page-one.ts'

type Blind = PageOne['blind'][number]

/** Sentences told; the rest are counted in one more. */
export const BLIND_MAX = 200
/** Findings of posture checks told. */
const FINDINGS_MAX = 60

const GATEWAY_SOURCES: Readonly<Record<string, string>> = {
  nftables: 'no packet log: what the firewall allowed or denied is not recorded',
  conntrack: 'no connection tracking: how connections ended and what they carried is not recorded',
  wireguard: 'no polls of WireGuard: nothing can be attributed to a key',
}
/** Checks that tell what logs, connection tracking or audit rules leave out (docs of posture). */
const BLINDING_CHECKS = [
  'audit-state',
  'conntrack-notrack',
  'conntrack-offload',
  'conntrack-settings',
  'logging-rules',
  'wireguard-files',
  'nftables-files',
] as const

/** True wherever WireGuard is watched from outside, whatever is recorded. */
export const BLIND_EVERYWHERE: readonly string[] = [
  'Who sits at a device is not recorded: a key is all that WireGuard knows.',
  'A peer that came and went between two polls of WireGuard leaves no trace in the polls.',
  'Behind the key of a site the addresses are told by the site alone; whose they are is not recorded.',
  'What lies inside an encrypted connection is not recorded: of a flow its ends, times, and bytes are.',
  'Packets that are exempt from connection tracking (notrack, flowtable offload) have no flow, unless the firewall log shows them.',
  'Rules that log to a group which nobody reads show nothing.',
  'What a host does without an audit rule for it is not recorded.',
]

/** Sorted by machine and text; sentences of all machines first. */
export async function readBlindPlaces(
  reader: EventReader,
  period: ReportPeriod,
  declared: Declared,
  sources: readonly SourceCompleteness[],
): Promise<Blind[]> {
  const own = [
    ...missingSources(declared, sources),
    ...unaudited(declared, sources),
    ...sampledPrefixes(sources),
    ...(await unloggedInterfaces(reader, period, declared, sources)),
    ...(await unknownRules(reader, period, sources)),
    ...(await blindingFindings(reader, period)),
    ...declared.unreadable.map((machine) => ({
      machine,
      text: 'the inventory it used cannot be read: what should have been recorded is not known of it',
    })),
    ...(declared.isKnown
      ? []
      : [{ machine: '', text: 'No inventory is in the records: what should have been recorded is not known.' }]),
  ]
  const sorted = own.toSorted((a, b) => compareText(a.machine, b.machine) || compareText(a.text, b.text))
  const rest = sorted.length - BLIND_MAX
  return [
    ...BLIND_EVERYWHERE.map((text) => ({ machine: '', text })),
    ...sorted.slice(0, BLIND_MAX),
    ...(rest > 0 ? [{ machine: '', text: `${rest} more such statements are not shown here.` }] : []),
  ]
}

function isGateway(machine: string, declared: Declared, sources: readonly SourceCompleteness[]): boolean {
  return (
    declared.gateways.some(({ name }) => name === machine) ||
    sources.some((each) => each.machine === machine && Object.hasOwn(GATEWAY_SOURCES, each.source))
  )
}

/** Whether there is anything of it: a source that spoke, or that was there and had nothing to say. */
function isThere(sources: readonly SourceCompleteness[], machine: string, source: string): boolean {
  return sources.some(
    (each) => each.machine === machine && each.source === source && (each.hasSpoken || (each.heartbeats ?? 0) > 0),
  )
}

function missingSources(declared: Declared, sources: readonly SourceCompleteness[]): Blind[] {
  const machines = new Set([...declared.gateways.map(({ name }) => name), ...sources.map(({ machine }) => machine)])
  return [...machines]
    .filter((machine) => isGateway(machine, declared, sources))
    .flatMap((machine) =>
      Object.entries(GATEWAY_SOURCES).flatMap(([source, text]) =>
        isThere(sources, machine, source) ? [] : [{ machine, text }],
      ),
    )
}

function unaudited(declared: Declared, sources: readonly SourceCompleteness[]): Blind[] {
  return declared.hosts.flatMap(({ name }) =>
    isThere(sources, name, 'auditd')
      ? []
      : [{ machine: name, text: 'no audit log: logins, commands and files on this host are not recorded' }],
  )
}

function sampledPrefixes(sources: readonly SourceCompleteness[]): Blind[] {
  return sources.flatMap(({ machine, sampled = [] }) =>
    sampled.map((prefix) => ({
      machine,
      text: `a rule limits what it logs as “${prefix}”: its lines are a sample, and how many packets it left out is not recorded`,
    })),
  )
}

/** Interfaces that the inventory names and of which no packet log line came in the period: a rule without log, or no traffic. */
async function unloggedInterfaces(
  reader: EventReader,
  { from, to }: ReportPeriod,
  declared: Declared,
  sources: readonly SourceCompleteness[],
): Promise<Blind[]> {
  const wanted = declared.gateways.flatMap(({ name, interfaces }) =>
    isThere(sources, name, 'nftables') ? interfaces.map((each) => ({ machine: name, name: each })) : [],
  )
  if (wanted.length === 0) return []
  const query = allOf([
    equals(
      'host.name',
      wanted.map(({ machine }) => machine),
    ),
    exists('wireguard.interface.name'),
  ])
  const groups = await reader.groups({ datasets: ['wireguard.firewall'], since: from, until: to - 1, query }, [
    'host.name',
    'wireguard.interface.name',
  ])
  const logged = new Set(groups.map(({ values }) => `${String(values[0])}\0${String(values[1])}`))
  return wanted
    .filter(({ machine, name }) => !logged.has(`${machine}\0${name}`))
    .map(({ machine, name }) => ({
      machine,
      text: `no packet log line of ${name} in the period: either nothing passed, or no rule logs it`,
    }))
}

/** Gateways whose packet log lines name no rule: then verdicts come from configured prefixes alone. */
async function unknownRules(
  reader: EventReader,
  { from, to }: ReportPeriod,
  sources: readonly SourceCompleteness[],
): Promise<Blind[]> {
  const scope = { datasets: ['wireguard.firewall'], since: from, until: to - 1 }
  const all = await reader.groups({ ...scope, query: { kind: 'all' } }, ['host.name'])
  const ruled = await reader.groups({ ...scope, query: exists('rule.version') }, ['host.name'])
  const known = new Set(ruled.map(({ values }) => String(values[0])))
  const heard = new Set(sources.map(({ machine }) => machine))
  return all
    .map(({ values }) => String(values[0] ?? ''))
    .filter((machine) => !known.has(machine) && heard.has(machine))
    .map((machine) => ({
      machine,
      text: 'no ruleset is recorded: verdicts come from configured prefixes only, and which rules log nothing is not known',
    }))
}

/** The newest finding of each check and subject in the period: whether an older one still holds is in no document. */
async function blindingFindings(reader: EventReader, { from, to }: ReportPeriod): Promise<Blind[]> {
  const result = await reader.select(
    {
      datasets: ['wireguard.finding'],
      since: from,
      until: to - 1,
      columns: [
        '@timestamp',
        'event.id',
        'host.name',
        'rule.id',
        'wireguard.finding.subject',
        'wireguard.finding.summary',
      ],
      filter: equals('rule.id', BLINDING_CHECKS),
    },
    `SELECT "@timestamp", "host.name", "wireguard.finding.summary" FROM events
     WHERE "rule.id" IN (${BLINDING_CHECKS.map((id) => `'${id}'`).join(', ')}) AND "@timestamp" < make_timestamp($2::BIGINT)
       AND "@timestamp" >= make_timestamp($1::BIGINT)
     QUALIFY row_number() OVER (PARTITION BY "host.name", "rule.id", "wireguard.finding.subject"
       ORDER BY "@timestamp" DESC, "event.id") = 1
     ORDER BY "host.name", "rule.id", "wireguard.finding.summary" LIMIT ${FINDINGS_MAX}`,
    [BigInt(from), BigInt(to)],
  )
  return toDocuments(result).map(findingText)
}

function findingText(document: Fields): Blind {
  const summary = document['wireguard.finding.summary'] ?? ''
  return {
    machine: document['host.name'] ?? '',
    text: `${summary.replace(/\.$/, '')} (posture check of ${dayOf(document['@timestamp'] ?? 0)})`,
  }
}
