/**
 * A program behind the command sink, as the file `sink.mode` tells it to be: reads batches of NDJSON, keeps them in `taken.ndjson`
 * and answers.
 *
 *   ok · late (answers after a while) · stall (never) · refuse (keeps nothing, says no) · refuse-kept · die · die-kept
 */
import { appendFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { scheduler } from 'node:timers/promises'

export type SinkMode = 'ok' | 'late' | 'stall' | 'refuse' | 'refuse-kept' | 'die' | 'die-kept'

const LATE_MS = 400
const LINE_END = Buffer.from('\n')
const dir = process.argv[2] ?? ''

function mode(): string {
  try {
    return readFileSync(join(dir, 'sink.mode'), 'latin1').trim()
  } catch {
    return 'ok'
  }
}

async function take(batch: Buffer): Promise<void> {
  const now = mode()
  if (now === 'die') process.exit(1)
  // Beginning with a line end: one that was killed in its middle leaves half a line.
  if (now !== 'refuse') appendFileSync(join(dir, 'taken.ndjson'), Buffer.concat([LINE_END, batch]))
  if (now === 'die-kept') process.exit(1)
  if (now === 'late') await scheduler.wait(LATE_MS)
  // For ever: whoever waits ends this process.
  if (now === 'stall') await new Promise<never>(() => {})
  process.stdout.write(now.startsWith('refuse') ? 'no room\n' : 'ok\n')
}

let held: Buffer[] = []
for await (const chunk of process.stdin) {
  if (!Buffer.isBuffer(chunk)) continue
  held.push(chunk)
  // An empty line: no document holds one.
  if (!chunk.includes('\n\n') && !(chunk[0] === 10 && chunk.length === 1)) continue
  const all = Buffer.concat(held)
  const end = all.indexOf('\n\n')
  if (end < 0) continue
  held = [all.subarray(end + 2)]
  await take(all.subarray(0, end + 1))
}
