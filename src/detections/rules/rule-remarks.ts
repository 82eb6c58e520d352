/** What is allowed and may surprise its writer: told by `check`, and no error. */
import type { FieldName } from '../../fields.ts'
import { spanText } from '../../quantity-text.ts'
import type { Rule } from './rule.ts'

/** What has one of these values is about one peer, and comes to one place among many machines (design 10). */
const OF_ONE_PEER: ReadonlySet<FieldName> = new Set<FieldName>([
  'wireguard.peer.public_key',
  'wireguard.attribution.mapping_id',
  'wireguard.flow.id',
  'wireguard.session.id',
])

/** One sentence each. */
export function remarksOf({ groupBy, suppress, samples, measure }: Rule): string[] {
  const remarks: string[] = []
  const kinds = new Set(samples.map(({ fires }) => fires))
  if (samples.length === 0) remarks.push('no tests: nothing shows that it finds what it should')
  else if (kinds.size < 2)
    remarks.push(
      `tests only show what it ${kinds.has(true) ? 'finds: add one that stays quiet' : 'does not find: add one that fires'}`,
    )
  if (groupBy.length === 0)
    remarks.push(
      `no group_by: after a finding, whatever else matches is suppressed for ${spanText(suppress)}, whoever it is about`,
    )
  if (!groupBy.some((name) => OF_ONE_PEER.has(name)) && measure.atLeast > 1)
    remarks.push(
      'grouped across peers: with detectors on several Kafka partitions each one counts its own part; group by wireguard.peer.public_key to have it in one place',
    )
  return remarks
}
