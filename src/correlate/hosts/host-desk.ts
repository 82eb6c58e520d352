/** One audited machine's desk: what is kept for whose log it is, by the machines that log is of (host-desks.ts). */
import { createFacet, type Facet } from '../../event.ts'
import { hashDigits } from '../../event-id.ts'
import type { AuditFacts } from '../../sources/auditd/facts.ts'
import type { AuditEvent } from '../../sources/auditd/record.ts'
import type { createAuditDocuments } from './audit-documents.ts'
import type { FailedLogins, SavedFailedLogins } from './failed-logins.ts'
import type { HostDirectory } from './host-directory.ts'
import type { HostSessions, SavedHostSessions } from './host-sessions.ts'
import type { createLoginEvents } from './login-events.ts'
import type { LoginSession } from './login-session.ts'
import type { Answer } from './origin.ts'

/** Which audit events become documents: those of logins from elsewhere and evidence of changes, or all. */
export type AuditScope = 'sessions' | 'all'

/** Plain data. */
export type SavedDesk = {
  readonly scope: AuditScope
  readonly nodes: readonly (readonly [node: string, SavedHostSessions])[]
  readonly failures: SavedFailedLogins
  readonly outOfScope: number
}

export type Desk = {
  readonly name: string
  scope: AuditScope
  /** By `node=`: a file may hold several machines' records, and each counts its login sessions from 1. */
  readonly nodes: Map<string, HostSessions>
  readonly read: (event: AuditEvent) => AuditFacts
  readonly idOf: (event: AuditEvent) => string
  readonly toDocument: ReturnType<typeof createAuditDocuments>
  readonly logins: ReturnType<typeof createLoginEvents>
  readonly failures: FailedLogins
  outOfScope: number
}

/** A machine named by `node=` that the inventory knows is that machine; else the folder's name holds. */
export function hostOf(directory: HostDirectory, desk: Desk, node: string): string {
  return directory.isDocumented(node) ? node : desk.name
}

/** Who is behind the session, shared by all its documents; it keeps what its first answer says. */
export function identityOf(desk: Desk, session: LoginSession, answer: Answer): Facet {
  if (session.identity === null) {
    const { node, boot, ses, seenAt } = session
    const leader = hashDigits(`login\0${desk.name}\0${node}\0${boot}\0${ses}\0${seenAt}`, 24)
    session.identity = createFacet({ ...answer.identity.fields, 'process.session_leader.entity_id': leader })
  }
  return session.identity
}

/** Live references, to be serialized at once. */
export function saveDesk({ scope, nodes, failures, outOfScope }: Desk): SavedDesk {
  const sessions = [...nodes].map(([node, each]) => [node, each.save()] as const)
  return { scope, nodes: sessions, failures: failures.save(), outOfScope }
}
