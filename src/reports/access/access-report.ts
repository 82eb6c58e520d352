/**
 * `report access`: who accessed which resource, when, from where, and with which outcome; and the other ways in. Its sections are
 * numbered as the ten parts that an auditor looks for.
 */
import { toIso } from '../../time.ts'
import { readDisputes } from '../disputes-read.ts'
import type { JsonValue, ReportDocument, Section } from '../document/report-document.ts'
import { closingSections, pageOneSections } from '../page-one/page-one.ts'
import type { ReportBuilder } from '../report-question.ts'
import { type Row, writeRows } from '../rows/row-lines.ts'
import { readAccess } from './access-engine.ts'
import { type AccessFacts, type AccessReading, readAccessFacts } from './access-report-facts.ts'
import { outcomeSection, reachedSection, unattributedSection } from './access-report-outcome.ts'
import { privilegedSection } from './access-report-privileged.ts'
import { subjectText } from './access-report-subject.ts'
import { glanceSection, headlineOf, summaryOf } from './access-report-summary.ts'
import type { Accessor } from './access-report-sums.ts'
import { keyText } from './access-report-text.ts'
import { silentResources, whatSections } from './access-report-what.ts'
import { BY_PEER_FILE, notesOf, whenSection, whereSection, whoSection } from './access-report-who.ts'
import { type AccessFilter, OUTCOMES } from './access-rows.ts'
import { holderText } from './access-ways-person.ts'
import { waysSection } from './access-ways-sections.ts'

/** Pairs of key and resource in `data`; the file has all. */
const DATA_MAX = 5000

/** Over the rows of the engine. Writes its files as accessReportWith does. */
export const buildAccessReport: ReportBuilder<AccessFilter> = accessReportWith({
  readAccess,
  readDisputes,
})

/** Writes `access` (every row), `access-by-peer`, and the lists of the other ways in and of changes. Throws AppError. */
export function accessReportWith(reading: AccessReading): ReportBuilder<AccessFilter> {
  return async (reader, question, filter, outlet) => {
    const facts = await readAccessFacts(reader, question, filter, outlet, reading)
    await writeRows(
      outlet,
      BY_PEER_FILE,
      BY_PEER_COLUMNS,
      facts.accessors.map((each) => byPeerRow(each, facts)),
    )
    if (filter.resource !== '')
      await writeRows(
        outlet,
        'other-ports',
        BY_PEER_COLUMNS,
        facts.beside.map((each) => byPeerRow(each, facts)),
      )
    return toDocument(facts)
  }
}

function toDocument(facts: AccessFacts): ReportDocument {
  const { question, filter, pageOne } = facts
  const nameOf = (key: string) => {
    const name =
      facts.accessors.find(({ holder }) => holder.publicKey === key)?.holder.name ??
      question.names.known.find(({ publicKey }) => publicKey === key)?.name ??
      ''
    return name === '' ? `key ${keyText(key)}` : `${name} (${keyText(key)})`
  }
  return {
    kind: 'access',
    title: 'Access report',
    subject: subjectText(filter, nameOf),
    period: question.period,
    reportTime: question.reportTime,
    summary: summaryOf(facts),
    sections: [
      glanceSection(facts),
      ...pageOneSections(pageOne, question).map(numbered),
      ...parts(facts),
      ...closingSections('access', pageOne, question).map(numbered),
    ],
    data: dataOf(facts),
    isFound: isFound(facts),
  }
}

/** The parts that every kind of report has, by the id of their section. Completeness stands first: all else rests on it. */
const SHARED_PARTS: ReadonlyMap<string, string> = new Map([
  ['completeness', '7'],
  ['integrity', '8'],
  ['retention', '9'],
  ['who-read', '9.1'],
  ['review', '10'],
])

function numbered(section: Section): Section {
  const number = SHARED_PARTS.get(section.id)
  return number === undefined ? section : { ...section, title: `Part ${number}: ${section.title}` }
}

function parts(facts: AccessFacts): Section[] {
  const what = whatSections(facts)
  const reached = reachedSection(facts)
  return [
    whoSection(facts),
    ...what,
    waysSection(facts, what.length),
    whenSection(facts),
    whereSection(facts),
    outcomeSection(facts),
    unattributedSection(facts),
    ...(reached === null ? [] : [reached]),
    privilegedSection(facts),
  ]
}

/** Somebody has to look: rows without a certain key, disputed keys, access that nothing documents, records that cannot be read. */
function isFound(facts: AccessFacts): boolean {
  const { unattributed, disputed } = headlineOf(facts)
  const isUndocumented = facts.accessors.some(
    ({ policies, sums }) => policies.includes('violation') && sums.outcomes.connected > 0,
  )
  const isUnknown = (facts.filter.unknown ?? '') !== ''
  return isUnknown || unattributed > 0 || disputed > 0 || isUndocumented || facts.damage.length > 0
}

const BY_PEER_COLUMNS: readonly string[] = [
  'wireguard.resource.name',
  'wireguard.resource.owner',
  'wireguard.resource.classification',
  'wireguard.peer.public_key',
  'wireguard.peer.name',
  'wireguard.peer.kind',
  'wireguard.peer.groups',
  'wireguard.peer.device',
  'wireguard.peer.owner.name',
  'wireguard.peer.owner.email',
  'names_now',
  'observer.name',
  'wireguard.interface.name',
  'destinations',
  ...OUTCOMES,
  'source.bytes',
  'destination.bytes',
  'first',
  'last',
  'wireguard.peer.endpoint.ip',
  'source.nat.ip',
  'rules',
  'wireguard.policy.result',
  'disputed',
  'renamed',
  'notes',
]

function byPeerRow(accessor: Accessor, facts: AccessFacts): Row {
  const { holder, nows, sums, gateway, resource } = accessor
  const place = { publicKey: holder.publicKey, gateway, resource }
  return {
    'wireguard.resource.name': resource,
    'wireguard.resource.owner': accessor.resourceOwner || null,
    'wireguard.resource.classification': accessor.classification || null,
    'wireguard.peer.public_key': holder.publicKey,
    'wireguard.peer.name': holder.name || null,
    'wireguard.peer.kind': holder.kind || null,
    'wireguard.peer.groups': holder.groups,
    'wireguard.peer.device': holder.device || null,
    'wireguard.peer.owner.name': holder.ownerName || null,
    'wireguard.peer.owner.email': holder.ownerEmail || null,
    names_now: nows.length === 0 ? null : nows.map(holderText).join('; '),
    'observer.name': gateway || null,
    'wireguard.interface.name': accessor.interface || null,
    destinations: accessor.destinations,
    ...sums.outcomes,
    'source.bytes': sums.sourceBytes,
    'destination.bytes': sums.destinationBytes,
    first: sums.first === null ? null : toIso(sums.first),
    last: sums.last === null ? null : toIso(sums.last),
    'wireguard.peer.endpoint.ip': facts.details.endpointsOf(place),
    'source.nat.ip': facts.details.sourceNatOf(place),
    rules: facts.details.rulesOf(place),
    'wireguard.policy.result': accessor.policies,
    disputed: sums.disputed,
    renamed: sums.renamed,
    notes: notesOf([accessor], facts),
  }
}

function dataOf(facts: AccessFacts): JsonValue {
  const { result, accessors, filter } = facts
  return {
    filter: { resource: filter.resource, keys: filter.keys },
    totals: {
      rows: result.all.rows,
      ...result.all.outcomes,
      source_bytes: result.all.sourceBytes,
      destination_bytes: result.all.destinationBytes,
      disputed: result.all.disputed,
      renamed: result.all.renamed,
    },
    headline: headlineOf(facts),
    access: accessors.slice(0, DATA_MAX).map((each) => byPeerRow(each, facts)),
    access_total: accessors.length,
    resources_without_record: silentResources(facts).map(({ name }) => name),
    other_ways: {
      logins: facts.ways.logins.total,
      refused_logins: facts.ways.refused.total,
      logins_over_hosts: facts.ways.hops.total,
      commands: facts.ways.commands.total,
      files: facts.ways.files.total,
      other_ports: facts.beside.length,
    },
    connections_through_the_period: facts.through,
    changes: {
      privileged: facts.changes.privileged.total,
      peers: facts.changes.peers.total,
      settings: facts.changes.settings.total,
    },
  }
}
