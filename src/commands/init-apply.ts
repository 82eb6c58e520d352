/** What `init --apply` changes on a machine, step by step, each said: files that were not there, log rules, kernel settings. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { AppError } from '../errors.ts'
import type { Clock } from '../live/clock.ts'
import { quoted } from '../safe-text.ts'
import { isKnown } from '../sources/hostfacts/facts.ts'
import { askProgram } from './machine-programs.ts'

/** A file that is proposed. */
export type Proposal = {
  /** As it is told: where it lies on the machine. */
  readonly path: string
  /** Where it is written: below the root of a test, else `path` itself. */
  readonly file: string
  readonly text: string
  /** What is there now; null = nothing. */
  readonly before: string | null
  /** Octal permissions of a new file. */
  readonly mode: number
}

/** Reads what is there. Throws AppError `cannot-read` when something is there that cannot be read. `root`: `/`, or a test's. */
export function propose(root: string, path: string, text: string, mode: number): Proposal {
  const file = path.startsWith('/') ? join(root, path) : path
  try {
    return { path, file, text, before: readFileSync(file, 'utf8'), mode }
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : ''
    if (code === 'ENOENT' || code === 'ENOTDIR') return { path, file, text, before: null, mode }
    throw new AppError('cannot-read', `cannot read ${quoted(path, 200)}`, {
      cause,
      advice: 'Run it as root, or name another --output.',
    })
  }
}

/** Writes a file that is not there yet, and the directories above it. Throws AppError `cannot-write`. */
export function writeNew({ path, file, text, mode }: Proposal): void {
  try {
    // 0755: the daemon's user must get to its pipeline, in which secrets are references only.
    mkdirSync(dirname(file), { recursive: true, mode: 0o755 })
    writeFileSync(file, text, { flag: 'wx', mode })
  } catch (cause) {
    throw new AppError('cannot-write', `${quoted(path, 200)} cannot be written`, {
      cause,
      advice: 'Run it as root, or name a file with --output (- prints it).',
    })
  }
}

/** nft's objection to a ruleset file, '' for none. Nothing is loaded. Needs the right to ask the kernel. */
export async function checkRuleset(nft: string, text: string, clock: Clock): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'peertrail-init-'))
  const path = join(directory, 'rules.nft')
  try {
    writeFileSync(path, text, { mode: 0o600 })
    const answer = await askProgram('nft', nft, ['-c', '-f', path], clock)
    return isKnown(answer) ? '' : answer.problem.replaceAll(path, 'the file')
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** Runs a command that changes something; its problem, '' for none. */
export async function runChange(program: string, args: readonly string[], clock: Clock): Promise<string> {
  const [name = program] = program.split('/').slice(-1)
  const answer = await askProgram(name, program, args, clock)
  return isKnown(answer) ? '' : answer.problem
}
