import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type ConntrackDump, createConntrackDumpDecoder } from '../../../src/sources/conntrack/dump-decoder.ts'
import type { ConntrackRecord } from '../../../src/sources/conntrack/record.ts'
import { emptyTally, type Remark } from '../../../src/sources/source.ts'
import { decodeAll, toGoldenLine } from './lines.ts'

type Item = ConntrackRecord | ConntrackDump | Remark

function decode(content: string, zone = 'UTC') {
  return decodeAll<Item>((emit) => createConntrackDumpDecoder({ zone }, emit), content)
}

const decodeLines = (lines: readonly string[], zone?: string) => decode(lines.map((line) => `${line}\n`).join(''), zone)

const HEADER = '# 2026-11-22T10:48:45.000+00:00 gw1'
const NEXT = '# 2026-11-22T12:49:15.5+02:00 gw1'
const AT = Date.UTC(2026, 10, 22, 10, 48, 45) * 1000
const NEXT_AT = AT + 30_500_000
const ROW =
  'ipv4     2 udp      17 1 src=10.77.1.2 dst=10.77.2.2 sport=45012 dport=69 packets=1 bytes=38 [UNREPLIED] src=10.77.2.2 dst=10.77.1.2 sport=69 dport=45012 packets=0 bytes=0 mark=0 delta-time=1 [start=Sun Nov 22 10:48:43 2026] helper=tftp use=2 id=463586355'
const ROW6 = ROW.replace('ipv4     2', 'ipv6     10')
  .replaceAll('10.77.1.2', 'fd77:1::2')
  .replaceAll('10.77.2.2', 'fd77:2::2')
const shown = (count: number) => `conntrack v1.4.7 (conntrack-tools): ${count} flow entries have been shown.`

/** Borders as `begin`, `end completeness v4/v6`; rows as their id; remarks as their reason. */
const story = (items: readonly Item[]) =>
  items.map((item) => {
    if (item.kind === 'conntrack') return item.id
    if (item.kind !== 'dump') return item.reason
    return item.phase === 'begin' ? 'begin' : `end ${item.completeness} ${item.rowsV4}/${item.rowsV6}`
  })

describe('conntrack.snapshots', () => {
  it('dates rows by their header', () => {
    const { items, tally } = decodeLines([HEADER, ROW, NEXT, ROW, ROW6])
    expect(story(items)).toEqual([
      'begin',
      '463586355',
      'end assumed 1/0',
      'begin',
      '463586355',
      '463586355',
      'end incomplete 1/1',
    ])
    expect(items.map((item) => ('at' in item ? item.at : 0))).toEqual([AT, AT, AT, NEXT_AT, NEXT_AT, NEXT_AT, NEXT_AT])
    expect(items[1]).toMatchObject({ event: 'list', arrival: AT, startAt: AT - 2_000_000, stopAt: -1, mark: '0' })
    expect(tally).toEqual({ ...emptyTally(), lines: 5, records: 3, skipped: 2 })
  })

  it('believes a dump to be whole when conntrack counted as many rows', () => {
    expect(story(decodeLines([HEADER, shown(2), ROW, ROW6]).items).at(-1)).toBe('end counted 1/1')
    expect(story(decodeLines([HEADER, ROW, shown(1), ROW6, shown(1)]).items).at(-1)).toBe('end counted 1/1')
    expect(story(decodeLines([HEADER, shown(0)]).items).at(-1)).toBe('end counted 0/0')
    expect(story(decodeLines([HEADER, ROW, shown(2), NEXT]).items)[2]).toBe('end incomplete 1/0')
  })

  it('never takes an empty, broken or unfinished dump for an empty table', () => {
    expect(story(decodeLines([HEADER, NEXT, ROW, NEXT]).items).slice(0, 2)).toEqual(['begin', 'end incomplete 0/0'])
    const refused = 'conntrack v1.4.7 (conntrack-tools): Operation failed: sorry, you must be root or get CAP_NET_ADMIN'
    expect(story(decodeLines([HEADER, refused, NEXT]).items).slice(0, 3)).toEqual([
      'begin',
      'malformed',
      'end incomplete 0/0',
    ])
    expect(story(decodeLines([HEADER, ROW, ROW.slice(0, 100), NEXT]).items)[3]).toBe('end incomplete 1/0')
    const partial = decode(`${HEADER}\n${ROW}\n${ROW}`)
    expect(story(partial.items)).toEqual(['begin', '463586355', '', 'end incomplete 2/0'])
  })

  it('gives no time to rows without a readable header', () => {
    const bad = ['# 2026-02-30T00:00:00Z gw1', '# 2026-11-22T10:48:45 gw1', '# 2026-11-22T24:00:00Z gw1', '# 20 gw1']
    for (const header of bad) {
      const { items, tally } = decodeLines([ROW, HEADER, ROW, header, ROW])
      expect(story(items)).toEqual(['no-time', 'begin', '463586355', 'end incomplete 1/0', 'bad-header', 'no-time'])
      expect(tally).toEqual({ ...emptyTally(), lines: 5, records: 1, unparsed: 3, skipped: 1 })
    }
  })

  it('takes no event, XML or saved row for a row', () => {
    const event = `[1795344405.164911]\t    [NEW] ${ROW}`
    const lines = [HEADER, event, `    [NEW] ${ROW}`, '<?xml version="1.0" encoding="utf-8"?>', '<conntrack>', ROW]
    const { items, tally } = decodeLines(lines)
    expect(story(items)).toEqual(['begin', 'not-a-row', 'not-a-row', 'xml', '463586355', 'end incomplete 1/0'])
    expect(tally).toEqual({ ...emptyTally(), lines: 6, records: 1, unparsed: 4, skipped: 1 })
  })

  it('reads start with the configured zone and notices when that is wrong', () => {
    const { items } = decodeLines([HEADER, ROW, ROW], 'America/New_York')
    expect(story(items).slice(0, 4)).toEqual(['begin', 'wrong-zone', '463586355', '463586355'])
    expect(items[2]).toMatchObject({ startAt: AT - 2_000_000 })
  })

  it('lets no arrival run backwards when the clock does', () => {
    const { items } = decodeLines([NEXT, ROW, HEADER, ROW])
    expect(items.map((item) => item.arrival)).toEqual(Array.from({ length: 6 }, () => NEXT_AT))
    expect(items[4]).toMatchObject({ at: AT })
  })

  it('reads the captured dump', async () => {
    const folder = join(import.meta.dirname, '../../fixtures/conntrack/dump-two-headers')
    const { items, tally } = decode(readFileSync(join(folder, 'input.log'), 'latin1'))
    const golden = [...items.map(toGoldenLine), JSON.stringify({ tally }), ''].join('\n')
    await expect(golden).toMatchFileSnapshot(join(folder, 'expected.ndjson'))
  })
})
