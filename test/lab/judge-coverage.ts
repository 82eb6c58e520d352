/** What was not seen is said, and nothing else: every outage has its gaps, every gap its outage. */
import { toIso } from '../../src/time.ts'
import type { CertainTimes } from './certain-times.ts'
import { type Found, timeOf } from './found-documents.ts'
import { type Row, rowOf } from './judgement.ts'
import type { Outage, Truth } from './truth.ts'

const SILENCED: { readonly [of in Outage['of']]: readonly string[] } = {
  daemon: ['conntrack', 'wireguard'],
  conntrack: ['conntrack'],
}

export function judgeCoverage({ outages }: Truth, documents: readonly Found[], times: CertainTimes): Row[] {
  const gaps = documents.filter((document) => ['source-gap', 'source-lost'].includes(document.say('event.action')))
  const stated = outages.flatMap(({ of, from, to }) =>
    SILENCED[of].map((source) => {
      const isSaid = gaps.some(
        (gap) =>
          gap.get('wireguard.coverage.source') === source &&
          timeOf(gap, 'event.start') <= to &&
          timeOf(gap, 'event.end') >= from,
      )
      return isSaid ? '' : `${toIso(from)} ${of} was killed: no gap of ${source}`
    }),
  )
  const untrue = gaps.map((gap) => {
    const source = gap.say('wireguard.coverage.source')
    const [from, to] = [timeOf(gap, 'event.start'), timeOf(gap, 'event.end')]
    if (times.isGapTrue(source, from, to)) return ''
    return `${toIso(from)} to ${toIso(to)}: gap of ${source} (${gap.say('event.reason')}), and nothing was lost`
  })
  const odd = documents
    .filter((document) => ['suspect-line', 'parse-failed'].includes(document.say('event.action')))
    .map((document) => `${document.say('event.action')}: ${document.text.slice(0, 300)}`)
  return [
    rowOf('outages stated as gaps', stated),
    rowOf('gaps stated are true', untrue),
    rowOf('lines not understood', odd),
  ]
}
