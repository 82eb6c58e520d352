/**
 * A gateway's log daemon and collectors as a process that can be killed: writes numbered lines into kern.log, conntrack.log and
 * wg.snapshots, and enters them in the ledger. Takes orders as JSON lines on its standard input, answers each with `done`.
 */
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { scheduler } from 'node:timers/promises'
import { type Micros, MS, SECOND } from '../../src/time.ts'
import { conntrackDestroy, conntrackNew, packetLine, snapshotText } from './gateway-lines.ts'
import { type Entry, type EntryKind, enter } from './ledger.ts'
import { openRotatedLog, type RotatedLog } from './rotated-log.ts'

export type WriterTask = {
  readonly logs: string
  readonly ledger: string
  /** First number of this life. */
  readonly first: number
  readonly perSecond: number
  readonly bootedAt: Micros
  /** conntrack.log is written too. */
  readonly hasConntrack: boolean
}

export type WriterOrder =
  | { readonly do: 'rename'; readonly log: LogName; readonly linger: number; readonly late: number }
  | { readonly do: 'copytruncate'; readonly log: LogName; readonly between: number }
  | { readonly do: 'compress' | 'remove'; readonly log: LogName }
  | { readonly do: 'burst'; readonly lines: number }
  | { readonly do: 'pause' | 'go-on' | 'stop' }

export type LogName = 'kern' | 'conntrack'

const TICK_MS = 20
const POLL_EVERY: Micros = SECOND / 2
const FLOW_LIFE: Micros = SECOND / 2
/** Every so manieth packet opens a flow. */
const FLOW_EACH = 4

const task = JSON.parse(process.argv[2] ?? '{}') as WriterTask
const logs = {
  kern: openRotatedLog(join(task.logs, 'kern.log')),
  conntrack: openRotatedLog(join(task.logs, 'conntrack.log')),
}
const snapshots = openRotatedLog(join(task.logs, 'wg.snapshots'))
const run = { next: task.first, lastAt: 0, polledAt: 0, owed: 0, isPaused: false, isOver: false }
const open: { number: number; at: Micros }[] = []
const orders: { order: WriterOrder; done: () => void }[] = []
/** The end of the last packet log line, with its entry: written with the next. */
let torn: { text: string; entry: Entry } | null = null

function now(): Micros {
  run.lastAt = Math.max(run.lastAt + 1, Date.now() * MS)
  return run.lastAt
}

const entryOf = (kind: EntryKind, number: number, at: Micros, text: string): Entry => ({
  kind,
  number,
  at,
  bytes: text.length,
})

/** Packet log lines and their flows. `mayTear`: the last line may be written in two pieces. */
function writeLines(count: number, { mayTear = false, write = (text: string) => logs.kern.write(text) } = {}): void {
  const entries: Entry[] = []
  let text = mend(entries)
  let flows = ''
  const flowEntries: Entry[] = []
  for (let i = 0; i < count; i++) {
    const number = run.next++
    const at = now()
    const line = packetLine(number, at, task.bootedAt)
    const entry = entryOf('p', number, at, line)
    if (mayTear && i === count - 1 && number % 8 === 0) {
      text += line.slice(0, 100)
      torn = { text: line.slice(100), entry }
    } else {
      text += line
      entries.push(entry)
    }
    if (!task.hasConntrack || number % FLOW_EACH !== 0) continue
    const begin = conntrackNew(number, at)
    flows += begin
    flowEntries.push(entryOf('n', number, at, begin))
    open.push({ number, at })
  }
  write(text)
  enter(task.ledger, entries)
  if (flows !== '') logs.conntrack.write(flows)
  enter(task.ledger, flowEntries)
}

/** The rest of a line that was begun. */
function mend(entries: Entry[]): string {
  const text = torn?.text ?? ''
  if (torn !== null) entries.push(torn.entry)
  torn = null
  return text
}

function endFlows(before: Micros): void {
  let text = ''
  const entries: Entry[] = []
  while (open[0] !== undefined && open[0].at < before) {
    const { number } = open.shift() ?? { number: 0 }
    const at = now()
    const line = conntrackDestroy(number, at)
    text += line
    entries.push(entryOf('d', number, at, line))
  }
  if (text !== '') logs.conntrack.write(text)
  enter(task.ledger, entries)
}

function tick(): void {
  if (!run.isPaused) {
    run.owed += (task.perSecond * TICK_MS) / 1000
    const count = Math.floor(run.owed)
    run.owed -= count
    if (count > 0) writeLines(count, { mayTear: true })
    endFlows(now() - FLOW_LIFE)
  }
  if (now() - run.polledAt < POLL_EVERY) return
  run.polledAt = now()
  snapshots.write(snapshotText(run.polledAt))
}

function flush(): void {
  if (torn !== null) writeLines(0)
}

async function rename(log: RotatedLog, linger: number, late: number): Promise<void> {
  flush()
  log.rename()
  for (let i = 0; i < linger; i++) {
    tick()
    await scheduler.wait(TICK_MS)
  }
  flush()
  log.reopen()
  // Two processes with the log open, one of which was not told yet.
  for (let i = 0; i < late; i++) {
    writeLines(3)
    writeLines(2, { write: (text) => logs.kern.writeLate(text) })
    await scheduler.wait(TICK_MS)
  }
}

async function obey(order: WriterOrder): Promise<void> {
  switch (order.do) {
    case 'rename':
      return rename(logs[order.log], order.linger, order.log === 'kern' ? order.late : 0)
    case 'copytruncate':
      flush()
      return logs[order.log].copyTruncate(() => {
        if (order.between > 0) writeLines(order.between)
      })
    case 'compress':
      return logs[order.log].compress()
    case 'remove':
      return logs[order.log].remove()
    case 'burst':
      for (let left = order.lines; left > 0; left -= 2000) writeLines(Math.min(2000, left))
      return
    case 'pause':
    case 'go-on':
      flush()
      run.isPaused = order.do === 'pause'
      return
    case 'stop':
      flush()
      endFlows(Number.POSITIVE_INFINITY)
      snapshots.write(snapshotText(now()))
      run.isOver = true
      return
    default:
      order satisfies never
  }
}

createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, order } = JSON.parse(line) as { id: number; order: WriterOrder }
  orders.push({ order, done: () => void process.stdout.write(`done ${id}\n`) })
})

while (!run.isOver) {
  for (let next = orders.shift(); next !== undefined; next = orders.shift()) {
    await obey(next.order)
    next.done()
  }
  tick()
  await scheduler.wait(TICK_MS)
}
process.exit(0)
