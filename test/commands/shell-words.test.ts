/** Goal: a command on a line is the command that ran. Method: bash reads the words back. */
import { execFileSync } from 'node:child_process'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { shellWord, shellWords } from '../../src/commands/shell-words.ts'
import { safeText } from '../../src/safe-text.ts'

/** What bash makes of each line: its words, parted by NUL. */
function readByBash(lines: readonly string[]): string[][] {
  const script = lines.map((line) => `printf '%s\\0' ${line}; printf '\\n\\0'`).join('\n')
  const output = execFileSync('bash', ['--norc', '-c', script], {
    encoding: 'utf8',
    env: { LC_ALL: 'C.UTF-8', SHLVL: '1' },
  })
  const commands: string[][] = [[]]
  for (const word of output.split('\0').slice(0, -1)) {
    if (word === '\n') commands.push([])
    else commands.at(-1)?.push(word)
  }
  return commands.slice(0, -1)
}

test('words that need no quotes have none', () => {
  expect(shellWords(['cat', '/srv/q3-close.csv', '-n', 'a=b', '10.8.0.7:22'])).toBe(
    'cat /srv/q3-close.csv -n a=b 10.8.0.7:22',
  )
})

test('words that do have the plainest that work', () => {
  expect(shellWords(['echo', '', 'a b', "it's", '$HOME', '~', '*', 'a;b', '#'])).toBe(
    `echo '' 'a b' 'it'\\''s' '$HOME' '~' '*' 'a;b' '#'`,
  )
})

test('control and invisible characters are escapes, and end where they should', () => {
  expect(shellWord('a\nb')).toBe(`$'a\\nb'`)
  expect(shellWord('\u001b[2J')).toBe(`$'\\u001b[2J'`)
  expect(shellWord('\u202eabc')).toBe(`$'\\u202eabc'`)
  expect(shellWord("\t'\\")).toBe(`$'\\t\\'\\\\'`)
  expect(readByBash([shellWord('\u0001f')])).toEqual([['\u0001f']])
})

test('bash reads every word as it was', () => {
  // No program gets an argument with NUL, and the documents hold no half of a pair.
  const word = fc
    .oneof(
      fc.string({ unit: 'grapheme' }),
      fc.string({
        unit: fc.constantFrom('\n', "'", '\\', '$', '`', ' ', '!', '\u202e', '\u{e0001}', 'f', '"', '\u0007'),
      }),
    )
    .filter((text) => !text.includes('\0') && text !== '\n')
  fc.assert(
    fc.property(fc.array(fc.array(word, { minLength: 1 }), { minLength: 1, maxLength: 30 }), (commands) => {
      const lines = commands.map(shellWords)
      expect(readByBash(lines)).toEqual(commands)
      for (const line of lines) expect(safeText(line)).toBe(line)
    }),
    { numRuns: 40 },
  )
})
