/**
 * Compares what the parts of a live run say of themselves with what they should, every few seconds: silent sources, a ledger that
 * is not renewed, commands that do not run, sinks that take nothing. Whether silence is loss nobody can know here; that somebody
 * should look, one can.
 */
import type { Freshness } from '../correlate/covered-source.ts'
import { spanText } from '../quantity-text.ts'
import { MINUTE, type Micros, SECOND } from '../time.ts'
import type { Alarm, DaemonStatus } from './status.ts'

export const LOOKED_FOR = [
  'source-stale',
  'ledger-stale',
  'never-spoke',
  'source-unreadable',
  'collector-down',
  'sink-failing',
  'sink-troubled',
  'spool-full',
  'disk-full',
  'late-records',
] as const

/** Polls missed before the ledger counts as stale: the same three as for attribution (design 5.3). */
const POLLS_MISSED = 3
const POLL_STALE_MIN: Micros = 10 * SECOND
/** After the start a source may take so long to say its first word. */
const FIRST_WORD: Micros = MINUTE

export function lookAround(status: DaemonStatus, freshness: readonly Freshness[]): Omit<Alarm, 'since'>[] {
  return [
    ...freshness.flatMap((each) => staleness(each, status)),
    ...status.sources
      .filter(({ problem }) => problem !== '')
      .map(({ host, name, path, problem }) => ({
        kind: 'source-unreadable',
        about: `${host} ${name} ${path}`,
        text: `${host} ${name}: ${path} cannot be read: ${problem}`,
      })),
    ...status.collectors
      .filter(({ state, lastError }) => state === 'waiting' || lastError !== '')
      .map(({ label, command, lastError }) => ({
        kind: 'collector-down',
        about: label,
        text: `${label}: ${command[0] ?? ''} does not run: ${lastError}`,
      })),
    ...status.sinks
      .filter(({ error }) => error !== '')
      .map(({ name, error, waiting }) => ({
        kind: 'sink-failing',
        about: name,
        text: `sink ${name} takes nothing (${waiting} wait): ${error}`,
      })),
    ...status.sinks
      .filter(({ trouble }) => trouble !== '')
      .map(({ name, trouble }) => ({ kind: 'sink-troubled', about: name, text: `sink ${name}: ${trouble}` })),
    ...(status.state === 'blocked'
      ? [{ kind: 'spool-full', about: 'spool', text: 'a spool is full: nothing is read until a sink takes something' }]
      : []),
    ...(status.checkpoint.error === ''
      ? []
      : [{ kind: 'disk-full', about: 'state', text: `no checkpoint: ${status.checkpoint.error}` }]),
    ...(status.lateRate === 0
      ? []
      : [
          {
            kind: 'late-records',
            about: 'merge',
            text: `${status.lateRecords} records came so late that others had passed them: the clock or the log of a machine runs behind`,
          },
        ]),
  ]
}

function staleness(
  { host, source, newestAt, hasSpoken, usualDistance, staleAfter }: Freshness,
  status: DaemonStatus,
): Omit<Alarm, 'since'>[] {
  const about = `${host} ${source}`
  if (!hasSpoken) {
    if (status.now - status.startedAt < FIRST_WORD) return []
    return [{ kind: 'never-spoke', about, text: `${about} has said nothing since the start` }]
  }
  // A source's time may run behind the wall clock as a whole: what counts is how far it is behind the others.
  const now = Math.min(status.now, status.watermark ?? status.now)
  const silent = now - newestAt
  if (source === 'wireguard') {
    const most = Math.max(POLL_STALE_MIN, POLLS_MISSED * usualDistance)
    if (silent <= most) return []
    return [
      {
        kind: 'ledger-stale',
        about,
        text: `${host}: no wg poll for ${spanText(silent)}; attribution waits or is ambiguous`,
      },
    ]
  }
  return silent <= staleAfter
    ? []
    : [{ kind: 'source-stale', about, text: `${about} has said nothing for ${spanText(silent)}` }]
}
