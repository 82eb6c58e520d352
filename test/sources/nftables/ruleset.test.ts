import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseRuleset } from '../../../src/sources/nftables/ruleset.ts'
import { accept, counter, document, drop, iif, jump, limit, log, match, only, parsed, type Rule } from './rulesets.ts'

const FIXTURES = join(import.meta.dirname, '../../fixtures/nftables-ruleset')
const X = log('X: ')
const wg = iif('wg0')

describe.each(readdirSync(FIXTURES))('ruleset %s', (fixture) => {
  it('gives the recorded log rules', async () => {
    const ruleset = parsed(readFileSync(join(FIXTURES, fixture, 'input.json'), 'utf8'))
    const rules = ruleset.prefixes.flatMap((prefix) =>
      ruleset.logRules(prefix).map(({ matches, ...rule }) => ({ ...rule, matches: matches.map((one) => one.text) })),
    )
    const golden = {
      hash: ruleset.hash,
      sampled: ruleset.sampledPrefixes,
      logged: ruleset.loggedInterfaces(['wg0', 'lan0']),
      rules,
    }
    await expect(`${JSON.stringify(golden, null, 2)}\n`).toMatchFileSnapshot(join(FIXTURES, fixture, 'expected.json'))
  })
})

describe('a log rule', () => {
  it('is sampled when a limit, a quota or a random number stands before the log', () => {
    const sampled = (...rule: Rule) => only([rule]).sampled
    expect(sampled(wg, limit, X, accept)).toBe(true)
    expect(sampled(wg, { quota: { val: 1, val_unit: 'mbytes' } }, X)).toBe(true)
    expect(sampled(match({ numgen: { mode: 'inc', mod: 10 } }, 0), X)).toBe(true)
    expect(
      sampled(
        { set: { op: 'update', elem: { payload: { protocol: 'ip', field: 'saddr' } }, set: '@m', stmt: [limit] } },
        X,
      ),
    ).toBe(true)
    expect(sampled(wg, X, limit, accept)).toBe(false)
    expect(sampled(wg, counter, X, accept)).toBe(false)
  })

  it('keeps its version while only counters and handles change', () => {
    const version = (...rules: Rule[]) =>
      parsed(document({ forward: { hook: 'forward', rules } })).logRules('X: ')[0]?.version
    const before = version([wg, counter, X, drop])
    expect(version([accept], [wg, { counter: { packets: 18, bytes: 1 } }, X, drop])).toBe(before)
    expect(version([wg, counter, X, accept])).not.toBe(before)
  })

  it('gives its prefix as bytes and its comment as text', () => {
    const object = { family: 'inet', table: 'tür', chain: 'c', handle: 1, comment: 'Büro', expr: [log('Tür: '), drop] }
    const [rule] = parsed(JSON.stringify({ nftables: [{ rule: object }] })).logRules('T\u00c3\u00bcr: ')
    expect(rule).toMatchObject({ comment: 'Büro', ruleset: 'inet tür c', verdict: 'dropped', handle: '1' })
  })

  it('knows its group and leaves out what goes to the audit log', () => {
    expect(only([[{ log: { prefix: 'X: ', group: 5 } }, drop]]).group).toBe(5)
    expect(
      parsed(
        document({
          f: {
            hook: 'forward',
            rules: [
              [{ log: { level: 'audit' } }, drop],
              [{ log: null }, drop],
            ],
          },
        }),
      )
        .logRules('')
        .map((rule) => rule.handle),
    ).toEqual(['2'])
  })

  it('has the hook of the base chain that leads to it, if there is one such hook', () => {
    const hook = (input: Rule[]) =>
      parsed(
        document({
          forward: { hook: 'forward', rules: [[wg, jump('sub')]] },
          input: { hook: 'input', rules: input },
          sub: { rules: [[X, drop]] },
        }),
      ).logRules('X: ')[0]?.hook
    expect(hook([])).toBe('forward')
    expect(hook([[{ vmap: { key: { meta: { key: 'l4proto' } }, data: { set: [['tcp', jump('sub')]] } } }]])).toBe('')
  })
})

describe('interfaces without any log rule', () => {
  it('are told from those where one may log what comes in', () => {
    const ruleset = parsed(
      document({
        forward: {
          hook: 'forward',
          rules: [
            [iif('wg*'), iif('wg7', '!='), jump('sub')],
            [iif({ set: ['ppp0', 'ppp1'] }), log('Y: ')],
          ],
        },
        output: { hook: 'output', rules: [[log('Z: ')]] },
        sub: { rules: [[X, drop]] },
        unused: { rules: [[iif('eth9'), log('U: ')]] },
      }),
    )
    expect(ruleset.loggedInterfaces(['wg0', 'wg7', 'ppp1', 'ppp2', 'eth9'])).toEqual(['wg0', 'ppp1'])
    expect(ruleset.prefixes).toEqual(['U: ', 'X: ', 'Y: ', 'Z: '])
  })
})

describe('hostile and broken documents', () => {
  it.each([
    ['', 'is not one JSON document'],
    ['{"nftables": [', 'is not one JSON document'],
    ['[]', 'has no list "nftables": expected the output of nft -j -a list ruleset'],
    ['{"nftables": {}}', 'has no list "nftables": expected the output of nft -j -a list ruleset'],
    [`{"nftables": ${'['.repeat(100)}${']'.repeat(100)}}`, 'is nested deeper than 64 levels'],
    [`{"nftables": ${'['.repeat(500_000)}${']'.repeat(500_000)}}`, 'is nested deeper than 64 levels'],
  ])('%.40j', (text, problem) => {
    expect(parseRuleset(text)).toEqual({ problem })
  })

  it('survive names that mean something to JavaScript', () => {
    const text =
      '{"nftables": [{"rule": {"family": "__proto__", "table": "constructor", "chain": "toString", "__proto__": {"handle": 9}, "expr": [{"__proto__": {"accept": null}}, {"log": {"prefix": "__proto__"}}, {"drop": null}]}}]}'
    expect(parsed(text).logRules('__proto__')).toMatchObject([
      { handle: '', verdict: 'dropped', ruleset: '__proto__ constructor toString' },
    ])
    expect(parsed(text).logRules('constructor')).toEqual([])
  })

  it('never throw, whatever JSON stands where rules should', () => {
    const name = fc.constantFrom(
      'nftables',
      'rule',
      'chain',
      'set',
      'element',
      'elem',
      'expr',
      'match',
      'left',
      'right',
      'op',
      'meta',
      'key',
      'payload',
      'log',
      'prefix',
      'vmap',
      'jump',
      'target',
      'range',
      'name',
      'family',
      'table',
      'drop',
      'concat',
      '__proto__',
    )
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        { maxDepth: 8 },
        fc.constantFrom(null, true, 1, -1, 1e300, 'iifname', '==', '@s', 'tcp', '10.0.0.1', '::1', ''),
        fc.array(tie('any'), { maxLength: 4 }),
        fc.array(fc.tuple(name, tie('any')), { maxLength: 4 }).map((entries) => Object.fromEntries(entries)),
      ),
    })).any
    fc.assert(
      fc.property(fc.array(value, { maxLength: 10 }), (objects) => {
        const ruleset = parsed(JSON.stringify({ nftables: objects }))
        for (const prefix of ruleset.prefixes) expect(ruleset.logRules(prefix).length).toBeGreaterThan(0)
      }),
      { numRuns: 500 },
    )
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => 'problem' in parseRuleset(text)),
      { numRuns: 100 },
    )
  })
})
