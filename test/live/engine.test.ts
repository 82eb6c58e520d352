/** The law of the live core: whoever is read first, however little at a time, and cut anywhere, it tells what a replay tells. */
import { describe, expect, test } from 'vitest'
import { DEMO, replayCapture } from '../replay-capture.ts'
import { openFeed } from './engine-feed.ts'

/** Numbers from 0 to 1 from a seed (mulberry32, public domain algorithm). */
function randomOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

describe('the demo capture', async () => {
  const feed = await openFeed(DEMO)
  const replayed = (await replayCapture(DEMO)).ndjson

  test.each([1, 2, 3])('read in pieces (seed %i) gives what a replay gives', (seed) => {
    const { text, late } = feed.run(randomOf(seed), 0)
    expect(late).toBe(0)
    expect(firstDifference(text, replayed)).toBe('')
  })

  test.each([11, 12, 13, 14])('cut and made anew all the time (seed %i) gives what a replay gives', (seed) => {
    const { text, cuts } = feed.run(randomOf(seed), 0.1)
    expect(cuts).toBeGreaterThan(20)
    expect(firstDifference(text, replayed)).toBe('')
  })
})

/** Where two outputs part, with some text around; '' = nowhere. */
function firstDifference(text: string, expected: string): string {
  if (text === expected) return ''
  let at = 0
  while (text[at] === expected[at]) at++
  const around = (whole: string) => whole.slice(whole.lastIndexOf('\n', at) + 1, at + 100)
  return `${around(text)}\nexpected\n${around(expected)}`
}
