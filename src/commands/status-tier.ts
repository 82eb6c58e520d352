/** A tier's share of the status screen: its partitions, what it waits for, what became of messages. */
import type { TierStatus } from '../live/tiers/tier.ts'
import { safeText } from '../safe-text.ts'
import type { Micros } from '../time.ts'
import type { Cell } from './document-line.ts'
import { type FittedColumn, fittedTable } from './fitted-table.ts'
import { agoText, countText, plain, tally } from './status-text.ts'
import { counted, paint, type Terminal } from './terminal.ts'
import { wrapText } from './wrap-text.ts'

const VERBS = { correlate: 'Correlating', detect: 'Detecting', index: 'Indexing' } as const
/** Messages that a busy partition has unread at any moment. */
const LAG_MAX = 10_000
const WAITING_FOR_LEAST = 16
/** Partitions with a row each; of more, those furthest behind. */
const PARTITIONS_MAX = 64

/** '' for a process that is no tier. */
export function tierSection(terminal: Terminal, tier: TierStatus | null, now: Micros, width: number): string {
  if (tier === null) return ''
  const { partitions } = tier
  const about = `${counted(partitions.length, 'partition')} of ${safeText(tier.group)} at ${safeText(tier.brokers.join(', '))}`
  const title = `${paint(terminal, 'cyan', VERBS[tier.tier])}  ${about}\n`
  return `${title}${table(terminal, tier, now, width)}${outcomes(terminal, tier, width)}`
}

function table(terminal: Terminal, { partitions }: TierStatus, now: Micros, width: number): string {
  if (partitions.length === 0)
    return `${paint(terminal, 'dim', 'none assigned yet, or more members than partitions')}\n`
  const topics = [...new Set(partitions.flatMap(({ lag }) => Object.keys(lag)))].sort()
  const isWaiting = partitions.some(({ waitingFor }) => waitingFor !== '')
  const columns: readonly FittedColumn[] = [
    { title: 'partition', align: 'right' },
    ...topics.map((topic) => ({ title: `${safeText(topic)} unread`, align: 'right' as const })),
    { title: 'told up to', align: 'right' },
    { title: 'in memory', align: 'right', rank: 1 },
    ...(isWaiting ? [{ title: 'waits for', least: WAITING_FOR_LEAST }] : []),
  ]
  const shown = partitions.length <= PARTITIONS_MAX ? partitions : furthestBehind(partitions)
  const rows = shown.map((each) => [
    plain(String(each.partition)),
    ...topics.map((topic) => lagCell(each.lag[topic] ?? null)),
    plain(each.reached > 0 ? agoText(each.reached, now) : 'nothing yet'),
    plain(countText(each.waiting)),
    ...(isWaiting ? [plain(each.waitingFor)] : []),
  ])
  const left = partitions.length - shown.length
  const more = left > 0 ? `${paint(terminal, 'dim', `the furthest behind; ${left} more: --json has all`)}\n` : ''
  return `${fittedTable(terminal, width, columns, rows)}${more}`
}

function furthestBehind(partitions: TierStatus['partitions']): TierStatus['partitions'] {
  const unread = (each: TierStatus['partitions'][number]) =>
    Object.values(each.lag).reduce((sum: number, count) => sum + (count ?? 0), 0)
  return partitions.toSorted((a, b) => unread(b) - unread(a)).slice(0, PARTITIONS_MAX)
}

function lagCell(lag: number | null): Cell {
  if (lag === null) return { text: '?', style: 'dim' }
  return lag > LAG_MAX ? tally(lag, 'yellow') : plain(countText(lag))
}

function outcomes(terminal: Terminal, { counts, machines }: TierStatus, width: number): string {
  const told = Object.entries(counts).filter(([, count]) => count > 0)
  const words = [
    ...(machines.length === 0 ? [] : [`${counted(machines.length, 'machine')} heard`]),
    ...told.map(([name, count]) => `${countText(count)} ${safeText(name)}`),
  ]
  if (words.length === 0) return ''
  return wrapText(words.join(', '), width)
    .map((line) => `${paint(terminal, 'dim', line)}\n`)
    .join('')
}
