/**
 * What systemd is told (sd_notify(3)): Node has no Unix datagram sockets, so the program `systemd-notify` says it, which the unit
 * allows with NotifyAccess=all. Without NOTIFY_SOCKET nothing is said.
 */
import { spawn } from 'node:child_process'
import type { Micros } from '../time.ts'

export type Notifier = {
  ready(): void
  stopping(): void
  /** Alive as of now; said at most every half of the watchdog's period. */
  alive(now: Micros): void
}

export function createNotifier(environment: { readonly [name: string]: string | undefined }): Notifier {
  const { NOTIFY_SOCKET: socket = '', WATCHDOG_USEC: watchdog = '' } = environment
  const period: Micros = Number(watchdog) > 0 ? Number(watchdog) / 2 : Number.POSITIVE_INFINITY
  let aliveAt: Micros = 0

  function say(...args: string[]): void {
    if (socket === '') return
    const child = spawn('systemd-notify', args, { stdio: 'ignore', env: { ...environment, NOTIFY_SOCKET: socket } })
    // Without the program the unit's own timeout tells it.
    child.on('error', () => {})
    child.unref()
  }

  return {
    ready: () => say('--ready', '--status=running'),
    stopping: () => say('STOPPING=1', '--status=stopping'),
    alive(now) {
      if (now - aliveAt < period && now >= aliveAt) return
      aliveAt = now
      say('WATCHDOG=1')
    },
  }
}
