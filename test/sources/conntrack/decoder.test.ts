import { describe, expect, it } from 'vitest'
import { createConntrackDecoder } from '../../../src/sources/conntrack/decoder.ts'
import type { ConntrackRecord } from '../../../src/sources/conntrack/record.ts'
import { emptyTally, type Remark } from '../../../src/sources/source.ts'
import { HOUR, MINUTE, SECOND } from '../../../src/time.ts'
import { decodeAll, FILE, isRecord } from './lines.ts'

const TUPLES = 'src=10.77.1.2 dst=10.77.2.2 sport=36770 dport=443 src=10.77.2.2 dst=10.77.1.2 sport=443 dport=36770'
const T0 = 1_795_344_420
const START_STOP = 'delta-time=2 [start=Sun Nov 22 10:46:45 2026] [stop=Sun Nov 22 10:46:47 2026]'
const STOP_AT = Date.UTC(2026, 10, 22, 10, 46, 47) * 1000

function decode(lines: readonly string[], zone = 'UTC') {
  const content = lines.map((line) => `${line}\n`).join('')
  const { items, tally } = decodeAll<ConntrackRecord | Remark>(
    (emit) => createConntrackDecoder({ zone }, emit),
    content,
  )
  return { items, tally, records: items.filter(isRecord) }
}

const at = (seconds: number, id = 1) => `[${seconds}.000000]\t    [NEW] tcp      6 3 SYN_SENT ${TUPLES} id=${id}`
const destroy = (stamp: string, rest = START_STOP) => `${stamp}[DESTROY] tcp      6 TIME_WAIT ${TUPLES} ${rest} id=1`

describe('the time of an event', () => {
  it('is its stamp, also when start and stop stand there', () => {
    const [record] = decode([destroy(`[${T0}.782403]\t`)]).records
    expect(record).toMatchObject({ at: T0 * SECOND + 782_403, stopAt: STOP_AT, startAt: STOP_AT - 2 * SECOND })
    expect(record).toMatchObject({ arrival: T0 * SECOND + 782_403, offset: 0, file: FILE })
  })

  it('is the stop of a DESTROY and the start of the others where no stamp was asked for', () => {
    const { records, tally } = decode([
      destroy(''),
      `    [NEW] tcp      6 3 SYN_SENT ${TUPLES} [start=Sun Nov 22 10:46:50 2026]`,
      ` [UPDATE] tcp      6 60 SYN_RECV ${TUPLES} [start=Sun Nov 22 10:46:50 2026]`,
    ])
    expect(records.map((record) => record.at - STOP_AT)).toEqual([0, 3 * SECOND, 3 * SECOND])
    expect(tally).toEqual({ ...emptyTally(), lines: 3, records: 3 })
  })

  it('is not made up: such lines are kept as unparsed', () => {
    const lines = [
      `    [NEW] tcp      6 3 SYN_SENT ${TUPLES}`,
      destroy('', 'delta-time=2 [start=Sun Nov 22 10:46:45 2026]'),
      `tcp      6 3 ESTABLISHED ${TUPLES} [start=Sun Nov 22 10:46:45 2026]`,
      '-A -t 3 -u UNSET -s 10.77.1.2 -d 10.77.2.2 -r 10.77.2.2 -q 10.77.1.2 -p tcp --sport 47996 --dport 443 --reply-port-src 443 --reply-port-dst 47996 --state SYN_SENT',
    ]
    const { items, tally } = decode(lines)
    expect(items.map((item) => item.kind === 'unparsed' && [item.reason, item.text])).toEqual(
      lines.map((text) => ['no-time', text]),
    )
    expect(tally).toEqual({ ...emptyTally(), lines: 4, unparsed: 4 })
  })
})

describe('the gateway zone', () => {
  it.each([
    ['UTC', 0],
    ['Asia/Kolkata', -330],
    ['+05:30', -330],
    ['America/New_York', 300],
  ])('%s brings start and stop to UTC', (zone, minutes) => {
    const [record] = decode([destroy('')], zone).records
    expect(record?.stopAt).toBe(STOP_AT + minutes * MINUTE)
    expect(record?.startAt).toBe(STOP_AT + minutes * MINUTE - 2 * SECOND)
  })

  it('is refused by name when there is none of it', () => {
    expect(() => createConntrackDecoder({ zone: 'Mars/Olympus' }, () => undefined)).toThrow(
      expect.objectContaining({ code: 'bad-pipeline' }),
    )
  })

  it('is overruled by the event stamp when it is wrong, and that is said once', () => {
    const stamp = `[${T0}.782403]\t`
    const { items, records, tally } = decode([destroy(stamp), destroy(stamp)], 'Asia/Kolkata')
    expect(records.map((record) => record.stopAt)).toEqual([STOP_AT, STOP_AT])
    expect(records.map((record) => record.startAt)).toEqual([STOP_AT - 2 * SECOND, STOP_AT - 2 * SECOND])
    const remarks = items.filter((item) => item.kind === 'notice')
    expect(remarks.map((item) => [item.reason, item.lost])).toEqual([['wrong-zone', 0]])
    expect(remarks[0]?.text).toMatch(/^configured zone Asia\/Kolkata, must add 330 minutes: \[/)
    expect(tally).toEqual({ ...emptyTally(), lines: 2, records: 2 })
  })

  it('is believed when the clean-up was late, and when the difference is no number of quarter hours', () => {
    for (const late of [0, 60, 300, 590, 700, 899 + 600]) {
      const { items, records } = decode([destroy(`[${STOP_AT / SECOND + late}.000000]\t`)])
      expect(records[0]?.stopAt).toBe(STOP_AT)
      expect(items.length).toBe(1)
    }
  })

  it('decides the hour that occurs twice by the stamp', () => {
    // 25 October 2026, 02:30 in Berlin: first at 00:30 UTC, then at 01:30 UTC.
    const rest = 'delta-time=3600 [start=Sun Oct 25 02:30:00 2026] [stop=Sun Oct 25 02:30:00 2026]'
    const first = Date.UTC(2026, 9, 25, 0, 30) * 1000
    const late = destroy(`[${(first + HOUR) / SECOND + 20}.000000]\t`, rest)
    expect(decode([late], 'Europe/Berlin').records[0]).toMatchObject({ startAt: first, stopAt: first + HOUR })
    const early = destroy(`[${first / SECOND + 20}.000000]\t`, rest.replace('3600', '0'))
    expect(decode([early], 'Europe/Berlin').records[0]).toMatchObject({ startAt: first, stopAt: first })
  })
})

describe('arrival', () => {
  const arrivals = (lines: readonly string[]) => decode(lines).items.map((item) => item.arrival / SECOND - T0)

  it('is the running maximum, while the stamp stays what it was', () => {
    const { items, records } = decode([at(T0 + 5), at(T0), at(T0 + 7)])
    expect(items.map((item) => item.arrival / SECOND - T0)).toEqual([5, 5, 7])
    expect(records.map((record) => record.at / SECOND - T0)).toEqual([5, 0, 7])
  })

  it('is not dragged by one wild stamp', () => {
    expect(arrivals([at(T0), at(T0 + 9_000_000), at(T0 + 1), at(T0 + 2)])).toEqual([0, 0, 1, 2])
    expect(arrivals([at(T0 + 9_000_000), at(T0), at(T0 + 2)])).toEqual([0, 0, 2])
    expect(arrivals([at(T0), at(T0 + 9_000_000)])).toEqual([0, 0])
  })

  it('follows a step that the next line confirms', () => {
    expect(arrivals([at(T0), at(T0 + 7200), at(T0 + 7201)])).toEqual([0, 7200, 7201])
    expect(arrivals([at(T0), at(T0 + 7200), at(T0 + 7100)])).toEqual([0, 7200, 7200])
    expect(arrivals([at(T0), at(T0 + 3600), at(T0 + 1)])).toEqual([0, 3600, 3600])
  })

  it('keeps the order of the file around a held record', () => {
    const { items } = decode([at(T0, 1), at(T0 + 9_000_000, 2), 'junk', at(T0 + 3, 3)])
    expect(items.map((item) => (item.kind === 'conntrack' ? item.id : item.kind))).toEqual(['1', '2', 'unparsed', '3'])
    expect(items.map((item) => item.arrival / SECOND - T0)).toEqual([0, 0, 0, 3])
  })

  it('holds a bounded number of lines', () => {
    const decoder = createConntrackDecoder({ zone: 'UTC' }, () => seen++)
    let seen = 0
    for (const text of [at(T0), at(T0 + 9_000_000), ...Array.from({ length: 1000 }, () => 'junk')]) {
      decoder.push({ text, offset: 0, flaw: '' }, FILE)
    }
    expect(seen).toBeGreaterThan(700)
    decoder.end()
    expect(seen).toBe(1002)
  })
})

describe('lines that are no rows', () => {
  it('says XML once for a stretch of it and counts every line', () => {
    const xml = [
      '<?xml version="1.0" encoding="utf-8"?>',
      '<conntrack>',
      '<flow type="new"></flow> [USERSPACE] portid=5',
    ]
    const { items, tally } = decode([...xml, at(T0), ...xml])
    expect(items.map((item) => (item.kind === 'unparsed' ? item.reason : item.kind))).toEqual([
      'xml',
      'conntrack',
      'xml',
    ])
    expect(tally).toEqual({ ...emptyTally(), lines: 7, records: 1, unparsed: 6 })
  })

  it('understands what conntrack says on stderr', () => {
    const { items, tally } = decode([
      'NOTICE: Netlink socket buffer size has been set to 16777216 bytes.',
      at(T0),
      'WARNING: We have hit ENOBUFS! We are losing events.',
      'This message means that the current netlink socket buffer size is too small.',
      'Please, check --buffer-size in conntrack(8) manpage.',
      'conntrack v1.4.7 (conntrack-tools): 1 flow events have been shown.',
    ])
    expect(items.map((item) => (item.kind === 'notice' ? [item.what, item.reason, item.lost] : item.kind))).toEqual([
      ['started', 'conntrack', 0],
      'conntrack',
      ['loss', 'ENOBUFS', 0],
      ['stopped', 'conntrack', 0],
    ])
    expect(tally).toEqual({ ...emptyTally(), lines: 6, records: 1, skipped: 5 })
  })

  it('keeps a bounded text of a line that is too long, and of one that is not', () => {
    const items: (ConntrackRecord | Remark)[] = []
    const decoder = createConntrackDecoder({ zone: 'UTC' }, (item) => items.push(item))
    decoder.push({ text: at(T0), offset: 7, flaw: 'cut' }, FILE)
    decoder.push({ text: 'x'.repeat(100_000), offset: 9, flaw: '' }, FILE)
    expect(items.map((item) => item.kind === 'unparsed' && [item.reason, item.text.length, item.offset])).toEqual([
      ['too-long', at(T0).length, 7],
      ['malformed', 4096, 9],
    ])
  })
})
