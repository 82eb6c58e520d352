/** A question to a cluster that somebody ends: no document is left behind on the disk. */
import { type ChildProcess, spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { startTestCluster, type TestCluster } from '../store/cluster-server.ts'

const MAIN = resolve(import.meta.dirname, '../../src/main.ts')
const STREAM = 'logs-wireguard.flow-default'
const NOON = Date.UTC(2026, 10, 22, 12) * 1000
const DOCUMENTS = 6_001

let dir = ''
let cluster: TestCluster | null = null
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'peertrail-signal-'))
})
afterEach(async () => {
  await cluster?.close()
  await rm(dir, { recursive: true, force: true })
})

test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('%s', async (signal) => {
  const run: { child?: ChildProcess; readonly made: string[] } = { made: [] }
  const documents = Array.from({ length: DOCUMENTS }, (_, i) => ({
    '@timestamp': NOON + i,
    'event.id': `id${String(i).padStart(6, '0')}`,
  }))
  cluster = await startTestCluster([{ stream: STREAM, name: '.ds-1', documents }], {
    answer: (_path, body) => {
      if (!Array.isArray(body['_source'])) return null
      run.made.push(...readdirSync(dir))
      run.child?.kill(signal)
      return null
    },
  })
  const argv = [MAIN, 'search', '--elasticsearch', cluster.url, '--limit', '0', '--json']
  const child = spawn(process.execPath, argv, { env: { PATH: process.env['PATH'], TMPDIR: dir }, stdio: 'ignore' })
  run.child = child
  const ended = await new Promise((done) => {
    child.once('close', (_status, by) => done(by))
  })
  expect(ended).toBe(signal)
  expect(run.made[0]).toMatch(/^peertrail-cluster-/)
  expect(readdirSync(dir)).toEqual([])
})
