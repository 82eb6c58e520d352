/** Findings as documents, for sinks that tell of them. */
import type { Event } from '../../src/event.ts'
import { createFindingDocuments, type Severity } from '../../src/finding-document.ts'
import { SECOND } from '../../src/time.ts'

const AT = 1_795_360_292 * SECOND

const document = createFindingDocuments({
  id: 'port-scan',
  title: 'Port scan',
  description: 'A peer tried many ports.',
  severity: 3,
  attack: [{ id: 'T1046', name: 'Network Service Discovery', tactic: { id: 'TA0007', name: 'Discovery' } }],
  origin: 'detection',
})

/** The nth, of that severity. */
export function madeFinding(n: number, more: { severity?: Severity; summary?: string; excused?: boolean } = {}): Event {
  return document({
    at: AT + n,
    subject: `peer ${n}`,
    summary: more.summary ?? `dogwood was refused at ${n} ports`,
    severity: more.severity ?? 3,
    evidence: ['e1'],
    about: { 'host.name': 'gw1', 'wireguard.peer.name': 'dogwood', 'wireguard.peer.owner.email': 'd@example.com' },
    ...(more.excused === true ? { exception: { reason: 'pentest', approvedBy: 'carol' } } : {}),
  })
}
