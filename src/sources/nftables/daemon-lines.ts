/**
 * What log daemons and the kernel say about the completeness of the log itself (formats.md 1.6):
 *
 *   rsyslogd: [origin software="rsyslogd" swVersion="8.2302.0" x-pid="9421" …] exiting on signal 15.
 *   rsyslogd: imuxsock lost 516 messages from pid 159386 due to rate-limiting
 *   systemd-journald[231]: Missed 12 kernel messages
 *   kernel: printk: python3: 31 output lines suppressed due to ratelimiting
 *
 * Authority: formats.md 1.6. Anybody can write such lines, so they only ever become notices. `net_ratelimit: N callbacks
 * suppressed` is not here: nf_log has no such limit.
 */
import type { Notice } from '../source.ts'

export type DaemonLine = Pick<Notice, 'what' | 'reason' | 'lost' | 'about'>

/** Counts above are not believed: 0 = not known. */
const LOST_MAX = 1e12

/** `tag` as in the header, with or without `[pid]` and colon. Null: nothing about completeness. */
export function readDaemonLine(tag: string, body: string): DaemonLine | null {
  const name = /^[\w-]{1,32}/.exec(tag)?.[0] ?? ''
  if (name === 'rsyslogd' || name === 'rsyslog') return readRsyslogd(body)
  if (name === 'systemd-journald' || name === 'journal') return readJournald(body)
  if (name === 'imjournal' || name === 'imuxsock') return readRsyslogd(`${tag} ${body}`)
  return null
}

function readRsyslogd(body: string): DaemonLine | null {
  const text = body.startsWith('[origin ') ? body.slice(body.indexOf('] ') + 2) : body
  if (/^(?:re)?start(?:ed)?\b/.test(text)) return { what: 'started', reason: 'rsyslogd', lost: 0 }
  if (text.startsWith('exiting on signal')) return { what: 'stopped', reason: 'rsyslogd', lost: 0 }
  if (!/rate-limiting|queue is full|messages? (?:were )?(?:lost|discarded)|lost \d/.test(body)) return null
  const match = /\b(?:lost (\d{1,15}) messages?|(\d{1,15}) messages? (?:were )?(?:lost|discarded))/.exec(body)
  return { what: 'loss', reason: 'rsyslogd', lost: count(match?.[1] ?? match?.[2]) }
}

/** journald's own words, from a syslog line or a journal entry. Null: nothing about completeness. */
export function readJournald(body: string): DaemonLine | null {
  const missed = /^Missed (\d{1,15}) kernel messages/.exec(body)
  if (missed !== null) return { what: 'loss', reason: 'journald-missed', lost: count(missed[1]) }
  // Kernel messages are exempt from this limit; said all the same, by its own name, so that a reader can leave it out.
  const suppressed = /^Suppressed (\d{1,15}) messages from /.exec(body)
  if (suppressed !== null) return { what: 'loss', reason: 'journald-suppressed', lost: count(suppressed[1]) }
  if (body.startsWith('Journal started')) return { what: 'started', reason: 'journald', lost: 0 }
  if (body.startsWith('Journal stopped')) return { what: 'stopped', reason: 'journald', lost: 0 }
  return null
}

/** Kernel messages that are no packet lines. */
export function readKernelLoss(body: string): DaemonLine | null {
  if (body.startsWith('printk: ')) {
    const match = /: (\d{1,15}) output lines suppressed due to ratelimiting/.exec(body)
    return match === null ? null : { what: 'loss', reason: 'printk', lost: count(match[1]) }
  }
  if (body.includes('please increase S_SIZE')) return { what: 'loss', reason: 'nf-log-buffer', lost: 0 }
  return null
}

/** How often `message repeated N times: [ … ]` (rsyslog) or `last message repeated N times` (BSD) says so; 0 = neither. */
export function repeatCount(body: string): number {
  const match = /^(?:last )?message repeated (\d{1,15}) times/.exec(body)
  return match === null ? 0 : count(match[1])
}

function count(digits: string | undefined): number {
  const value = Number(digits ?? 0)
  return value <= LOST_MAX ? value : 0
}
