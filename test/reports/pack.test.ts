/** What an evidence pack holds: real documents, real lines, the ledger and inventories behind them, and no secret. */
import { hash } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runReplay } from '../../src/commands/replay.ts'
import { parseEvent } from '../../src/event-json.ts'
import type { EventReader } from '../../src/store/event-reader.ts'
import { layoutOf } from '../../src/store/layout.ts'
import { readManifest } from '../../src/store/manifest.ts'
import { openStoreReader } from '../../src/store/reader.ts'
import { createMemoryTerminal } from '../commands/memory-terminal.ts'
import { createNarrowReader } from '../commands/narrow-reader.ts'
import { type StoredDemo, storeDemo } from '../commands/stored-demo.ts'
import { DEMO, withCopy } from '../replay-capture.ts'
import { aboutAddress, aboutKeys, askIncident, askPack, jsonRows, LAB_PERIOD } from './incident-asking.ts'

/** Milliseconds: a replay of the capture on a busy machine. */
const SETUP_MAX = 60_000

let demo: StoredDemo
let reader: EventReader
let key: string
beforeAll(async () => {
  demo = await storeDemo()
  reader = await openStoreReader(demo.dir)
  key = demo.documents.find((each) => each['event.action'] === 'peer-removed')?.['wireguard.peer.public_key'] ?? ''
}, SETUP_MAX)
afterAll(async () => {
  reader.close()
  await demo.remove()
})

/** Text of every file of the capture whose name begins so. */
function captureText(host: string, start: string): string {
  const folder = join(DEMO, host)
  return readdirSync(folder)
    .filter((name) => name.startsWith(start))
    .map((name) => readFileSync(join(folder, name), 'utf8'))
    .join('\n')
}

function chainOf(dir: string): string[] {
  const manifest = readManifest(layoutOf(dir))
  try {
    return (manifest?.everything().chain ?? []).map(({ entry }) => JSON.stringify(entry))
  } finally {
    manifest?.close()
  }
}

describe('documents of a pack', () => {
  test('are those of the records, whole, in order of time', async () => {
    const { files, rows } = await askPack(reader, aboutKeys('a key', [key]))
    const lines = (files.get('documents.ndjson') ?? '').trimEnd().split('\n')
    expect(lines.length).toBe(rows.get('documents.ndjson'))
    const known = new Map(demo.documents.map((each) => [each['event.id'], each]))
    const documents = lines.map(parseEvent)
    for (const document of documents) expect(document).toEqual(known.get(document['event.id']))
    const times = documents.map((each) => each['@timestamp'] ?? 0)
    expect(times).toEqual(times.toSorted((a, b) => a - b))
    expect(documents.some((each) => each['event.dataset'] === 'wireguard.peer')).toBe(true)
  })

  test('hold every document that the report names as evidence', async () => {
    const { files } = await askPack(reader, aboutKeys('a key', [key]))
    const report = await askIncident(reader, aboutKeys('a key', [key]))
    const packed = new Set(
      (files.get('documents.ndjson') ?? '')
        .trimEnd()
        .split('\n')
        .map((line) => parseEvent(line)['event.id']),
    )
    for (const row of jsonRows(report.files.get('evidence.ndjson'))) expect(packed).toContain(row['event.id'])
  })

  test('are the same again, and from a reader that gives only what matches', async () => {
    const first = await askPack(reader, aboutAddress('10.8.0.7'))
    expect(await askPack(reader, aboutAddress('10.8.0.7'))).toEqual(first)
    expect((await askPack(createNarrowReader(reader), aboutAddress('10.8.0.7'))).files).toEqual(first.files)
  })
})

describe('what lies behind them', () => {
  test('raw lines are lines of the capture, with their hashes', async () => {
    const { files } = await askPack(reader, aboutKeys('a key', [key]))
    const raw = jsonRows(files.get('raw.ndjson'))
    const packets = raw.filter((row) => row['event.dataset'] === 'wireguard.firewall')
    expect(packets.length).toBeGreaterThan(5)
    // Written by the pack in this shape.
    for (const row of raw)
      for (const { sha256, line } of row['lines'] as { sha256: string; line: string }[])
        expect(sha256).toBe(hash('sha256', line))
    const gateway = String(packets[0]?.['host.name'])
    const text = captureText(gateway, 'kern.log')
    for (const row of packets.filter((each) => each['host.name'] === gateway))
      for (const { line } of row['lines'] as { line: string }[]) expect(text).toContain(line) // as above
  })

  test('inventories are whole: their hash begins their SHA-256', async () => {
    const { files } = await askPack(reader, aboutKeys('a key', [key]))
    const names = [...files.keys()].filter((name) => name.startsWith('inventories/'))
    expect(names.length).toBeGreaterThan(0)
    for (const name of names) {
      const text = files.get(name) ?? ''
      expect(`inventories/${hash('sha256', text).slice(0, 16)}.yaml`).toBe(name)
      expect(text).toBe(readFileSync(join(DEMO, 'inventory.yaml'), 'utf8'))
    }
  })

  test('the ledger shows the key and its removal, the polls around, and no other key', async () => {
    const { files } = await askPack(reader, aboutKeys('a key', [key]))
    const ledger = jsonRows(files.get('ledger.ndjson'))
    expect(ledger.find((row) => row['kind'] === 'stay')).toMatchObject({ publicKey: key, end: 'removed' })
    expect(ledger.filter((row) => row['kind'] === 'polls').length).toBeGreaterThan(3)
    const others = demo.documents
      .flatMap((each) => each['wireguard.peer.public_key'] ?? [])
      .filter((each) => each !== key)
    const text = files.get('ledger.ndjson') ?? ''
    for (const other of new Set(others)) expect(text).not.toContain(other)
  })

  test('sources name the log files, and the segments of the chain that hold the documents', async () => {
    const chain = chainOf(demo.dir)
    expect(chain.length).toBeGreaterThan(3)
    const { files, rows } = await askPack(reader, aboutKeys('a key', [key]), chain)
    expect((files.get('chain.ndjson') ?? '').trimEnd().split('\n')).toEqual(chain)
    expect(rows.get('chain.ndjson')).toBe(chain.length)
    const sources = jsonRows(files.get('sources.ndjson'))
    expect(sources.some((row) => row['kind'] === 'log-file' && Number(row['lines']) > 1)).toBe(true)
    const segments = sources.filter((row) => row['kind'] === 'segment')
    expect(segments.length).toBeGreaterThan(3)
    for (const segment of segments)
      expect(hash('sha256', readFileSync(join(demo.dir, String(segment['file']))))).toBe(segment['sha256'])
  })

  test('changes and coverage of the machines are there', async () => {
    const { files } = await askPack(reader, aboutKeys('a key', [key]))
    const actions = (name: string) =>
      (files.get(name) ?? '')
        .trimEnd()
        .split('\n')
        .map((line) => parseEvent(line)['event.action'])
    expect(actions('changes.ndjson')).toContain('peer-removed')
    expect(actions('coverage.ndjson')).toContain('source-heartbeat')
    expect(actions('coverage.ndjson')).toContain('source-gap')
  })
})

describe('a pack for strangers', () => {
  test('holds no preshared and no private key', async () => {
    const secret = Buffer.alloc(32, 'preshared').toString('base64')
    await withCopy(async (directory) => {
      const snapshots = join(directory, 'gw1', 'wg.snapshots')
      const text = readFileSync(snapshots, 'utf8')
      expect(text).toContain('\t(hidden)\t')
      writeFileSync(snapshots, text.replaceAll('\t(hidden)\t', `\t${secret}\t`))
      const store = join(directory, 'store')
      const args = { directory, ndjson: '', store, pipeline: '', isJson: false }
      await runReplay(args, createMemoryTerminal(), new Writable())
      const asked = await openStoreReader(store)
      try {
        const keys = demo.documents.flatMap((each) => each['wireguard.peer.public_key'] ?? [])
        const { files } = await askPack(asked, aboutKeys('all keys', [...new Set(keys)]), chainOf(store))
        expect(files.get('documents.ndjson')?.length).toBeGreaterThan(100_000)
        for (const [name, content] of files) expect([name, content.includes(secret)]).toEqual([name, false])
      } finally {
        asked.close()
      }
    })
  })

  test('its letter says how to check it, and acts on nobody', async () => {
    const label = 'eve\u001b[2J`x` <script>alert(1)</script>\n# Trust me'
    const { files } = await askPack(reader, { ...aboutKeys('', [key]), label })
    const text = files.get('README.md') ?? ''
    expect(text).toContain('sha256sum -c SHA256SUMS')
    expect(text).toContain('peertrail verify')
    expect(text).not.toContain('\u001b')
    expect(text).not.toMatch(/^# Trust me/m)
    expect(text).not.toMatch(/<script>/)
    for (const name of files.keys()) if (name !== 'README.md') expect(text).toContain(name)
  })

  test('without any document it is a whole pack all the same', async () => {
    const { files, rows } = await askPack(reader, aboutAddress('192.0.2.77'), null, {
      period: { from: LAB_PERIOD.from - 86_400_000_000, to: LAB_PERIOD.from - 3_600_000_000 },
    })
    expect(rows.get('documents.ndjson')).toBe(0)
    expect(files.get('README.md')).toContain('No document of this pack keeps the line')
  })
})
