import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseRuleset } from '../../../src/sources/nftables/ruleset.ts'
import {
  createRulesetDecoder,
  type RulesetDecoderOptions,
  type SavedRulesetDecoder,
} from '../../../src/sources/nftables/ruleset-decoder.ts'
import { createRulesetHistory, splitRulesetDumps } from '../../../src/sources/nftables/ruleset-history.ts'
import type { RulesetRecord } from '../../../src/sources/nftables/ruleset-record.ts'
import type { SourceFile, Unparsed } from '../../../src/sources/source.ts'
import { HOUR, type Micros, SECOND, toIso } from '../../../src/time.ts'
import { restored } from '../../restored.ts'
import { toLines } from './cut-runs.ts'
import { accept, document, drop, iif, log, type Rule } from './rulesets.ts'

const START: Micros = Date.UTC(2026, 10, 22, 15) * 1000
const FILE: SourceFile = { name: 'ruleset.snapshots', identity: 'abcdefghijklmn' }

type Given = RulesetRecord | Unparsed

function textOf(...rules: Rule[]): string {
  return document({ forward: { hook: 'forward', rules } })
}
const ACCEPTS = textOf([iif('wg0'), log('X: '), accept])
const DROPS = textOf([iif('wg0'), log('X: '), drop], [log('Y: '), accept])
const header = (seconds: number) => `# ${toIso(START + seconds * SECOND)} gw1`

/** One line of what was given out. */
function told(item: Given): string {
  if (item.kind === 'unparsed') return `${item.reason} ${item.text.slice(0, 10)}`
  return `${(item.at - START) / SECOND} ${item.ruleset.prefixes.join('|')}`
}

/** `quiet` and `isCut` by index of the line they come before. */
function run(
  texts: readonly string[],
  quiet: (index: number) => boolean = () => false,
  isCut: (index: number) => boolean = () => false,
  options: Partial<RulesetDecoderOptions> = {},
) {
  const items: Given[] = []
  // What one decoder saved is handed to the next.
  const make = (saved?: unknown) =>
    createRulesetDecoder(
      { referenceAt: null, ...options },
      (item) => items.push(item),
      saved as SavedRulesetDecoder | undefined,
    )
  let decoder = make()
  for (const [index, line] of toLines(texts).entries()) {
    if (quiet(index)) decoder.quiet?.(START + 10 * HOUR)
    if (isCut(index)) decoder = make(restored(decoder.save()))
    decoder.push(line, FILE)
  }
  if (isCut(texts.length)) decoder = make(restored(decoder.save()))
  decoder.end()
  return { told: items.map(told), items, tally: decoder.tally }
}

describe('ruleset.snapshots, line by line', () => {
  test('a dump goes out when the next begins, and the last at the end', () => {
    const {
      told: seen,
      tally,
      items,
    } = run([header(0), ACCEPTS, header(60), ...DROPS.replace('[', '[\n\n').split('\n')])
    expect(seen).toEqual(['0 X: ', '60 X: |Y: '])
    expect(items.map((item) => item.arrival - START)).toEqual([0, 60 * SECOND])
    expect(tally).toEqual({ lines: 6, records: 5, unparsed: 0, suspect: 0, skipped: 1 })
  })

  test('a file that is still gives out a dump whose JSON is whole, and no part of one', () => {
    const items: Given[] = []
    const decoder = createRulesetDecoder({ referenceAt: null }, (item) => items.push(item))
    const lines = toLines([header(0), ...ACCEPTS.replace('[', '[\n').split('\n')])
    for (const line of lines) {
      decoder.quiet?.(START + HOUR)
      expect(items).toEqual([])
      decoder.push(line, FILE)
    }
    decoder.quiet?.(START + HOUR)
    expect(items.map(told)).toEqual(['0 X: '])
    decoder.quiet?.(START + HOUR)
    decoder.end()
    expect(items).toHaveLength(1)
    expect(decoder.tally).toEqual({ lines: 3, records: 3, unparsed: 0, suspect: 0, skipped: 0 })
  })

  test.each([
    ['without a dated line', [ACCEPTS], ['no-time {"nftables']],
    ['with a bad one', ['# 2026-13-22T15:00:00Z gw1', ACCEPTS], ['bad-header {"nftables']],
    ['of nothing', [header(0), header(60), ACCEPTS], ['bad-ruleset # 2026-11-', '60 X: ']],
    ['cut off', [header(0), ACCEPTS.slice(0, -1), header(60), ACCEPTS], ['bad-ruleset {"nftables', '60 X: ']],
    ['that is none', [header(0), '{}'], ['bad-ruleset {}']],
    ['with more behind it', [header(0), ACCEPTS, '{}'], ['bad-ruleset {"nftables']],
  ])('a dump %s is one unparsed', (_, lines, wanted) => {
    const { told: seen, tally } = run(lines)
    expect(seen).toEqual(wanted)
    expect(tally.records + tally.unparsed).toBe(lines.length)
  })

  test('comments and marks of the collector end a dump and are nothing themselves', () => {
    const mark = `${header(30)} stopped exit status 1`
    const { told: seen, tally } = run(['# written by peertrail', header(0), ACCEPTS, mark, header(60), DROPS])
    expect(seen).toEqual(['0 X: ', '60 X: |Y: '])
    expect(tally).toMatchObject({ records: 4, skipped: 2 })
  })

  test('a dump ends with its file', () => {
    const items: Given[] = []
    const decoder = createRulesetDecoder({ referenceAt: null }, (item) => items.push(item))
    const [first, second] = toLines([header(0), ACCEPTS])
    if (first === undefined || second === undefined) throw new Error('two lines')
    decoder.push(first, FILE)
    decoder.push(second, { ...FILE, identity: 'another file' })
    decoder.end()
    expect(items.map((item) => told(item).split(' ')[0])).toEqual(['bad-ruleset', 'no-time'])
  })

  test('text is bounded, however it is divided into lines', () => {
    const size = ACCEPTS.length
    expect(run([header(0), ACCEPTS], undefined, undefined, { charsMax: size }).told).toEqual(['0 X: '])
    expect(run([header(0), ACCEPTS], undefined, undefined, { charsMax: size - 1 }).told[0]).toMatch(/^too-long /)
    const lines = [header(0), ...Array.from({ length: 100 }, () => '1'), header(60), ACCEPTS]
    expect(run(lines, undefined, undefined, { charsMax: size }).told).toEqual(['too-long 1', '60 X: '])
  })

  test('a line that was cut spoils its dump, and text is UTF-8', () => {
    const items: Given[] = []
    const decoder = createRulesetDecoder({ referenceAt: null }, (item) => items.push(item))
    const bytes = Buffer.from(textOf([log('T\u00fcr: '), accept])).toString('latin1')
    for (const line of toLines([header(0), bytes])) decoder.push(line, FILE)
    for (const line of toLines([header(60), bytes]))
      decoder.push({ ...line, flaw: line.offset === 0 ? '' : 'cut' }, FILE)
    decoder.end()
    expect(items.map((item) => told(item).slice(0, 12))).toEqual(['0 T\u00c3\u00bcr: ', 'cut {"nftabl'])
  })

  test('one wild date does not move arrival', () => {
    const { items } = run([header(0), ACCEPTS, header(86_400 * 365), DROPS, header(60), ACCEPTS])
    expect(items.map((item) => item.arrival - START)).toEqual([0, 0, 60 * SECOND])
  })
})

describe('laws', () => {
  const dump = fc.constantFrom(ACCEPTS, DROPS, DROPS.replaceAll(',', ',\n'), ACCEPTS.replace('[', '[\n\n'))
  const dumps = fc
    .array(fc.tuple(fc.nat(1000), dump), { maxLength: 5 })
    .map((list) => list.flatMap(([seconds, text], i) => [header(i * 1000 + seconds), ...text.split('\n')]))
  const junk = fc.constantFrom('', '{', ']', '{}', '#', '# 2026', '# soon', ACCEPTS, header(7), 'x', '\0\0')
  const damaged = fc
    .tuple(dumps, fc.array(fc.tuple(fc.nat(40), junk), { maxLength: 4 }))
    .map(([lines, stray]) => stray.reduce((all, [at, text]) => all.toSpliced(at, 0, text), lines))
  const coins = fc.infiniteStream(fc.boolean())

  test('cut anywhere it tells the same, and every line is counted once', () => {
    fc.assert(
      fc.property(damaged, coins, fc.boolean(), (lines, coin, isQuiet) => {
        const cuts = [...lines, ''].map(() => coin.next().value === true)
        const quiet = isQuiet ? (index: number) => index % 3 === 1 : undefined
        const uncut = run(lines, quiet)
        const cut = run(lines, quiet, (index) => cuts[index] === true)
        expect(cut.items).toEqual(restored(uncut.items))
        expect(cut.tally).toEqual(uncut.tally)
        const { lines: all, records, unparsed, suspect, skipped } = uncut.tally
        expect([all, records + unparsed + suspect + skipped]).toEqual([lines.length, lines.length])
      }),
    )
  })

  test('stillness changes nothing but when, where dumps are what nft writes', () => {
    fc.assert(
      fc.property(dumps, coins, (lines, coin) => {
        const quiet = lines.map(() => coin.next().value === true)
        expect(run(lines, (index) => quiet[index] === true).told).toEqual(run(lines).told)
      }),
    )
  })

  test('it finds the rulesets that a replay finds', () => {
    fc.assert(
      fc.property(damaged, (lines) => {
        const wanted = splitRulesetDumps(`${lines.join('\n')}\n`).flatMap(({ at, text }) => {
          const ruleset = parseRuleset(text)
          return at === null || 'problem' in ruleset ? [] : [`${at} ${ruleset.hash}`]
        })
        const found = run(lines).items.flatMap((item) =>
          item.kind === 'ruleset' ? [`${item.at} ${item.ruleset.hash}`] : [],
        )
        expect(found).toEqual(wanted)
      }),
    )
  })
})

describe('a saved history', () => {
  const step = fc.tuple(fc.nat(40), fc.constantFrom(ACCEPTS, DROPS))

  test('goes on as one that was never stopped, and knows its rulesets again by identity', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), fc.nat(12), fc.constantFrom(2, 256), (steps, cutAt, most) => {
        const uncut = createRulesetHistory(most)
        let cut = createRulesetHistory(most)
        for (const [index, [at, text]] of steps.entries()) {
          if (index === cutAt) {
            // Somebody else who is saved with it keeps a ruleset and a rule.
            const stood = cut.rulesetAt(20)
            const [rule] = cut.rulesAt(20, 'X: ')
            const saved = restored({ history: cut.save(), stood, rule })
            cut = createRulesetHistory(most, saved.history)
            expect(cut.rulesetAt(20)).toBe(saved.stood)
            expect(cut.rulesAt(20, 'X: ')[0]).toBe(saved.rule)
          }
          const ruleset = parseRuleset(text)
          if ('problem' in ruleset) throw new Error(ruleset.problem)
          uncut.add(at, ruleset)
          cut.add(at, ruleset)
        }
        expect(cut.forgotten).toBe(uncut.forgotten)
        for (let at = -1; at <= 41; at++) {
          expect(cut.rulesAt(at, 'X: ')).toEqual(uncut.rulesAt(at, 'X: '))
          expect(cut.rulesetsAt(at).map(({ hash }) => hash)).toEqual(uncut.rulesetsAt(at).map(({ hash }) => hash))
          const logged = (of: typeof cut) => of.rulesetAt(at)?.loggedInterfaces(['wg0', 'lan0'])
          expect(logged(cut)).toEqual(logged(uncut))
        }
      }),
    )
  })

  test('takes records whose ruleset was saved on its way', () => {
    const history = createRulesetHistory()
    for (const item of restored(run([header(0), ACCEPTS, header(60), DROPS]).items)) {
      if (item.kind === 'ruleset') history.add(item.at, item.ruleset)
    }
    expect(history.rulesAt(START + SECOND, 'X: ').map(({ verdict }) => verdict)).toEqual(['accepted', 'dropped'])
    expect(history.rulesetAt(START + 60 * SECOND)?.loggedInterfaces(['wg0', 'lan0'])).toEqual(['wg0', 'lan0'])
  })
})
