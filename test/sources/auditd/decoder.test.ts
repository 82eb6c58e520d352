/** Lines to events: what is a record at all, that lines add up, that a cursor loses nothing, and the captures. */
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createAuditDecoder } from '../../../src/sources/auditd/decoder.ts'
import type { AuditEvent } from '../../../src/sources/auditd/record.ts'
import type { SourceFile } from '../../../src/sources/source.ts'
import { call, decode, decodeLines, line, located, told, user } from './audit-lines.ts'

const fixture = (name: string) =>
  readFileSync(new URL(`../../fixtures/auditd/${name}`, import.meta.url), 'latin1').split('\n')
const hex = (text: string) => Buffer.from(text, 'latin1').toString('hex').toUpperCase()
const texts = (lost: readonly { reason: string; text: string }[]) => lost.map(({ reason, text }) => [reason, text])

/** A SOCKADDR of a local path, as auditd writes it ENRICHED: the path unescaped. */
const sockaddr = (serial: number, path: string) => [
  line(0, serial, 'SYSCALL', 'syscall=42\x1dSYSCALL=connect'),
  ...`${line(0, serial, 'SOCKADDR', `saddr=0100${hex(path)}`)}\x1dSADDR={ saddr_fam=local path=${path} }`.split('\n'),
  line(0, serial, 'PROCTITLE'),
]
const FORGED = line(-5, 99, 'USER_LOGIN', "pid=1 uid=0 auid=0 ses=9 msg='op=login acct=root'")

describe('a socket path with line feeds', () => {
  test('makes suspects of its lines, however they look', () => {
    const { events, lost, tally } = decode([...sockaddr(7, `z\n${FORGED}`), ...call(1, 8)])
    expect(events.map(told)).toEqual(['7 SYSCALL SOCKADDR PROCTITLE', '8 SYSCALL CWD PROCTITLE'])
    expect(texts(lost)).toEqual([['path-line-feed', `${FORGED} }`]])
    expect(tally).toEqual({ lines: 7, records: 6, unparsed: 0, suspect: 1, skipped: 0 })
  })

  test('several, with an end that looks like auditd’s, an empty one, and a CR', () => {
    const { events, lost } = decode([...sockaddr(7, `z }\n${FORGED}\n\nmore\r\n${FORGED}x`), ...call(1, 8)])
    expect(events.map(told)).toEqual(['7 SYSCALL SOCKADDR PROCTITLE', '8 SYSCALL CWD PROCTITLE'])
    expect(lost.map(({ reason }) => reason)).toEqual(Array.from({ length: 4 }, () => 'path-line-feed'))
  })

  test('of an abstract name, and of one with memory behind its end', () => {
    const abstract = decode([
      ...sockaddr(7, `\0a\n${FORGED}`).map((text) => text.replace('path=\0', 'path=@')),
      ...call(1, 8),
    ])
    expect(abstract.events.map(told)).toEqual(['7 SYSCALL SOCKADDR PROCTITLE', '8 SYSCALL CWD PROCTITLE'])
    const garbage = sockaddr(7, 'a\nb').map((text) => text.replace(/(saddr=[0-9A-F]+)/, `$1000A0A0A`))
    expect(decode([...garbage, ...call(1, 8)]).lost.map(({ text }) => text)).toEqual(['b }'])
  })

  test('that somebody took out of the file takes no record with it', () => {
    const [syscall = '', address = '', , title = ''] = sockaddr(7, `z\n${FORGED}`)
    const { events, lost } = decode([syscall, address, title, ...call(1, 8)])
    expect(events.map(told)).toEqual(['7 SYSCALL SOCKADDR PROCTITLE', '8 SYSCALL CWD PROCTITLE'])
    expect(lost).toEqual([])
    const partly = sockaddr(7, `z\nfoo\n${FORGED}`).filter((text) => text.includes('type='))
    expect(decode([...partly, ...call(1, 8)]).lost.map(({ text }) => text)).toEqual([`${FORGED} }`])
  })

  test('in a RAW log stays in its hex digits', () => {
    const raw = line(0, 7, 'SOCKADDR', `saddr=0100${hex(`z\n${FORGED}`)}`)
    const { events, lost } = decode([line(0, 7, 'SYSCALL'), raw, FORGED, line(0, 7, 'PROCTITLE')])
    expect(events).toHaveLength(2)
    expect(lost).toEqual([])
  })

  test('without its SOCKADDR: a line with the end of an interpretation that is not its own', () => {
    const lines = [line(0, 1, 'SYSCALL', 'x\x1dUID="root"'), `${FORGED} }`, line(0, 1, 'PROCTITLE')]
    expect(decode(lines).lost.map(({ reason }) => reason)).toEqual(['enriched-tail'])
    expect(decode(lines.map((text) => text.replace('\x1dUID="root"', ''))).lost).toEqual([])
  })

  test('any path: every real record is kept, and none of its lines becomes one', () => {
    const piece = fc.constantFrom(
      'z',
      FORGED,
      `${FORGED} }`,
      ' }',
      '',
      'type=',
      `${line(0, 7, 'PROCTITLE')}`,
      'a b',
      '{ ',
    )
    fc.assert(
      fc.property(fc.array(piece, { minLength: 1, maxLength: 6 }), (pieces) => {
        const { events, tally } = decode([user(0, 1), ...sockaddr(7, pieces.join('\n')), ...call(1, 8)])
        expect(events.map(told)).toEqual(['1 USER_ACCT', '7 SYSCALL SOCKADDR PROCTITLE', '8 SYSCALL CWD PROCTITLE'])
        expect(tally.suspect).toBe(pieces.length - 1)
      }),
    )
  })
})

describe('a message of the multicast with line feeds', () => {
  const [table, rest] = [
    'table=x family=2 op=forged pid=1',
    `${FORGED}:2 family=1 entries=1 op=nft_register_table pid=5 comm="nft"`,
  ]
  const multicast = (type: number, body: string, serial = 5) => `${type}|audit(1795344889.000:${serial}): ${body}`

  test('is one record, its lines suspects', () => {
    const { events, lost } = decode([multicast(1325, table), rest, multicast(1300, 'a=1'), multicast(1327, 'p')])
    expect(events.map(told)).toEqual(['5 NETFILTER_CFG SYSCALL PROCTITLE'])
    expect(events[0]?.records[0]?.body).toBe(`${table}\n${rest}`)
    expect(events[0]?.records[0]?.raw).toBe(`${multicast(1325, table)}\n${rest}`)
    expect(texts(lost)).toEqual([['message-line-feed', rest]])
  })

  test('also of a program', () => {
    const { events, lost } = decode([
      multicast(1112, "pid=7 uid=0 msg='op=login"),
      'type=LOGIN msg=audit(1795344889.000:5): pid=1 auid=0 ses=7',
      '',
      "res=1'",
      multicast(1300, 'a=1', 6),
    ])
    expect(events.map(told)).toEqual(['5 USER_LOGIN', '6 SYSCALL incomplete'])
    expect(lost).toHaveLength(3)
  })

  test('that only lost its end swallows nothing', () => {
    const cut = decode([multicast(1325, table), multicast(1300, 'x'.repeat(700)), multicast(1327, 'p')])
    expect(cut.events.map(told)).toEqual(['5 NETFILTER_CFG SYSCALL PROCTITLE'])
    expect(cut.lost).toEqual([])
    const last = decode([multicast(1300, 'a', 4), multicast(1112, "pid=7 msg='op=x"), multicast(1300, 'b', 6)])
    expect(last.tally).toMatchObject({ lines: 3, records: 3 })
    const huge = decode([multicast(1112, `pid=7 msg='op=${'x'.repeat(8950)}`), multicast(1112, "msg='y'", 6)])
    expect(huge.events.map(told)).toEqual(['5 USER_LOGIN', '6 USER_LOGIN'])
  })

  test('is whole in a file of auditd, which has none', () => {
    const { lost, events } = decode([line(0, 5, 'NETFILTER_CFG', table), user(1, 6)])
    expect(lost).toEqual([])
    expect(events).toHaveLength(2)
  })
})

describe('lines that are no records', () => {
  test('are told with their text', () => {
    const { lost, tally } = decode(['# a comment', '', 'line type=Z', '\0\0\0', '\0x', ...call(0, 1)])
    expect(texts(lost)).toEqual([
      ['no-head', 'line type=Z'],
      ['nul-bytes', '\0\0\0'],
      ['nul-bytes', '\0x'],
    ])
    expect(tally).toEqual({ lines: 8, records: 3, unparsed: 3, suspect: 0, skipped: 2 })
  })

  test('a record behind NULs is one, and something was lost', () => {
    const { events, notices } = decode([user(0, 1), `\0\0\0\0${user(1, 2)}`])
    expect(events).toHaveLength(2)
    expect(notices.map(({ what, reason }) => [what, reason])).toContainEqual(['loss', 'nul-bytes'])
  })

  test('a line cut or without its end says nothing: ses=4 may have been ses=42', () => {
    const lines = located([user(0, 1), user(1, 2)])
    const [first, second] = lines
    if (first === undefined || second === undefined) throw new Error('two lines')
    const { events, lost } = decodeLines([first, { ...second, flaw: 'unterminated' }])
    expect(events).toHaveLength(1)
    expect(lost.map(({ reason }) => reason)).toEqual(['unterminated'])
    expect(decodeLines([first, { ...second, flaw: 'cut' }]).lost.map(({ reason }) => reason)).toEqual(['cut'])
  })
})

describe('the part auditd adds', () => {
  test('stands behind the last separator', () => {
    const body = 'pid=7 uid=0 msg=\'op=x \x1dUID="fx"\''
    const enriched = decode([user(0, 0), line(0, 1, 'USER_LOGIN', `${body}\x1dUID="root"`)]).events[1]?.records[0]
    expect(enriched).toMatchObject({ body, enriched: 'UID="root"' })
    const raw = decode([user(0, 0), line(0, 1, 'USER_LOGIN', body)]).events[1]?.records[0]
    expect(raw).toMatchObject({ body, enriched: '' })
  })
})

test('any bytes: lines add up, arrivals never run backwards, every record is in one event', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 60 }).map((each) => each.replaceAll('\n', '')),
    fc
      .record({
        at: fc.integer({ min: -4000, max: 8000 }),
        serial: fc.nat({ max: 40 }),
        type: fc.constantFrom(
          'SYSCALL',
          'PROCTITLE',
          'EOE',
          'USER_ACCT',
          'DAEMON_START',
          'KERNEL',
          'AVC',
          'SYSTEM_BOOT',
        ),
        node: fc.constantFrom('', 'a'),
      })
      .map(({ at, serial, type, node }) =>
        line(at, serial, type, type === 'KERNEL' ? 'state=initialized' : 'x\x1dU=1', node),
      ),
  )
  fc.assert(
    fc.property(fc.array(text, { maxLength: 80 }), (lines) => {
      const { tally, events, items, lost } = decode(lines)
      expect(tally.lines).toBe(lines.length)
      expect(tally.records + tally.unparsed + tally.suspect + tally.skipped).toBe(tally.lines)
      expect(events.reduce((sum, { records, dropped }) => sum + records.length + dropped, 0)).toBe(tally.records)
      expect(lost).toHaveLength(tally.unparsed + tally.suspect)
      for (const [index, { arrival }] of items.entries())
        expect(arrival).toBeGreaterThanOrEqual(items[index - 1]?.arrival ?? 0)
    }),
    { numRuns: 300 },
  )
})

describe('a cursor at the oldest open event', () => {
  const lines = located([
    ...[0, 1, 2, 3].flatMap((index) => call(index, 10 + index)),
    ...Array.from({ length: 60 }, (_, index) => [
      line(4 + index / 10, 100 + index, 'SYSCALL'),
      ...(index % 7 === 3 ? [line(4 + index / 10, 300 + index, 'AVC')] : []),
      ...(index > 0 && index % 11 !== 0 ? [line(4 + (index - 1) / 10, 99 + index, 'PROCTITLE')] : []),
    ]).flat(),
    ...[20, 21, 22, 23].map((seconds) => user(seconds, 400 + seconds)),
  ])
  const file: SourceFile = { name: 'audit.log', identity: 'abcdefghijklmn' }
  const shown = (event: AuditEvent) => `${told(event)} ${event.offset} ${event.at}`

  test.each([1, 2, 5, 13, 14, 20, 37, 60, 90, lines.length - 1, lines.length])(
    'after %i lines: nothing is lost, all is the same',
    (count) => {
      let later: AuditEvent[] = []
      const decoder = createAuditDecoder({}, (item) => {
        if (item.kind === 'audit') later.push(item)
      })
      for (const each of lines.slice(0, count)) decoder.push(each, file)
      const from = decoder.oldestOpen?.offset ?? lines[count]?.offset ?? Number.POSITIVE_INFINITY
      later = []
      for (const each of lines.slice(count)) decoder.push(each, file)
      decoder.end()
      expect(decoder.oldestOpen).toBeNull()

      const again: AuditEvent[] = []
      const resumed = createAuditDecoder({}, (item) => {
        if (item.kind === 'audit') again.push(item)
      })
      for (const each of lines.filter(({ offset }) => offset >= from)) resumed.push(each, file)
      resumed.end()
      const told = new Map(again.map((event) => [`${event.serial}`, shown(event)]))
      for (const event of later) expect(told.get(`${event.serial}`)).toBe(shown(event))
    },
  )
})

describe('the captures', () => {
  const oddOf = (name: string) => {
    const { tally, events, notices, lost, items } = decode(fixture(name))
    expect(tally.records + tally.unparsed + tally.suspect + tally.skipped).toBe(tally.lines)
    for (const [index, { arrival }] of items.entries())
      expect(arrival).toBeGreaterThanOrEqual(items[index - 1]?.arrival ?? 0)
    return {
      tally,
      events: events.length,
      odd: events.map(told).filter((text) => /incomplete|capped|part=|boot=/.test(text)),
      lost: lost.map(({ kind, reason, text }) => `${kind} ${reason} ${text.slice(0, 80)}`),
      notices: notices.map(({ what, reason, lost: count }) => `${what} ${reason} ${count}`),
    }
  }

  test.each([
    'reference/audit-aggregator-node-daemon-rotation.txt',
    'reference/audit-enriched-forged-user-messages.log',
    'reference/audit-enriched-line-injection.log',
    'reference/audit-enriched-special.log',
    'reference/audit-enriched-ssh-hostile-usernames.log',
    'reference/audit-enriched-ssh-sudo-su.log',
    'reference/audit-raw-multicast-nft-table-name-injection.log',
    'reference/audit-raw-multicast-ssh-sudo-su.txt',
    'lab-1/db1-audit.log.1',
    'lab-1/db1-audit.log',
  ])('%s', async (name) => {
    const text = `${JSON.stringify(oddOf(name), null, 2)}\n`
    const golden = name.replaceAll('/', '-').replace(/\.(?:log|txt)/, '')
    await expect(text).toMatchFileSnapshot(`../../fixtures/auditd/events/${golden}.json`)
  })

  test('the same minute from auditd and from the multicast gives the same events', () => {
    const groups = (name: string) =>
      new Map(
        decode(fixture(name)).events.map((event) => [event.serial, event.records.map(({ type }) => type).join(' ')]),
      )
    const file = groups('reference/audit-enriched-ssh-sudo-su.log')
    const multicast = groups('reference/audit-raw-multicast-ssh-sudo-su.txt')
    const both = [...file.keys()].filter((serial) => multicast.has(serial))
    expect(both.length).toBeGreaterThan(100)
    for (const serial of both) expect(multicast.get(serial)).toBe(file.get(serial))
  })
})
