/** Marks that our collector writes between conntrack's lines. */
import { describe, expect, it } from 'vitest'
import { readCollectorMark } from '../../../src/sources/conntrack/collector-mark.ts'
import { createConntrackDecoder } from '../../../src/sources/conntrack/decoder.ts'
import type { ConntrackRecord } from '../../../src/sources/conntrack/record.ts'
import type { Remark } from '../../../src/sources/source.ts'
import { MINUTE, SECOND } from '../../../src/time.ts'
import { decodeAll } from './lines.ts'

const T0 = 1_795_360_166 * SECOND
const ROW =
  'tcp      6 SYN_SENT src=10.77.1.2 dst=10.77.2.2 sport=1 dport=2 [UNREPLIED] src=10.77.2.2 dst=10.77.1.2 sport=2 dport=1'

function event(after: number): string {
  return `[${((T0 + after) / SECOND).toFixed(6)}]\t    [NEW] ${ROW}`
}

function mark(after: number, words: string): string {
  return `# ${new Date((T0 + after) / 1000).toISOString()} gw1 ${words}`
}

function decode(...lines: readonly string[]) {
  const { items, tally } = decodeAll<ConntrackRecord | Remark>(
    (emit) => createConntrackDecoder({ zone: 'UTC' }, emit),
    `${lines.join('\n')}\n`,
  )
  const told = items.map((item) => [
    item.kind === 'notice' ? `${item.what} ${item.reason}` : item.kind,
    (item.arrival - T0) / SECOND,
  ])
  return { items, tally, told }
}

describe('a mark', () => {
  it.each([
    ['started', 'started', 'conntrack'],
    ['stopped exit status 1', 'stopped', 'conntrack'],
    ['lost ENOBUFS', 'loss', 'ENOBUFS'],
    ['running', 'running', 'conntrack'],
    ['running\r', 'running', 'conntrack'],
  ])('`%s` is read', (words, what, reason) => {
    expect(readCollectorMark(mark(0, words))).toEqual({ at: T0, what, reason })
  })

  it.each([
    '# 2026-11-22T15:09:26.964+00:00 gw1',
    '# 2026-11-22T15:09:26.964+00:00 gw1 restarted',
    '# 2026-11-22T15:09:26.964+00:00 gw1 runningly',
    '# 2026-11-22T15:09:26.964+00:00 running',
    '# 2026-11-22T15:09:26.964 gw1 running',
    '# 2026-13-22T15:09:26.964Z gw1 running',
    ' # 2026-11-22T15:09:26.964Z gw1 running',
    '# the collector was gw1 started',
    '# gw1 started',
  ])('is not `%s`', (text) => {
    expect(readCollectorMark(text)).toBeNull()
    expect(decode(event(0), text).tally).toEqual({ lines: 2, records: 1, unparsed: 0, suspect: 0, skipped: 1 })
  })
})

describe('the decoder', () => {
  it('tells marks in their place, with their time and their line, and counts them as skipped', () => {
    const { items, told, tally } = decode(
      mark(-60 * SECOND, 'started'),
      event(0),
      mark(2 * SECOND, 'lost ENOBUFS'),
      event(1 * SECOND),
      mark(10 * SECOND, 'running'),
      mark(11 * SECOND, 'stopped exit status 1'),
    )
    expect(told).toEqual([
      ['started conntrack', -60],
      ['conntrack', 0],
      ['loss ENOBUFS', 2],
      ['conntrack', 2],
      ['running conntrack', 10],
      ['stopped conntrack', 11],
    ])
    expect(items[5]).toMatchObject({ kind: 'notice', lost: 0, text: mark(11 * SECOND, 'stopped exit status 1') })
    expect(tally).toEqual({ lines: 6, records: 2, unparsed: 0, suspect: 0, skipped: 4 })
  })

  it('lets no mark with an absurd time move the arrival, unless the next line confirms it', () => {
    const hours = 60 * MINUTE
    expect(
      decode(event(0), mark(48 * hours, 'running'), event(SECOND), mark(-90 * hours, 'lost ENOBUFS')).told,
    ).toEqual([
      ['conntrack', 0],
      ['running conntrack', 0],
      ['conntrack', 1],
      ['loss ENOBUFS', 1],
    ])
    expect(decode(event(0), mark(48 * hours, 'started'), mark(48 * hours + SECOND, 'running')).told).toEqual([
      ['conntrack', 0],
      ['started conntrack', 48 * 3600],
      ['running conntrack', 48 * 3600 + 1],
    ])
  })

  it('takes a mark that lost its LF, and refuses one that is cut', () => {
    const items: string[] = []
    const decoder = createConntrackDecoder({ zone: 'UTC' }, (item) => items.push(item.kind))
    const file = { name: 'conntrack.log', identity: '0123456789abcd' }
    decoder.push({ text: mark(0, 'stopped exi'), offset: 0, flaw: 'unterminated' }, file)
    decoder.push({ text: mark(0, 'stopped'), offset: 60, flaw: 'cut' }, file)
    decoder.end()
    expect(items).toEqual(['notice', 'unparsed'])
  })
})
