/**
 * The law of following: whatever is written, rotated, compressed, copied and cut, wherever reading stops and goes on, each line
 * is given once, in order, under an id of its own. Rotations here happen between two reads, as fast as files can be renamed.
 */
import { copyFileSync, existsSync, truncateSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  counting,
  createGot,
  drain,
  type FollowedLog,
  keep,
  losses,
  numbered,
  numbers,
  withLog,
} from './followed-log.ts'

type Step =
  | { readonly what: 'write'; readonly lines: number }
  | { readonly what: 'gzip'; readonly n: number }
  | { readonly what: 'half' | 'rotate' | 'copy' | 'read' | 'drain' | 'restart' | 'crash' | 'save' }

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ what: fc.constant('write' as const), lines: fc.constantFrom(1, 1, 2, 5, 120) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('gzip' as const), n: fc.integer({ min: 1, max: 4 }) }) },
  {
    weight: 8,
    arbitrary: fc.record({
      what: fc.constantFrom<'half' | 'rotate' | 'copy' | 'read' | 'drain' | 'restart' | 'crash' | 'save'>(
        ...(['half', 'rotate', 'rotate', 'copy', 'read', 'drain', 'restart', 'crash', 'save'] as const),
      ),
    }),
  },
)

/** `banner`: every file begins with the same line; `rotations`: how many rotated files are kept. */
async function run(log: FollowedLog, steps: readonly Step[], banner: string, rotations: number) {
  const lineBytesMax = 8192
  let written = 0
  let isHalf = false
  const got = createGot()
  let source = log.follow({ lineBytesMax })
  let saved = { cursor: source.cursor(), count: 0 }

  function write(lines: number): void {
    if (!existsSync(log.path)) log.write('')
    let text = isHalf ? ' the line\n' : ''
    text += numbered(written + 1, written + lines)
    written += lines
    isHalf = false
    log.append(`${isEmpty() ? banner : ''}${text}`)
  }
  const isEmpty = () => log.size() === 0

  /** A writer ends its line before it lets the file go. */
  function endLine(): void {
    if (isHalf) log.append(' the line\n')
    isHalf = false
  }

  const acts: Record<Exclude<Step['what'], 'write' | 'gzip'>, () => Promise<void> | void> = {
    half() {
      if (isHalf) return
      if (!existsSync(log.path)) log.write('')
      written++
      isHalf = true
      log.append(`${isEmpty() ? banner : ''}${written}`)
    },
    rotate() {
      endLine()
      log.rotate(rotations)
    },
    copy() {
      endLine()
      if (!existsSync(log.path)) return
      log.shift(rotations)
      copyFileSync(log.path, log.at('.1'))
      truncateSync(log.path, 0)
    },
    async read() {
      keep(got, await source.read())
    },
    async drain() {
      await drain(source, got)
    },
    async restart() {
      await source.close()
      source = log.follow({ lineBytesMax }, source.cursor())
    },
    save() {
      saved = { cursor: source.cursor(), count: got.lines.length }
    },
    async crash() {
      await source.close()
      got.lines.length = saved.count
      got.texts.length = saved.count
      source = log.follow({ lineBytesMax }, saved.cursor)
    },
  }

  for (const each of steps) {
    if (each.what === 'write') write(each.lines)
    else if (each.what === 'gzip') {
      if (existsSync(log.at(`.${each.n}`))) log.gzip(`.${each.n}`)
    } else await acts[each.what]()
  }
  endLine()
  await acts.restart()
  await drain(source, got)
  await source.close()
  return { got, written }
}

function law(banner: string, runs: number) {
  return fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 40 }), async (steps) => {
      await withLog(async (log) => {
        const { got, written } = await run(log, steps, banner, 60)
        expect(numbers(got).filter((number) => !Number.isNaN(number))).toEqual(counting(1, written))
        expect(losses(got)).toEqual([])
        const places = got.lines.map(({ file, offset }) => `${file.identity} ${offset}`)
        expect(new Set(places).size).toBe(places.length)
      })
    }),
    { numRuns: runs },
  )
}

test('each line once, in order, whatever happens to the files', () => law('', 150), 60_000)

test('the same where every file begins with the same line', () => law('a banner\n', 150), 60_000)

/** What was gone before the first read, nobody can know of. */
const BEGUN: readonly Step[] = [{ what: 'write', lines: 1 }, { what: 'drain' }, { what: 'save' }]

test(
  'where files are rotated away unread, no line is missing without a gap, and none comes twice',
  () =>
    fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 40 }), async (steps) => {
        await withLog(async (log) => {
          const { got, written } = await run(log, [...BEGUN, ...steps], '', 2)
          const given = numbers(got)
          expect(given).toEqual(given.toSorted((a, b) => a - b))
          expect(new Set(given).size).toBe(given.length)
          if (given.length < written) expect(got.gaps.length).toBeGreaterThan(0)
          for (const { reason } of losses(got))
            expect(reason).toMatch(/^(rotated-away|truncated-before-read|replaced)$/)
        })
      }),
      { numRuns: 150 },
    ),
  60_000,
)
