/** auditd.data.* and auditd.summary.* of an audit event: what Elastic's auditd_manager shows of it beside ECS. */
import type { Fields } from '../../fields.ts'
import type { AuditFacts } from '../../sources/auditd/facts.ts'
import { archName, errnoName } from '../../sources/auditd/syscall-name.ts'
import type { ObjectKind } from './audit-actions.ts'
import { familyName, shownHost } from './audit-network.ts'
import { absolutePath } from './audit-paths.ts'
import { CUT_DATA, CUT_PATH, type Cuts, keyword } from './audit-text.ts'

/** Leftovers by a fixed list of keys: records choose values, never names. */
export function dataOf(facts: AuditFacts, cuts: Cuts): Fields {
  const { message, netfilter, socket } = facts
  return {
    'auditd.data.arch': archName(facts.arch) || facts.arch || undefined,
    'auditd.data.syscall': facts.syscallName || (facts.syscall < 0 ? undefined : String(facts.syscall)),
    'auditd.data.exit': errnoName(facts.exit) || facts.exit || undefined,
    'auditd.data.a0': facts.a0 || undefined,
    'auditd.data.a1': facts.a1 || undefined,
    'auditd.data.a2': facts.a2 || undefined,
    'auditd.data.a3': facts.a3 || undefined,
    'auditd.data.tty': facts.tty === '(none)' ? undefined : keyword(facts.tty, cuts, CUT_DATA),
    'auditd.data.subj': keyword(facts.subj, cuts, CUT_DATA),
    'auditd.data.op': keyword(message?.op || netfilter?.op || '', cuts, CUT_DATA),
    'auditd.data.socket.family': socket === null ? undefined : familyName(socket),
    'auditd.data.socket.addr': socket?.address || undefined,
    'auditd.data.socket.port': socket === null || socket.port < 0 ? undefined : socket.port,
    'auditd.data.socket.path': keyword(socket?.path ?? '', cuts, CUT_PATH),
  }
}

/** Leftovers of user-space messages, firewall changes and logins; null for plain system calls. */
export function rareDataOf(facts: AuditFacts, cuts: Cuts): Fields | null {
  const { message, netfilter, login } = facts
  if (message === null && netfilter === null && login === null) return null
  const said = (text: string | undefined) => (text === '?' ? undefined : keyword(text ?? '', cuts, CUT_DATA))
  return {
    'auditd.data.acct': said(message?.acct),
    'auditd.data.addr': message?.addr || undefined,
    'auditd.data.cmd': said(message?.cmd),
    'auditd.data.fp': said(message?.fp),
    'auditd.data.grantors': said(message?.grantors),
    'auditd.data.hostname': message === null ? undefined : keyword(shownHost(message), cuts, CUT_DATA),
    'auditd.data.id': message === null || message.id < 0 ? undefined : String(message.id),
    'auditd.data.laddr': message?.laddr || undefined,
    'auditd.data.lport': message === null || message.lport < 0 ? undefined : message.lport,
    'auditd.data.rport': message === null || message.rport < 0 ? undefined : message.rport,
    'auditd.data.terminal': said(message?.terminal),
    'auditd.data.unit': said(message?.unit),
    'auditd.data.table': keyword(netfilter?.table ?? '', cuts, CUT_DATA),
    'auditd.data.family': netfilter === null || netfilter.family < 0 ? undefined : String(netfilter.family),
    'auditd.data.entries': netfilter === null || netfilter.entries < 0 ? undefined : netfilter.entries,
    'auditd.data.old_ses': login === null || login.oldSes < 0 ? undefined : String(login.oldSes),
  }
}

/** What an event was done to. */
export type AuditObject = { readonly kind: ObjectKind; readonly type: string; readonly path: string }

/** `primary` and `secondary`: who did it, as accountsOf says. */
export function summaryOf(
  facts: AuditFacts,
  object: AuditObject,
  { primary, secondary }: { readonly primary: string; readonly secondary: string },
  cuts: Cuts,
): Fields {
  return {
    'auditd.summary.actor.primary': primary || undefined,
    'auditd.summary.actor.secondary': secondary || undefined,
    'auditd.summary.object.type': object.type || object.kind || undefined,
    'auditd.summary.object.primary': keyword(primaryOf(facts, object), cuts, CUT_DATA),
    'auditd.summary.object.secondary': keyword(secondaryOf(facts, object.kind), cuts, CUT_DATA),
    'auditd.summary.how': keyword(howOf(facts), cuts, CUT_DATA),
  }
}

function primaryOf(facts: AuditFacts, { kind, path }: AuditObject): string {
  const { message, socket } = facts
  if (kind === 'file' || kind === 'filesystem')
    return path !== '' ? path : absolutePath(facts.paths[0]?.name ?? '', facts.cwd)
  if (kind === 'socket') return socket?.address || socket?.path || ''
  if (kind === 'process') return message?.cmd || (facts.syscall < 0 ? facts.comm || facts.exe : '')
  if (kind === 'user-session') {
    if (facts.login !== null) return facts.login.auid < 0 ? '' : String(facts.login.auid)
    return given(message?.fp) || given(message?.terminal)
  }
  if (kind === 'account') return message === null ? '' : message.id >= 0 ? String(message.id) : given(message.acct)
  if (kind === 'service') return given(message?.unit)
  return kind === 'firewall' ? (facts.netfilter?.table ?? '') : ''
}

function secondaryOf({ socket, message }: AuditFacts, kind: ObjectKind): string {
  if (kind === 'socket') return socket === null || socket.port < 0 ? '' : String(socket.port)
  return kind === 'user-session' && message !== null ? message.addr || shownHost(message) : ''
}

function given(text: string | undefined): string {
  return text === undefined || text === '?' ? '' : text
}

/** The program; of a script the name of the process, because the program is the interpreter. */
function howOf(facts: AuditFacts): string {
  const exe = facts.exe || facts.message?.exe || ''
  if (exe === '') return facts.comm
  return facts.comm !== '' && isInterpreter(exe) ? facts.comm : exe
}

function isInterpreter(exe: string): boolean {
  if (!exe.startsWith(INTERPRETERS_AT)) return false
  for (const name of INTERPRETERS) if (exe.startsWith(name, INTERPRETERS_AT.length)) return true
  return false
}

const INTERPRETERS_AT = '/usr/bin/'
const INTERPRETERS = ['python', 'sh', 'bash', 'perl']
