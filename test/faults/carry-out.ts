/** Makes the faults of a plan happen. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { scheduler } from 'node:timers/promises'
import type { Daemon } from './daemon-child.ts'
import { damageState } from './damage-state.ts'
import { GATEWAY } from './gateway-lines.ts'
import type { Fault } from './round-plan.ts'
import type { SmallDisk } from './small-disk.ts'
import type { Workplace } from './workplace.ts'
import type { Writer } from './writer-child.ts'

export type Scene = {
  readonly place: Workplace
  readonly daemon: Daemon
  readonly writer: Writer
  readonly disk: SmallDisk | null
  readonly tally: Tally
}

export type Tally = { kills: number; isStateLost: boolean; readonly points: string[] }

/** A crash point that is not reached by then is not reached. */
const CRASH_PATIENCE_MS = 4_000

export async function carryOut(scene: Scene, fault: Fault): Promise<void> {
  const { place, daemon, writer, disk, tally } = scene
  switch (fault.do) {
    case 'wait':
      return scheduler.wait(fault.ms)
    case 'kill':
      tally.kills++
      return kill(scene, fault.what)
    case 'down':
      tally.kills++
      return daemon.kill()
    case 'up':
      return daemon.start()
    case 'reload':
      return daemon.signal('SIGHUP')
    case 'crash':
      await daemon.kill()
      daemon.start(`${fault.point}:${fault.times}`)
      tally.kills++
      if (await daemon.crashed(CRASH_PATIENCE_MS)) tally.points.push(fault.point)
      return
    case 'order':
      await writer.order(fault.order)
      return
    case 'sink':
      return writeFileSync(join(place.sink, 'sink.mode'), fault.mode)
    case 'fill':
      return disk?.fill()
    case 'clear':
      return disk?.clear()
    case 'damage':
      tally.kills++
      tally.isStateLost = true
      await daemon.kill()
      damageState(place.state, fault.how)
      return daemon.start()
    default:
      fault satisfies never
  }
}

async function kill({ place, daemon, writer }: Scene, what: 'daemon' | 'writer' | 'both' | 'command'): Promise<void> {
  if (what === 'command') return killCommand(place)
  await Promise.all([what === 'writer' ? null : daemon.kill(), what === 'daemon' ? null : writer.kill()])
  if (what !== 'daemon') writer.start()
  if (what !== 'writer') daemon.start()
}

/** The daemon wrote down which process it is (src/live/leftover.ts). */
function killCommand(place: Workplace): void {
  try {
    const text = readFileSync(join(place.state, `${GATEWAY}-conntrack.pid`), 'utf8')
    process.kill(Number(/"pid":(\d+)/.exec(text)?.[1] ?? Number.NaN), 'SIGKILL')
  } catch {
    // It is being started, or gone already.
  }
}
