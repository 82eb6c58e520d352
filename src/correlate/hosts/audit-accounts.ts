/**
 * Accounts of an audit event, in the shape of Elastic's auditd_manager: user.* is the uid of the process, on messages of login,
 * privilege and account management the login id (auid), with the account they are about as user.effective.* or user.target.*. Where
 * a message has no login id yet, that account stands in user.*. Ids are the kernel's; names are display only, as auditd resolved them.
 */
import { createFacet } from '../../event.ts'
import type { Fields } from '../../fields.ts'
import type { AuditFacts } from '../../sources/auditd/facts.ts'
import type { ActorKind } from './audit-actions.ts'
import { CUT_DATA, type Cuts, keyword } from './audit-text.ts'

/** An account by id, -1 where not known, and name, '' where not known. */
type Account = { readonly id: number; readonly name: string }

const NOBODY: Account = { id: -1, name: '' }

export type AuditAccounts = {
  readonly fields: Fields
  /** Every account name of the fields, once each, in order. */
  readonly names: readonly string[]
  /** Members of the document and of its `auditd`, a comma behind each, where many documents have the same accounts; else null. */
  readonly printed: PrintedAccounts | null
  /** For auditd.summary: name, else id, else ''. */
  readonly primary: string
  readonly secondary: string
}

export type PrintedAccounts = { readonly document: string; readonly auditd: string }

/** Places for the accounts of processes by system call, because auditd's names come with that of the call. */
const SLOTS = 1024

/** Where `names` are the same object, they are the same names (read-facts.ts remembers them). */
type Remembered = { readonly facts: AccountFacts; accounts: AuditAccounts }
type AccountFacts = Pick<
  AuditFacts,
  'names' | 'auid' | 'uid' | 'gid' | 'euid' | 'suid' | 'fsuid' | 'egid' | 'sgid' | 'fsgid'
>

/** accountsOf with a memory: most events are of the same few users, and their accounts are printed once. */
export function createAccounts(): (facts: AuditFacts, actor: ActorKind, cuts: Cuts) => AuditAccounts {
  const slots: (Remembered | undefined)[] = Array.from({ length: SLOTS }, () => undefined)
  return (facts, actor, cuts) => {
    // Else they also depend on the message.
    if (actor !== 'process' || facts.login !== null) return accountsOf(facts, actor, cuts)
    // Ids of users are near each other, and mostly the same in all roles: odd factors whose sums are odd, too.
    const slot = (facts.auid + 8 * facts.uid + 32 * facts.euid + 64 * facts.gid + 137 * facts.syscall) & (SLOTS - 1)
    const known = slots[slot]
    if (known === undefined || !isSame(known.facts, facts)) {
      const accounts = accountsOf(facts, actor, cuts)
      slots[slot] = { facts: accountFacts(facts), accounts }
      return accounts
    }
    // Printed when they come again, because printing one alone would cost more than it saves.
    if (known.accounts.printed === null) known.accounts = { ...known.accounts, printed: print(known.accounts.fields) }
    return known.accounts
  }
}

function isSame(one: AccountFacts, two: AccountFacts): boolean {
  return (
    one.names === two.names &&
    one.auid === two.auid &&
    one.uid === two.uid &&
    one.gid === two.gid &&
    one.euid === two.euid &&
    one.suid === two.suid &&
    one.fsuid === two.fsuid &&
    one.egid === two.egid &&
    one.sgid === two.sgid &&
    one.fsgid === two.fsgid
  )
}

/** A copy: the facts themselves would keep their event's lines alive. */
function accountFacts({ names, auid, uid, gid, euid, suid, fsuid, egid, sgid, fsgid }: AuditFacts): AccountFacts {
  return { names, auid, uid, gid, euid, suid, fsuid, egid, sgid, fsgid }
}

function print(fields: Fields): PrintedAccounts {
  const { members } = createFacet(fields)
  const auditd = members.get('auditd')
  let document = ''
  for (const [top, text] of members) if (top !== 'auditd') document += `"${top}":{${text}},`
  return { document: flat(document), auditd: auditd === undefined ? '' : flat(`${auditd},`) }
}

/** Text put together is a rope in V8, and would be walked for every document. */
function flat(ascii: string): string {
  return Buffer.from(ascii, 'latin1').toString('latin1')
}

/** The accounts of one event. */
function accountsOf(facts: AuditFacts, actor: ActorKind, cuts: Cuts): AuditAccounts {
  const seen: string[] = []
  const process = accountOf(facts, facts.uid, 'uid')
  const login = accountOf(facts, facts.auid, 'auid')
  const subject = actor === 'process' ? NOBODY : subjectOf(facts, cuts)
  const target = actor === 'group-manager' || facts.login !== null ? NOBODY : subject
  let user = process
  let effective = accountOf(facts, facts.euid, 'euid')
  let primary = login
  if (actor === 'login-change') {
    const old = facts.login === null ? NOBODY : accountById(facts, facts.login.oldAuid)
    effective = login
    user = isKnown(old) ? old : login
    primary = old
  } else if (actor === 'login') {
    // Not the process where nobody is named: that root tried to log in is what its sshd would look like.
    effective = subject
    user = isKnown(login) ? login : subject
  } else if (actor !== 'process') {
    effective = process
    user = isKnown(login) ? login : process
  }
  // Said twice it would only look like a change of privileges; of a login the account stands in both.
  if (effective.id === user.id && effective !== login && effective !== subject) effective = NOBODY
  for (const account of [user, effective, login, target]) note(seen, account.name)
  return {
    fields: toFields(
      facts,
      {
        user,
        effective,
        login,
        target,
        group: actor === 'group-manager' ? subject : NOBODY,
        isProcess: actor === 'process',
      },
      seen,
    ),
    names: seen,
    printed: null,
    primary: labelOf(primary),
    secondary: labelOf(actor === 'login' ? subject : process),
  }
}

type Roles = {
  readonly user: Account
  readonly effective: Account
  readonly login: Account
  readonly target: Account
  readonly group: Account
  /** user.* is the account of the process, so the process's groups are its groups. */
  readonly isProcess: boolean
}

function toFields(
  facts: AuditFacts,
  { user, effective, login, target, group, isProcess }: Roles,
  seen: string[],
): Fields {
  const { names, egid, euid, suid, sgid, fsuid, fsgid } = facts
  const gid = isProcess ? facts.gid : -1
  const hasEffectiveGroup = isProcess && egid !== gid
  const hasNames = names.size > 0
  const saved = suid === euid ? NOBODY : accountOf(facts, suid, 'suid')
  const filesystem = fsuid === euid ? NOBODY : accountOf(facts, fsuid, 'fsuid')
  note(seen, saved.name)
  note(seen, filesystem.name)
  const old = facts.login?.oldAuid ?? -1
  return {
    'user.id': idText(user.id),
    'user.name': user.name || undefined,
    'user.effective.id': idText(effective.id),
    'user.effective.name': effective.name || undefined,
    'user.effective.group.id': hasEffectiveGroup ? idText(egid) : undefined,
    'user.effective.group.name': hasEffectiveGroup && hasNames ? nameOf(facts, 'egid') || undefined : undefined,
    'user.group.id': idText(gid),
    'user.group.name': hasNames && gid >= 0 ? nameOf(facts, 'gid') || undefined : undefined,
    'user.target.id': idText(target.id),
    'user.target.name': target.name || undefined,
    'group.id': idText(group.id),
    'group.name': group.name || undefined,
    'auditd.user.audit.id': idText(login.id),
    'auditd.user.audit.name': login.name || undefined,
    'auditd.user.saved.id': idText(saved.id),
    'auditd.user.saved.name': saved.name || undefined,
    'auditd.user.saved.group.id': sgid === egid ? undefined : idText(sgid),
    'auditd.user.saved.group.name': sgid === egid || !hasNames ? undefined : nameOf(facts, 'sgid') || undefined,
    'auditd.user.filesystem.id': idText(filesystem.id),
    'auditd.user.filesystem.name': filesystem.name || undefined,
    'auditd.user.filesystem.group.id': fsgid === egid ? undefined : idText(fsgid),
    'auditd.user.filesystem.group.name': fsgid === egid || !hasNames ? undefined : nameOf(facts, 'fsgid') || undefined,
    'auditd.user.old_auid.id': idText(old),
  }
}

/** The account or group a message is about; nobody where sshd writes that it does not know. */
function subjectOf(facts: AuditFacts, cuts: Cuts): Account {
  const { message } = facts
  if (message === null) return NOBODY
  const isPlaceholder = message.acct === '?' || message.acct === '(unknown)' || message.acct === '(invalid user)'
  const name = isPlaceholder ? '' : (keyword(message.acct, cuts, CUT_DATA) ?? '')
  return { id: message.id, name: name === '' && message.id >= 0 ? accountById(facts, message.id).name : name }
}

function accountOf(facts: AuditFacts, id: number, key: string): Account {
  return id < 0 ? NOBODY : { id, name: nameOf(facts, key) }
}

/** An id the event names elsewhere has that name here, too: one user database wrote them all. */
function accountById(facts: AuditFacts, id: number): Account {
  if (id < 0) return NOBODY
  const key = id === facts.auid ? 'auid' : id === facts.uid ? 'uid' : id === facts.euid ? 'euid' : ''
  return { id, name: key === '' ? '' : nameOf(facts, key) }
}

/** Name of a file's owner, where the event names that id; else ''. */
export function ownerName(facts: AuditFacts, id: number): string {
  return accountById(facts, id).name
}

/** `unset` and `unknown(1002)` are no names (formats.md 3.8 trap 7). */
function nameOf(facts: AuditFacts, key: string): string {
  const name = facts.names.get(key)
  if (name === undefined || name === 'unset' || name.startsWith('unknown(')) return ''
  return name.includes('\0') ? name.replaceAll('\0', '\ufffd') : name
}

function isKnown(account: Account): boolean {
  return account.id >= 0 || account.name !== ''
}

function labelOf(account: Account): string {
  return account.name !== '' ? account.name : account.id < 0 ? '' : String(account.id)
}

function idText(id: number): string | undefined {
  return id < 0 ? undefined : String(id)
}

function note(seen: string[], name: string): void {
  if (name !== '' && !seen.includes(name)) seen.push(name)
}
