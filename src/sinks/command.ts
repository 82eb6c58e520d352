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
  /** What it said when nobody had asked, '' = nothing. */
  unasked(): string
  /** Resolves with how it ended, for people. */
  readonly ended: Promise<string>
}

export function openCommandSink(run: readonly string[], timeout: Micros): Sink {
  const [program = '', ...args] = run
  const name = safeText(program)
  const writer = createEventWriter()
  let child: Child | null = null

  async function exchange(events: readonly Event[]): Promise<void> {
    child ??= start(program, args)
    const current = child
    const { stdin } = current.process
    // A second answer to one batch would be taken for the answer to the next.
    if (current.unasked() !== '') throw new Error(`${name} answered without a batch: ${safeText(current.unasked())}`)
    let hasSaid = false
    let isOver = false
    const said = current.answer().finally(() => {
      hasSaid = true
    })
    for (const event of events) {
      if (hasSaid) break
      if (!stdin.write(writer.toBytes(event))) await Promise.race([drained(stdin), said])
    }
    if (!hasSaid)
      stdin.write('\n', (error) => {
        isOver = !error
      })
    const text = await said
    if (text === 'ok' && isOver) return
    if (text === 'ok') throw new Error(`${name} said ok before the batch was over`)
    throw new Error(text === null ? `${name} ${await current.ended}` : `${name}: ${safeText(text)}`)
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
        if ((await Promise.race([exchange(events), late])) === 'late') throw new Error(`${name} gave no answer in time`)
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
      child.process.stdin.end()
      await Promise.race([child.ended, pause(END_MS, null, { ref: false })])
      end()
    },
  }
}

function start(program: string, args: readonly string[]): Child {
  const process = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  let waiting: ((line: string | null) => void) | null = null
  let unasked = ''
  let held = ''
  let isEnded = false
  const answered = (line: string | null): void => {
    if (waiting === null) {
      if (line !== null && unasked === '') unasked = line || 'an empty line'
      return
    }
    waiting(line)
    waiting = null
  }
  const ended = new Promise<string>((resolve) => {
    const end = (how: string): void => {
      isEnded = true
      resolve(how)
      answered(null)
    }
    process.on('error', (error) => end(`could not be started: ${safeText(error.message)}`))
    process.on('close', (code, signal) => end(signal === null ? `ended with ${code}` : `was ended by ${signal}`))
  })
  // The answer that never comes tells it.
  process.stdin.on('error', () => {})
  process.stdout.setEncoding('utf8').on('data', (text: string) => {
    held += text
    for (let at = held.indexOf('\n'); at >= 0; at = held.indexOf('\n')) {
      answered(held.slice(0, Math.min(at, ANSWER_MAX)).trim())
      held = held.slice(at + 1)
    }
    held = held.slice(0, ANSWER_MAX)
  })
  return {
    process,
    answer: () =>
      new Promise((resolve) => {
        if (isEnded) resolve(null)
        else waiting = resolve
      }),
    unasked: () => unasked,
    ended,
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
