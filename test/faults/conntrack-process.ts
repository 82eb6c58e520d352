/**
 * A `conntrack` that prints numbered events: `conntrack-process.ts LEDGER RATE -E …`. Enters in the ledger what it has printed.
 * `-L` prints an empty table.
 */
import { writeSync } from 'node:fs'
import { scheduler } from 'node:timers/promises'
import { type Micros, MS, SECOND } from '../../src/time.ts'
import { conntrackDestroy, conntrackNew } from './gateway-lines.ts'
import { type Entry, enter, readLedger } from './ledger.ts'

const TICK_MS = 20
const FLOW_LIFE: Micros = SECOND / 2
/** Numbers of one life. */
const LIFE_NUMBERS = 100_000

const [ledger = '', rate = '0', ...options] = process.argv.slice(2)
if (options.includes('-L')) process.exit(0)

const newest = readLedger(ledger).reduce((most, { number }) => Math.max(most, number), 0)
let next = (Math.floor(newest / LIFE_NUMBERS) + 1) * LIFE_NUMBERS
let lastAt: Micros = 0
let owed = 0
const open: { number: number; at: Micros }[] = []

function now(): Micros {
  lastAt = Math.max(lastAt + 1, Date.now() * MS)
  return lastAt
}

/** The reader's end may be full for a moment (EAGAIN); when it is gone we end by SIGPIPE or EPIPE. */
async function print(text: string): Promise<void> {
  for (let bytes = Buffer.from(text, 'latin1'); bytes.length > 0; ) {
    try {
      bytes = bytes.subarray(writeSync(1, bytes))
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) process.exit(1)
      await scheduler.wait(1)
    }
  }
}

for (;;) {
  let text = ''
  const entries: Entry[] = []
  const add = (kind: 'n' | 'd', number: number, at: Micros, line: string): void => {
    text += line
    entries.push({ kind, number, at, bytes: line.length })
  }
  const due = now() - FLOW_LIFE
  while (open[0] !== undefined && open[0].at < due) {
    const { number } = open.shift() ?? { number: 0 }
    const at = now()
    add('d', number, at, conntrackDestroy(number, at))
  }
  owed += (Number(rate) * TICK_MS) / 1000
  for (; owed >= 1; owed--) {
    const number = next++
    const at = now()
    add('n', number, at, conntrackNew(number, at))
    open.push({ number, at })
  }
  await print(text)
  enter(ledger, entries)
  await scheduler.wait(TICK_MS)
}
