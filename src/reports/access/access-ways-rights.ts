/** Whose rights an act on a host had, and what was run, as the audit records say. */
import type { Fields } from '../../fields.ts'

/** Programs whose purpose is to act as somebody else. */
export const RIGHTS_TOOLS: readonly string[] = [
  'sudo',
  'sudo-rs',
  'sudoedit',
  'su',
  'su-rs',
  'pkexec',
  'doas',
  'run0',
  'runuser',
  'ksu',
  'dzdo',
  'sesu',
]

/**
 * `root` for an act with root's rights, `by sudo` for what such a program says of itself; '' = the account's own rights. A login server
 * runs programs as root before it opens the session: they are recorded like any other.
 */
export function rightsOf(document: Fields): string {
  const tool = toolOf(document)
  if (tool !== '' && document['event.action'] !== 'executed') return `by ${tool}`
  const account = document['user.effective.id'] ?? document['user.id'] ?? ''
  const login = document['auditd.user.audit.id'] ?? ''
  if (account === '0') return 'root'
  return account !== '' && login !== '' && account !== login
    ? (document['user.effective.name'] ?? document['user.name'] ?? account)
    : ''
}

/** Name of the program that gives rights, where the document is about one. */
export function toolOf(document: Fields): string {
  const name = (document['process.executable'] ?? '').split('/').at(-1) ?? ''
  return RIGHTS_TOOLS.includes(name) ? name : ''
}

/** What was run, in one line; of sudo what it was asked to run. */
export function commandText(document: Fields): string {
  return (
    document['auditd.data.cmd'] ??
    document['process.args']?.join(' ') ??
    document['process.title'] ??
    document['process.executable'] ??
    document['process.name'] ??
    ''
  )
}
