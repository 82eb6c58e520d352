/** The writer as a process that is killed; the next one goes on with numbers of its own. */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import type { Micros } from '../../src/time.ts'
import { PROGRAMS, type Workplace } from './workplace.ts'
import type { WriterOrder, WriterTask } from './writer-process.ts'

export type Writer = {
  start(): void
  /** Resolves when it is done; false when the writer ended meanwhile. */
  order(order: WriterOrder): Promise<boolean>
  kill(): Promise<void>
}

/** Numbers of one life. */
const LIFE_NUMBERS = 1_000_000

type Life = {
  readonly child: ChildProcessByStdio<Writable, Readable, null>
  readonly waiting: Map<number, (isDone: boolean) => void>
  readonly ended: Promise<void>
}

export function superviseWriter(
  place: Workplace,
  { perSecond, bootedAt, hasConntrack }: { perSecond: number; bootedAt: Micros; hasConntrack: boolean },
): Writer {
  let lives = 0
  let orders = 0
  let life: Life | null = null

  function start(): void {
    lives++
    const { logs, ledger } = place
    const task: WriterTask = { logs, ledger, first: lives * LIFE_NUMBERS, perSecond, bootedAt, hasConntrack }
    const child = spawn(process.execPath, [join(PROGRAMS, 'writer-process.ts'), JSON.stringify(task)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    child.stdin.on('error', () => {})
    const waiting: Life['waiting'] = new Map()
    createInterface({ input: child.stdout }).on('line', (line) => {
      const id = Number(line.slice('done '.length))
      waiting.get(id)?.(true)
      waiting.delete(id)
    })
    const ended = new Promise<void>((resolve) => {
      child.on('close', () => {
        for (const answer of waiting.values()) answer(false)
        if (life?.child === child) life = null
        resolve()
      })
    })
    life = { child, waiting, ended }
  }

  return {
    start,
    order(order) {
      const own = life
      if (own === null) return Promise.resolve(false)
      const id = ++orders
      own.child.stdin.write(`${JSON.stringify({ id, order })}\n`)
      return new Promise((resolve) => void own.waiting.set(id, resolve))
    },
    async kill() {
      const own = life
      life = null
      own?.child.kill('SIGKILL')
      await own?.ended
    },
  }
}
