/** Long and steady: does the daemon's memory stay flat, and do its descriptors? */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { scheduler } from 'node:timers/promises'
import { HOUR, MS } from '../../src/time.ts'
import { superviseDaemon } from './daemon-child.ts'
import { makeWorkplace } from './workplace.ts'
import { superviseWriter } from './writer-child.ts'

const LINES_PER_SECOND = 5_000
const SAMPLE_MS = 1_000
/** A log is rotated as often, so that it takes part in what must stay flat. */
const ROTATE_EACH = 60
const GROWTH_MAX = 1.2

type Sample = { readonly rssMib: number; readonly descriptors: number }

/** Whether it was flat. */
export async function soak(minutes: number, say: (text: string) => void): Promise<boolean> {
  const dir = mkdtempSync(join(tmpdir(), 'peertrail-soak-'))
  const place = makeWorkplace(dir, { conntrack: 'file', commandRate: 0, spool: '1GiB', hasCommandSink: false })
  const writer = superviseWriter(place, {
    perSecond: LINES_PER_SECOND,
    bootedAt: Date.now() * MS - HOUR,
    hasConntrack: true,
  })
  const daemon = superviseDaemon(place)
  writer.start()
  daemon.start()
  const samples: Sample[] = []
  const pid = daemon.pid
  for (let second = 1; second <= minutes * 60; second++) {
    await scheduler.wait(SAMPLE_MS)
    if (second % ROTATE_EACH === 0) {
      await writer.order({ do: 'rename', log: 'kern', linger: 5, late: 0 })
      await writer.order({ do: 'rename', log: 'conntrack', linger: 0, late: 0 })
      await writer.order({ do: 'compress', log: 'kern' })
    }
    if (daemon.pid === pid) samples.push(sampleOf(pid))
  }
  const isWhole = daemon.pid === pid
  await writer.order({ do: 'stop' })
  await writer.kill()
  const code = await daemon.stop()
  const third = Math.floor(samples.length / 3)
  const [first, last] = [samples.slice(0, third), samples.slice(-third)]
  const rss = [median(first.map(({ rssMib }) => rssMib)), median(last.map(({ rssMib }) => rssMib))] as const
  const open = [
    median(first.map(({ descriptors }) => descriptors)),
    median(last.map(({ descriptors }) => descriptors)),
  ] as const
  say(`soak: ${minutes} min at ${LINES_PER_SECOND} lines/s, ${samples.length} samples`)
  say(
    `RSS first third ${rss[0].toFixed(0)} MiB, last third ${rss[1].toFixed(0)} MiB (at most ${GROWTH_MAX} times as much)`,
  )
  say(`descriptors first third ${open[0]}, last third ${open[1]}`)
  const isFlat = rss[1] <= rss[0] * GROWTH_MAX && open[1] <= open[0]
  if (!isWhole) say(`the daemon ended by itself: ${daemon.surprises.join(', ')}`)
  if (isFlat && isWhole && code === 0) rmSync(dir, { recursive: true, force: true })
  else say(`failed (exit ${code}): ${dir}`)
  return isFlat && isWhole && code === 0
}

function sampleOf(pid: number): Sample {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1')
  const kib = Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0)
  return { rssMib: kib / 1024, descriptors: readdirSync(`/proc/${pid}/fd`).length }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? 0
}
