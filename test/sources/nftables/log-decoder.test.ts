import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createJournalDecoder } from '../../../src/sources/nftables/journal.ts'
import { createUlogdDecoder } from '../../../src/sources/nftables/ulogd-decoder.ts'
import type { Decoder } from '../../../src/sources/source.ts'
import { type Micros, SECOND } from '../../../src/time.ts'
import {
  decode,
  type Emitted,
  FILE,
  feed,
  isoLine,
  packetText,
  REFERENCE,
  type Run,
  reasons,
  records,
  traditionalLine,
} from './log-lines.ts'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const OPTIONS = { zone: 'UTC', referenceAt: REFERENCE, prefixes: [] }

function journal(lines: readonly string[]): Run {
  const items: Emitted[] = []
  const decoder = createJournalDecoder(OPTIONS, (item) => items.push(item))
  feed(decoder, lines)
  return { items, decoder, replayed: 0 }
}

function entry(fields: Record<string, unknown>): string {
  const at = String(REFERENCE)
  const kernel = {
    _TRANSPORT: 'kernel',
    SYSLOG_FACILITY: '0',
    _BOOT_ID: 'b',
    __REALTIME_TIMESTAMP: at,
    __CURSOR: 's=1',
  }
  return JSON.stringify({ ...kernel, MESSAGE: packetText(1), ...fields })
}

describe('the demo capture', () => {
  const host = (name: string, files: readonly string[]) =>
    files.flatMap((file) => readFileSync(`${root}pipelines/demo/${name}/${file}`, 'latin1').split('\n').slice(0, -1))
  const truth = readFileSync(`${root}test/fixtures/lab-1/truth.jsonl`, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line): Record<string, unknown> => JSON.parse(line))
  const gw1 = decode(host('gw1', ['kern.log.2', 'kern.log.1', 'kern.log']))
  const gw2 = decode(host('gw2', ['kern.log']))

  test('every line the kernel wrote is a record, and no forged one is', () => {
    const counts = truth.filter((row) => row['kind'] === 'kernel_lines')
    const written = counts.map((row) => Number(row['total']) - Number(row['in_gap']))
    expect([records(gw1).length, records(gw2).length]).toEqual(written)
    const forged = truth.filter((row) => row['kind'] === 'forged' && row['source'] === 'kern.log')
    const texts = forged.map((row) => String(row['text']))
    expect(texts.length).toBeGreaterThan(5)
    for (const record of records(gw1)) expect(texts.filter((text) => record.text.endsWith(text))).toEqual([])
    expect(gw1.decoder.tally.suspect).toBe(forged.filter((row) => row['expect_absent'] !== true).length)
  })

  test('stops and starts of the log daemon are notices', () => {
    const notices = gw2.items.filter((item) => item.kind === 'notice')
    expect(notices.map((item) => [item.what, (item.arrival - Number(REFERENCE)) / SECOND])).toEqual([
      ['started', 11_366],
      ['stopped', 11_383],
      ['started', 11_390],
      ['stopped', 11_591],
    ])
  })

  test('times of stamps of whole seconds agree with the flows that really were', () => {
    const starts = new Map<number, Micros>()
    for (const row of truth) {
      if (row['kind'] === 'flow' && row['gateway'] === 'gw2')
        starts.set(Number(row['sport']), Number(row['t0']) * SECOND)
    }
    let checked = 0
    for (const record of records(gw2)) {
      const start = starts.get(record.packet.sport)
      if (start === undefined || record.packet.tcpFlags !== 'SYN') continue
      checked++
      expect(record.at + record.resolution).toBeGreaterThan(start - 20_000)
    }
    expect(checked).toBeGreaterThan(20)
  })
})

describe('lines about the log itself', () => {
  test.each([
    [
      'rsyslogd:',
      '[origin software="rsyslogd" swVersion="8.2302.0" x-pid="1" x-info="x"] start',
      'started',
      'rsyslogd',
      0,
    ],
    ['rsyslogd:', '[origin software="rsyslogd" x-pid="1"] exiting on signal 15.', 'stopped', 'rsyslogd', 0],
    ['rsyslogd:', 'imuxsock lost 516 messages from pid 159386 due to rate-limiting', 'loss', 'rsyslogd', 516],
    ['rsyslogd:', 'imuxsock begins to drop messages from pid 7 due to rate-limiting', 'loss', 'rsyslogd', 0],
    ['rsyslogd:', 'imjournal: 12 messages lost due to rate-limiting', 'loss', 'rsyslogd', 12],
    [
      'rsyslogd:',
      'imuxsock[pid: 7]: 33 messages lost due to rate-limiting (200 allowed within 5 seconds)',
      'loss',
      'rsyslogd',
      33,
    ],
    ['systemd-journald[231]:', 'Missed 12 kernel messages', 'loss', 'journald-missed', 12],
    ['systemd-journald[231]:', 'Suppressed 9 messages from user.slice', 'loss', 'journald-suppressed', 9],
    ['kernel:', '[ 5000.000000] printk: python3: 31 output lines suppressed due to ratelimiting', 'loss', 'printk', 31],
    ['kernel:', '[ 5000.000000] netfilter please increase S_SIZE', 'loss', 'nf-log-buffer', 0],
  ])('%s %s', (tag, text, what, reason, lost) => {
    const run = decode([isoLine(0, null, text, tag)])
    expect(run.items).toMatchObject([{ kind: 'notice', what, reason, lost, arrival: REFERENCE }])
    expect(run.decoder.tally).toMatchObject({ lines: 1, skipped: 1 })
  })

  test.each([
    ['rsyslogd:', '[origin software="rsyslogd" x-pid="1"] rsyslogd was HUPed'],
    ['kernel:', '[ 5000.000000] net_ratelimit: 52 callbacks suppressed'],
    ['app:', 'Missed 12 kernel messages'],
  ])('nothing: %s %s', (tag, text) => {
    expect(decode([isoLine(0, null, text, tag)]).items).toEqual([])
  })

  test('repeated messages are counted, and repeats of one uptime are a replay', () => {
    const first = traditionalLine(0, null, packetText(1))
    const reduced = traditionalLine(1, null, `message repeated 4 times: [ ${packetText(1)}]`)
    const bsd = 'Nov 22 12:00:02 gw1 last message repeated 3 times'
    const run = decode([first, reduced, first.replace('SPT=1 ', 'SPT=2 '), bsd])
    expect(run.items.flatMap((item) => (item.kind === 'notice' ? [item.lost] : []))).toEqual([4, 3])
    const again = traditionalLine(1, null, `message repeated 4 times: [ [ 5000.000000] ${packetText(1)}]`)
    const replay = decode([traditionalLine(0, 5000, packetText(1)), again])
    expect([replay.items.length, replay.replayed]).toEqual([1, 4])
  })
})

describe('the journal', () => {
  test('believes what journald says of the writer, not the text', () => {
    const run = journal([
      entry({}),
      entry({ SYSLOG_FACILITY: '1' }),
      entry({ _TRANSPORT: 'syslog', SYSLOG_IDENTIFIER: 'kernel' }),
      entry({ _TRANSPORT: 'journal', SYSLOG_IDENTIFIER: 'kernel' }),
      entry({ _TRANSPORT: ['kernel', 'journal'] }),
      entry({ _TRANSPORT: 'audit' }),
    ])
    expect(run.decoder.tally).toEqual({ lines: 6, records: 1, unparsed: 0, suspect: 4, skipped: 1 })
    expect(records(run)[0]).toMatchObject({ trust: 'kernel', ownIdentity: 's=1', at: REFERENCE, resolution: 0 })
  })

  test('takes a message as text, bytes or not at all', () => {
    const bytes = [...Buffer.from(`\xff\xfe${packetText(1)}`, 'latin1')]
    const run = journal([
      entry({ MESSAGE: bytes }),
      entry({ MESSAGE: null }),
      entry({ MESSAGE: [bytes, 'second'] }),
      entry({ MESSAGE: [bytes, 'second'], _TRANSPORT: 'journal' }),
      entry({ MESSAGE: `pre\nfix ${packetText(2)}` }),
      entry({ MESSAGE: `IN=wg0 OUT= SRC=10.8.0.999 DST=10.0.0.1 LEN=60 ` }),
      entry({ __REALTIME_TIMESTAMP: '-1' }),
      '{"MESSAGE":',
      '[]',
      '',
    ])
    expect(records(run).map((record) => record.packet.prefix)).toEqual(['\xff\xfewg-allow ', 'pre\nfix wg-allow '])
    expect(reasons(run)).toEqual([
      'unparsed no-message',
      'unparsed no-message',
      'suspect not-kernel',
      'unparsed bad-packet',
      'unparsed no-time',
      'unparsed bad-json',
      'unparsed bad-json',
    ])
  })

  test('refines times within one boot by the kernel\u2019s clock', () => {
    const at = (seconds: number, uptime: number, boot: string) =>
      entry({
        __REALTIME_TIMESTAMP: String(REFERENCE + seconds * SECOND),
        _SOURCE_MONOTONIC_TIMESTAMP: String(uptime * SECOND),
        _BOOT_ID: boot,
      })
    const run = journal([at(0, 50, 'a'), at(5, 52, 'a'), at(60, 7, 'b'), at(61, 8, 'b')])
    expect(records(run).map((record) => (record.at - REFERENCE) / SECOND)).toEqual([0, 2, 60, 61])
  })
})

describe('ulogd', () => {
  test('every packet of the capture is a record at the kernel\u2019s time', () => {
    const lines = readFileSync(`${root}test/fixtures/nftables-ulogd/nflog/input.txt`, 'latin1').split('\n')
    const items: Emitted[] = []
    const decoder = createUlogdDecoder(OPTIONS, (item) => items.push(item))
    feed(
      decoder,
      lines.filter((line) => line.startsWith('{')),
    )
    expect(decoder.tally.unparsed).toBe(0)
    expect(decoder.tally.records).toBe(items.length)
    expect(items.length).toBeGreaterThan(30)
    for (const item of items) {
      if (item.kind !== 'packet') throw new Error(item.reason)
      const [, seconds, micros] = /"oob.time.sec": (\d+), "oob.time.usec": (\d+)/.exec(item.text) ?? []
      expect(item.at).toBe(Number(seconds) * SECOND + Number(micros))
    }
  })
})

describe('every decoder, fed anything', () => {
  const latin1 = fc.string({ unit: fc.nat(0xff).map((code) => String.fromCharCode(code)), maxLength: 120 })
  const piece = fc.constantFrom(
    'Nov 22 12:00:01',
    '2026-11-22T12:00:00.5+00:00',
    ' gw1 ',
    'kernel: ',
    'kernel[1]: ',
    '[ 5000.000001] ',
    '[12.000000] ',
    '<4>',
    '<6>1 ',
    ' - - - ',
    '6,810,2099844502,-;',
    'kern  :warn  : ',
    'message repeated 3 times: [ ',
    'rsyslogd: ',
    packetText(7),
    '{"MESSAGE":',
    '"IN= OUT= "',
    '"_TRANSPORT":"kernel"',
    ',',
    '}',
    '#012',
    '[',
    ' ',
  )
  const composed = fc.array(piece, { maxLength: 8 }).map((parts) => parts.join(''))
  const genuine = fc
    .tuple(fc.nat(100_000), fc.nat(200_000), fc.boolean(), fc.boolean())
    .map(([at, uptime, isIso, isBare]) =>
      (isIso ? isoLine : traditionalLine)(at, isBare ? null : uptime / 2, packetText(at % 7)),
    )
  const line = fc.oneof(
    latin1,
    composed,
    genuine,
    fc.jsonValue().map((value) => JSON.stringify(value)),
    fc.nat(400).map((i) => entry({ X: i })),
  )

  test.each(['log', 'journal', 'ulogd'])(
    '%s: never throws, counts every line once, arrivals never run backwards',
    (kind) => {
      fc.assert(
        fc.property(
          fc.array(fc.tuple(line, fc.constantFrom('', 'cut', 'unterminated')), { maxLength: 60 }),
          fc.boolean(),
          (lines, hasReference) => {
            const items: Emitted[] = []
            const options = {
              zone: 'Europe/Berlin',
              referenceAt: hasReference ? REFERENCE : null,
              prefixes: ['wg-allow '],
            }
            const decoder: Decoder =
              kind === 'journal'
                ? createJournalDecoder(options, (item) => items.push(item))
                : kind === 'ulogd'
                  ? createUlogdDecoder(options, (item) => items.push(item))
                  : decode([], { ...options }).decoder
            const run =
              kind === 'log'
                ? decode(
                    lines.map(([text]) => text),
                    options,
                  )
                : { items, decoder }
            if (kind !== 'log') {
              for (const [text, flaw] of lines)
                decoder.push({ text, offset: 0, flaw: flaw === 'cut' ? 'cut' : '' }, FILE)
              decoder.end()
            }
            const { lines: all, records: packets, unparsed, suspect, skipped } = run.decoder.tally
            expect(all).toBe(lines.length)
            expect(packets + unparsed + suspect + skipped).toBe(all)
            expect(run.items.filter((item) => item.kind !== 'notice')).toHaveLength(packets + unparsed + suspect)
            const arrivals = run.items.map((item) => item.arrival)
            expect(arrivals.every(Number.isSafeInteger)).toBe(true)
            expect(arrivals).toEqual(arrivals.toSorted((a, b) => a - b))
            for (const item of run.items)
              if (item.kind === 'packet') expect(Number.isSafeInteger(item.at) && item.resolution >= 0).toBe(true)
          },
        ),
        { numRuns: 300 },
      )
    },
  )

  test('the same lines give the same records again', () => {
    fc.assert(
      fc.property(fc.array(line, { maxLength: 40 }), (lines) => {
        expect(decode(lines).items).toEqual(decode(lines).items)
      }),
      { numRuns: 100 },
    )
  })
})
