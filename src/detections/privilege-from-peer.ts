/**
 * Somebody who logged in to a host through the tunnel acts as root there, or tries to: sudo, su and the like by their own messages,
 * root's own login, and programs that run as root in the session though nobody used any of them.
 *
 * The login server runs programs as root in the session, too: PAM's (message of the day) before the session is opened, and its own
 * children after. They are no use of privilege: what ran up to the opening does not count, nor what descends from the server's process.
 */
import { type Event, fieldOf } from '../event.ts'
import { DAY, MINUTE, type Micros, SECOND } from '../time.ts'
import type {
  Detection,
  DetectionAbout,
  DetectionContext,
  DetectionKind,
  SeenDocument,
  Tally,
} from './catalogue/detection.ts'
import { createEscalating, type Raised, type SavedEscalating } from './catalogue/escalating.ts'
import { exceptionFor, excused } from './catalogue/exceptions.ts'
import {
  aboutLogin,
  baseName,
  commandText,
  listed,
  placeOfLogin,
  queryOfLogin,
  sessionOfPeer,
} from './catalogue/login-words.ts'
import { type Described, peerName } from './catalogue/thresholds.ts'

/** What a session does within this time of the first is one finding. */
const WINDOW: Micros = MINUTE
/** A session is told of again when it was quiet for this long. */
const SUPPRESSION: Micros = DAY
/** Failed attempts within the window from which on they are no mistyped password. */
const FAILURES = 3
/** Short, so that what a session did before its login was opened does not stand in one tally with what it did after. */
const SPAN: Micros = SECOND
/** Login sessions whose opening is known; beyond it the oldest is forgotten, and nothing of it is `unexplained`. */
const LOGINS_MAX = 20_000

const FAILED = 1
const USED = 2
const UNEXPLAINED = 3

const ROOT_LOGIN = 'logged in as root'

/** Programs whose purpose is to act as somebody else. */
const TOOLS: ReadonlySet<string> = new Set([
  'sudo',
  'sudo-rs',
  'sudoedit',
  'su',
  'su-rs',
  'pkexec',
  'doas',
  'run0',
  'ksu',
  'dzdo',
  'sesu',
])

const ABOUT: DetectionAbout = {
  id: 'privilege-from-peer',
  title: "Root used in a peer's login session",
  severity: 2,
  origin: 'detection',
  description:
    'A login session that came through the tunnel used sudo, su or the like, tried to, logged in as root, or ran programs as root ' +
    'though none of those was seen. The last one is what an exploit looks like.',
  runbook: [
    'Look what the session did: `peertrail timeline PEER`, or the query of the finding.',
    'Is the account meant to have root there? Ask the owner named by the inventory; the key proves the device, not the person.',
    'Root without sudo or su: compare the programs with the setuid files of the host (`find / -xdev -perm -4000`), and isolate it.',
    'If nobody can explain it, revoke the key: `wg set INTERFACE peer KEY remove` on its gateway.',
  ],
  attack: [
    { id: 'T1548.003', name: 'Sudo and Sudo Caching', tactic: { id: 'TA0004', name: 'Privilege Escalation' } },
    {
      id: 'T1068',
      name: 'Exploitation for Privilege Escalation',
      tactic: { id: 'TA0004', name: 'Privilege Escalation' },
    },
    { id: 'T1078', name: 'Valid Accounts', tactic: { id: 'TA0004', name: 'Privilege Escalation' } },
  ],
  limits: {
    window: '60 s from the first use',
    severity: `low: fewer than ${FAILURES} failed attempts; medium: root used or that many; high: root without sudo, su or the like`,
  },
  suppression: SUPPRESSION,
  baseline: 0,
  query:
    'wireguard.attribution.status : "exact" and wireguard.peer.public_key : * and ((event.action : "host-login" and user.id : "0") or ' +
    '(event.dataset : "wireguard.audit" and (event.action : "ran-command" or (event.action : "executed" and user.id : "0") or ' +
    'process.executable : (*/sudo or */su or */pkexec or */doas))))',
  knownGaps: [
    'A login whose connection is not attributed exactly is left out.',
    'Shell built-ins and what root does inside one program are not recorded.',
    'Where messages of sudo and PAM are excluded from the audit log, root by sudo looks like root without it.',
    'Without an audit rule on execve only the messages of sudo, su and PAM are seen.',
    'PAM scripts at logout that run further programs look like root without sudo.',
    'Root in the same millisecond as the login, or in a session that began before the log, is not seen without sudo or su.',
    'A service that runs commands for the session (systemd-run, a container runtime) works outside of it.',
  ],
}

type Login = { readonly openedAt: Micros; readonly pid: number; hasTool: boolean }
type Saved = { readonly logins: Map<string, Login>; readonly roots: Tally[]; readonly findings: SavedEscalating }

/** Index among its tallies. */
const ROOT = 1

export const privilegeFromPeer: DetectionKind = {
  about: ABOUT,
  reads: ['wireguard.session'],
  wants: (event) =>
    fieldOf(event, 'event.action') === 'host-login' && fieldOf(event, 'wireguard.attribution.status') === 'exact',
  tallies: [
    { reads: ['wireguard.audit'], span: SPAN, keyOf: toolKey, distinctOf: toolWords },
    { reads: ['wireguard.audit'], span: SPAN, keyOf: rootKey, distinctOf: processPair },
  ],
  open,
}

function open({ emit, inventory, saved: before }: DetectionContext): Detection {
  // What was saved under the detection's id is what `save` below gave.
  const saved = before as Saved | undefined
  const logins = saved?.logins ?? new Map<string, Login>()
  /** Of one stretch of time: judged when all tallies of it are known, those of sudo too. */
  let roots: Tally[] = saved?.roots ?? []
  const describe = (found: Raised): Described => ({
    ...describeUse(found),
    ...excused(exceptionFor(inventory, ABOUT.id, found.first['wireguard.peer.name'] ?? '', found.firstAt)),
  })
  const findings = createEscalating({ about: ABOUT, window: WINDOW, isRenewed: true, describe }, emit, saved?.findings)

  function judgeRootsBefore(at: Micros): void {
    const [first] = roots
    if (first === undefined || first.end > at) return
    for (const tally of roots) judgeRoot(tally)
    roots = []
  }

  function judgeRoot(tally: Tally): void {
    const login = logins.get(loginKey(tally.first))
    if (login === undefined || login.hasTool) return
    if (isAllOfServer(tally.distinct, login.pid)) return
    const evidence = tally.evidence.filter(({ at }) => at > login.openedAt)
    const firstAt = evidence[0]?.at
    if (firstAt === undefined) return
    findings.add(tally.key, UNEXPLAINED, { ...tally, count: evidence.length, evidence, firstAt, distinct: [] })
  }

  return {
    observe(document) {
      const { fields, at } = document
      judgeRootsBefore(at)
      const key = loginKey(fields)
      // Told again: what was learnt since stands.
      if (logins.get(key)?.openedAt === at) return
      logins.delete(key)
      logins.set(key, { openedAt: at, pid: fields['process.pid'] ?? -1, hasTool: fields['user.id'] === '0' })
      if (logins.size > LOGINS_MAX) {
        const oldest = logins.keys().next()
        if (oldest.done !== true) logins.delete(oldest.value)
      }
      if (fields['user.id'] === '0') findings.add(`${key} root`, USED, tallyOf(document, ROOT_LOGIN))
    },
    tally(tally, kind) {
      judgeRootsBefore(tally.end - 1)
      if (kind === ROOT) {
        roots.push(tally)
        return
      }
      const [session = '', what] = tally.key.split('\0')
      const login = logins.get(loginKey(tally.first))
      if (login !== undefined && what === 'used') login.hasTool = true
      findings.add(session, what === 'used' ? USED : FAILED, tally)
    },
    tick(watermark) {
      judgeRootsBefore(watermark)
      findings.tick(watermark)
    },
    save: () => ({ logins, roots, findings: findings.save() }) satisfies Saved,
  }
}

/** `session\0used`, `session\0failed`. That a tool was started explains nothing: sudo itself has been exploited. */
function toolKey(event: Event): string | null {
  const what = toolUse(event)
  if (what === null) return null
  const session = sessionOfPeer(event)
  return session === null ? null : `${session}\0${what}`
}

function toolUse(event: Event): 'used' | 'failed' | null {
  const isFailure = () => fieldOf(event, 'event.outcome') === 'failure'
  switch (fieldOf(event, 'event.action') ?? '') {
    case 'ran-command':
      return isFailure() ? 'failed' : 'used'
    case 'started-session':
      return isTool(event) && !isFailure() ? 'used' : null
    case 'authenticated':
      return isTool(event) && isFailure() ? 'failed' : null
    default:
      return null
  }
}

function isTool(event: Event): boolean {
  const executable = fieldOf(event, 'process.executable')
  return executable !== undefined && TOOLS.has(baseName(executable))
}

/** `sudo\0sudo cat /etc/shadow`, `su\0`: a tool, and what it ran where its message says that. */
function toolWords(event: Event): string {
  const tool = baseName(fieldOf(event, 'process.executable') ?? 'sudo')
  const command = fieldOf(event, 'auditd.data.cmd')
  return `${tool}\0${command === undefined ? '' : commandText([tool, command])}`
}

/** Commands, and tools that told none. */
function shownWords(words: readonly string[]): string {
  const pairs = words.map((word) => word.split('\0'))
  const commands = pairs.filter(([, command = '']) => command !== '')
  const silent = pairs.filter(([tool, command = '']) => command === '' && !commands.some(([other]) => other === tool))
  return listed([...commands.map(([, command = '']) => command), ...silent.map(([tool = '']) => tool)])
}

/** Programs that run as root in a session of another account. */
function rootKey(event: Event): string | null {
  if (fieldOf(event, 'event.action') !== 'executed' || fieldOf(event, 'user.id') !== '0') return null
  if (fieldOf(event, 'event.outcome') !== 'success') return null
  const login = fieldOf(event, 'auditd.user.audit.id')
  return login === undefined || login === '0' ? null : sessionOfPeer(event)
}

function processPair(event: Event): string {
  return `${fieldOf(event, 'process.parent.pid') ?? ''}>${fieldOf(event, 'process.pid') ?? ''}`
}

/** Whether all of them descend from the process that serves the login. */
function isAllOfServer(pairs: readonly string[], server: number): boolean {
  const own = new Set([String(server)])
  let rest = pairs.map((pair) => pair.split('>'))
  for (let before = -1; before !== own.size; ) {
    before = own.size
    rest = rest.filter(([parent = '', pid = '']) => {
      const isOwn = own.has(parent) || own.has(pid)
      if (isOwn) own.add(pid)
      return !isOwn
    })
  }
  return rest.length === 0
}

/** Audit documents and the login's own name a session alike by host and number; after a boot the newer login stands. */
function loginKey(fields: SeenDocument['fields']): string {
  return `${fields['host.name'] ?? ''} ${fields['auditd.session'] ?? ''}`
}

function tallyOf({ at, id, fields }: SeenDocument, word: string): Tally {
  return {
    key: '',
    start: at,
    end: at,
    count: 1,
    sum: 0,
    distinct: [word],
    evidence: [{ id, at }],
    first: fields,
    firstAt: at,
    lastAt: at,
    related: {
      ip: fields['related.ip'] ?? [],
      hosts: fields['related.hosts'] ?? [],
      user: fields['related.user'] ?? [],
    },
  }
}

function describeUse({ rank, count, distinct, first }: Raised): Described {
  const who = peerName(first)
  const place = placeOfLogin(first)
  const what = distinct.length === 0 ? '' : `: ${shownWords(distinct)}`
  const rest = { about: aboutLogin(first), query: queryOfLogin(first) }
  if (rank === UNEXPLAINED)
    return {
      summary: `${who} ran programs as root on ${place}, and no sudo, su or the like was seen before it${what}`,
      severity: 3,
      ...rest,
    }
  if (rank === FAILED)
    return {
      summary: `${who} failed ${count === 1 ? 'once' : `${count} times`} to become somebody else on ${place}${what}`,
      severity: count >= FAILURES ? 2 : 1,
      ...rest,
    }
  if (distinct.includes(ROOT_LOGIN)) return { summary: `${who} logged in as root on ${place}`, ...rest }
  return { summary: `${who} used another account's rights on ${place}${what}`, ...rest }
}
