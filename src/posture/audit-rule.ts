/**
 * What an audit rule watches, from a line of `auditctl -l`:
 *
 *   -w /etc/wireguard -p wa -k wireguard
 *   -a always,exit -F arch=b64 -S all -F path=/usr/bin/wg -F perm=x -F auid!=-1 -F key=wg
 *   -a always,exit -F arch=b64 -S execve,execveat -F auid!=-1 -F key=exec
 *
 * Authority: auditctl(8). A rule that looks at who it was beside its login id records some people only, and counts as none.
 */

export type AuditRule = {
  readonly action: 'always' | 'never'
  readonly list: string
  /** File or directory, '' = none. */
  readonly path: string
  /** The directory and everything below. */
  readonly isTree: boolean
  /** Of `rwxa`; all of them where the rule says none. */
  readonly access: string
  /** Names; [] = any. */
  readonly calls: readonly string[]
  /** It asks for something that not every such event has: a user, a program, a result. */
  readonly isNarrow: boolean
}

/**
 * Filters that leave out no event of a person: the machine's word size, success, a login id that is set, the key. Login ids from 1000
 * on are people's (hardening guides ask for them); direct logins as root are then left out, which a gateway does not allow.
 */
const BROAD =
  /^(?:arch=b(?:32|64)|success=1|auid>=(?:500|1000)|auid!=(?:-1|unset|4294967295)|key=.*|perm=.*|path=.*|dir=.*)$/

/** Null for a line that is no rule. */
export function readAuditRule(line: string): AuditRule | null {
  const words = line.trim().split(/\s+/)
  const [watch, target = ''] = words
  if (watch === '-w') {
    const at = words.indexOf('-p')
    const access = at < 0 ? 'rwxa' : (words[at + 1] ?? '')
    return { action: 'always', list: 'exit', path: trimmed(target), isTree: true, access, calls: [], isNarrow: false }
  }
  if (watch !== '-a' && watch !== '-A') return null
  const parts = target.split(',')
  const action = parts.includes('never') ? 'never' : parts.includes('always') ? 'always' : null
  const list = parts.find((part) => part !== 'never' && part !== 'always') ?? ''
  if (action === null) return null
  const after = (flag: string) => words.flatMap((word, i) => (word === flag ? [words[i + 1] ?? ''] : []))
  const filters = after('-F')
  const filterOf = (name: string) =>
    filters.find((filter) => filter.startsWith(`${name}=`))?.slice(name.length + 1) ?? ''
  const calls = after('-S').flatMap((names) => names.split(','))
  return {
    action,
    list,
    path: trimmed(filterOf('dir') || filterOf('path')),
    isTree: filterOf('dir') !== '',
    access: filterOf('perm') || 'rwxa',
    calls: calls.includes('all') ? [] : calls,
    isNarrow: filters.some((filter) => !BROAD.test(filter)) || filters.includes('arch=b32'),
  }
}

/** Records that somebody writes to, or executes, the file. */
export function watches(rule: AuditRule, path: string, access: 'w' | 'x'): boolean {
  if (rule.action !== 'always' || rule.list !== 'exit' || rule.isNarrow || rule.calls.length > 0) return false
  if (rule.path === '' || !rule.access.includes(access)) return false
  return rule.path === path || (rule.isTree && path.startsWith(rule.path === '/' ? '/' : `${rule.path}/`))
}

/** Records every program that a person starts. */
export function recordsExecution(rule: AuditRule): boolean {
  return (
    rule.action === 'always' &&
    rule.list === 'exit' &&
    !rule.isNarrow &&
    rule.path === '' &&
    rule.calls.includes('execve')
  )
}

/** Switches all rules about system calls and files off (`-a never,task`, as some distributions ship it). */
export function switchesOff({ action, list, isNarrow }: AuditRule): boolean {
  return action === 'never' && list === 'task' && !isNarrow
}

function trimmed(path: string): string {
  return path.length > 1 ? path.replace(/\/+$/, '') : path
}
