import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { SourceFile } from '../../../src/sources/source.ts'
import { createSnapshotDecoder } from '../../../src/sources/wireguard/decoder.ts'
import { decode, FILE, type Item, snapshotsOf, toLines } from './dumps.ts'

const FIXTURES = join(import.meta.dirname, '../../fixtures/wireguard')

const KEY = 'n4TKCp2VZejHDqLbbVon4KqRw7qyhD228iZgt03Wn1s='
const OTHER_KEY = 'bASMbhTQqMzAGeJqHnWdSWkh1J2Q2cdiRnMtWFjeJ3g='
const INTERFACE = `wg0\t(hidden)\t${KEY}\t51820\toff\n`
const PEER = `wg0\t${OTHER_KEY}\t(none)\t(none)\t10.9.0.2/32\t0\t0\t0\toff\n`

function header(time: string): string {
  return `# ${time} gw1\n`
}

describe.each(readdirSync(FIXTURES))('wg.snapshots %s', (fixture) => {
  it('gives the recorded items and counts every line once', async () => {
    const content = readFileSync(join(FIXTURES, fixture, 'input.snapshots'), 'latin1')
    const { items, tally } = decode(content)
    const golden = [
      ...items.map((item) => JSON.stringify({ ...item, file: item.file.name })),
      JSON.stringify({ tally }),
      '',
    ].join('\n')
    await expect(golden).toMatchFileSnapshot(join(FIXTURES, fixture, 'expected.ndjson'))
    expect(tally.lines).toBe(toLines(content).length)
    expect(tally.records + tally.unparsed + tally.suspect + tally.skipped).toBe(tally.lines)
  })
})

describe('completeness of a snapshot', () => {
  const complete = (content: string) => snapshotsOf(decode(content).items).map((snapshot) => snapshot.isComplete)

  it('holds for whole dumps, also for one without rows', () => {
    const rows = header('2026-11-22T11:00:00Z') + INTERFACE + PEER
    expect(complete(rows + header('2026-11-22T11:00:01Z') + header('2026-11-22T11:00:02Z'))).toEqual([true, true, true])
  })

  it('a header standing twice is one dump, not one without rows and another', () => {
    const { items, tally } = decode(header('2026-11-22T11:00:00Z').repeat(2) + INTERFACE + PEER)
    expect(snapshotsOf(items).map((snapshot) => snapshot.peers.length)).toEqual([1])
    expect(tally).toMatchObject({ lines: 4, records: 3, skipped: 1 })
  })

  it('is lost with an unreadable row, a missing interface, an unterminated last line', () => {
    const head = header('2026-11-22T11:00:00Z')
    expect(complete(`${head}${INTERFACE}wg0\tnothing\n`)).toEqual([false])
    expect(complete(head + PEER)).toEqual([false])
    expect(complete(head + INTERFACE + PEER.trimEnd())).toEqual([false])
    expect(complete(head.trimEnd())).toEqual([false])
  })

  it('is lost beyond the limits of a snapshot, which bound its memory', () => {
    const content = header('2026-11-22T11:00:00Z') + INTERFACE + PEER + PEER.replace('wg0', 'wg1')
    const { items, tally } = decode(content, { rowsMax: 2 })
    expect(snapshotsOf(items)[0]).toMatchObject({ isComplete: false, peers: [{ interface: 'wg0' }] })
    expect(tally).toMatchObject({ lines: 4, records: 3, unparsed: 1 })
    expect(items.find((item) => item.kind === 'unparsed')).toMatchObject({ reason: 'too-large' })
  })

  it('is lost when the rows go on in another file, whose rows have no time', () => {
    const items: Item[] = []
    const decoder = createSnapshotDecoder({}, (item) => items.push(item))
    const next: SourceFile = { name: 'wg.snapshots', identity: 'dcba9876543210' }
    const lines = toLines(header('2026-11-22T11:00:00Z') + header('2026-11-22T11:00:01Z') + INTERFACE + PEER)
    for (const [i, line] of lines.entries()) decoder.push(line, i < 3 ? FILE : next)
    decoder.end()
    expect(snapshotsOf(items).map((snapshot) => [snapshot.isComplete, snapshot.peers.length])).toEqual([
      [true, 0],
      [false, 0],
    ])
    expect(items.at(-1)).toMatchObject({ kind: 'unparsed', reason: 'no-time', file: next })
  })
})

describe('arrival', () => {
  const times = (...stamps: string[]) =>
    decode(stamps.map((stamp) => header(stamp) + INTERFACE).join('')).items.map((item) => [
      item.kind,
      new Date(item.arrival / 1000).toISOString().slice(11, 19),
    ])

  it('is the running maximum of the stamps', () => {
    expect(times('2026-11-22T11:00:05Z', '2026-11-22T11:00:03Z', '2026-11-22T11:00:06Z')).toEqual([
      ['snapshot', '11:00:05'],
      ['snapshot', '11:00:05'],
      ['snapshot', '11:00:06'],
    ])
  })

  it('is not dragged along by a stamp that the next one contradicts', () => {
    expect(times('2026-11-22T11:00:00Z', '2027-11-22T12:00:00Z', '2026-11-22T11:00:01Z')).toEqual([
      ['snapshot', '11:00:00'],
      ['suspect', '11:00:00'],
      ['snapshot', '11:00:01'],
    ])
  })

  it('follows a jump that the next one confirms, and does not trust the last', () => {
    expect(
      times('2026-11-22T11:00:00Z', '2026-11-22T15:00:00Z', '2026-11-22T15:00:01Z', '2026-11-22T23:00:00Z'),
    ).toEqual([
      ['snapshot', '11:00:00'],
      ['snapshot', '15:00:00'],
      ['snapshot', '15:00:01'],
      ['snapshot', '15:00:01'],
    ])
  })

  it('does not begin in a future that the second stamp denies', () => {
    expect(times('2040-01-01T00:00:00Z', '2026-11-22T11:00:00Z', '2026-11-22T11:00:01Z')).toEqual([
      ['suspect', '00:00:00'],
      ['snapshot', '11:00:00'],
      ['snapshot', '11:00:01'],
    ])
  })
})

describe('rows that repeat from poll to poll', () => {
  it('are the same object, and a new one as soon as one byte differs', () => {
    const moved = PEER.replace('\t0\t0\t0\toff', '\t0\t1\t0\toff')
    const stamps = ['00', '01', '02', '03'].map((second) => header(`2026-11-22T11:00:${second}Z`))
    const [a, b, c, d] = snapshotsOf(
      decode(stamps.map((stamp, i) => stamp + INTERFACE + (i < 2 ? PEER : moved)).join('')).items,
    )
    expect(b?.peers[0]).toBe(a?.peers[0])
    expect(b?.interfaces[0]).toBe(a?.interfaces[0])
    expect(c?.peers[0]).not.toBe(b?.peers[0])
    expect(c?.peers[0]).toMatchObject({ received: 1 })
    expect(d?.peers[0]).toBe(c?.peers[0])
  })

  it('tell a peer with a preshared key from the same peer without one', () => {
    const keyed = PEER.replace('(none)', KEY)
    const content = [PEER, keyed].map((row, i) => header(`2026-11-22T11:00:0${i}Z`) + INTERFACE + row).join('')
    expect(snapshotsOf(decode(content).items).map((snapshot) => snapshot.peers[0]?.hasPresharedKey)).toEqual([
      false,
      true,
    ])
  })

  it('of one peer in one dump: the last counts', () => {
    const content = header('2026-11-22T11:00:00Z') + INTERFACE + PEER + PEER.replace('10.9.0.2', '10.9.0.3')
    expect(snapshotsOf(decode(content).items)[0]?.peers.map((peer) => peer.allowedIps)).toEqual([['10.9.0.3/32']])
  })
})

describe('any input', () => {
  const row = fc.constantFrom(
    INTERFACE,
    PEER,
    header('2026-11-22T11:00:00Z'),
    header('2026-11-22T11:00:01Z'),
    '# x\n',
    '\n',
  )
  const noise = fc.string({ unit: 'binary', maxLength: 60 }).map((text) => Buffer.from(text, 'utf8').toString('latin1'))
  const content = fc.array(fc.oneof({ weight: 4, arbitrary: row }, { weight: 1, arbitrary: noise }), { maxLength: 40 })

  it('never throws, counts every line once, and arrivals never run backwards', () => {
    fc.assert(
      fc.property(content, (parts) => {
        const { items, tally } = decode(parts.join(''))
        expect(tally.records + tally.unparsed + tally.suspect + tally.skipped).toBe(tally.lines)
        expect(items.filter((item) => item.kind === 'unparsed').length).toBe(tally.unparsed)
        for (const [i, item] of items.entries()) expect(item.arrival).toBeGreaterThanOrEqual(items[i - 1]?.arrival ?? 0)
      }),
      { numRuns: 300 },
    )
  })

  it('reads a row of 4 MiB', () => {
    const prefixes = Array.from({ length: 200_000 }, (_, i) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}/32`)
    const { items } = decode(
      header('2026-11-22T11:00:00Z') + INTERFACE + PEER.replace('10.9.0.2/32', prefixes.join(',')),
    )
    expect(snapshotsOf(items)[0]?.peers[0]?.allowedIps.length).toBe(200_000)
  })
})
