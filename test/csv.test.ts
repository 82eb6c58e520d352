/** CSV that a spreadsheet reads and does not run. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { printCsv } from '../src/csv.ts'

test('quotes what needs it, and keeps numbers numbers', () => {
  expect(
    printCsv(
      ['a', 'b, c', 'd'],
      [
        ['x', 'say "hi"', -5],
        ['1,2', 'a;b', 1.5],
        [' x', '', null],
        ['only one'],
        ['é 日本', 'b', Number.NaN, 'beyond'],
      ],
    ),
  ).toBe(['a,"b, c",d', 'x,"say ""hi""",-5', '"1,2","a;b",1.5', '" x",,', 'only one,,', 'é 日本,b,', ''].join('\n'))
  expect(printCsv([], [['x']])).toBe('')
  expect(printCsv(['=a'], [])).toBe("'=a\n")
})

test.each([
  ['=1+1', "'=1+1"],
  ['+A1', "'+A1"],
  ['-5', "'-5"],
  ['@SUM(A1)', "'@SUM(A1)"],
  ['\t=1', "'\\x09=1"],
  ['\r=1', "'\\x0d=1"],
  ['\n=1', "'\\x0a=1"],
  ['\u00a0=1', "'\u00a0=1"],
  ['\uff1d1', "'\uff1d1"],
  ['a=1', 'a=1'],
  ['"=1', '"""=1"'],
  ['=cmd|"/c calc",x', '"\'=cmd|""/c calc"",x"'],
  ['a\u001b[2J\nb\u202e', 'a\\x1b[2J\\x0ab\\u202e'],
])('%j becomes harmless', (text, cell) => {
  expect(printCsv(['x'], [[text]])).toBe(`x\n${cell}\n`)
})

test('any text makes one cell of one line that is no formula', () => {
  const texts = fc.array(fc.string({ unit: 'binary' }), { minLength: 2, maxLength: 2 })
  fc.assert(
    fc.property(texts, (row) => {
      const lines = printCsv(['a', 'b'], [row]).split('\n')
      expect(lines).toHaveLength(3)
      const cells = readRow(lines[1] ?? '')
      expect(cells).toHaveLength(2)
      for (const cell of cells) {
        expect(cell).not.toMatch(/^\s*[=+\-@]/)
        expect(cell).not.toMatch(/\p{Cc}|\p{Cf}/u)
      }
    }),
  )
})

/** A reader of its own: RFC 4180, one line. */
function readRow(line: string): string[] {
  const cells: string[] = []
  for (let rest = `${line},`; rest !== ''; ) {
    const match = /^(?:"((?:[^"]|"")*)"|([^",]*)),/.exec(rest)
    if (match === null) throw new Error(`no cell: ${rest}`)
    cells.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? '')
    rest = rest.slice(match[0].length)
  }
  return cells
}
