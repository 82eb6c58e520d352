/**
 * The demo capture with its hosts' audit logs in other clothes: other formats, transports, orders, clocks, rules. The logins stay
 * joined to their peers; what a variant takes away may cost answers and may never make a wrong one.
 */
import { describe, expect, test } from 'vitest'
import { parseEvent } from '../src/event-json.ts'
import type { Fields } from '../src/fields.ts'
import { FATAL } from './judge.ts'
import {
  AUDITED,
  addBoot,
  addEnds,
  asJournal,
  asMulticast,
  asRaw,
  editRecords,
  interleave,
  setClock,
  shuffleEvents,
  withNode,
  withoutAccepts,
  withoutTypes,
} from './variants/audit.ts'
import { BARS, type Bars, missedBars } from './variants/bars.ts'
import { type CaptureCase, demoCase, printedRows, type Replayed, rename, replayCase } from './variants/case.ts'
import { rotate } from './variants/layout.ts'
import { createRandom } from './variants/random.ts'
import { thin } from './variants/snapshots.ts'

type Variant = readonly [name: string, change: (one: CaptureCase) => void, bars?: Partial<Bars>]

/** Two of the nine logins came at once from behind one address: without proof of their order each may be the other's. */
const FEWER = { ssh: 0.75, login: 0.75, exec: 0.75, file: 0.75 }

const VARIANTS: readonly Variant[] = [
  ['RAW', asRaw],
  ['node= of another name', (one) => withNode(one, 'ledger-db.example.net')],
  ['node= with a blank', (one) => withNode(one, 'ledger db')],
  ['the multicast, with EOE', asMulticast],
  ['journald', asJournal],
  ['compressed', (one) => rename(one, (name) => (name.includes('/audit.log') ? `${name}.gz` : ''))],
  [
    'rotated into 7',
    (one) => {
      for (const host of AUDITED) rotate(one, `${host}/audit.log`, 7)
    },
  ],
  ...[1, 2, 3].map(
    (seed): Variant => [
      `interleaved over 50 lines, however long they took, ${seed}`,
      (one) => interleave(one, 50, createRandom(seed)),
      // What comes later than auditd itself waits (2 s) is a part of its own.
      { file: 0.5, exec: 0.6 },
    ],
  ),
  ...[1, 2, 3].map(
    (seed): Variant => [`interleaved within 1.9 s, ${seed}`, (one) => interleave(one, 50, createRandom(seed), 1.9)],
  ),
  ...[1, 2, 3].map(
    (seed): Variant => [`records in any order, ${seed}`, (one) => shuffleEvents(one, createRandom(seed))],
  ),
  [
    'interleaved, RAW, with EOE and a node',
    (one) => {
      asRaw(one)
      addEnds(one)
      interleave(one, 50, createRandom(4), 1.9)
      withNode(one, 'n')
    },
  ],
  ['EOE everywhere', addEnds],
  ['no PROCTITLE', (one) => withoutTypes(one, /^PROCTITLE$/)],
  [
    'no PROCTITLE, interleaved',
    (one) => {
      withoutTypes(one, /^PROCTITLE$/)
      interleave(one, 50, createRandom(5), 1.9)
    },
  ],
  ['no PATH of parents, no CWD', (one) => withoutTypes(one, /^CWD$/)],
  ['no LOGIN', (one) => withoutTypes(one, /^LOGIN$/), FEWER],
  ['every record twice', (one) => editRecords(one, (lines) => lines.flatMap((line) => [line, line]))],
  ...[60, 3600, 90_000].map((seconds): Variant => [`booted again after ${seconds} s`, (one) => addBoot(one, seconds)]),
  ['polls at every 30th second', (one) => thin(one, 30, 0, () => 0), { right: 0, ssh: 0, login: 0, exec: 0, file: 0 }],
]

async function replayed(change: (one: CaptureCase) => void): Promise<Replayed> {
  const one = await demoCase()
  change(one)
  return await replayCase(one)
}

function documentsOf({ ndjson }: Replayed): Fields[] {
  return ndjson
    .split('\n')
    .filter((line) => line !== '')
    .map(parseEvent)
}

function expectNothingWrong({ verdict, printed, exit }: Replayed): void {
  expect(exit).toBe(0)
  expect(FATAL.flatMap((kind) => (verdict.errors.get(kind) ?? []).map((what) => `${kind}: ${what}`))).toEqual([])
  expect(verdict.counts.get('host claims right')).toBe(verdict.counts.get('host claims'))
  for (const row of printedRows(printed)) expect(row.counted, row.source).toBe(row.lines)
}

const JUDGED = VARIANTS.map(([name, change, special]) => ({ name, change, bars: { ...BARS, ...special } }))

test.each(JUDGED)('$name', async ({ change, bars }) => {
  const result = await replayed(change)
  expectNothingWrong(result)
  expect(missedBars(result.verdict, bars)).toEqual([])
})

describe('clocks of both hosts off', () => {
  /** Connections are accepted at once in the lab, and its stamps have ticks of 4 ms. */
  const TOLERANCE_MS = 100

  test.each([
    [37, BARS],
    [-20, BARS],
    // Beyond the time an answer is waited for, the first logins come before the difference is known.
    [240, { ...BARS, ...FEWER }],
  ])('by %i s: joined as before, and the difference is told', async (seconds, bars) => {
    const result = await replayed((one) => {
      for (const host of AUDITED) setClock(one, host, seconds)
    })
    expectNothingWrong(result)
    expect(missedBars(result.verdict, bars)).toEqual([])
    const logins = documentsOf(result).filter((event) => event['event.action'] === 'host-login')
    const offsets = logins.slice(4).map((event) => event['wireguard.host.clock_offset'] ?? 0)
    expect(offsets.length).toBeGreaterThan(3)
    for (const offset of offsets) expect(Math.abs(offset - seconds * 1000)).toBeLessThan(TOLERANCE_MS)
  })

  test('by 4 minutes in different directions: nothing wrong', async () => {
    const result = await replayed((one) => {
      setClock(one, 'db1', 240)
      setClock(one, 'app1', -240)
    })
    expectNothingWrong(result)
    expect(result.verdict.ratio('ssh right', 'ssh')).toBeGreaterThan(0.7)
  })

  test('none is told where they agree', async () => {
    const logins = documentsOf(await replayed(() => {})).filter((event) => event['event.action'] === 'host-login')
    expect(logins.map((event) => event['wireguard.host.clock_offset'])).toEqual(logins.map(() => undefined))
  })
})

describe('without the records that hold the client port', () => {
  test('a login is joined by address and time while one connection fits, else it is said that several do', async () => {
    const result = await replayed(withoutAccepts)
    expectNothingWrong(result)
    expect(result.verdict.ratio('ssh right', 'ssh')).toBeGreaterThan(0.5)
    for (const event of documentsOf(result).filter((each) => each['event.action'] === 'host-login')) {
      const { 'wireguard.attribution.status': status, 'wireguard.attribution.method': method } = event
      expect([status, method, event['source.port']]).toEqual([
        expect.stringMatching(/^(exact|ambiguous)$/),
        'client-address',
        undefined,
      ])
      if (status === 'ambiguous') expect(event['wireguard.attribution.reason']).toBe('several-flows')
    }
  })
})
