/** Goal: whatever is changed in a report folder or pack is named, by the file it is in; what is untouched passes. */
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { makeReport, withFolder } from './made-report.ts'
import { makeKey, namesOf, verify } from './verifying.ts'

const filesIn = (dir: string) =>
  readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(dir.length + 1))
    .sort()

function edit(path: string, change: (text: string) => string): void {
  const text = readFileSync(path, 'utf8')
  const changed = change(text)
  expect(changed).not.toBe(text)
  writeFileSync(path, changed)
}

describe('an untouched report', () => {
  test('passes, and is told what that does not prove', async () => {
    await withFolder(async (place) => {
      await makeReport(join(place, 'report'))
      const { exit, text, json, problems } = await verify(join(place, 'report'))
      expect([exit, problems]).toEqual([0, []])
      expect(text).toMatch(/^report .*: untouched\n/)
      expect(text).toContain('Access report: customer-db, 2026-11-22T15:00:00.000Z to 2026-11-22T16:00:00.000Z')
      expect(text).toContain(
        'that nobody wrote the whole report anew, manifest and checksums included: it is not signed',
      )
      expect(text).toContain('rows that were not sealed when the report was made: 1 file')
      expect(json).toMatchObject({ kind: 'folder', signature: { state: 'unsigned' }, store: null, files: 7 })
    })
  })

  test('that is signed is compared with a key where one is given', async () => {
    await withFolder(async (place) => {
      const mine = makeKey(place, 'mine')
      const other = makeKey(place, 'other')
      const dir = join(place, 'report')
      await makeReport(dir, { signer: mine.signer })
      const alone = await verify(dir)
      expect(alone.exit).toBe(0)
      expect(alone.text).toContain(`by key ${mine.signer.fingerprint}, not compared with a key of yours`)
      expect(alone.text).toContain('whose key it is')
      const compared = await verify(dir, { publicKey: mine.publicKey })
      expect(compared.exit).toBe(0)
      expect(compared.text).toContain(`by the key given, ${mine.signer.fingerprint}`)
      const wrong = await verify(dir, { publicKey: other.publicKey })
      expect([wrong.exit, wrong.problems]).toEqual([
        1,
        [
          {
            file: 'manifest.json',
            what: 'names another key than the one given',
            expected: other.signer.fingerprint,
            found: mine.signer.fingerprint,
          },
        ],
      ])
    })
  })

  test('of a cluster says that its source is not verifiable', async () => {
    await withFolder(async (place) => {
      const source = { kind: 'not-verifiable', place: 'https://es:9200' } as const
      await makeReport(join(place, 'report'), { head: { source } })
      const { exit, text } = await verify(join(place, 'report'))
      expect(exit).toBe(0)
      expect(text).toContain('source integrity is not verifiable')
    })
  })

  test('that said its store was broken still is what was written, and says it again', async () => {
    await withFolder(async (place) => {
      const source = {
        kind: 'chain',
        count: 1,
        head: 'a'.repeat(64),
        segments: 1,
        rows: 1,
        unsealedFiles: 0,
        anchors: [],
      } as const
      await makeReport(join(place, 'report'), {
        head: { source: { ...source, problems: ['x.parquet is gone: \u001b[2J'] } },
      })
      const { exit, text } = await verify(join(place, 'report'))
      expect(exit).toBe(0)
      expect(text).toContain('its store was not whole then: x.parquet is gone: \\x1b[2J')
    })
  })
})

describe('one flipped byte', () => {
  test('anywhere in a folder is named, signed or not', async () => {
    await withFolder(async (place) => {
      const { signer } = makeKey(place, 'key')
      for (const [name, by] of [
        ['plain', null],
        ['signed', signer],
      ] as const) {
        const dir = join(place, name)
        await makeReport(dir, { signer: by })
        const files = filesIn(dir)
        const whole = new Map(files.map((file) => [file, readFileSync(join(dir, file))]))
        const places = files.flatMap((file) => Array.from(whole.get(file) ?? [], (_, at) => ({ file, at })))
        await fc.assert(
          fc.asyncProperty(fc.constantFrom(...places), fc.integer({ min: 1, max: 255 }), async ({ file, at }, bits) => {
            const bytes = Buffer.from(whole.get(file) ?? [])
            bytes[at] = (bytes[at] ?? 0) ^ bits
            writeFileSync(join(dir, file), bytes)
            const { exit, problems, text } = await verify(dir)
            writeFileSync(join(dir, file), whole.get(file) ?? '')
            expect(exit).toBe(1)
            // Two files vouch for each other where nothing is signed: then both are named.
            expect(namesOf(problems).join('\n')).toContain(file)
            if (by !== null) expect(problems.map((problem) => problem.file)).toContain(file)
            expect(text).toMatch(/not as it was written/)
          }),
          { numRuns: 150 },
        )
        expect((await verify(dir)).exit).toBe(0)
      }
    })
  })
})

describe('a changed report', () => {
  const CHANGES: readonly (readonly [string, (dir: string) => void, RegExp])[] = [
    ['without a file', (dir) => rmSync(join(dir, 'access.csv')), /^access\.csv is missing$/],
    [
      'with one more',
      (dir) => writeFileSync(join(dir, 'more.csv'), 'x'),
      /^more\.csv is no part of the report: it was added$/,
    ],
    ['with a file in a new folder', (dir) => putBelow(dir, 'x', 'y'), /^x\/y is no part/],
    ['with a longer file', (dir) => appendFileSync(join(dir, 'access.csv'), 'eve,1\n'), /^access\.csv was changed$/],
    ['without checksums', (dir) => rmSync(join(dir, 'SHA256SUMS')), /^SHA256SUMS is missing$/],
    ['without a manifest', (dir) => rmSync(join(dir, 'manifest.json')), /^manifest\.json is missing$/],
    ['with a link for a file', (dir) => link(dir, 'access.csv'), /^access\.csv is a link$/],
    [
      'with a hidden file',
      (dir) => writeFileSync(join(dir, '.x'), ''),
      /^\.x has a name that no file of a report has$/,
    ],
    ['with an empty manifest', (dir) => writeFileSync(join(dir, 'manifest.json'), ''), /^manifest\.json is no JSON$/],
    [
      'with another size in the manifest',
      (dir) => edit(join(dir, 'manifest.json'), (text) => text.replace(/"bytes": 11\d*/, '"bytes": 1')),
      /^manifest\.json (?:is not what SHA256SUMS says|states another size)/,
    ],
    [
      'with another hash in the manifest',
      (dir) =>
        edit(join(dir, 'manifest.json'), (text) =>
          text.replace(/"sha256": "[\da-f]{64}/, `"sha256": "${'0'.repeat(64)}`),
        ),
      /^manifest\.json is not what SHA256SUMS says: one of the two was changed$/,
    ],
    [
      'with another subject in the manifest',
      (dir) => edit(join(dir, 'manifest.json'), (text) => text.replace('customer-db', 'payroll-db')),
      /^manifest\.json is not what SHA256SUMS says: one of the two was changed$/,
    ],
    [
      'with another hash in the sums',
      (dir) => edit(join(dir, 'SHA256SUMS'), (text) => text.replace(/^[\da-f]{8}/, '00000000')),
      /^SHA256SUMS says otherwise of access\.csv$/,
    ],
    [
      'with a line less in the sums',
      (dir) => edit(join(dir, 'SHA256SUMS'), (text) => text.replace(/^.*\n/, '')),
      /^SHA256SUMS has no line for access\.csv$/,
    ],
    [
      'with a blank line in the sums',
      (dir) => appendFileSync(join(dir, 'SHA256SUMS'), '\n'),
      /^SHA256SUMS holds something else/,
    ],
    [
      'with a signature put in',
      (dir) => writeFileSync(join(dir, 'manifest.json.sig'), 'AAAA\n'),
      /^manifest\.json\.sig is there/,
    ],
  ]

  test.each(CHANGES)('%s: the first broken link is named', async (_name, change, what) => {
    await withFolder(async (place) => {
      const dir = join(place, 'report')
      await makeReport(dir)
      change(dir)
      const { exit, problems, text } = await verify(dir)
      expect(exit).toBe(1)
      expect(namesOf(problems)[0]).toMatch(what)
      expect(text).toContain(namesOf(problems)[0])
    })
  })

  test('with more broken links than anybody reads names the first of them and counts the others', async () => {
    await withFolder(async (place) => {
      const dir = join(place, 'report')
      await makeReport(dir)
      const lines = Array.from({ length: 3000 }, (_, i) => `${'0'.repeat(64)}  no-${String(i).padStart(4, '0')}.csv\n`)
      edit(join(dir, 'SHA256SUMS'), (text) => text.replace(/^(.*inventories.*\n)/m, `$1${lines.join('')}`))
      const { exit, problems } = await verify(dir)
      expect([exit, problems.length]).toEqual([1, 1001])
      expect(problems.at(-1)?.what).toMatch(/^has 2\d\d\d more broken links$/)
    })
  })

  test('that was written anew whole is found by its signature alone', async () => {
    await withFolder(async (place) => {
      const { signer, publicKey } = makeKey(place, 'key')
      const forger = makeKey(place, 'forger')
      const dir = join(place, 'report')
      await makeReport(dir, { head: { subject: 'forged' } })
      expect((await verify(dir)).exit).toBe(0)
      expect((await verify(dir, { publicKey })).problems).toEqual([
        { file: 'manifest.json', what: 'is not signed', expected: signer.fingerprint, found: 'no signature' },
      ])
      // Signed by somebody else under the name of the key: neither key nor signature fit.
      await makeReport(dir, { signer: { ...forger.signer, fingerprint: signer.fingerprint } })
      expect(namesOf((await verify(dir, { publicKey })).problems)).toEqual([
        'manifest.json.sig is not a signature of this manifest.json by the key it names',
      ])
      expect(namesOf((await verify(dir)).problems)[0]).toMatch(
        /^public-key-[\da-f]{16}\.pem is not the key that the manifest names$/,
      )
    })
  })

  test('that is signed: manifest, signature and sums are told apart', async () => {
    await withFolder(async (place) => {
      const dir = join(place, 'report')
      const { signer } = makeKey(place, 'key')
      const only = async (change: () => void) => {
        await makeReport(dir, { signer })
        change()
        return namesOf((await verify(dir)).problems)
      }
      expect((await only(() => edit(join(dir, 'manifest.json'), (text) => text.replace('alice', 'mallory'))))[0]).toBe(
        'manifest.json is not what was signed',
      )
      expect(
        await only(() =>
          edit(join(dir, 'SHA256SUMS'), (text) =>
            text.replace(/^[\da-f]{64} {2}manifest.json$/m, `${'0'.repeat(64)}  manifest.json`),
          ),
        ),
      ).toEqual(['SHA256SUMS says otherwise of manifest.json, which is what was signed'])
      const forged = await only(() =>
        edit(join(dir, 'manifest.json.sig'), (text) => `${text.startsWith('A') ? 'B' : 'A'}${text.slice(1)}`),
      )
      expect(forged).toEqual([
        'manifest.json.sig is not a signature of this manifest.json by the key it names',
        'manifest.json.sig was changed',
      ])
      expect((await only(() => rmSync(join(dir, 'manifest.json.sig'))))[0]).toBe('manifest.json.sig is missing')
    })
  })
})

function putBelow(dir: string, folder: string, name: string): void {
  mkdirSync(join(dir, folder))
  writeFileSync(join(dir, folder, name), 'x')
}

function link(dir: string, name: string): void {
  renameSync(join(dir, name), join(dir, '..', name))
  symlinkSync(join('..', name), join(dir, name))
}

test('a store that was put into a report does not stand for it', async () => {
  await withFolder(async (place) => {
    const dir = join(place, 'report')
    await makeReport(dir)
    appendFileSync(join(dir, 'access.csv'), 'more\n')
    writeFileSync(join(dir, 'manifest.sqlite'), '')
    const { exit, json, problems } = await verify(dir)
    expect([exit, json['kind']]).toEqual([1, 'folder'])
    expect(namesOf(problems)).toContain('access.csv was changed')
  })
})

test('an empty folder in a report is named', async () => {
  await withFolder(async (place) => {
    const dir = join(place, 'report')
    await makeReport(dir)
    mkdirSync(join(dir, 'inventories', 'more'), { recursive: true })
    const { exit, problems } = await verify(dir)
    expect([exit, namesOf(problems)]).toEqual([1, ['inventories/more is an empty folder: it was added']])
  })
})

test('what is no report is wrong usage, and what cannot be read says so', async () => {
  await withFolder(async (place) => {
    await expect(verify(place)).rejects.toMatchObject({ code: 'usage' })
    await expect(verify(join(place, 'nothing'))).rejects.toMatchObject({ code: 'cannot-read' })
    await makeReport(join(place, 'report'))
    cpSync(join(place, 'report', 'access.csv'), join(place, 'key.pub'))
    await expect(verify(join(place, 'report'), { publicKey: join(place, 'key.pub') })).rejects.toMatchObject({
      code: 'bad-secret',
    })
  })
})
