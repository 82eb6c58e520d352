/**
 * A writer as a process of its own, for tests that end it. Prints `step NAME` at each point where it may be killed, `ack N` when the
 * first N events are committed, `rss MB` and `closed` at the end; with `killAt`, it ends itself by SIGKILL at that step.
 */
import { writeSync } from 'node:fs'
import { openStoreWriter } from '../../src/store/writer.ts'
import { DAY, SECOND } from '../../src/time.ts'
import { madeEvent, START } from './made-events.ts'

export type WriterTask = {
  readonly dir: string
  /** Events from..to are added, a commit after every so many. */
  readonly from: number
  readonly to: number
  readonly commitEach: number
  readonly segmentRows: number
  /** Every so many events one of another dataset, of the day before; 0 = none. */
  readonly otherEach: number
  /** Counts from 1; 0 = none. */
  readonly killAt: number
  /** Waits for the end of standard input when everything is committed, and never closes the store. */
  readonly isHolding?: boolean
}

const say = (line: string) => writeSync(1, `${line}\n`)

/** The nth event of a task: what the child adds, and what a test looks for. */
export function taskEvent(n: number, { otherEach }: Pick<WriterTask, 'otherEach'>) {
  if (otherEach > 0 && n % otherEach === 0) return madeEvent(n, START + n * SECOND - DAY, 'wireguard.session')
  return madeEvent(n)
}

async function run(task: WriterTask): Promise<void> {
  let steps = 0
  const writer = await openStoreWriter(task.dir, {
    segmentRows: task.segmentRows,
    step(name) {
      say(`step ${name}`)
      if (++steps === task.killAt) process.kill(process.pid, 'SIGKILL')
    },
  })
  for (let n = task.from; n < task.to; n++) {
    writer.add(taskEvent(n, task))
    if ((n + 1) % task.commitEach !== 0 && n + 1 < task.to) continue
    writer.commit(new Map([['made', String(n + 1)]]))
    say(`ack ${n + 1}`)
    await writer.drain()
  }
  if (task.isHolding === true) {
    say('holding')
    for await (const _ of process.stdin);
    return
  }
  await writer.close()
  // KiB, as Linux counts it.
  say(`rss ${Math.round(process.resourceUsage().maxRSS / 1024)}`)
  say('closed')
}

// Also imported, for its events.
if (import.meta.filename === process.argv[1]) {
  // A test of ours wrote it.
  await run(JSON.parse(process.argv[2] ?? '') as WriterTask)
}
