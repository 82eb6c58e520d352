/** What tests of collectors need: a directory of their own, programs that stand in for real ones, a log that is a list, and waiting for what processes do. */
import { spawnSync } from 'node:child_process'
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { scheduler } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Log, LogFields } from '../../../src/live/log.ts'

/** Polls of a condition, 5 ms apart: as long as a test may take. */
const POLLS_MAX = 4_000

/** Path of a file in test/fixtures/live. */
export function fixture(name: string): string {
  return fileURLToPath(new URL(`../../fixtures/live/${name}`, import.meta.url))
}

/** Resolves once `holds` does; what other processes do cannot be awaited otherwise. */
export async function until(holds: () => boolean, what: string): Promise<void> {
  for (let i = 0; i < POLLS_MAX; i++) {
    if (holds()) return
    await scheduler.wait(5)
  }
  throw new Error(`never happened: ${what}`)
}

export type Workshop = {
  readonly dir: string
  path(name: string): string
  /** '' when there is no such file. */
  read(name: string): string
  write(name: string, text: string): void
  remove(): void
}

export function openWorkshop(): Workshop {
  const dir = mkdtempSync(join(tmpdir(), 'peertrail-live-'))
  const path = (name: string) => join(dir, name)
  return {
    dir,
    path,
    read: (name) => (existsSync(path(name)) ? readFileSync(path(name), 'latin1') : ''),
    write: (name, text) => writeFileSync(path(name), text, 'latin1'),
    remove: () => rmSync(dir, { recursive: true, force: true }),
  }
}

export type Logged = { level: 'info' | 'warn' | 'error'; fields: LogFields; text: string }

export function createListLog(): { log: Log; logged: Logged[] } {
  const logged: Logged[] = []
  const at = (level: Logged['level']) => (fields: LogFields, text: string) => void logged.push({ level, fields, text })
  return { log: { info: at('info'), warn: at('warn'), error: at('error') }, logged }
}

/** The program `controlled` and the FIFO that tells it what to do; what is told while none runs waits for the next. */
export function openControl(workshop: Workshop, name = 'control') {
  const fifo = workshop.path(name)
  spawnSync('mkfifo', [fifo])
  const fd = openSync(fifo, 'r+')
  return {
    command: [fixture('controlled'), fifo],
    tell: (line: string) => void writeSync(fd, `${line}\n`),
    /** Process numbers of all lives so far. */
    pids: () => workshop.read(`${name}.pids`).split('\n').filter(Boolean).map(Number),
    close: () => closeSync(fd),
  }
}

/** Whether a process lives (a zombie that nobody reaped does not). */
export function lives(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3) !== 'Z'
  } catch {
    return false
  }
}

/**
 * From now on the kernel refuses to make any file longer than this (RLIMIT_FSIZE of this process, the soft one): it writes up to
 * it and then says no, as a full disk does. Gives what undoes it.
 */
export function limitFiles(bytes: number): () => void {
  const before = /^Max file size +(\S+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1] ?? 'unlimited'
  const set = (soft: string) => {
    const { status } = spawnSync('prlimit', ['--pid', String(process.pid), `--fsize=${soft}:`])
    if (status !== 0) throw new Error(`prlimit ended with ${status}`)
  }
  // The signal comes before the error, and would end the process.
  const ignore = () => {}
  process.on('SIGXFSZ', ignore)
  set(String(bytes))
  return () => {
    set(before)
    process.off('SIGXFSZ', ignore)
  }
}
