/**
 * Documents of a replay to a sink of the daemon: in its batches, tried again while waiting may mend it, given up when nothing moves.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { AppError } from '../errors.ts'
import type { Event } from '../event.ts'
import { safeText } from '../safe-text.ts'
import type { Sink } from '../sinks/sink.ts'
import { paint, type Terminal } from './terminal.ts'

export type ReplayDelivery = {
  add(event: Event): void
  /** Sends what a batch is worth. */
  drain(): Promise<void>
  /** Sends the rest. */
  finish(): Promise<void>
  close(): Promise<void>
  /** Of what was sent: records the ledger is rebuilt from, which no search shows. */
  readonly ledger: number
}

/** Attempts without an end would hide that nothing moves; each of them tries for some seconds itself. */
const ATTEMPTS_MAX = 20
const PAUSE_MS = 500

/** `where`: for people, who is meant when it does not answer. */
export function createReplayDelivery(sink: Sink, where: string, terminal: Terminal): ReplayDelivery {
  const batch = sink.batch?.events ?? 5_000
  let waiting: Event[] = []
  let ledger = 0

  async function send(least: number): Promise<void> {
    while (waiting.length >= least && waiting.length > 0) {
      const events = waiting.slice(0, batch)
      await deliver(events)
      waiting = waiting.slice(events.length)
    }
  }

  async function deliver(events: readonly Event[]): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await sink.deliver(events)
        return
      } catch (error) {
        // What waiting does not mend.
        if (error instanceof AppError && error.code !== 'no-server') throw error
        if (attempt >= ATTEMPTS_MAX) throw error
        const why = error instanceof Error ? error.message : String(error)
        say(terminal, `${where}: ${why}; trying again`)
        await pause(PAUSE_MS)
      }
    }
  }

  return {
    add(event) {
      if (event.dataset === 'peertrail.ledger') ledger++
      waiting.push(event)
    },
    drain: () => send(batch),
    finish: () => send(0),
    close: () => sink.close(),
    get ledger() {
      return ledger
    },
  }
}

/** A line for who looks on, in yellow. */
export function say(terminal: Terminal, text: string): void {
  terminal.err(`${paint(terminal, 'yellow', safeText(text))}\n`)
}
