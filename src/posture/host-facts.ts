/** Host facts as checks ask for them: a fact, or the result that says why it is not known. */
import { type Fact, factOf, type HostFacts, isKnown } from '../sources/hostfacts/facts.ts'
import type { MachineView, PostureResult } from './check.ts'

export type NotChecked = Extract<PostureResult, { kind: 'not-checked' }>

export const NO_FACTS: NotChecked = {
  kind: 'not-checked',
  reason:
    'No host facts of it are known: live they are gathered, in a capture they stand in hostfacts.json or hostfacts.snapshots.',
}

/** `what`: the fact in words, for a sentence: `The audit rules are not known: permission denied`. */
export function notKnown<Value>(what: string, fact: Fact<Value> | undefined): NotChecked {
  const known = factOf(fact)
  // Callers ask only about facts that are not known.
  return { kind: 'not-checked', reason: `${what} not known${isKnown(known) ? '' : `: ${known.problem}`}.` }
}

/** Of what is asked about the running kernel's files. */
export function notOnDisk(release: string): NotChecked {
  return {
    kind: 'not-checked',
    reason: `The running kernel ${release} is not among those on the disk: a container, or a kernel that comes from elsewhere.`,
  }
}

/** `'` and blanks quoted for a shell; '' where the name has characters that a screen would not show as they are. */
export function shellPath(path: string): string {
  if (/^[\w@%+:,./=-]+$/.test(path) && !path.startsWith('-')) return path
  return /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.test(path) ? '' : `'${path.replaceAll("'", "'\\''")}'`
}

/** A name in a command, whatever it is made of. */
export function shellWord(name: string): string {
  return shellPath(name) || "''"
}

/** A command about a file, or a line for people where its name cannot be written down. */
export function fileCommand(command: string, path: string): string {
  const word = shellPath(path)
  return word === '' ? `# ${command}: the file's name has characters that cannot be shown` : `${command} ${word}`
}

/** The release that runs, where the machine says. */
export function runningRelease({ facts, kernels }: MachineView): string | null {
  const release = facts?.kernel.release
  if (release !== undefined && isKnown(release)) return release
  return kernels.at(-1)?.release ?? null
}

/** `debian` and its kin use apt; of others only dnf is known here. */
export function isDebianLike({ machine, programs }: HostFacts): boolean {
  if (programs['apt-cache'] !== undefined && programs['apt-cache'] !== '') return true
  return isKnown(machine.distribution) && ['debian', 'ubuntu', 'raspbian', 'linuxmint'].includes(machine.distribution)
}
