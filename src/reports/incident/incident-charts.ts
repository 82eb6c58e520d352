/** The incident's charts: what happened when, by outcome; when the keys were present, and what was not recorded. */
import { compareText } from '../../kql/text-match.ts'
import { spanText } from '../../quantity-text.ts'
import type { Micros } from '../../time.ts'
import type { ColumnChart, Series, StripChart } from '../document/report-document.ts'
import { ACTIVITIES, type Activity } from './incident-activity.ts'
import type { IncidentFacts } from './incident-facts.ts'
import { keyText } from './story-holder.ts'

const SERIES: { readonly [activity in Activity]: Series } = {
  connected: { name: 'connected', tone: 'good' },
  refused: { name: 'refused by the server', tone: 'warning' },
  'no-answer': { name: 'allowed, no answer', tone: 'plain' },
  denied: { name: 'denied at the gateway', tone: 'bad' },
  unknown: { name: 'outcome not known', tone: 'neutral' },
  host: { name: 'on hosts: logins, commands, files', tone: 'plain' },
  perhaps: { name: 'perhaps: may as well be another key', tone: 'neutral' },
}

/** Null when nothing happened. */
export function activityChart({ activity }: IncidentFacts): ColumnChart | null {
  const shown = ACTIVITIES.filter((each) => activity.counts[each] > 0)
  if (shown.length === 0) return null
  return {
    kind: 'columns',
    title: 'Activity over time, by outcome',
    unit: 'connections, packets and acts',
    series: shown.map((each) => SERIES[each]),
    width: activity.width,
    buckets: activity.buckets.map(({ at, counts }) => ({ at, values: shown.map((each) => counts[each]) })),
  }
}

/** Lanes that a chart may have, of presence and of gaps together. */
const LANES_MAX = 60
/** Lanes kept for gaps. */
const GAP_LANES_MAX = 30

type Lane = StripChart['lanes'][number]
type Span = Lane['spans'][number]

/** Null when there is neither. */
export function presenceChart(facts: IncidentFacts): StripChart | null {
  const { from, to } = facts.scope.period
  const gaps = gapLanes(facts, from, to).slice(0, GAP_LANES_MAX)
  const presence = presenceLanes(facts, from, to).slice(0, LANES_MAX - gaps.length)
  if (gaps.length + presence.length === 0) return null
  return {
    kind: 'strip',
    title: 'Peer sessions (inferred from handshakes), and what was not recorded',
    from,
    to,
    lanes: [...presence, ...gaps],
  }
}

function presenceLanes({ presence, mappings }: IncidentFacts, from: Micros, to: Micros): Lane[] {
  const names = new Map(mappings.map(({ holder }) => [holder.publicKey, holder.name || keyText(holder.publicKey)]))
  const lanes = Map.groupBy(presence, ({ publicKey, gateway }) => `${gateway}\0${publicKey}`)
  return [...lanes.values()].map((sessions) => {
    const [first] = sessions
    const key = first?.publicKey ?? ''
    return {
      label: `${names.get(key) ?? keyText(key)} on ${first?.gateway ?? ''}`,
      spans: joined(
        sessions.map((each) => {
          const end = each.to ?? to
          return {
            from: Math.max(from, each.from),
            to: Math.min(to, end),
            state: 'covered' as const,
            note:
              each.to === null
                ? 'session, no end of it is recorded in the period'
                : `session, ${spanText(end - each.from)}`,
          }
        }),
      ),
    }
  })
}

function gapLanes({ gaps }: IncidentFacts, from: Micros, to: Micros): Lane[] {
  const lanes = Map.groupBy(gaps, ({ machine, source }) => `${machine} ${source}`)
  return [...lanes]
    .sort(([a], [b]) => compareText(a, b))
    .map(([label, own]) => ({
      label: `${label}: not recorded`,
      spans: joined(
        own
          .filter(({ gap }) => gap.to > gap.from)
          .map(({ gap }) => ({
            from: Math.max(from, gap.from),
            to: Math.min(to, gap.to),
            state: gap.isLoss ? ('partly' as const) : ('gap' as const),
            note: `${gap.reason}, ${spanText(gap.to - gap.from)}`,
          })),
      ),
    }))
    .filter(({ spans }) => spans.length > 0)
}

/** In order and without overlap: what overlaps is one. */
function joined(spans: readonly Span[]): Span[] {
  const result: Span[] = []
  for (const span of spans.filter((each) => each.to > each.from).toSorted((a, b) => a.from - b.from || a.to - b.to)) {
    const last = result.at(-1)
    if (last === undefined || span.from >= last.to) result.push(span)
    else result[result.length - 1] = { ...last, to: Math.max(last.to, span.to), note: `${last.note}; more` }
  }
  return result
}
