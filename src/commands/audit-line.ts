/**
 * What audit documents and logins on hosts say on one line: who acted where, `dba@db1[350]` for the account dba on db1 in login session
 * 350, and what was done. Pure; text is as the document has it, except for commands, which stand as a shell would take them.
 */
import type { FieldName, Fields } from '../fields.ts'
import { spanText } from '../quantity-text.ts'
import { place } from './document-ends.ts'
import type { Cell, DocumentLine } from './document-line.ts'
import { shellWord, shellWords } from './shell-words.ts'

/** `style`: of the action. */
export type Telling = Pick<DocumentLine, 'story' | 'extras' | 'end'> & { readonly style: Cell['style'] }

/** Every field these lines need. */
export const AUDIT_LINE_FIELDS: readonly FieldName[] = [
  'auditd.data.acct',
  'auditd.data.cmd',
  'auditd.data.entries',
  'auditd.data.exit',
  'auditd.data.op',
  'auditd.data.socket.family',
  'auditd.data.socket.path',
  'auditd.data.table',
  'auditd.paths',
  'auditd.session',
  'auditd.summary.object.primary',
  'auditd.summary.object.secondary',
  'auditd.user.audit.id',
  'auditd.user.audit.name',
  'event.category',
  'event.outcome',
  'file.path',
  'process.args',
  'process.args_count',
  'process.entry_leader.entry_meta.type',
  'process.executable',
  'process.name',
  'process.title',
  'tags',
  'user.effective.id',
  'user.effective.name',
  'user.id',
  'user.name',
  'user.target.name',
  'wireguard.attribution.hops',
  'wireguard.change.target',
  'wireguard.host.login_session',
  'wireguard.host.name',
  'wireguard.host.process.name',
  'wireguard.host.user.name',
]

const ROOT = '0'
/** A connect() that does not block has begun, not failed. */
const IN_PROGRESS = 'EINPROGRESS'

/** `isBrief`: the reader knows the login's account already. */
export function tellAudit(document: Fields, isBrief = false): Telling {
  const [category = ''] = document['event.category'] ?? []
  const end = failureOf(document)
  const style = end.style
  switch (document['event.action'] ?? '') {
    case 'executed': {
      const command = commandOf(document)
      const place = actorOf(document, isBrief, 'user')
      const sigil = document['user.id'] === ROOT ? '#' : '$'
      return { story: [`${place} ${sigil} ${command}`], extras: present([disguiseOf(document)]), end, style }
    }
    case 'ran-command': {
      const command = document['auditd.data.cmd'] ?? ''
      const program = programOf(document)
      return { story: [`${actorOf(document, isBrief, 'user')} ${program}: ${command}`], extras: [], end, style }
    }
    case 'renamed':
      return { story: [`${actorOf(document, isBrief)} ${bothPaths(document)}`], extras: extrasOf(document), end, style }
    case 'connected-to':
    case 'sent-to': {
      const goal = place(document['destination.ip'], document['destination.port']) || objectOf(document)
      return {
        story: [present([actorOf(document, isBrief), goal === '' ? '' : `→ ${goal}`]).join(' ')],
        extras: extrasOf(document),
        end,
        style,
      }
    }
    case 'accepted-connection-from':
    case 'received-from': {
      const from = place(document['source.ip'], document['source.port']) || objectOf(document)
      return { story: [`${from} → ${placeOf(document)} ${programOf(document)}`], extras: [], end, style }
    }
    case 'loaded-firewall-rule-to':
      return tellFirewallChange(document, isBrief, end)
    default:
      if (category === 'authentication' || category === 'session') return tellAccount(document, end)
      return {
        story: [`${actorOf(document, isBrief)} ${objectOf(document)}`.trimEnd()],
        // Where nothing else tells what was done, the records do.
        extras: objectOf(document) === '' ? present([document['event.original']]) : extrasOf(document),
        end,
        style,
      }
  }
}

/** `host-login`, `host-login-failed`, `host-logout`. */
export function tellLogin(document: Fields): Telling {
  const { 'host.name': host = '', 'user.name': user = '', 'auditd.session': session } = document
  const way = wayOf(document)
  const from = place(document['source.ip'], document['source.port'])
  const account = user === '' ? '' : `as ${shellWord(user)}`
  switch (document['event.action'] ?? '') {
    case 'host-login': {
      const told = present([`${way} login to ${host}`, account]).join(' ')
      const hops = document['wireguard.attribution.hops'] ?? []
      const via = hops.length === 0 ? '' : ` via ${hops.map(hopText).join(', ')}`
      const numbered = session === undefined ? told : `${told}, login session ${session}`
      const sources = from === '' ? [] : [`${numbered}${via}, from ${from}`]
      return { story: [...sources, `${numbered}${via}`], extras: [], end: offsetOf(document), style: 'cyan' }
    }
    case 'host-login-failed': {
      const told = present([`${way} to ${host}`, account]).join(' ')
      return {
        story: [...(from === '' ? [] : [`${told}, from ${from}`]), told],
        extras: [],
        end: { text: 'refused', style: 'red' },
        style: 'red',
      }
    }
    default: {
      const { 'event.start': start, 'event.end': end } = document
      const lasted = start === undefined || end === undefined ? '' : `after ${spanText(end - start)}`
      return {
        story: [`${accountAt(user, document)}`],
        extras: present([lasted]),
        end: { text: '', style: null },
        style: 'cyan',
      }
    }
  }
}

/** Who took a flow on an audited host: `db1[350] dba sshd`; '' where nobody knows. */
export function takerOf(document: Fields): string {
  const { 'wireguard.host.name': host } = document
  if (host === undefined) return ''
  const { 'wireguard.host.user.name': user, 'wireguard.host.process.name': process } = document
  return present([
    user === undefined ? '' : `login ${user} on`,
    sessionPlace(host, document['wireguard.host.login_session']),
    process,
  ]).join(' ')
}

/** The program's arguments as a shell would take them, or its path where the kernel recorded none. */
export function commandOf(document: Fields): string {
  const { 'process.args': words, 'process.args_count': count = 0 } = document
  if (words === undefined || words.length === 0)
    return shellWord(document['auditd.summary.object.primary'] ?? document['process.executable'] ?? '')
  const left = count - words.length
  return left > 0 ? `${shellWords(words)} … (${count} arguments)` : shellWords(words)
}

/** The executable, where the first argument names another: a process may call itself anything. */
function disguiseOf(document: Fields): string {
  const { 'process.executable': path = '', 'process.args': words } = document
  const [called = ''] = words ?? []
  const isNamed = called === '' || baseName(path) === baseName(called.startsWith('-') ? called.slice(1) : called)
  return path === '' || isNamed ? '' : `(${path})`
}

function tellFirewallChange(document: Fields, isBrief: boolean, end: Cell): Telling {
  const { 'auditd.data.table': table, 'auditd.data.op': op, 'process.title': title } = document
  const what = table === undefined ? '' : `table ${shellWord(table)}`
  return {
    story: [present([actorOf(document, isBrief), what, op]).join(' ')],
    extras: present([title]),
    end,
    style: end.style ?? 'yellow',
  }
}

/** Messages of PAM and sshd: which account, by which program, from where. */
function tellAccount(document: Fields, end: Cell): Telling {
  const from = place(document['source.ip'], document['source.port'])
  const named = document['user.target.name'] ?? document['user.effective.name'] ?? document['auditd.data.acct']
  const account = named === undefined ? '' : shellWord(named)
  const program = programOf(document)
  const told = present([placeOf(document), program === '' || account === '' ? program : `${program}:`, account]).join(
    ' ',
  )
  return { story: from === '' ? [told] : [`${told} from ${from}`, told], extras: [], end, style: end.style }
}

/**
 * `dba@db1[350]`; `dba→root@db1[350]` where another account acts than logged in; brief, `db1[350]` and `root@db1[350]`. Ids where
 * the log has no names (RAW).
 */
function actorOf(document: Fields, isBrief: boolean, which: 'user' | 'effective' = 'effective'): string {
  const real = document['user.name'] ?? document['user.id'] ?? ''
  const effective = document['user.effective.name'] ?? document['user.effective.id'] ?? real
  const acting = which === 'effective' ? effective : real
  const login = document['auditd.user.audit.name'] ?? document['auditd.user.audit.id']
  if (login === undefined) return accountAt(acting, document)
  if (login !== acting) return accountAt(isBrief ? acting : `${login}→${acting}`, document)
  return isBrief ? placeOf(document) : accountAt(acting, document)
}

function accountAt(account: string, document: Fields): string {
  return account === '' ? placeOf(document) : `${account}@${placeOf(document)}`
}

function placeOf(document: Fields): string {
  return sessionPlace(document['host.name'] ?? '', document['auditd.session'])
}

function sessionPlace(host: string, session: string | undefined): string {
  return session === undefined ? host : `${host}[${session}]`
}

/** `app1/349` as `app1[349]`. */
function hopText(hop: string): string {
  const slash = hop.lastIndexOf('/')
  return slash < 0 ? hop : sessionPlace(hop.slice(0, slash), hop.slice(slash + 1))
}

function wayOf(document: Fields): string {
  const program = document['process.entry_leader.entry_meta.type'] ?? document['process.name'] ?? ''
  return program === 'sshd' ? 'ssh' : program
}

function programOf(document: Fields): string {
  return document['process.name'] ?? baseName(document['process.executable'] ?? '')
}

function objectOf(document: Fields): string {
  const { 'auditd.summary.object.primary': primary = '', 'auditd.summary.object.secondary': secondary } = document
  const path = document['file.path']
  return path === undefined ? present([primary, secondary]).join(' ') : shellWord(path)
}

/** Of a rename the kernel lists directories first, then the old path, then the new one (formats.md 3.3: PATH items in order). */
function bothPaths(document: Fields): string {
  const [before, after] = document['auditd.paths']?.slice(-2) ?? []
  const isPair = after !== undefined && before !== undefined && after === document['file.path']
  return isPair ? `${shellWord(before)} → ${shellWord(after)}` : objectOf(document)
}

/** Keys of the rules that matched, and the program. */
function extrasOf(document: Fields): string[] {
  const program = programOf(document)
  const keys = document.tags ?? []
  return present([program === '' ? '' : `by ${shellWord(program)}`, keys.length === 0 ? '' : `[${keys.join(', ')}]`])
}

function failureOf(document: Fields): Cell {
  if (document['event.outcome'] !== 'failure') return { text: '', style: null }
  const { 'auditd.data.exit': exit } = document
  if (exit === IN_PROGRESS) return { text: '', style: null }
  return { text: exit ?? 'failed', style: 'red' }
}

/** Milliseconds, as the field has them. */
function offsetOf(document: Fields): Cell {
  const { 'wireguard.host.clock_offset': offset = 0 } = document
  if (offset === 0) return { text: '', style: null }
  return { text: `clock ${spanText(Math.abs(offset) * 1000)} ${offset > 0 ? 'ahead' : 'behind'}`, style: 'yellow' }
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

function present(texts: readonly (string | undefined)[]): string[] {
  return texts.filter((text): text is string => text !== undefined && text !== '')
}
