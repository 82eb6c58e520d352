/** Who may read and write /etc/wireguard: its files hold private keys. */
import type { Severity } from '../finding-document.ts'
import type { FileFact } from '../sources/hostfacts/facts.ts'
import type { PostureCheck, PostureResult } from './check.ts'
import { fileCommand, NO_FACTS } from './host-facts.ts'
import { isGateway } from './posture-view.ts'
import { PRIVATE_KEYS } from './techniques.ts'

const FOLDER = '/etc/wireguard'
/** Permission bits: read, write for group and for others. */
const GROUP_READ = 0o040
const OTHER_READ = 0o004
const OTHERS_WRITE = 0o022
const OTHERS_ANY = 0o077

export const fileWireguardModes: PostureCheck = {
  id: 'wireguard-file-modes',
  title: 'Files of WireGuard that others may read or write',
  description:
    'Whoever can read a file of /etc/wireguard has the private key of the gateway, and can be the gateway. Whoever can write there decides who the peers are, and what is run as root when a tunnel comes up.',
  severity: 3,
  attack: [PRIVATE_KEYS],
  origin: 'posture',
  area: 'Private keys',
  knownGaps: [
    'Access control lists are not looked at, nor where a symbolic link leads.',
    'Who read a file while it was open does not show: see the audit rules about /etc/wireguard.',
  ],
  look: (machine, view) => {
    if (machine.facts === null) return isGateway(machine, view) ? [NO_FACTS] : []
    const entries = machine.facts.files.filter(({ path }) => path === FOLDER || path.startsWith(`${FOLDER}/`))
    const [folder] = entries
    if (folder === undefined) return isGateway(machine, view) ? [unknown('the host facts do not have it')] : []
    // A machine without WireGuard has no such folder; a gateway may be kept by other programs.
    if ('problem' in folder && folder.problem === 'no such file')
      return isGateway(machine, view) ? [unknown('there is no such folder')] : []
    // Nobody else gets to a file in a folder that others may not enter, as long as it stays so.
    const isClosed = !('problem' in folder) && folder.uid === 0 && (Number.parseInt(folder.mode, 8) & 0o011) === 0
    const results = entries.flatMap((entry): PostureResult[] =>
      'problem' in entry ? [unknown(`${entry.path}: ${entry.problem}`)] : judge(entry, isClosed),
    )
    if (results.length > 0) return results
    const count = entries.length - 1
    const text =
      count === 0
        ? `${FOLDER} belongs to root and is empty.`
        : `${FOLDER} and ${count === 1 ? 'its file' : `its ${count} files`} belong to root, and nobody else may read or write them.`
    return [{ kind: 'passed', text }]
  },
}

function unknown(problem: string): PostureResult {
  return { kind: 'not-checked', reason: `Who may read ${FOLDER} is not known: ${problem}.` }
}

function judge(entry: FileFact, isFolderClosed: boolean): PostureResult[] {
  const { path, kind, mode } = entry
  if (kind === 'link')
    return [{ kind: 'not-checked', reason: `${path} is a link: who may read what it leads to is not looked at.` }]
  const bits = Number.parseInt(mode, 8)
  const isPublic = kind === 'file' && /\.pub$|public/i.test(path)
  const results: PostureResult[] = []
  if (entry.uid !== 0) results.push(notRoots(entry))
  if (
    (bits & OTHERS_WRITE) !== 0 ||
    (kind === 'directory' && path === FOLDER && (bits & OTHERS_ANY) !== 0) ||
    (kind === 'file' && !isPublic && (bits & OTHERS_ANY) !== 0)
  )
    results.push(tooOpen(entry, bits, isFolderClosed && path !== FOLDER))
  return results
}

function notRoots(entry: FileFact): PostureResult {
  return {
    kind: 'finding',
    subject: `${entry.path} owner`,
    severity: 3,
    text: `${entry.path} belongs to uid ${entry.uid}, who can read and change it.`,
    evidence: [lineOf(entry)],
    mend: [fileCommand('chown root:root', entry.path)],
    about: {},
    exception: null,
  }
}

function tooOpen(entry: FileFact, bits: number, isKept: boolean): PostureResult {
  const { path, kind, gid } = entry
  const who = (bits & 0o007) !== 0 ? 'everybody' : `group ${gid}`
  const isWritten = (bits & OTHERS_WRITE) !== 0
  const isRead = (bits & (GROUP_READ | OTHER_READ)) !== 0
  const what = isWritten ? (isRead ? 'read and changed' : 'changed') : isRead ? 'read' : 'entered'
  return {
    kind: 'finding',
    subject: `${path} mode`,
    severity: severityOf(entry, bits, isKept),
    text: isKept
      ? `${path} could be ${what} by ${who}: only the closed folder keeps them from it.`
      : `${path} can be ${what} by ${who}.`,
    evidence: [lineOf(entry)],
    mend: [
      // A script keeps the right to be run: wg-quick would fail without it, and the tunnel stay down.
      fileCommand(`chmod ${kind === 'directory' ? '0700' : 'go-rwx'}`, path),
      ...(kind === 'file' && isRead && !isKept
        ? ['# a key that others could read counts as known: make a new one (wg genkey) and tell the peers']
        : []),
    ],
    about: {},
    exception: null,
  }
}

function severityOf({ path, kind, gid }: FileFact, bits: number, isKept: boolean): Severity {
  const isWritten = (bits & OTHERS_WRITE) !== 0
  // Scripts beside the configurations are often 0755; keys are not expected in them.
  const isForKeys = kind === 'file' && /\.conf|key|psk/i.test(path.slice(FOLDER.length))
  if (!isWritten && isKept && !isForKeys) return 1
  // The group of root is root.
  if (!isWritten && gid === 0 && (bits & 0o007) === 0) return 1
  // Names of files in the folder tell interfaces, not keys.
  if (isKept || (kind === 'directory' && !isWritten)) return 2
  return (bits & 0o006) !== 0 ? 4 : 3
}

function lineOf({ path, kind, mode, uid, gid }: FileFact): string {
  return `${path}: ${kind}, mode ${mode}, uid ${uid}, gid ${gid}`
}
