/** Stretches of a kernel log in which a decoder has to remember something: for tests that cut a log in the middle of one. */
import { isoLine, packetText, traditionalLine } from './log-lines.ts'

/** A stretch of lines from `at` seconds on, `up` seconds after a boot. */
export type Stretch = (at: number, up: number) => string[]

export const realLines: Stretch = (at, up) =>
  [0, 1, 2, 3, 4].map((i) => isoLine(at + i * 0.7, up + i * 0.7, packetText(1000 + i)))
export const STRETCHES: readonly Stretch[] = [
  realLines,
  (at, up) => [0, 1, 2].map((i) => traditionalLine(at + i, up + i, packetText(2000 + i))),
  (at, up) => [isoLine(at, up - 1000, packetText(9)), isoLine(at, up + 1000, packetText(9))],
  (at) => [isoLine(at, null, packetText(9)), isoLine(at + 1, 3, packetText(9))],
  (at, up) => [isoLine(at + 365 * 86_400, up, packetText(3))],
  (at, up) => [...realLines(at, up), ...realLines(at, up)],
  (at) => [isoLine(at, null, '[origin software="rsyslogd"] start', 'rsyslogd:'), ...realLines(at, 5000)],
  (at, up) => [isoLine(at, up, 'audit: audit_lost=7 audit_rate_limit=0 audit_backlog_limit=64')],
  (at, up) => [isoLine(at, up, packetText(4)), isoLine(at + 1, null, 'message repeated 3 times', 'last')],
  () => ['nothing of a header', ' continued'],
  (at, up) => Array.from({ length: 40 }, (_, i) => isoLine(at + i, up - 3000 + i, packetText(3000 + i))),
]
