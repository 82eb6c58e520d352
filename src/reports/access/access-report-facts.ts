/** Everything an access report tells, read but not yet in words. */
import { canonicalPrefix } from '../../address.ts'
import { createPrefixIndex } from '../../identity/prefix-index.ts'
import type { Query } from '../../kql/ast.ts'
import { equals } from '../../kql/build.ts'
import { allOf } from '../../kql/combine.ts'
import type { EventReader } from '../../store/event-reader.ts'
import { countThrough } from '../connections-through.ts'
import type { Dispute } from '../disputes.ts'
import { readPersonDocuments } from '../names/person-documents.ts'
import { type PageOne, readPageOne } from '../page-one/page-one.ts'
import type { ReportQuestion } from '../report-question.ts'
import { NO_ROWS, type RowOutlet } from '../rows/row-outlet.ts'
import { type Catalogue, type CataloguedResource, readCatalogue } from './access-report-catalogue.ts'
import { type Changes, readChanges } from './access-report-changes.ts'
import { type AccessDetails, readDetails } from './access-report-details.ts'
import { checkSubject } from './access-report-subject.ts'
import { type Accessor, toAccessors } from './access-report-sums.ts'
import type { AccessFilter, AccessGroup, AccessResult } from './access-rows.ts'
import { readWays, type Ways } from './access-ways.ts'
import type { Naming } from './access-ways-person.ts'

export type AccessFacts = {
  readonly question: ReportQuestion
  readonly filter: AccessFilter
  readonly result: AccessResult
  /** Who reached what: exact ones, by resource. */
  readonly accessors: readonly Accessor[]
  /** Connections that somebody else opened to a peer: no access of that peer. */
  readonly reached: readonly AccessGroup[]
  /** Rows of which the key is not certain. */
  readonly unattributed: readonly AccessGroup[]
  /** To the hosts of the resources, on ports that are no resource (of one resource: on any other). */
  readonly beside: readonly Accessor[]
  readonly catalogue: Catalogue
  /** Of the catalogue, what the report is about. */
  readonly resources: readonly CataloguedResource[]
  readonly details: AccessDetails
  readonly ways: Ways
  readonly changes: Changes
  readonly disputes: readonly Dispute[]
  readonly pageOne: PageOne
  /** Connections that were open all through the period without a document in it: no rows. */
  readonly through: number
  /** What could not be read, as the reader tells it. */
  readonly damage: readonly string[]
}

/** The rows of the report: access-engine.ts. */
export type AccessReading = {
  readonly readAccess: (
    reader: EventReader,
    question: ReportQuestion,
    filter: AccessFilter,
    disputes: readonly Dispute[],
    outlet: RowOutlet,
  ) => Promise<AccessResult>
  readonly readDisputes: (reader: EventReader, period: ReportQuestion['period']) => Promise<readonly Dispute[]>
}

/** Throws AppError. */
export async function readAccessFacts(
  reader: EventReader,
  question: ReportQuestion,
  asked: AccessFilter,
  outlet: RowOutlet,
  { readAccess, readDisputes }: AccessReading,
): Promise<AccessFacts> {
  const { period, names } = question
  const catalogue = await readCatalogue(reader, period)
  await checkSubject(reader, asked, catalogue, names)
  const emails = asked.owners ?? []
  const person = emails.length === 0 ? null : await readPersonDocuments(reader, { keys: asked.keys, emails }, names)
  const filter = person === null ? asked : { ...asked, keys: person.keys, tenures: person.tenures }
  const pageOne = await readPageOne(reader, question)
  const disputes = await readDisputes(reader, period)
  const result = await readAccess(reader, question, filter, disputes, outlet)
  const details = await readDetails(reader, period, filter, person?.query ?? null)
  const resources = catalogue.resources.filter(({ name }) => filter.resource === '' || name === filter.resource)
  const hosts = filter.resource === '' ? null : [...new Set(resources.flatMap((each) => each.hosts))].sort()
  const naming: Naming = { names, disputes }
  const ways = await readWays(
    reader,
    { period, filter, person: person?.query ?? null, hosts, naming, resourcesOf: carriedBy(catalogue) },
    outlet,
  )
  const changes = await readChanges(reader, period, { ...filter, person: person?.query ?? null }, hosts, naming, outlet)
  const isInbound = ({ holder, destination }: AccessGroup) => details.isReached(holder.publicKey, destination)
  const exact = result.groups.filter(({ status }) => status === 'exact')
  return {
    question,
    filter,
    result,
    accessors: toAccessors(exact.filter((group) => !isInbound(group))),
    reached: exact.filter(isInbound),
    unattributed: result.groups.filter(({ status }) => status !== 'exact'),
    beside: await readBeside(reader, question, filter, {
      result,
      catalogue,
      resources,
      disputes,
      readAccess,
      isInbound,
    }),
    catalogue,
    resources,
    details,
    ways,
    changes,
    disputes,
    pageOne,
    through: await countThrough(reader, trafficQuery(filter), period),
    damage: reader.damage,
  }
}

function trafficQuery({ keys, resource }: AccessFilter): Query {
  return allOf([
    ...(keys.length === 0 ? [] : [equals('wireguard.peer.public_key', keys)]),
    ...(resource === '' ? [] : [equals('wireguard.resource.name', [resource])]),
  ])
}

function carriedBy({ resources }: Catalogue): (host: string) => readonly string[] {
  const carried = new Map<string, string[]>()
  for (const { name, hosts } of resources)
    for (const host of hosts) carried.set(host, [...(carried.get(host) ?? []), name])
  return (host) => carried.get(host) ?? []
}

type Beside = Pick<AccessFacts, 'result' | 'catalogue' | 'resources' | 'disputes'> & {
  readonly readAccess: AccessReading['readAccess']
  readonly isInbound: (group: AccessGroup) => boolean
}

/** Of a report on one resource its rows do not hold the others: they are read once more, without their file. */
async function readBeside(
  reader: EventReader,
  question: ReportQuestion,
  filter: AccessFilter,
  { result, catalogue, resources, disputes, readAccess, isInbound }: Beside,
): Promise<Accessor[]> {
  const own = new Set(resources.flatMap(({ hosts }) => hosts))
  const prefixes = [
    ...resources.flatMap(({ addresses }) => addresses),
    ...catalogue.hosts.filter(({ name }) => own.has(name)).flatMap(({ addresses }) => addresses),
  ]
  if (prefixes.length === 0) return []
  const index = createPrefixIndex(
    [...new Set(prefixes.map((each) => canonicalPrefix(each) ?? each))].map((each) => [each, true]),
  )
  const isOne = filter.resource !== ''
  const { groups } = isOne ? await readAccess(reader, question, { ...filter, resource: '' }, disputes, NO_ROWS) : result
  return toAccessors(
    groups.filter(
      (group) =>
        group.status === 'exact' &&
        (isOne ? group.resource !== filter.resource : group.resource === 'uncatalogued') &&
        index.covering(group.destination).length > 0 &&
        !isInbound(group),
    ),
  )
}
