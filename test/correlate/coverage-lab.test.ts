/** The demo capture's gaps against its truth, with and without the words its sources say about themselves. */
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parseEvent } from '../../src/event-json.ts'
import { SECOND } from '../../src/time.ts'
import { DEMO, replayCapture, withCopy } from '../replay-capture.ts'

const TRUTH = new URL('../fixtures/lab-1/truth.jsonl', import.meta.url)
const SOURCES = new Map([
  ['kern.log', 'nftables'],
  ['conntrack', 'conntrack'],
  ['wg.snapshots', 'wireguard'],
])
/** Seconds a statement may be off. */
const TOLERANCE = 15

type Span = { readonly host: string; readonly source: string; readonly from: number; readonly to: number }

async function trueGaps(): Promise<Span[]> {
  const lines = (await readFile(TRUTH, 'utf8')).trimEnd().split('\n')
  // The generator of the capture guarantees these fields on lines of kind `gap`.
  const facts = lines.map(
    (line) => JSON.parse(line) as { kind: string; source: string; gateway: string; t0: number; t1: number },
  )
  return facts
    .filter(({ kind }) => kind === 'gap')
    .map(({ source, gateway, t0, t1 }) => ({ host: gateway, source: SOURCES.get(source) ?? '', from: t0, to: t1 }))
}

async function statedGaps(directory: string): Promise<(Span & { reason: string })[]> {
  const { ndjson } = await replayCapture(directory)
  const found: (Span & { reason: string })[] = []
  for (const line of ndjson.trimEnd().split('\n')) {
    const fields = parseEvent(line)
    if (fields['event.action'] !== 'source-gap') continue
    // The truth says nothing of audit logs, whether or not the capture holds them.
    if (fields['wireguard.coverage.source'] === 'auditd') continue
    found.push({
      host: fields['host.name'] ?? '',
      source: fields['wireguard.coverage.source'] ?? '',
      from: (fields['event.start'] ?? 0) / SECOND,
      to: (fields['event.end'] ?? 0) / SECOND,
      reason: fields['event.reason'] ?? '',
    })
  }
  return found
}

const isSame = (a: Span, b: Span) =>
  a.host === b.host &&
  a.source === b.source &&
  Math.abs(a.from - b.from) <= TOLERANCE &&
  Math.abs(a.to - b.to) <= TOLERANCE

async function edit(directory: string, pattern: RegExp, keep: (line: string) => boolean): Promise<void> {
  for (const gateway of ['gw1', 'gw2']) {
    for (const name of await readdir(join(directory, gateway))) {
      if (!pattern.test(name)) continue
      const path = join(directory, gateway, name)
      const lines = (await readFile(path, 'latin1')).split('\n')
      await writeFile(path, lines.filter(keep).join('\n'), 'latin1')
    }
  }
}

async function withoutWords(directory: string): Promise<void> {
  for (const gateway of ['gw1', 'gw2']) await rm(join(directory, gateway, 'conntrack.stderr'))
  await edit(directory, /^kern/, (line) => !line.includes('rsyslogd'))
}

const stampOf = (line: string) => Number(/^\[(\d+\.\d+)\]/.exec(line)?.[1] ?? Number.NaN)
const isoOf = (line: string) => Date.parse(/^\S+T\S+/.exec(line)?.[0] ?? '') / 1000

describe('gaps of the lab capture', () => {
  test('all are stated within 15 s, and no other', async () => {
    const [truth, stated] = [await trueGaps(), await statedGaps(DEMO)]
    expect(truth.length).toBe(3)
    for (const gap of truth) expect(stated.filter((each) => isSame(each, gap))).toHaveLength(1)
    expect(stated).toHaveLength(truth.length)
  })

  test("without the sources' own words, what flows prove is still stated and nothing else", async () => {
    const truth = await trueGaps()
    const stated = await withCopy(async (directory) => {
      await withoutWords(directory)
      return await statedGaps(directory)
    })
    expect(stated.map(({ host, source, reason }) => [host, source, reason])).toEqual([
      ['gw1', 'conntrack', 'flows-only-in-packet-log'],
      ['gw2', 'wireguard', 'polls-missing'],
    ])
    for (const each of stated) expect(truth.some((gap) => isSame(each, gap))).toBe(true)
  })

  test.each([20, 60, 100, 140, 180])(
    '20 s cut out of conntrack.log after %i s contradict the packet log',
    async (after) => {
      const cut = { host: 'gw1', source: 'conntrack', from: 1_795_360_169 + after, to: 1_795_360_189 + after }
      const stated = await withCopy(async (directory) => {
        await withoutWords(directory)
        await edit(directory, /^conntrack.log/, (line) => !(stampOf(line) >= cut.from && stampOf(line) <= cut.to))
        return await statedGaps(directory)
      })
      expect(stated.filter((gap) => isSame(gap, cut))).toHaveLength(1)
    },
  )

  test.each([20, 60, 100, 140])('20 s cut out of kern.log after %i s contradict conntrack', async (after) => {
    const cut = { host: 'gw1', source: 'nftables', from: 1_795_360_169 + after, to: 1_795_360_189 + after }
    const stated = await withCopy(async (directory) => {
      await withoutWords(directory)
      await edit(directory, /^kern.log/, (line) => !(isoOf(line) >= cut.from && isoOf(line) <= cut.to))
      return await statedGaps(directory)
    })
    expect(stated.filter((gap) => isSame(gap, cut))).toHaveLength(1)
  })

  test.each(['[NEW]', '[DESTROY]', ' udp '])('a collector that shows only %s is no gap', async (word) => {
    const truth = await trueGaps()
    const stated = await withCopy(async (directory) => {
      await withoutWords(directory)
      await edit(directory, /^conntrack.log/, (line) => line.includes(word))
      return await statedGaps(directory)
    })
    for (const each of stated) expect(truth.some((gap) => isSame(each, gap))).toBe(true)
  })
})
