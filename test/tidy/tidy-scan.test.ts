/** The scanner behind test/tidy.test.ts: it must not see code where there is none, nor miss where a function ends. */
import { expect, test } from 'vitest'
import { maskCode } from './code-mask.ts'
import { functionsOf } from './functions.ts'

test('text, comments and regular expressions are no code', () => {
  const source = [
    "const a = 'Date.now()' // Date.now()",
    '/* { */ const b = /[/"{]\\/{/g.test(x) ? 1 / 2 : 3',
    'const c = `{ $' + '{f({ d: `}` })} }` + "}"',
    "const e = x['\\'{'] / y / z",
  ]
  const masked = maskCode(source.join('\n')).split('\n')
  expect(masked.map((line) => line.replace(/ +/g, ' ').trim())).toEqual([
    'const a =',
    'const b = .test(x) ? 1 / 2 : 3',
    'const c = f({ d: }) +',
    'const e = x[ ] / y / z',
  ])
  expect(masked.map((line) => line.length)).toEqual(source.map((line) => line.length))
})

test('functions end at their brace, whatever their types; those inside are not counted', () => {
  const source = [
    'export function outer<T extends { a: number }>(x: { b: T }): Map<string, { c: T }> {',
    '  const inner = (y: number): { d: number } => {',
    '    return { d: y }',
    '  }',
    '  function named(): void {',
    '    x',
    '  }',
    '  return {',
    '    method(z: () => void): z is never {',
    '      return z',
    '    },',
    '  }',
    '}',
    'type Shape = {',
    '  call(line: string): void',
    '  other: (n: number) => { e: number }',
    '}',
    'function last(a = `}`): a is string {',
    '}',
  ].join('\n')
  const spans = functionsOf(maskCode(source)).filter(({ name }) => name !== 'arrow')
  expect(spans).toEqual([
    { name: 'outer', line: 1, lines: 13 - 2 - 2 - 2 },
    { name: 'inner', line: 2, lines: 3 },
    { name: 'named', line: 5, lines: 3 },
    { name: 'method', line: 9, lines: 3 },
    { name: 'last', line: 18, lines: 2 },
  ])
})
