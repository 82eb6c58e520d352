/**
 * The demo capture written as growing, rotating logs while the daemon that follows them is killed five times: what comes of it is
 * what a replay gives, document by document.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { scheduler } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { DEMO, replayCapture } from '../replay-capture.ts'
import { comparable, growingPipeline, LIVE_ONLY, startDaemon } from './growing-daemon.ts'
import { openGrowingLogs } from './growing-logs.ts'

/** How each life ends: by SIGKILL when its share of the logs is written, or at a crash point. */
const LIVES = ['', 'checkpoint-committed:1', 'checkpoint-written:1', '', 'checkpoint-committed:1']
/** The writer's pace: ten seconds of the capture each. */
const PACE_MS = 120

/** By id. */
function byId(ndjson: string): Map<string, string> {
  const documents = ndjson.split('\n').filter((line) => line !== '')
  const known = new Map(documents.map((line) => [/"id":"([0-9a-v]{34})"/.exec(line)?.[1] ?? '', comparable(line)]))
  expect(known.size, 'an id stands there twice').toBe(documents.length)
  return known
}

test('growing logs, read by a daemon that is killed five times, give the documents of a replay', {
  timeout: 240_000,
}, async () => {
  const dir = mkdtempSync(join(tmpdir(), 'peertrail-growing-'))
  try {
    const logs = openGrowingLogs(DEMO, dir)
    writeFileSync(join(dir, 'live.yaml'), growingPipeline('ndjson: { path: out.ndjson }'))
    for (const crashAt of LIVES) {
      const { child, ended } = startDaemon(dir, { crashAt })
      for (let i = 0; i < logs.steps / (LIVES.length + 1); i++) {
        logs.grow()
        await scheduler.wait(PACE_MS)
      }
      if (crashAt === '') child.kill('SIGKILL')
      await ended
      expect(child.signalCode).toBe('SIGKILL')
    }
    while (logs.grow());
    const { child, ended } = startDaemon(dir, { options: ['--once'] })
    await ended
    expect(child.exitCode).toBe(0)

    const replayed = byId((await replayCapture(DEMO)).ndjson)
    const lived = byId(readFileSync(join(dir, 'out.ndjson'), 'utf8'))
    const missing = [...replayed].filter(([id]) => !lived.has(id)).map(([, line]) => line)
    const extra = [...lived].filter(([id, line]) => !replayed.has(id) && !LIVE_ONLY.test(line)).map(([, line]) => line)
    expect({ missing, extra }).toEqual({ missing: [], extra: [] })
    const other = [...replayed]
      .filter(([id, line]) => lived.get(id) !== line)
      .map(([id, line]) => [line, lived.get(id)])
    expect(other).toEqual([])
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
})
