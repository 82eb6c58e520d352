import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ruleFor } from '../../../src/sources/nftables/rule-match.ts'
import { createRulesetHistory, splitRulesetDumps } from '../../../src/sources/nftables/ruleset-history.ts'
import { accept, document, drop, iif, log, packet, parsed, type Rule } from './rulesets.ts'

function ruleset(...rules: Rule[]) {
  return parsed(document({ forward: { hook: 'forward', rules } }))
}

const X = log('X: ')
const ACCEPTS = ruleset([iif('wg0'), X, accept])
const DROPS = ruleset([iif('wg0'), X, drop])

function verdicts(history: ReturnType<typeof createRulesetHistory>, at: number): string[] {
  return history.rulesAt(at, 'X: ').map((rule) => rule.verdict)
}

describe('a history of rulesets', () => {
  it('knows nothing before its first dump, and keeps the last', () => {
    const history = createRulesetHistory()
    history.add(100, ACCEPTS)
    expect([verdicts(history, 99), verdicts(history, 100), verdicts(history, 1e15)]).toEqual([
      [],
      ['accepted'],
      ['accepted'],
    ])
  })

  it('has both sides of a change between two dumps', () => {
    const history = createRulesetHistory()
    for (const [at, dump] of [
      [100, ACCEPTS],
      [200, ACCEPTS],
      [300, DROPS],
      [400, DROPS],
    ] as const)
      history.add(at, dump)
    expect([150, 200, 250, 300, 500].map((at) => verdicts(history, at))).toEqual([
      ['accepted'],
      ['accepted'],
      ['accepted', 'dropped'],
      ['dropped'],
      ['dropped'],
    ])
    expect(ruleFor(history.rulesAt(250, 'X: '), packet())).toMatchObject({ handle: '', verdict: 'unknown' })
  })

  it('has rules that a change did not touch once', () => {
    const history = createRulesetHistory()
    history.add(100, ACCEPTS)
    history.add(200, ruleset([iif('wg0'), X, accept], [iif('wg1'), log('Y: '), drop]))
    expect(verdicts(history, 150)).toEqual(['accepted'])
    expect(history.rulesAt(150, 'Y: ').length).toBe(1)
  })

  it('begins with an undated dump, which a dated one ends', () => {
    const history = createRulesetHistory()
    history.add(null, ACCEPTS)
    expect(verdicts(history, 0)).toEqual(['accepted'])
    history.add(1_000, DROPS)
    expect([0, 1_000].map((at) => verdicts(history, at))).toEqual([['accepted', 'dropped'], ['dropped']])
  })

  it('forgets the oldest beyond its limit, and then knows nothing of their time', () => {
    const history = createRulesetHistory(2)
    for (const [i, dump] of [ACCEPTS, DROPS, ACCEPTS, DROPS].entries()) history.add(i * 100, dump)
    expect(history.forgotten).toBe(2)
    expect([150, 200, 300].map((at) => verdicts(history, at))).toEqual([[], ['accepted'], ['dropped']])
    history.add(50, ACCEPTS)
    expect(verdicts(history, 150)).toEqual([])
  })

  it('never says less than the two dumps around a time, in whatever order they came', () => {
    const dumps = fc.uniqueArray(fc.record({ at: fc.nat({ max: 50 }), drops: fc.boolean() }), {
      selector: (dump) => dump.at,
      maxLength: 12,
    })
    fc.assert(
      fc.property(dumps, fc.nat({ max: 50 }), (list, at) => {
        const history = createRulesetHistory()
        for (const dump of list) history.add(dump.at, dump.drops ? DROPS : ACCEPTS)
        const sorted = list.toSorted((a, b) => a.at - b.at)
        const before = sorted.findLast((dump) => dump.at <= at)
        const after = sorted.find((dump) => dump.at > at)
        const said = verdicts(history, at)
        if (before === undefined) expect(said).toEqual([])
        else {
          expect(said).toContain(before.drops ? 'dropped' : 'accepted')
          if (after !== undefined && before.at !== at) expect(said).toContain(after.drops ? 'dropped' : 'accepted')
        }
      }),
    )
  })
})

describe('ruleset.snapshots', () => {
  it('is split at its dated lines', () => {
    const text = '# 2026-11-22T15:00:00Z gw1\n{"nftables":\n []}\n# 2026-11-22T15:01:00+00:00 gw1\n{}\n# soon\n{}\n'
    expect(splitRulesetDumps(text)).toEqual([
      { at: 1795359600e6, text: '{"nftables":\n []}\n', line: 1 },
      { at: 1795359660e6, text: '{}\n', line: 4 },
      { at: null, text: '{}\n', line: 6 },
    ])
  })

  it('may begin without a dated line, lack a last line feed, or be empty', () => {
    expect(splitRulesetDumps('{}\n# 2026-11-22T15:00:00Z gw1')).toEqual([
      { at: null, text: '{}\n', line: 1 },
      { at: 1795359600e6, text: '', line: 2 },
    ])
    expect(splitRulesetDumps('')).toEqual([])
    expect(splitRulesetDumps('\n')).toEqual([])
  })

  it('loses no text but the lines with #', () => {
    const line = fc.oneof(fc.constantFrom('# 2026-11-22T15:00:00Z gw1', '#', '{}', ''), fc.string({ unit: 'binary' }))
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        const text = lines.join('\n')
        const kept = splitRulesetDumps(text)
          .map((dump) => dump.text)
          .join('')
        const wanted = text.split('\n').filter((one) => !one.startsWith('#'))
        expect(kept.split('\n').filter((one) => one.trim() !== '')).toEqual(wanted.filter((one) => one.trim() !== ''))
      }),
    )
  })
})
