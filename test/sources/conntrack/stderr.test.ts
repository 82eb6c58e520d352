import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseConntrackStderr, runBoundaries } from '../../../src/sources/conntrack/stderr.ts'

const BUFFER = 'NOTICE: Netlink socket buffer size has been set to 16777216 bytes.'
const LOSS = [
  'WARNING: We have hit ENOBUFS! We are losing events.',
  'This message means that the current netlink socket buffer size is too small.',
  'Please, check --buffer-size in conntrack(8) manpage.',
]
const shown = (count: number) => `conntrack v1.4.7 (conntrack-tools): ${count} flow events have been shown.`
const text = (...lines: string[]) => lines.map((line) => `${line}\n`).join('')

describe('conntrack.stderr', () => {
  it('reads the runs of a gateway that was restarted once', () => {
    const runs = parseConntrackStderr(text(BUFFER, shown(996), BUFFER, shown(910)))
    expect(runs).toEqual([
      { lines: 996, enobufs: 0, notes: [] },
      { lines: 910, enobufs: 0, notes: [] },
    ])
    expect(runBoundaries(runs)).toEqual([
      { afterLine: 996, enobufs: false },
      { afterLine: 1906, enobufs: false },
    ])
  })

  it('puts a loss into the run it happened in', () => {
    const runs = parseConntrackStderr(text(shown(10), ...LOSS, ...LOSS, shown(5), shown(0)))
    expect(runs.map((run) => [run.lines, run.enobufs, run.notes])).toEqual([
      [10, 0, []],
      [5, 2, []],
      [0, 0, []],
    ])
    expect(runBoundaries(runs).map((run) => run.enobufs)).toEqual([false, true, false])
  })

  it('says that a run ended unseen, and places nothing after it', () => {
    const runs = parseConntrackStderr(text(BUFFER, shown(7), BUFFER, ...LOSS, BUFFER, shown(3), BUFFER))
    expect(runs.map((run) => run.lines)).toEqual([7, -1, 3, -1])
    expect(runBoundaries(runs)).toEqual([
      { afterLine: 7, enobufs: false },
      { afterLine: -1, enobufs: true },
      { afterLine: -1, enobufs: false },
      { afterLine: -1, enobufs: false },
    ])
  })

  it('keeps what it does not know as text, and not without end', () => {
    const runs = parseConntrackStderr(text('conntrack: cannot open <b>', '\x1b[2J', shown(1).replace('\n', '\r')))
    expect(runs).toEqual([{ lines: 1, enobufs: 0, notes: ['conntrack: cannot open <b>', '\x1b[2J'] }])
    const noisy = parseConntrackStderr('x'.repeat(10_000).concat('\n').repeat(200))
    expect(noisy[0]?.notes.length).toBe(64)
    expect(noisy[0]?.notes[0]?.length).toBe(4096)
  })

  it('counts the lines of -E expect, and takes no dump for a run', () => {
    expect(parseConntrackStderr(text(shown(2).replace('flow events', 'expectation events')))[0]?.lines).toBe(2)
    const dump = parseConntrackStderr(text(shown(2).replace('events', 'entries')))
    expect(dump.map((run) => [run.lines, run.notes.length])).toEqual([[-1, 1]])
  })

  it('says nothing of an empty file', () => {
    expect(parseConntrackStderr('')).toEqual([])
    expect(parseConntrackStderr('\n\n')).toEqual([])
  })

  it('never throws, and adds up the lines of the runs that ended', () => {
    const line = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom(BUFFER, ...LOSS), fc.nat(1000).map(shown))
    fc.assert(
      fc.property(fc.array(line, { maxLength: 30 }), (lines) => {
        const runs = parseConntrackStderr(lines.join('\n'))
        const boundaries = runBoundaries(runs)
        expect(boundaries.length).toBe(runs.length)
        const placed = boundaries.filter((boundary) => boundary.afterLine >= 0)
        const lineCounts = runs.slice(0, placed.length).map((run) => run.lines)
        expect(placed.at(-1)?.afterLine ?? 0).toBe(lineCounts.reduce((sum, count) => sum + count, 0))
      }),
      { numRuns: 100 },
    )
  })
})
