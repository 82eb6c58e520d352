/** What posture asks a store or a cluster: a month of points a minute is far more than a reader can hold. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { expect, test } from 'vitest'
import { gatherStore } from '../../src/commands/posture-store.ts'
import { runReplay } from '../../src/commands/replay.ts'
import type { EventReader, Scope } from '../../src/store/event-reader.ts'
import { openStoreReader } from '../../src/store/reader.ts'
import { DAY, HOUR, MINUTE } from '../../src/time.ts'
import { micros } from './made-store.ts'
import { createMemoryTerminal } from './memory-terminal.ts'
import { storeDemo } from './stored-demo.ts'

const KEY = `${'K'.repeat(42)}A=`

test('asks for every point of the last hour only, and of a month for keys without a handshake', async () => {
  const store = await storeDemo()
  const inner = await openStoreReader(store.dir)
  const scopes: Scope[] = []
  const reader: EventReader = {
    ...inner,
    select: (scope, sql, parameters) => {
      scopes.push(scope)
      return inner.select(scope, sql, parameters)
    },
  }
  try {
    const { machines } = await gatherStore(reader, async () => null)
    expect(machines.flatMap(({ peers }) => peers).length).toBeGreaterThan(10)
    const ofPoints = scopes.filter(({ datasets }) => datasets?.includes('wireguard.peer') === true)
    expect(ofPoints.length).toBeGreaterThan(0)
    for (const { since, until, filter } of ofPoints)
      expect(until - since <= DAY || JSON.stringify(filter).includes('public_key')).toBe(true)
    const long = ofPoints.filter(({ since, until }) => until - since > DAY)
    for (const { filter } of long) expect(JSON.stringify(filter)).toMatch(/last_handshake/)
    expect(ofPoints.some(({ since, until }) => until - since <= HOUR + 5 * MINUTE)).toBe(true)
  } finally {
    inner.close()
    await store.remove()
  }
})

test('knows a handshake of before the interface was restarted, and since when a key is known', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'peertrail-posture-'))
  const dump = (time: string, handshake: number, bytes: number) =>
    `# ${time} gw1\nwg0\t(hidden)\t${'G'.repeat(42)}A=\t51820\toff\nwg0\t${KEY}\t(none)\t(none)\t10.8.0.2/32\t${handshake}\t${bytes}\t${bytes}\toff\n`
  const before = micros('2026-11-11T15:00:00Z')
  const times = ['14:58:00', '14:59:00', '15:00:00'].map((time) => dump(`2026-11-22T${time}Z`, 0, 0))
  try {
    await mkdir(join(dir, 'capture/gw1'), { recursive: true })
    const text = [dump('2026-11-12T15:00:00Z', before / 1_000_000, 500), ...times].join('')
    await writeFile(join(dir, 'capture/gw1/wg.snapshots'), text)
    const args = { directory: join(dir, 'capture'), ndjson: '', store: join(dir, 'store'), pipeline: '', isJson: false }
    await runReplay(args, createMemoryTerminal(), new Writable())
    const reader = await openStoreReader(join(dir, 'store'))
    const { machines } = await gatherStore(reader, async () => null)
    reader.close()
    expect(machines.flatMap(({ peers }) => peers)).toMatchObject([
      { publicKey: KEY, lastHandshake: before, firstAt: micros('2026-11-12T15:00:00Z') },
    ])
  } finally {
    await rm(dir, { recursive: true })
  }
})
