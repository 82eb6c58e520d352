/** What systemd hears, by way of a `systemd-notify` of the test's own that writes down what it is told. */
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createNotifier } from '../../src/live/notify.ts'
import { SECOND } from '../../src/time.ts'

/** A shell takes its time on a busy machine. */
const PATIENT = { timeout: 20_000 }

test('ready, alive at most every half period, stopping', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'peertrail-notify-'))
  const heard = join(directory, 'heard')
  writeFileSync(join(directory, 'systemd-notify'), '#!/bin/sh\necho "$NOTIFY_SOCKET $*" >> "$HEARD"\n')
  chmodSync(join(directory, 'systemd-notify'), 0o755)
  const environment = { PATH: `${directory}:/bin:/usr/bin`, HEARD: heard }
  const lines = () => (existsSync(heard) ? readFileSync(heard, 'utf8').trim().split('\n') : [])
  try {
    createNotifier(environment).ready()
    const notifier = createNotifier({ ...environment, NOTIFY_SOCKET: '/run/n', WATCHDOG_USEC: '60000000' })
    notifier.ready()
    await expect.poll(lines, PATIENT).toEqual(['/run/n --ready --status=running'])
    for (const second of [100, 110, 129, 131, 140]) notifier.alive(second * SECOND)
    await expect.poll(() => lines().length, PATIENT).toBe(3)
    notifier.stopping()
    await expect
      .poll(() => lines().slice(1))
      .toEqual(['/run/n WATCHDOG=1', '/run/n WATCHDOG=1', '/run/n STOPPING=1 --status=stopping'])
  } finally {
    rmSync(directory, { recursive: true })
  }
})
