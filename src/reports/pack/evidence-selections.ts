/** Which documents belong into which file of an evidence pack. */

import type { Query } from '../../kql/ast.ts'
import { compares, equals, exists } from '../../kql/build.ts'
import { allOf, anyOf } from '../../kql/combine.ts'
import { ALL_TIME, type Selection } from '../../store/event-reader.ts'
import { type IncidentScope, STORY_DATASETS } from '../incident/incident-scope.ts'
import { keyQuery } from '../incident/incident-subject.ts'

/** Everything about the subject, the counters of its keys included, with changes and gaps of the machines that tell of it. */
export function documentsSelection({ story, keys, tenures, about }: IncidentScope): Selection {
  // Of a person only those of the time in which a key was hers.
  const points = allOf([equals('event.dataset', ['wireguard.peer']), tenures === null ? keyQuery(keys) : about])
  return { ...story, datasets: [...STORY_DATASETS, 'wireguard.peer'], query: anyOf([story.query, points]) }
}

/** Of those, what was kept as it was read. */
export function rawSelection(scope: IncidentScope): Selection {
  const { query, ...rest } = documentsSelection(scope)
  return { ...rest, query: allOf([query, exists('event.original')]) }
}

const CHANGES = ['peer-added', 'peer-removed', 'allowed-ips-changed', 'interface-down', 'interface-up']

/** Changes of WireGuard and of the packet filter on these machines in the period, of any key. */
export function changesSelection({ story, machines }: IncidentScope): Selection {
  const isChange = anyOf([equals('event.action', CHANGES), exists('wireguard.change.target')])
  return {
    ...story,
    datasets: ['wireguard.audit', 'wireguard.session'],
    query: allOf([equals('host.name', machines), isChange]),
  }
}

/** What was and was not recorded on these machines, with gaps that began before the period and reach into it. */
export function coverageSelection({ story, machines, period }: IncidentScope): Selection {
  const inPeriod: Query = anyOf([
    compares('@timestamp', '>=', period.from),
    allOf([equals('event.action', ['source-gap', 'source-lost']), compares('event.end', '>', period.from)]),
  ])
  return {
    datasets: ['wireguard.coverage'],
    since: ALL_TIME.since,
    until: story.until,
    query: allOf([equals('host.name', machines), inPeriod]),
  }
}
