/** Audit rules that record who runs wg, wg-quick and nft, and who writes what they load. */
import { isKnown } from '../sources/hostfacts/facts.ts'
import { type AuditRule, readAuditRule, recordsExecution, switchesOff, watches } from './audit-rule.ts'
import type { PostureCheck, PostureResult } from './check.ts'
import { NO_FACTS, notKnown } from './host-facts.ts'
import { isGateway } from './posture-view.ts'
import { LINUX_AUDIT_DISABLED } from './techniques.ts'

type Purpose = {
  readonly id: string
  /** Any of these: where it lies differs between distributions. */
  readonly paths: readonly string[]
  readonly access: 'w' | 'x'
  /** Program of the host facts that it is about; '' = none. */
  readonly program: string
  readonly without: string
  readonly rule: string
  /** What it records shows in another rule's records too. */
  readonly isMinor: boolean
}

const PURPOSES: readonly Purpose[] = [
  {
    id: 'wireguard-files',
    paths: ['/etc/wireguard'],
    access: 'w',
    program: '',
    without: 'who changes a stored configuration or a key',
    rule: '-a always,exit -F arch=b64 -F dir=/etc/wireguard -F perm=rwa -k wireguard',
    isMinor: false,
  },
  program('wg', '/usr/bin/wg', 'who adds and removes peers, and who reads keys with wg', 'wg'),
  program('wg-quick', '/usr/bin/wg-quick', 'who brings tunnels up and down', 'wg'),
  program('nft', '/usr/sbin/nft', 'who changes the rules of the packet filter', 'nft'),
  {
    id: 'nftables-files',
    paths: ['/etc/nftables.conf', '/etc/sysconfig/nftables.conf', '/etc/nftables'],
    access: 'w',
    program: '',
    without: 'who changes the rules that are loaded at the next boot',
    rule: '-a always,exit -F arch=b64 -F path=/etc/nftables.conf -F perm=wa -k nft',
    isMinor: true,
  },
]

function program(id: string, path: string, without: string, key: string): Purpose {
  const folders = ['/usr/bin', '/usr/sbin', '/bin', '/sbin', '/usr/local/bin', '/usr/local/sbin']
  return {
    id,
    paths: folders.map((folder) => `${folder}/${id}`),
    access: 'x',
    program: id,
    without,
    rule: `-a always,exit -F arch=b64 -F path=${path} -F perm=x -F auid!=unset -k ${key}`,
    isMinor: id === 'wg-quick',
  }
}

const LOAD = 'augenrules --load'
const RULES_FILE = '/etc/audit/rules.d/51-wireguard.rules'

export const auditRules: PostureCheck = {
  id: 'audit-rules',
  title: 'Changes of WireGuard and the packet filter without an author',
  description:
    'Audit rules record which login ran wg, wg-quick or nft, and wrote their files. Without them a change of peers or rules is seen, and nobody can say who made it.',
  severity: 2,
  attack: [LINUX_AUDIT_DISABLED],
  origin: 'posture',
  area: 'Audit',
  knownGaps: [
    'Programs that speak netlink themselves (NetworkManager, a script with its own library) are not recorded by rules about wg and nft.',
    'Rules that ask for a login id leave out what services do, and with auid>=1000 what direct logins as root do.',
    'Whether the rules are loaded again at the next boot is not looked at.',
  ],
  look: (machine, view) => {
    if (!isGateway(machine, view)) return []
    if (machine.facts === null) return [NO_FACTS]
    const { audit, programs } = machine.facts
    // What is not installed is told by audit-state.
    if (programs['auditctl'] === '') return []
    if (!isKnown(audit.rules)) return [notKnown('The audit rules are', audit.rules)]
    const rules = audit.rules.map(readAuditRule).filter((rule) => rule !== null)
    if (rules.some(switchesOff)) return [switchedOff(audit.rules)]
    const lacking = PURPOSES.filter(
      (purpose) => (purpose.program === '' || programs[purpose.program] !== '') && !serves(rules, purpose),
    )
    if (lacking.length === 0)
      return [{ kind: 'passed', text: 'Who runs wg, wg-quick and nft, and who writes their files, is recorded.' }]
    return [unrecorded(lacking, rules.length)]
  },
}

function unrecorded(lacking: readonly Purpose[], count: number): PostureResult {
  return {
    kind: 'finding',
    subject: 'rules',
    severity: lacking.some(({ isMinor }) => !isMinor) ? 2 : 1,
    text: `No audit rule records ${lacking.map(({ without }) => without).join('; ')}.`,
    evidence: [
      `auditctl -l: ${count === 1 ? 'one rule' : `${count} rules`}`,
      ...lacking.map(
        ({ access, paths, rule }) => `none about ${access === 'x' ? 'running' : 'writing'} ${paths[0] ?? rule}`,
      ),
    ],
    mend: [...lacking.map(({ rule }) => `echo '${rule}' >>${RULES_FILE}`), LOAD],
    about: {},
    exception: null,
  }
}

function serves(rules: readonly AuditRule[], { paths, access }: Purpose): boolean {
  return rules.some(
    (rule) => paths.some((path) => watches(rule, path, access)) || (access === 'x' && recordsExecution(rule)),
  )
}

function switchedOff(lines: readonly string[]): PostureResult {
  return {
    kind: 'finding',
    subject: 'never-task',
    severity: 3,
    text: 'A rule switches all audit rules about programs and files off (-a never,task).',
    evidence: lines.filter((line) => /never,task|task,never/.test(line)).slice(0, 5),
    mend: ["grep -l 'never,task\\|task,never' /etc/audit/rules.d/*   # and take that line out", LOAD],
    about: {},
    exception: null,
  }
}
