/**
 * A program of the user's that takes documents anywhere. It reads NDJSON from its standard input, a batch ended by an empty line,
 * and answers each batch with one line: `ok` when every document of it is safe, anything else is why not. A batch that was not
 * answered with `ok` comes again, whole; documents carry their id (`event.id`).
 *
 *   ← {"@timestamp":…}\n{"@timestamp":…}\n\n      → ok\n
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import { createEventWriter } from '../correlate/event-printer.ts'
import type { Event } from '../event.ts'
import { safeText } from '../safe-text.ts'
import { type Micros, MS } from '../time.ts'
import type { Sink } from './sink.ts'

/** Characters of an answer that count. */
const ANSWER_MAX = 1000
/** How long it may take to end by itself after its input has ended. */
const END_MS = 2_000

type Child = {
  readonly process: ChildProcessByStdio<Writable, Readable, null>
  /** The next line it says; null when it has ended. */
  answer(): Promise<string | null>
}

export function openCommandSink(run: readonly string[], timeout: Micros): Sink {
  const [program = '', ...args] = run
  const writer = createEventWriter()
  let child: Child | null = null

  async function exchange(events: readonly Event[]): Promise<void> {
    child ??= start(program, args)
    const { process, answer } = child
    const said = answer()
    for (const event of events) {
      if (!process.stdin.write(writer.toBytes(event))) await drained(process.stdin)
    }
    process.stdin.write('\n')
    const text = await said
    if (text === 'ok') return
    throw new Error(text === null ? `${safeText(program)} ended` : safeText(text.slice(0, ANSWER_MAX)))
  }

  function end(): void {
    child?.process.kill('SIGKILL')
    child = null
  }

  return {
    name: 'command',
    keepsLedger: false,
    async deliver(events) {
      const stopping = new AbortController()
      const late = pause(timeout / MS, 'late' as const, { signal: stopping.signal, ref: false }).catch(
        () => 'done' as const,
      )
      try {
        if ((await Promise.race([exchange(events), late])) === 'late')
          throw new Error(`${safeText(program)} gave no answer in time`)
      } catch (error) {
        // Whatever it still holds of this batch: a new one begins with a clean input.
        end()
        throw error
      } finally {
        stopping.abort()
      }
    },
    position: () => '',
    async close() {
      if (child === null) return
      const ended = child.answer()
      child.process.stdin.end()
      await Promise.race([ended, pause(END_MS, null, { ref: false })])
      end()
    },
  }
}

function start(program: string, args: readonly string[]): Child {
  const process = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines: string[] = []
  let waiting: ((line: string | null) => void) | null = null
  let held = ''
  let isEnded = false
  const end = (): void => {
    isEnded = true
    waiting?.(null)
    waiting = null
  }
  process.on('error', end)
  process.on('close', end)
  // The answer that never comes tells it.
  process.stdin.on('error', () => {})
  process.stdout.setEncoding('utf8').on('data', (text: string) => {
    held += text
    for (let at = held.indexOf('\n'); at >= 0; at = held.indexOf('\n')) {
      lines.push(held.slice(0, at).trim())
      held = held.slice(at + 1)
    }
    held = held.slice(0, ANSWER_MAX)
    if (waiting !== null && lines.length > 0) {
      waiting(lines.shift() ?? null)
      waiting = null
    }
  })
  return {
    process,
    answer: () =>
      new Promise((resolve) => {
        const line = lines.shift()
        if (line !== undefined) resolve(line)
        else if (isEnded) resolve(null)
        else waiting = resolve
      }),
  }
}

/** Resolves also when the other end is gone. */
function drained(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      stream.off('drain', done)
      stream.off('close', done)
      resolve()
    }
    stream.on('drain', done)
    stream.on('close', done)
  })
}
