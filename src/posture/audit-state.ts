/** Auditing itself: on, with somebody who writes it down, nothing lost, and closed to changes. */
import type { Severity } from '../finding-document.ts'
import { type HostFacts, isKnown } from '../sources/hostfacts/facts.ts'
import type { PostureCheck, PostureResult } from './check.ts'
import { isDebianLike, NO_FACTS, notKnown } from './host-facts.ts'
import { LINUX_AUDIT_DISABLED } from './techniques.ts'

/** Percent of the backlog in use: behind it records are held up, or lost. */
const BACKLOG_MAX = 90

export const auditState: PostureCheck = {
  id: 'audit-state',
  title: 'Auditing that is off, loses records or can be switched off',
  description:
    'What logins do on a machine is known from the audit records of its kernel. They must be switched on, written down by auditd, and not lost; closed rules (enabled 2) cannot be changed before the next boot, not even by root.',
  severity: 3,
  attack: [LINUX_AUDIT_DISABLED],
  origin: 'posture',
  area: 'Audit',
  knownGaps: [
    'How many records were lost is counted since the boot, not when.',
    'Root can still stop the daemon, or write to its file: the serials of the records show holes.',
  ],
  look: ({ facts }) => {
    if (facts === null) return [NO_FACTS]
    if (facts.programs['auditctl'] === '')
      return [
        finding(3, {
          subject: 'not-installed',
          text: 'auditd is not installed: what logins do on this machine is not recorded.',
          evidence: ['auditctl: not found'],
          mend: [isDebianLike(facts) ? 'apt-get install auditd' : 'dnf install audit'],
        }),
      ]
    const { status } = facts.audit
    if (!isKnown(status)) return [notKnown('The state of auditing is', status)]
    // A problem is a record of texts too, so the compiler cannot tell them apart; isKnown has.
    const told: Readonly<Record<string, string>> = status
    const found = judge(told, facts)
    const isClosed = told['enabled'] === '2'
    const passed: PostureResult = {
      kind: 'passed',
      text: isClosed
        ? 'Auditing is on, auditd writes it down, and its rules are closed until the next boot.'
        : 'Auditing is on, and auditd writes it down.',
    }
    const isAdvice = (each: PostureResult) => each.kind === 'finding' && each.severity === 1
    return found.every(isAdvice) ? [passed, ...found] : found
  },
}

function judge(status: Readonly<Record<string, string>>, facts: HostFacts): PostureResult[] {
  const line = (name: string) => `auditctl -s: ${name} ${status[name] ?? ''}`
  const number = (name: string) => (/^\d+$/.test(status[name] ?? '') ? Number(status[name]) : null)
  const enabled = number('enabled')
  if (enabled === null) return [notKnown('Whether auditing is on is', { problem: 'auditctl -s does not say' })]
  if (enabled === 0)
    return [
      finding(3, {
        subject: 'off',
        text: 'Auditing is switched off in the kernel: no rule records anything.',
        evidence: [line('enabled')],
        mend: ['auditctl -e 1'],
      }),
    ]
  const found: PostureResult[] = []
  if (number('pid') === 0)
    found.push(
      finding(3, {
        subject: 'no-daemon',
        text: 'auditd does not run: at most the journal or the kernel log has audit records, and not all of them.',
        evidence: [line('pid')],
        mend: ['systemctl enable --now auditd'],
      }),
    )
  const [lost, backlog, limit] = [number('lost') ?? 0, number('backlog') ?? 0, number('backlog_limit') ?? 0]
  if (lost > 0)
    found.push(
      finding(2, {
        subject: 'lost',
        text: `The kernel lost ${lost === 1 ? 'an audit record' : `${lost} audit records`} since it started.`,
        evidence: [line('lost'), line('backlog_limit')],
        mend: ['auditctl -b 8192', '# and in a file of /etc/audit/rules.d: -b 8192 and --backlog_wait_time 60000'],
      }),
    )
  if (limit > 0 && backlog * 100 >= limit * BACKLOG_MAX)
    found.push(
      finding(2, {
        subject: 'backlog',
        text: `${backlog} of ${limit} audit records that may wait are waiting: the next burst is lost.`,
        evidence: [line('backlog'), line('backlog_limit')],
        mend: [`auditctl -b ${limit * 2}`],
      }),
    )
  if ((number('rate_limit') ?? 0) > 0)
    found.push(
      finding(2, {
        subject: 'rate-limit',
        text: `The kernel throws audit records away beyond ${number('rate_limit')} a second.`,
        evidence: [line('rate_limit')],
        mend: ['auditctl -r 0'],
      }),
    )
  return [...found, ...openRules(enabled, line('enabled'), facts)]
}

/** Rules that root can change until the next boot: advice, because closing them makes every change of them a reboot. */
function openRules(enabled: number, evidence: string, { audit }: HostFacts): PostureResult[] {
  if (enabled === 2 || (isKnown(audit.rules) && audit.rules.length === 0)) return []
  return [
    finding(1, {
      subject: 'not-closed',
      text: 'The audit rules can be changed by root without a reboot (enabled is not 2).',
      evidence: [evidence],
      mend: ["echo '-e 2' >/etc/audit/rules.d/99-close.rules   # when the rules are settled", 'augenrules --load'],
    }),
  ]
}

type Told = { readonly subject: string; readonly text: string; readonly evidence: string[]; readonly mend: string[] }

function finding(severity: Severity, told: Told): PostureResult {
  return { kind: 'finding', severity, ...told, about: {}, exception: null }
}
