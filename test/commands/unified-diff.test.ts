/** Diffs that patch(1) would take: checked by applying them. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { unifiedDiff } from '../../src/commands/unified-diff.ts'

/** What a diff makes of `before`, hunk by hunk; throws where its context or its line numbers do not fit. */
function applied(before: string, diff: string): string {
  const old = before === '' ? [] : before.slice(0, -1).split('\n')
  const fresh: string[] = []
  let at = 0
  const [, , ...lines] = diff.slice(0, -1).split('\n')
  for (const line of lines) {
    const range = /^@@ -(\d+),(\d+) \+(\d+),(\d+) @@$/.exec(line)
    if (range !== null) {
      const [start, count, newStart, newCount] = range.slice(1).map(Number)
      const begin = (start ?? 0) - (count === 0 ? 0 : 1)
      if (begin < at) throw new Error(`hunks overlap at ${line}`)
      fresh.push(...old.slice(at, begin))
      at = begin
      if (fresh.length !== (newStart ?? 0) - (newCount === 0 ? 0 : 1)) throw new Error(`wrong place ${line}`)
      continue
    }
    const [sign, text] = [line[0], line.slice(1)]
    if (sign !== '+' && old[at++] !== text) throw new Error(`context ${line}`)
    if (sign !== '-') fresh.push(text)
  }
  fresh.push(...old.slice(at))
  return fresh.map((line) => `${line}\n`).join('')
}

const text = fc
  .array(fc.constantFrom('a', 'b', 'c', '', '}', '-x', '+y'), { maxLength: 40 })
  .map((lines) => lines.map((line) => `${line}\n`).join(''))

describe('a diff', () => {
  test('applied gives the new text', () => {
    fc.assert(
      fc.property(text, text, (before, after) => {
        const diff = unifiedDiff(before, after, '/etc/x')
        expect(diff === '' ? before : applied(before, diff)).toBe(after)
      }),
    )
  })

  test('of a few changed lines shows these with three lines around', () => {
    const lines = Array.from({ length: 30 }, (_, i) => `line ${i + 1}`)
    const changed = lines.with(9, 'changed').toSpliced(25, 1)
    const whole = (all: readonly string[]) => `${all.join('\n')}\n`
    expect(unifiedDiff(whole(lines), whole(changed), '/etc/x')).toBe(`--- /etc/x
+++ /etc/x
@@ -7,7 +7,7 @@
 line 7
 line 8
 line 9
-line 10
+changed
 line 11
 line 12
 line 13
@@ -23,7 +23,6 @@
 line 23
 line 24
 line 25
-line 26
 line 27
 line 28
 line 29
`)
  })

  test('of a new file comes from nothing, and of equal texts is none', () => {
    expect(unifiedDiff(null, 'a\n', '/etc/x')).toBe('--- /dev/null\n+++ /etc/x\n@@ -0,0 +1,1 @@\n+a\n')
    expect(unifiedDiff('a\n', 'a\n', '/etc/x')).toBe('')
  })
})
