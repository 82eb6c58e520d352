/**
 * Paths of an audit event, made absolute. PATH names are relative to the working directory or, for calls like openat, to the directory
 * behind a file descriptor, which no record names: such a name stays as recorded.
 */
import type { AuditFacts, AuditPath } from '../../sources/auditd/facts.ts'

/** Arguments that hold a directory's descriptor, by call: bit 0 is a0. */
const DIRECTORY_ARGUMENTS: ReadonlyMap<string, number> = new Map([
  ...[
    ...'openat openat2 mkdirat mknodat fchownat futimesat newfstatat fstatat64 unlinkat fchmodat fchmodat2'.split(' '),
    ...'faccessat faccessat2 readlinkat utimensat execveat statx name_to_handle_at'.split(' '),
  ].map((name) => [name, 0b0001] as const),
  ['linkat', 0b0101],
  ['renameat', 0b0101],
  ['renameat2', 0b0101],
  ['symlinkat', 0b0010],
])

/** The low 32 bits of AT_FDCWD (-100), as audit prints an argument. */
const AT_FDCWD = 'ffffff9c'

/** What its names are relative to: the working directory, or '' where only a descriptor says it. */
export function baseDirectory(facts: AuditFacts): string {
  const holders = DIRECTORY_ARGUMENTS.get(facts.syscallName) ?? 0
  if (holders === 0) return facts.cwd
  const isKnown =
    ((holders & 1) === 0 || facts.a0.endsWith(AT_FDCWD)) &&
    ((holders & 2) === 0 || facts.a1.endsWith(AT_FDCWD)) &&
    ((holders & 4) === 0 || facts.a2.endsWith(AT_FDCWD))
  return isKnown ? facts.cwd : ''
}

/** The name as an absolute path without `.`, `..` and empty steps; as recorded where the base is not known. */
export function absolutePath(name: string, base: string): string {
  if (name === '') return ''
  if (name.charCodeAt(0) === SLASH) return cleanPath(name)
  return base.charCodeAt(0) === SLASH ? cleanPath(`${base}/${name}`) : name
}

const SLASH = 47

function cleanPath(path: string): string {
  if (!path.includes('//') && !path.includes('/.') && (path.charCodeAt(path.length - 1) !== SLASH || path === '/'))
    return path
  const steps: string[] = []
  for (const step of path.split('/')) {
    if (step === '' || step === '.') continue
    if (step === '..') steps.pop()
    else steps.push(step)
  }
  return `/${steps.join('/')}`
}

/**
 * The PATH an event is about: what was created (the new name of a rename), else what was deleted, else the first that is no parent
 * directory; null where there is none.
 */
export function objectPath(paths: readonly AuditPath[]): AuditPath | null {
  let deleted: AuditPath | null = null
  let first: AuditPath | null = null
  for (const path of paths) {
    if (path.nametype === 'CREATE') return path
    if (path.nametype === 'DELETE') deleted ??= path
    else if (path.nametype !== 'PARENT') first ??= path
  }
  return deleted ?? first
}

/** The last step of a path; '' of the root. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

/** Type bits of a mode (inode(7)), in the words of auditd.summary.object.type. */
const FILE_TYPES: ReadonlyMap<number, string> = new Map([
  [0o01, 'named-pipe'],
  [0o02, 'character-device'],
  [0o04, 'directory'],
  [0o06, 'block-device'],
  [0o10, 'file'],
  [0o12, 'symlink'],
  [0o14, 'socket'],
])

/** `file`, `directory`, … by the octal mode as recorded (`0100644`); '' where it says nothing. */
export function fileTypeOf(mode: string): string {
  return mode.length < 5 ? '' : (FILE_TYPES.get(Number.parseInt(mode.slice(0, -4), 8)) ?? '')
}
