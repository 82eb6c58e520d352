/**
 * What the kernel says it lost of its audit records, in its own log (formats.md 3.7, kernel/audit.c audit_log_lost):
 *
 *   kernel: audit: audit_backlog=65 > audit_backlog_limit=64
 *   kernel: audit: audit_lost=5 audit_rate_limit=0 audit_backlog_limit=64
 *   kernel: audit: backlog limit exceeded
 *
 * `audit_lost` counts since boot, so the loss is the difference to the line before; the line after it only says why. The first
 * one of a file may hold losses of before it, unless it is the very first of the boot.
 */
import type { DaemonLine } from './daemon-lines.ts'

export type AuditLoss = {
  /** Null: nothing about lost audit records. */
  read(body: string): DaemonLine | null
  save(): SavedAuditLoss
}

export type SavedAuditLoss = { readonly total: number; readonly isCounted: boolean }

const START = 'audit: '
const REASONS: readonly (readonly [string, string])[] = [
  ['backlog limit exceeded', 'audit-backlog'],
  ['rate limit exceeded', 'audit-rate-limit'],
  ['kauditd hold queue overflow', 'audit-queue'],
  ['kauditd retry queue overflow', 'audit-queue'],
]

export function createAuditLoss(saved?: SavedAuditLoss): AuditLoss {
  /** -1 before the first. */
  let total = saved?.total ?? -1
  let isCounted = saved?.isCounted ?? false

  function counted(now: number): DaemonLine | null {
    const before = total
    total = now
    isCounted = true
    if (now === before) return null
    // Smaller than before: the machine was booted.
    const lost = before < 0 ? (now === 1 ? 1 : 0) : now > before ? now - before : now
    return { what: 'loss', reason: 'audit-lost', lost, about: 'auditd' }
  }

  return {
    read(body) {
      if (!body.startsWith(START)) return null
      const lost = /^audit_lost=(\d{1,10}) /.exec(body.slice(START.length, START.length + 40))
      if (lost !== null) return counted(Number(lost[1]))
      const found = REASONS.find(([text]) => body.startsWith(text, START.length))
      if (found === undefined) return null
      const what = isCounted ? 'remark' : 'loss'
      isCounted = false
      return { what, reason: found[1], lost: 0, about: 'auditd' }
    },
    save: () => ({ total, isCounted }),
  }
}
