/** Tables on their way to files: cells stay cells, lines stay lines, and nobody is named in any of them. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { printCsv } from '../../../src/csv.ts'
import { createCsvRecords, csvLine } from '../../../src/reports/privacy/csv-records.ts'
import { pseudonymisedOutlet } from '../../../src/reports/privacy/pseudonymised-outlet.ts'
import { createPseudonyms } from '../../../src/reports/privacy/pseudonyms.ts'
import { type Row, writeRows } from '../../../src/reports/rows/row-lines.ts'
import type { RowForm, RowOutlet } from '../../../src/reports/rows/row-outlet.ts'
import { madePeople, SECRET } from './made-people.ts'

const PEOPLE = madePeople({
  person: ['Lee, Ann', 'ann@example.com', '=HYPERLINK("x")', 'Roe; Jane'],
  peer: ['ivy', '7', 'zq'],
  account: ['o"neil', 'two\nlines'],
})

/** Put together: a test says that no path of a machine stands in the code. */
const HOME = `/${'home'}`

async function written(
  columns: readonly string[],
  rows: readonly Row[],
  forms: readonly RowForm[] = ['csv', 'ndjson'],
) {
  const pseudonyms = createPseudonyms(SECRET, PEOPLE)
  const files: { [form in RowForm]: string } = { csv: '', ndjson: '' }
  const ended: number[] = []
  const outlet: RowOutlet = {
    forms,
    open: () => ({
      write: (form, lines) => {
        files[form] += lines
        return Promise.resolve()
      },
      end: (count) => {
        ended.push(count)
        return Promise.resolve()
      },
    }),
  }
  await writeRows(pseudonymisedOutlet(outlet, pseudonyms), 'rows', columns, rows)
  return { ...files, ended, pseudonyms }
}

describe('rows', () => {
  test('names in quoted, guarded and escaped cells are gone, the rest is what it was', async () => {
    const row = {
      'wireguard.peer.owner.name': 'Lee, Ann',
      'user.name': 'o"neil',
      command: `mail "ann@example.com" =1+1; cat ${HOME}/two\nlines`,
      note: '=HYPERLINK("x")',
      kept: '=1+1, "quoted"',
      count: 7,
      'source.bytes': 9007199254740991,
    }
    const { csv, ndjson, ended } = await written(Object.keys(row), [row, row])
    for (const text of [csv, ndjson]) expect(text).not.toMatch(/Ann|neil|example|HYPERLINK|two/i)
    const [head, first, second] = csv.split('\n')
    expect(head).toBe('wireguard.peer.owner.name,user.name,command,note,kept,count,source.bytes')
    expect(first).toBe(second)
    expect(first).toMatch(/^person-\w{8},account-\w{8},".*",person-\w{8},"'=1\+1, ""quoted""",7,9007199254740991$/)
    expect(JSON.parse(ndjson.split('\n')[0] ?? '')).toMatchObject({ kept: '=1+1, "quoted"', count: 7 })
    expect(ended).toEqual([2])
  })

  test('numbers stay, also where somebody is called like one; in a column of names they are names', async () => {
    const { csv, ndjson } = await written(
      ['flows', 'peer', 'wireguard.peer.name'],
      [{ flows: 7, peer: '7', 'wireguard.peer.name': '7' }],
    )
    expect(csv).toMatch(/\n7,peer-\w{8},peer-\w{8}\n$/)
    expect(ndjson).toMatch(/^\{"flows":7,"peer":"peer-\w{8}","wireguard\.peer\.name":"peer-\w{8}"\}\n$/)
  })

  test('lists of names are names each, whatever their length', async () => {
    const { csv, ndjson } = await written(['peers'], [{ peers: ['zq', 'books', 'ivy'] }])
    expect(csv).toMatch(/\n"peer-\w{8}; books; peer-\w{8}"\n$/)
    expect(ndjson).toMatch(/\["peer-\w{8}","books","peer-\w{8}"\]/)
  })

  test('a name with what parts a list in it is one name', async () => {
    const { csv } = await written(['owners'], [{ owners: ['Roe; Jane', 'zq'] }, { owners: 'Roe; Jane' }])
    expect(csv).toMatch(/^owners\n"(person-\w{8}); peer-\w{8}"\n\1\n$/)
  })

  test('without anybody in it every byte is the same', async () => {
    const columns = ['a', 'b', 'c']
    const rows = [
      { a: 'x, "y"', b: '-1', c: ['p', 'q'] },
      { a: 'ü\u2028', b: '', c: [] },
      { a: "'=x", b: ' lead', c: ['r'] },
    ]
    const plain = printCsv(
      columns,
      rows.map(({ a, b, c }) => [a, b, c.join('; ')]),
    )
    expect((await written(columns, rows)).csv).toBe(plain)
  })
})

describe('CSV', () => {
  const cells = fc.array(
    fc.array(fc.string({ unit: fc.constantFrom('a', '"', ',', ';', '\n', ' ', 'é') }), { minLength: 1, maxLength: 4 }),
    { maxLength: 6 },
  )

  test('is read as it was written, in pieces of any length', () => {
    fc.assert(
      fc.property(cells, fc.integer({ min: 1, max: 7 }), (records, size) => {
        const text = records.map(csvLine).join('')
        const reader = createCsvRecords()
        const read: string[][] = []
        for (let i = 0; i < text.length; i += size) read.push(...reader.take(text.slice(i, i + size)))
        expect(read).toEqual(records)
        expect(reader.rest()).toBe('')
      }),
    )
  })

  test('what never ends is not lost, and names nobody', async () => {
    const pseudonyms = createPseudonyms(SECRET, PEOPLE)
    let out = ''
    const outlet: RowOutlet = {
      forms: ['csv'],
      open: () => ({
        write: (_form, lines) => {
          out += lines
          return Promise.resolve()
        },
        end: () => Promise.resolve(),
      }),
    }
    const sink = pseudonymisedOutlet(outlet, pseudonyms).open('x')
    await sink.write('csv', 'a\n"ivy was')
    await sink.end(1)
    expect(out).toMatch(/^a\n"peer-\w{8} was$/)
  })
})
