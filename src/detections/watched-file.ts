/**
 * A login session that came through the tunnel touched a file that somebody watches: a file event that carries the key of an audit
 * rule. Which files are worth it is decided by those rules (deploy/audit.rules); every key counts, because a rule on a file has no other
 * purpose. Reads of account files by programs that check passwords are how a login works, and stay quiet.
 */
import { type Event, fieldOf } from '../event.ts'
import { DAY, MINUTE, type Micros, SECOND } from '../time.ts'
import type { DetectionAbout, DetectionKind } from './catalogue/detection.ts'
import { createEscalating, type Raised, type SavedEscalating } from './catalogue/escalating.ts'
import { exceptionFor, excused } from './catalogue/exceptions.ts'
import { isAttempted, isWriting } from './catalogue/file-access.ts'
import { aboutLogin, listed, placeOfLogin, queryOfLogin, sessionOfPeer } from './catalogue/login-words.ts'
import { type Described, peerName } from './catalogue/thresholds.ts'

/** What a session touches within this time of the first is one finding. */
const WINDOW: Micros = MINUTE
/** A session is told of again when it touched nothing for this long; something graver is told at once. */
const SUPPRESSION: Micros = DAY

/** Ranks: a graver access of the same session is told though another one was. */
const READ = 1
const SECRET_TRIED = 2
const WRITE = 3
const SECRET_READ = 4
const SECRET_WRITTEN = 5

/** Files that hold secrets, or decide who may be root. */
const SECRETS =
  /^(\/etc\/(g?shadow-?|sudoers(\.d\/.*)?|security\/opasswd|krb5\.keytab|ssh\/ssh_host_.*_key)|\/root\/\.ssh\/.*|.*\/\.ssh\/(authorized_keys2?|id_[^/]*))$/
/** Account files that a program which checks a password or an account reads for everybody. */
const ACCOUNTS = /^\/etc\/(g?shadow|passwd|group|sudoers(\.d(\/.*)?)?|security\/.*|pam\.d(\/.*)?)$/
/** Those programs: the kernel's path of the executable, never the name a process chose. */
const CHECKERS =
  /^\/(usr\/)?(s?bin|lib|libexec)\/((openssh|ssh)\/)?(sshd|sshd-session|sshd-auth|sudo|sudo-rs|su|su-rs|login|unix_chkpwd|pkexec|doas|polkitd|polkit-1\/polkit-agent-helper-1|systemd\/systemd(-logind|-userdbd|-userwork)?)$/
/** wireguard-keys-touched speaks of these. */
const KEY_FILES = '/etc/wireguard'

const ABOUT: DetectionAbout = {
  id: 'watched-file',
  title: "Watched file touched in a peer's login session",
  severity: 2,
  origin: 'detection',
  description:
    'A login session that came through the tunnel read, wrote or tried to open files that an audit rule watches. Files that hold ' +
    'passwords or keys, or decide who may be root, weigh more, and so does writing.',
  runbook: [
    'Look what the session did before and after: `peertrail timeline PEER`, or the query of the finding.',
    'Is that access part of the work of the owner the inventory names?',
    "After a read of password hashes or keys, take them for known: change them, and look for logins with them: `peertrail search 'event.action : host-login'`.",
    'After a write, compare the file with its backup.',
  ],
  attack: [
    { id: 'T1003.008', name: '/etc/passwd and /etc/shadow', tactic: { id: 'TA0006', name: 'Credential Access' } },
    { id: 'T1552.004', name: 'Private Keys', tactic: { id: 'TA0006', name: 'Credential Access' } },
    { id: 'T1005', name: 'Data from Local System', tactic: { id: 'TA0009', name: 'Collection' } },
  ],
  limits: {
    window: '60 s from the first access',
    severity:
      'medium; high: a write, or a secret read; critical: a secret written; trying in vain to read a secret is medium',
  },
  suppression: SUPPRESSION,
  baseline: 0,
  query:
    'event.dataset : "wireguard.audit" and event.category : "file" and tags : * and wireguard.attribution.status : "exact" and wireguard.peer.public_key : *',
  knownGaps: [
    'Only files with an audit rule are seen, and only the opening of them, not what was read.',
    'A copy of a watched file, or a descriptor that was open before, is not watched.',
    'A path that is closed to its reader leaves no record.',
    'A login whose connection is not attributed exactly is left out.',
    'Password checks (sshd, sudo, su, login) may read the account files; who replaces such a program reads them unseen.',
  ],
}

export const watchedFile: DetectionKind = {
  about: ABOUT,
  reads: [],
  wants: () => false,
  tallies: [{ reads: ['wireguard.audit'], span: 10 * SECOND, keyOf, distinctOf: accessWords }],
  open({ emit, inventory, saved }) {
    const describe = (found: Raised): Described => ({
      ...describeAccess(found),
      ...excused(exceptionFor(inventory, ABOUT.id, found.first['wireguard.peer.name'] ?? '', found.firstAt)),
    })
    // What was saved under the detection's id is what `save` below gave.
    const findings = createEscalating(
      { about: ABOUT, window: WINDOW, isRenewed: true, describe },
      emit,
      saved as SavedEscalating | undefined,
    )
    return {
      tally(tally) {
        const [session = '', rank] = tally.key.split('\0')
        findings.add(session, Number(rank), tally)
      },
      tick: (watermark) => findings.tick(watermark),
      save: () => findings.save(),
    }
  },
}

/** `session\0rank` */
function keyOf(event: Event): string | null {
  if (fieldOf(event, 'tags') === undefined || fieldOf(event, 'event.category')?.includes('file') !== true) return null
  const path = fieldOf(event, 'file.path') ?? ''
  if (path === KEY_FILES || path.startsWith(`${KEY_FILES}/`)) return null
  if (!isWriting(event) && isPasswordCheck(event, path)) return null
  const session = sessionOfPeer(event)
  return session === null ? null : `${session}\0${rankOf(event, path)}`
}

function isPasswordCheck(event: Event, path: string): boolean {
  return ACCOUNTS.test(path) && CHECKERS.test(fieldOf(event, 'process.executable') ?? '')
}

function rankOf(event: Event, path: string): number {
  const isWrite = isWriting(event)
  if (!SECRETS.test(path)) return isWrite && !isAttempted(event) ? WRITE : READ
  if (isAttempted(event)) return SECRET_TRIED
  return isWrite ? SECRET_WRITTEN : SECRET_READ
}

/** `read /etc/shadow`, `tried to write /srv/ledger/notes.txt`. */
function accessWords(event: Event): string {
  const path = fieldOf(event, 'file.path') ?? fieldOf(event, 'file.name') ?? 'a file whose path was not recorded'
  if (isAttempted(event)) return `tried to ${isWriting(event) ? 'write' : 'read'} ${path}`
  return `${isWriting(event) ? verbOf(event) : 'read'} ${path}`
}

function verbOf(event: Event): string {
  if (fieldOf(event, 'event.type')?.includes('deletion') === true) return 'deleted'
  const action = fieldOf(event, 'event.action') ?? ''
  if (action === 'renamed') return 'renamed'
  return action.startsWith('changed-') ? 'changed' : 'wrote'
}

function describeAccess({ rank, distinct, first }: Raised): Described {
  // The gravest stand first: a sentence names only a few.
  const words = distinct.toSorted((a, b) => weightOf(b) - weightOf(a) || (a < b ? -1 : 1))
  return {
    summary: `${peerName(first)} ${listed(words)} on ${placeOfLogin(first)}`,
    severity: rank === SECRET_WRITTEN ? 4 : rank >= WRITE ? 3 : 2,
    about: aboutLogin(first),
    query: `${queryOfLogin(first)} and event.category : "file" and tags : *`,
  }
}

function weightOf(words: string): number {
  const path = words.slice(words.indexOf('/'))
  return (SECRETS.test(path) ? 4 : 0) + (/^(tried|read)/.test(words) ? 0 : 2)
}
