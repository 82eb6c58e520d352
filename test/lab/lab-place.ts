/**
 * Where a lab lives: a directory and network namespaces that carry its random name, the processes it started, and what it changed
 * on the machine. All of it is written down as it is made, so that the next lab can clear up after one that was killed.
 */
import { randomBytes } from 'node:crypto'
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { attempt } from './run-program.ts'

export type LabPlace = {
  /** Six hexadecimal digits. */
  readonly id: string
  readonly dir: string
  /** Name of a host's network namespace. */
  namespace(host: string): string
  /** The same command in the host's namespace, where /run/wireguard holds only its own interfaces. */
  inside(host: string, argv: readonly string[]): readonly string[]
  /** To be ended with the lab. */
  remember(pid: number): void
  /** How to take back a change of the machine: a command, or a text for a file below /proc. */
  undoLater(undo: Undo): void
}

export type Undo = { readonly run: readonly string[] } | { readonly path: string; readonly text: string }

const NAME = 'ptlab'
const PROCESSES = 'processes.jsonl'
const UNDO = 'undo.jsonl'
/** How long processes may take to end in order. */
const LOOK_MS = 50
const LOOKS_MAX = 60
/** wireguard-go and wg find each other through sockets here, whatever the namespace. */
const WIREGUARD_RUN = '/run/wireguard'

export function makePlace(): LabPlace {
  const id = randomBytes(3).toString('hex')
  const dir = join(tmpdir(), `${NAME}-${id}`)
  mkdirSync(dir, { mode: 0o700 })
  mkdirSync(WIREGUARD_RUN, { recursive: true, mode: 0o700 })
  writeFileSync(join(dir, 'owner.json'), JSON.stringify(processOf(process.pid)))
  const namespace = (host: string) => `${NAME}-${id}-${host}`
  return {
    id,
    dir,
    namespace,
    inside(host, argv) {
      const run = join(dir, `${host}.wireguard`)
      mkdirSync(run, { recursive: true, mode: 0o700 })
      const script = `mount --bind "$0" ${WIREGUARD_RUN} && exec "$@"`
      return ['ip', 'netns', 'exec', namespace(host), 'sh', '-c', script, run, ...argv]
    },
    remember: (pid) => appendFileSync(join(dir, PROCESSES), `${JSON.stringify(processOf(pid))}\n`),
    undoLater: (undo) => appendFileSync(join(dir, UNDO), `${JSON.stringify(undo)}\n`),
  }
}

/**
 * Ends everything of one lab and takes back what it changed. Synchronous, because it also runs when a signal ends the lab. Gives where
 * the directory is kept, which no later lab clears away; '' when it is gone.
 */
export function clearPlace(id: string, isKept: boolean): string {
  const dir = join(tmpdir(), `${NAME}-${id}`)
  const ours = namespaces().filter((name) => name.startsWith(`${NAME}-${id}-`))
  // Last changes first, while the processes that they need still live.
  for (const undo of readLines<Undo>(join(dir, UNDO)).toReversed()) takeBack(undo, ours)
  const isOurs = ({ pid, startTicks }: Process) => startTicks !== '' && processOf(pid).startTicks === startTicks
  const processes = () => readLines<Process>(join(dir, PROCESSES)).filter(isOurs)
  // In order first: an audit daemon that is killed stays the kernel's until a record cannot be sent.
  for (const { pid } of processes()) signal(pid, 'SIGTERM')
  for (let looks = 0; looks < LOOKS_MAX && processes().length > 0; looks++) waitBlocking(LOOK_MS)
  for (const { pid } of processes()) signal(pid, 'SIGKILL')
  for (const name of ours) {
    for (const pid of attempt(['ip', 'netns', 'pids', name]).stdout.split('\n').filter(Boolean))
      signal(Number(pid), 'SIGKILL')
    attempt(['ip', 'netns', 'del', name])
  }
  const kept = join(tmpdir(), `kept-${NAME}-${id}`)
  if (isKept) renameSync(dir, kept)
  else rmSync(dir, { recursive: true, force: true })
  return isKept ? kept : ''
}

/** Labs whose process is gone. A lab that runs beside this one is left alone. */
export function clearLeftovers(say: (text: string) => void): void {
  const dirs = readdirSync(tmpdir()).flatMap((name) => /^ptlab-([0-9a-f]{6})$/.exec(name)?.[1] ?? [])
  const spaces = namespaces().flatMap((name) => /^ptlab-([0-9a-f]{6})-/.exec(name)?.[1] ?? [])
  for (const id of new Set([...dirs, ...spaces])) {
    const owner = readLines<Process>(join(tmpdir(), `${NAME}-${id}`, 'owner.json'))[0]
    if (owner !== undefined && processOf(owner.pid).startTicks === owner.startTicks) continue
    say(`clearing up after the lab ${id}, which was killed`)
    clearPlace(id, false)
  }
}

/** What other labs that run would write back into this file; '' when none has changed it. */
export function undoOfOthers(path: string): string {
  const dirs = readdirSync(tmpdir()).filter((name) => name.startsWith(`${NAME}-`))
  const undone = dirs.flatMap((name) => readLines<Undo>(join(tmpdir(), name, UNDO)))
  return undone.flatMap((undo) => ('path' in undo && undo.path === path ? undo.text : []))[0] ?? ''
}

/** `startTicks`: field 22 of /proc/PID/stat, '' when there is no such process, or it has ended. Numbers alone are used again. */
type Process = { readonly pid: number; readonly startTicks: string }

function processOf(pid: number): Process {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return { pid, startTicks: fields[0] === 'Z' ? '' : (fields[19] ?? '') }
  } catch {
    return { pid, startTicks: '' }
  }
}

function namespaces(): string[] {
  return attempt(['ip', 'netns', 'list'])
    .stdout.split('\n')
    .flatMap((line) => line.split(' ')[0] || [])
}

/** A setting of the whole machine stays while others have namespaces that may need it. */
function takeBack(undo: Undo, ours: readonly string[]): void {
  if ('run' in undo) attempt(undo.run)
  else if (namespaces().every((name) => ours.includes(name))) writeFileSync(undo.path, undo.text)
}

/** A signal may be ending this process: nothing else runs meanwhile, and nothing should. */
function waitBlocking(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch {
    // It has ended by itself.
  }
}

/** Our own files: their shape is known. A last line may be cut when the lab was killed while writing it. */
function readLines<T>(path: string): T[] {
  if (!existsSync(path)) return []
  return readFileSync(path, 'utf8')
    .split('\n')
    .flatMap((line) => {
      try {
        // Written by this file, in this shape.
        return line === '' ? [] : [JSON.parse(line) as T]
      } catch {
        return []
      }
    })
}
