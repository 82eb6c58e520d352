/**
 * The demo capture damaged in every way disks, copies and editors know. A replay never fails on it: every line is counted, no
 * id stands twice, and what is claimed exactly is still true, because doubt is an answer and a wrong name is not.
 */
import { describe, expect, test } from 'vitest'
import { type CaptureCase, demoCase, printedRows, replayCase } from './variants/case.ts'
import {
  appendGarbage,
  beheaded,
  type Damage,
  deleteLines,
  doubleLines,
  empty,
  flipBits,
  flipBytes,
  garbage,
  insertLongLines,
  mangle,
  newlines,
  nulRuns,
  swapLines,
  tearLines,
  truncate,
} from './variants/mangle.ts'
import { createRandom } from './variants/random.ts'

/** Fixed, so that a failure can be repeated; any other must pass as well. */
const SEED = 20_261_122
const MB = 1024 * 1024

/** `trueAtLeast`: how many of the exact claims must be true by the lab's ledger, which knows nothing of the damage. */
const DAMAGES: readonly (readonly [name: string, damage: Damage, trueAtLeast: number])[] = [
  ['one byte in 10,000', flipBytes(10_000), 0.99],
  ['one bit in 10,000', flipBits(10_000), 0.99],
  ['one byte in 300', flipBytes(300), 0.97],
  ['lines missing', deleteLines, 1],
  ['lines twice', doubleLines, 1],
  ['lines swapped', swapLines, 0.99],
  ['lines torn', tearLines, 0.99],
  ['lines of 200 kB', insertLongLines, 0.99],
  ['runs of NUL', nulRuns, 0.99],
  ['files cut', truncate, 1],
  ['files without their beginning', beheaded, 1],
  ['binary garbage behind', appendGarbage, 1],
  ['nothing but binary garbage', garbage, 1],
  ['empty files', empty, 1],
  ['files of nothing but newlines', newlines, 1],
]

async function damaged(damage: Damage, seed: number): Promise<CaptureCase> {
  const one = await demoCase()
  mangle(one, damage, createRandom(seed))
  return one
}

describe.each(DAMAGES)('%s', (_, damage, trueAtLeast) => {
  test.each([SEED])('seed %i', async (seed) => {
    const { exit, ndjson, printed, verdict } = await replayCase(await damaged(damage, seed))
    expect(exit).toBe(0)
    const rows = printedRows(printed)
    expect(rows.map(({ source }) => source)).toEqual([
      'app1 audit',
      'db1 audit',
      'gw1 nftables',
      'gw1 conntrack',
      'gw1 wireguard',
      'gw2 nftables',
      'gw2 conntrack',
      'gw2 wireguard',
    ])
    for (const row of rows) expect(row.counted, row.source).toBe(row.lines)
    for (const kind of ['duplicate event.id', 'forged line became an event'])
      expect(verdict.errors.get(kind) ?? [], kind).toEqual([])
    const claims = verdict.counts.get('claims') ?? 0
    expect(
      (verdict.counts.get('claims true') ?? 0) / Math.max(1, claims),
      `of ${claims} claims`,
    ).toBeGreaterThanOrEqual(claims === 0 ? 0 : trueAtLeast)
    const hostClaims = verdict.counts.get('host claims') ?? 0
    expect(
      (verdict.counts.get('host claims right') ?? 0) / Math.max(1, hostClaims),
      `of ${hostClaims} claims on hosts`,
    ).toBeGreaterThanOrEqual(hostClaims === 0 ? 0 : trueAtLeast)
    expect(printed).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f]/)
    expect(ndjson.endsWith('\n') || ndjson === '').toBe(true)
  })
})

test('damage does not make memory grow', async () => {
  const before = process.memoryUsage().heapUsed
  for (const damage of [insertLongLines, nulRuns]) await replayCase(await damaged(damage, SEED + 2))
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(200 * MB)
})

test('the same damage gives the same bytes', async () => {
  const first = await replayCase(await damaged(flipBytes(1000), SEED))
  expect((await replayCase(await damaged(flipBytes(1000), SEED))).ndjson).toBe(first.ndjson)
})
