/**
 * Judges auditing: does auditd run, do its rules tell which peer is behind a login and what it did, may the daemon read the log? Rules
 * are compared by what they are for with those of deploy/audit.rules, not by their text.
 *
 *   auditctl -l:   -a always,exit -F arch=b64 -S accept,accept4 -F success=1 -F saddr_fam=2 -F key=accept
 *
 * Authority: auditctl(8), auditd.conf(5).
 */
import { isKnown } from '../sources/hostfacts/facts.ts'
import { type Finding, type Judgement, listText } from './finding.ts'
import type { MachineFacts } from './machine-facts.ts'
import { DAEMON_USER, mayRead } from './machine-reader.ts'
import { installCommand } from './mend-commands.ts'

export type RulePurpose = {
  readonly id: string
  /** What documents lack without it. */
  readonly without: string
  /** Only gateways have what it watches. */
  readonly isForGateway: boolean
  readonly holds: (rule: string) => boolean
}

/** A rule about a system call that somebody else may exclude again (`never`) is taken for what it says. */
const isSyscall = (rule: string, ...names: readonly string[]) =>
  /^-a (?:always,exit|exit,always)\b/.test(rule) &&
  names.some((name) => new RegExp(`-S \\S*\\b${name}\\b`).test(rule)) &&
  !/arch=b32/.test(rule)
const watches = (rule: string, path: string) => new RegExp(`(?:-w |-F (?:path|dir)=)${path}/?(?:\\s|$)`).test(rule)
const AUDIT_LOG = '/var/log/audit/audit.log'
const RULES = 'install -m 0640 deploy/audit.rules /etc/audit/rules.d/50-peertrail.rules && augenrules --load'

/** In the order of docs/operations.md. */
export const RULE_PURPOSES: readonly RulePurpose[] = [
  {
    id: 'accept',
    without: "the client's address and port: which peer a login or a service belongs to is certain only by them",
    isForGateway: false,
    holds: (rule) => isSyscall(rule, 'accept', 'accept4'),
  },
  {
    id: 'sshd',
    without: 'which sshd child serves which connection, behind one translated address',
    isForGateway: false,
    holds: (rule) => watches(rule, '/usr/sbin/sshd') || watches(rule, '\\S*/sshd-session'),
  },
  {
    id: 'exec',
    without: 'commands that logins run',
    isForGateway: false,
    holds: (rule) => isSyscall(rule, 'execve'),
  },
  {
    id: 'connect',
    without: 'where a login goes on to',
    isForGateway: false,
    holds: (rule) => isSyscall(rule, 'connect'),
  },
  {
    id: 'wireguard',
    without: 'who changed peers in /etc/wireguard',
    isForGateway: true,
    holds: (rule) => watches(rule, '/etc/wireguard'),
  },
  { id: 'wg', without: 'who ran wg', isForGateway: true, holds: (rule) => watches(rule, '/usr/bin/wg') },
  { id: 'nft', without: 'who ran nft', isForGateway: true, holds: (rule) => watches(rule, '/usr/s?bin/nft') },
]

/** Purposes that no rule serves. */
export function unservedPurposes(rules: readonly string[], isGateway: boolean): RulePurpose[] {
  return RULE_PURPOSES.filter(
    ({ isForGateway, holds }) => (isGateway || !isForGateway) && !rules.some((rule) => holds(rule)),
  )
}

/** `Audit`. */
export function judgeAudit(facts: MachineFacts): Judgement {
  const area = 'Audit'
  const { host, processes, seesProcesses, family } = facts
  if (host.programs['auditctl'] === '')
    return { area, wells: [], findings: [noAudit(installCommand(family, 'audit'), 'not installed')] }
  if (seesProcesses && !processes.includes('auditd'))
    return { area, wells: [], findings: [noAudit('systemctl enable --now auditd', 'not running')] }
  const { wells, findings } = judgeRules(facts)
  return {
    area,
    wells: [processes.includes('auditd') ? 'auditd runs' : 'auditd is installed', ...wells],
    findings: [...statusFindings(facts), ...findings, ...logFindings(facts)],
  }
}

function noAudit(command: string, state: string): Finding {
  return {
    id: 'no-auditd',
    severity: 'missing',
    what: `auditd is ${state}.`,
    consequence: 'What logins do on this machine is in no document, and a change of peers or rules has no author.',
    mend: [command, RULES],
  }
}

function judgeRules({ host, wireguard, isRoot }: MachineFacts): { wells: string[]; findings: Finding[] } {
  const { rules } = host.audit
  if (!isKnown(rules))
    return {
      wells: [],
      findings: [
        {
          id: 'audit-rules-unseen',
          severity: isRoot ? 'missing' : 'unseen',
          what: isRoot
            ? `The audit rules cannot be listed: ${rules.problem}`
            : 'The audit rules could not be looked at: that takes root.',
          consequence: 'Whether logins and changes are recorded is not known.',
          mend: [isRoot ? 'auditctl -l' : 'sudo peertrail doctor'],
        },
      ],
    }
  const unserved = unservedPurposes(rules, wireguard.names.length > 0)
  if (unserved.length === 0) return { wells: ['its rules say what those of deploy/audit.rules say'], findings: [] }
  const served = RULE_PURPOSES.length - unserved.length
  return {
    wells: [],
    findings: [
      {
        id: 'audit-rules',
        severity: 'missing',
        what:
          served === 0 || rules.length === 0
            ? 'No audit rule is loaded that peertrail could use.'
            : `Audit rules are missing: ${listText(unserved.map(({ id }) => id))}.`,
        consequence: `Documents lack ${unserved.map(({ without }) => without).join('; ')}. Read the file before you load it: it records command lines.`,
        mend: [RULES],
      },
    ],
  }
}

/** `auditctl -s`: what the kernel says of itself. */
function statusFindings({ host }: MachineFacts): Finding[] {
  // auditctl has no value of that name: a record with it is the reason why there is none.
  const status = new Map(Object.entries(host.audit.status))
  if (status.has('problem')) return []
  const [enabled, lost] = [status.get('enabled') ?? '1', status.get('lost') ?? '0']
  return [
    ...(enabled === '0'
      ? [
          {
            id: 'audit-off',
            severity: 'missing' as const,
            what: 'Auditing is switched off in the kernel.',
            consequence: 'No rule records anything, although auditd runs.',
            mend: ['auditctl -e 1'],
          },
        ]
      : []),
    ...(Number(lost) > 0
      ? [
          {
            id: 'audit-lost',
            severity: 'advice' as const,
            what: `The kernel lost ${lost} audit records since it began.`,
            consequence: 'They are in no document. The count says how many, not which.',
            mend: ['auditctl -b 8192', '# and in the rules file: -b 8192, --backlog_wait_time 60000'],
          },
        ]
      : []),
  ]
}

function logFindings({ auditLog, auditdConf, reader, family, isRoot, rotations }: MachineFacts): Finding[] {
  const path = auditdConf.get('log_file') ?? AUDIT_LOG
  const findings: Finding[] = []
  const user = reader.name || DAEMON_USER
  const group = family === 'redhat' ? DAEMON_USER : 'adm'
  if (!isKnown(auditLog) && auditLog.problem === 'permission denied' && !isRoot)
    findings.push({
      id: 'audit-log-unseen',
      severity: 'unseen',
      what: `${path} could not be looked at: that takes root.`,
      consequence: 'Whether the daemon may read it is not known.',
      mend: ['sudo peertrail doctor'],
    })
  else if (isKnown(auditLog) && !mayRead(reader, auditLog))
    findings.push({
      id: 'audit-log-unreadable',
      severity: 'wrong',
      what: `User ${user} may not read ${path}.`,
      consequence: 'Nothing of what logins do on this machine reaches peertrail.',
      mend: [
        `sed -i 's/^log_group.*/log_group = ${group}/' /etc/audit/auditd.conf && service auditd restart`,
        ...(reader.groups.includes(group) ? [] : [`usermod -a -G ${group} ${user}`]),
      ],
    })
  else if (!isKnown(auditLog))
    findings.push({
      id: 'no-audit-log',
      severity: 'missing',
      what: `${path} is not there: ${auditLog.problem}.`,
      consequence: 'Nothing of what logins do on this machine reaches peertrail.',
      mend: ["grep -E '^(log_file|write_logs)' /etc/audit/auditd.conf"],
    })
  if (
    rotations.some(
      ({ patterns, isCopied }) => isCopied && patterns.some((pattern) => pattern.startsWith('/var/log/audit/')),
    )
  )
    findings.push({
      id: 'audit-copytruncate',
      severity: 'wrong',
      what: 'logrotate rotates the audit log by copytruncate.',
      consequence: 'Records written between copy and cut are lost without a trace. auditd rotates by itself.',
      mend: ['grep -l /var/log/audit /etc/logrotate.d/*   # and take that stanza out'],
    })
  return findings
}
