/** The archive of a pack: read by the reader of packs and by tar(1), the same bytes every time, never over another file. */
import { execFileSync } from 'node:child_process'
import { createHash, hash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readEvidencePack } from '../../src/commands/evidence-pack.ts'
import { type PackMember, writeTarGz } from '../../src/commands/pack-archive.ts'
import { MEMBER_BYTES_MAX, tarHeader } from '../../src/reports/pack/tar-header.ts'
import { caught } from '../caught.ts'
import { micros } from '../commands/made-store.ts'

const AT = micros('2026-11-22T16:00:00Z')
const OPTIONS = { top: 'case-42', at: AT }
let place: string
beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'peertrail-pack-'))
})
afterEach(() => rmSync(place, { recursive: true }))

/** What the work fails with. */
function failure(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => 'nothing failed',
    (error: unknown) => error,
  )
}

function lay(files: { readonly [name: string]: Buffer }, folder: string): PackMember[] {
  return Object.entries(files).map(([name, bytes]) => {
    const path = join(place, folder, name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, bytes)
    return { name, path }
  })
}

describe('a pack', () => {
  test('comes back file by file, whatever their sizes', async () => {
    const size = fc.oneof(fc.constantFrom(0, 1, 511, 512, 513, 1024, 70_000), fc.nat(3_000))
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(size, fc.nat(255)), { minLength: 1, maxLength: 5 }),
        fc.nat(1e9),
        async (made, n) => {
          const files = Object.fromEntries(
            made.map(([bytes, fill], i) => [`file-${i}.ndjson`, Buffer.alloc(bytes, fill)]),
          )
          const path = join(place, `${n}.tar.gz`)
          await writeTarGz(lay(files, String(n)), path, OPTIONS)
          const found = await readEvidencePack(path, () => {})
          rmSync(path)
          expect(found.problems).toEqual([])
          const wanted = Object.entries(files).map(
            ([name, bytes]) => [name, { name, bytes: bytes.length, sha256: hash('sha256', bytes) }] as const,
          )
          expect(found.files).toEqual(new Map(wanted))
        },
      ),
      { numRuns: 40 },
    )
  })

  test('is unpacked by tar(1), with the mode and time of the report', async () => {
    const members = lay(
      { 'README.md': Buffer.from('read me\n'), 'inventories/abc.yaml': Buffer.from('version: 1\n') },
      'x',
    )
    const path = join(place, 'case.tar.gz')
    await writeTarGz(members, path, OPTIONS)
    execFileSync('tar', ['xzf', path, '-C', place])
    expect(readFileSync(join(place, 'case-42/inventories/abc.yaml'), 'utf8')).toBe('version: 1\n')
    const { mode, mtimeMs } = statSync(join(place, 'case-42/README.md'))
    expect(mode & 0o777).toBe(0o600)
    expect(mtimeMs * 1000).toBe(AT)
    expect(statSync(path).mode & 0o777).toBe(0o600)
  })

  test('has the same bytes in whatever order its files are named, and says no name or time of its own', async () => {
    const members = lay({ b: Buffer.from('b'), a: Buffer.from('a'), 'c-1': Buffer.alloc(600) }, 'x')
    const [one, two] = [join(place, '1.tar.gz'), join(place, '2.tar.gz')]
    await writeTarGz(members, one, OPTIONS)
    await writeTarGz(members.toReversed(), two, OPTIONS)
    expect(readFileSync(two).equals(readFileSync(one))).toBe(true)
    // RFC 1952: flags and time of the gzip header.
    expect([...readFileSync(one).subarray(3, 8)]).toEqual([0, 0, 0, 0, 0])
    const sum = createHash('sha256')
      .update(gunzipSync(readFileSync(one)))
      .digest('hex')
    expect(sum).toBe(
      createHash('sha256')
        .update(gunzipSync(readFileSync(two)))
        .digest('hex'),
    )
  })
})

describe('what it refuses', () => {
  test('a path where something lies already, a link included; that stays as it was', async () => {
    const members = lay({ a: Buffer.from('a') }, 'x')
    const path = join(place, 'case.tar.gz')
    writeFileSync(path, 'mine')
    expect(await failure(writeTarGz(members, path, OPTIONS))).toMatchObject({ code: 'cannot-write' })
    expect(readFileSync(path, 'utf8')).toBe('mine')
    symlinkSync(join(place, 'elsewhere'), join(place, 'link.tar.gz'))
    expect(await failure(writeTarGz(members, join(place, 'link.tar.gz'), OPTIONS))).toMatchObject({
      code: 'cannot-write',
    })
  })

  test('a file that is gone; nothing is left of the pack then', async () => {
    const path = join(place, 'case.tar.gz')
    const members = [...lay({ a: Buffer.from('a') }, 'x'), { name: 'b', path: join(place, 'x/b') }]
    expect(await failure(writeTarGz(members, path, OPTIONS))).toMatchObject({ code: 'cannot-read' })
    expect(statSync(path, { throwIfNoEntry: false })).toBe(undefined)
  })

  test('names and sizes that no header can state', () => {
    for (const name of ['a\nb', 'x'.repeat(101), 'ü'])
      expect(caught(() => tarHeader(name, 1, AT))).toMatchObject({ code: 'cannot-write' })
    expect(caught(() => tarHeader('a', MEMBER_BYTES_MAX + 1, AT))).toMatchObject({
      code: 'cannot-write',
    })
  })
})
