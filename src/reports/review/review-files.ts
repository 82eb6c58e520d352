/** Every row of a review, complete, in files beside the page: columns named as the fields of documents are, where there is one. */

import type { Micros } from '../../time.ts'
import { toIso } from '../../time.ts'
import { type Row, type RowValue, writeRows } from '../rows/row-lines.ts'
import type { RowOutlet } from '../rows/row-outlet.ts'
import { ACTS_FILE, FINDINGS_FILE, INVENTORY_CHANGES_FILE, PEER_CHANGES_FILE } from './change-sections.ts'
import { EXCEPTIONS_FILE, GRANTS_FILE, grantEnd, POLICY_FILE } from './grant-sections.ts'
import { policyText } from './inventory-changes.ts'
import type { ReviewFacts } from './review-facts.ts'
import { LINES_FILE, ROTATIONS_FILE, SILENT_FILE } from './standing-sections.ts'

/** A file's name, its columns in order, and its rows. */
type RowFile = {
  readonly name: string
  readonly columns: readonly string[]
  readonly rows: readonly Row[]
}

/** A file a table; what a file has no rows of is written all the same, so that nothing seems missing. */
export async function writeReviewFiles(outlet: RowOutlet, facts: ReviewFacts): Promise<void> {
  const parts = [lineFiles, keyFiles, grantFiles, changeFiles, otherFiles]
  for (const { name, columns, rows } of parts.flatMap((part) => part(facts)))
    await writeRows(outlet, name, columns, rows)
}

const WHERE = ['observer.name', 'wireguard.interface.name', 'wireguard.peer.public_key']
const WHO = ['wireguard.peer.name', 'wireguard.peer.owner.name', 'wireguard.peer.owner.email']

type Placed = { readonly gateway: string; readonly interface: string; readonly publicKey: string }
type Held = { readonly peer: string; readonly ownerName: string; readonly ownerEmail: string }

function where({ gateway, interface: name, publicKey }: Placed): Row {
  return {
    'observer.name': gateway,
    'wireguard.interface.name': known(name),
    'wireguard.peer.public_key': known(publicKey),
  }
}

function who({ peer, ownerName, ownerEmail }: Held): Row {
  return {
    'wireguard.peer.name': known(peer),
    'wireguard.peer.owner.name': known(ownerName),
    'wireguard.peer.owner.email': known(ownerEmail),
  }
}

/** Nothing is no text. */
function known(text: string): RowValue {
  return text === '' ? null : text
}

function time(at: Micros | null): RowValue {
  return at === null ? null : toIso(at)
}

/** To be filled in: empty in every row. */
const DECISION = { decision: null }

function lineFiles({ lines }: ReviewFacts): RowFile[] {
  return [
    {
      name: LINES_FILE,
      columns: [
        'topic',
        'check',
        'severity',
        ...WHERE,
        ...WHO,
        'wireguard.peer.prefix',
        'wireguard.peer.last_handshake',
        'text',
        'mend',
        'exception',
        'approved_by',
        'decision',
      ],
      rows: lines.lines.map((line) => ({
        topic: line.topic,
        check: line.check,
        severity: line.severity,
        ...where(line),
        ...who(line),
        'wireguard.peer.prefix': known(line.prefix),
        'wireguard.peer.last_handshake': time(line.lastHandshake),
        text: line.text,
        mend: line.mend,
        exception: line.exception?.reason,
        approved_by: line.exception?.approvedBy,
        ...DECISION,
      })),
    },
  ]
}

function keyFiles({ silent, rotations }: ReviewFacts): RowFile[] {
  return [
    {
      name: SILENT_FILE,
      columns: [
        ...WHERE,
        ...WHO,
        'wireguard.peer.allowed_ips',
        'wireguard.peer.last_handshake',
        'last_connection',
        'recorded_since',
        'silent_seconds',
        'accepted',
        'mend',
        'decision',
      ],
      rows: silent.map((key) => ({
        ...where(key),
        ...who(key),
        'wireguard.peer.allowed_ips': key.allowedIps,
        'wireguard.peer.last_handshake': time(key.lastHandshake),
        last_connection: time(key.lastFlow),
        recorded_since: time(key.recordedSince),
        silent_seconds: !key.isKnown ? null : Math.floor(key.silentFor / 1_000_000),
        accepted: known(key.accepted),
        mend: key.mend,
        ...DECISION,
      })),
    },
    {
      name: ROTATIONS_FILE,
      columns: [...WHERE, ...WHO, 'since', 'rotate_every_seconds', 'due', 'overdue'],
      rows: rotations.due.map((each) => ({
        ...where(each),
        ...who(each),
        since: time(each.since),
        rotate_every_seconds: Math.floor(each.rotateEvery / 1_000_000),
        due: time(each.due),
        overdue: each.isOverdue,
      })),
    },
  ]
}

function grantFiles({ grants, exceptions }: ReviewFacts): RowFile[] {
  return [
    {
      name: GRANTS_FILE,
      columns: [
        'line',
        'groups',
        'observer.name',
        ...WHO,
        'wireguard.resource.name',
        'wireguard.resource.classification',
        'state',
        'last_use',
        'last_try',
        'mend',
        'decision',
      ],
      rows: grants.grants.map((grant) => ({
        line: grant.line,
        groups: grant.groups,
        'observer.name': grant.gateway,
        ...who(grant),
        'wireguard.resource.name': grant.resource,
        'wireguard.resource.classification': known(grant.classification),
        state: grant.state,
        last_use: time(grant.lastUse),
        last_try: time(grant.lastTry),
        mend: grant.state === 'used' ? null : grantEnd(grant),
        ...DECISION,
      })),
    },
    {
      name: POLICY_FILE,
      columns: ['line', 'policy', 'peers', 'used', 'tried', 'unused', 'not_recorded', 'renamed', 'decision'],
      rows: grants.lines.map(({ line, policy, peers, counts }) => ({
        line,
        policy: policyText(policy),
        peers,
        used: counts.used,
        tried: counts.tried,
        unused: counts.unused,
        not_recorded: counts['not-recorded'],
        renamed: counts.renamed,
        ...DECISION,
      })),
    },
    {
      name: EXCEPTIONS_FILE,
      columns: ['check', 'wireguard.peer.name', 'reason', 'approved_by', 'until', 'expired', 'excuses', 'decision'],
      rows: exceptions.map((each) => ({
        check: each.check,
        'wireguard.peer.name': each.peer,
        reason: each.reason,
        approved_by: each.approvedBy,
        until: time(each.until),
        expired: each.isExpired,
        excuses: each.excuses,
        ...DECISION,
      })),
    },
  ]
}

function changeFiles({ changes }: ReviewFacts): RowFile[] {
  return [
    {
      name: PEER_CHANGES_FILE,
      columns: [
        'event.id',
        'event.start',
        'event.end',
        'event.action',
        ...WHERE,
        ...WHO,
        'names_differ',
        'wireguard.change.before',
        'wireguard.change.after',
        'by',
      ],
      rows: changes.peers.map((change) => ({
        'event.id': change.id,
        'event.start': time(change.from),
        'event.end': time(change.to),
        'event.action': change.action,
        ...where(change),
        ...who(change),
        names_differ: known(change.note),
        'wireguard.change.before': change.before,
        'wireguard.change.after': change.after,
        by: change.by,
      })),
    },
    {
      name: ACTS_FILE,
      columns: [
        'first',
        'last',
        'times',
        'host.name',
        'wireguard.change.target',
        'event.action',
        'user.name',
        'wireguard.peer.public_key',
        ...WHO,
        'command',
        'file.path',
        'event.outcome',
      ],
      rows: changes.acts.map((act) => ({
        first: time(act.first),
        last: time(act.last),
        times: act.times,
        'host.name': act.host,
        'wireguard.change.target': act.target,
        'event.action': act.action,
        'user.name': known(act.account),
        'wireguard.peer.public_key': known(act.publicKey),
        ...who(act),
        command: known(act.command),
        'file.path': known(act.file),
        'event.outcome': known(act.outcome),
      })),
    },
  ]
}

function otherFiles({ versions, findings }: ReviewFacts): RowFile[] {
  return [
    {
      name: INVENTORY_CHANGES_FILE,
      columns: [
        'first_used',
        'observer.name',
        'version_before',
        'version',
        'part',
        'name',
        'change',
        'field',
        'before',
        'after',
      ],
      rows: versions.steps.flatMap((step) =>
        (step.changes ?? []).map((change) => ({
          first_used: time(step.at),
          'observer.name': step.gateway,
          version_before: known(step.before),
          version: step.after,
          ...change,
        })),
      ),
    },
    {
      name: FINDINGS_FILE,
      columns: [
        '@timestamp',
        'event.id',
        'rule.id',
        'rule.name',
        'event.severity',
        'host.name',
        'wireguard.peer.public_key',
        'wireguard.peer.name',
        'wireguard.finding.summary',
        'wireguard.finding.exception',
        'wireguard.finding.approved_by',
        'wireguard.finding.handled_by',
        'wireguard.finding.case',
        'handled_at',
      ],
      rows: findings.findings.map((finding) => ({
        '@timestamp': time(finding.at),
        'event.id': finding.id,
        'rule.id': finding.rule,
        'rule.name': finding.title,
        'event.severity': finding.severity,
        'host.name': finding.gateway,
        'wireguard.peer.public_key': known(finding.publicKey),
        'wireguard.peer.name': known(finding.peer),
        'wireguard.finding.summary': finding.summary,
        'wireguard.finding.exception': known(finding.exception),
        'wireguard.finding.approved_by': known(finding.approvedBy),
        'wireguard.finding.handled_by': known(finding.handledBy),
        'wireguard.finding.case': known(finding.reference),
        handled_at: time(finding.handledAt),
      })),
    },
  ]
}
