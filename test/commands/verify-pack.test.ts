/** Goal: an evidence pack is checked as its folder is, and whatever comes as one is judged without harm. */
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { makeReport, withFolder } from './made-report.ts'
import { type Member, packOf, tar } from './made-tar.ts'
import { makeKey, namesOf, verify } from './verifying.ts'

test('one flipped byte anywhere in a pack is named', async () => {
  await withFolder(async (place) => {
    await makeReport(join(place, 'report'), { signer: makeKey(place, 'key').signer })
    const whole = packOf(join(place, 'report'))
    const path = join(place, 'case.tar.gz')
    const flip = async (at: number, bits: number) => {
      const bytes = Buffer.from(whole)
      bytes[at] = (bytes[at] ?? 0) ^ bits
      writeFileSync(path, bytes)
      const { exit, problems } = await verify(path)
      expect([at, exit, problems.length > 0]).toEqual([at, 1, true])
    }
    await fc.assert(fc.asyncProperty(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), flip), {
      numRuns: 150,
    })
    // Header and trailer, bit by bit: what says nothing of the content is in them.
    for (const at of [3, 4, 7, 8, 9, whole.length - 9, whole.length - 8, whole.length - 1])
      for (let bit = 1; bit < 256; bit *= 2) await flip(at, bit)
    writeFileSync(path, whole)
    expect((await verify(path)).exit).toBe(0)
  })
})

describe('an evidence pack', () => {
  const refused = async (bytes: Buffer): Promise<string> => {
    let first = ''
    await withFolder(async (place) => {
      const path = join(place, 'case.tar.gz')
      writeFileSync(path, bytes)
      const { exit, problems } = await verify(path)
      expect(exit).toBe(1)
      first = namesOf(problems)[0] ?? ''
    })
    return first
  }

  test('passes like the folder it was made of, wherever it is', async () => {
    await withFolder(async (place) => {
      await makeReport(join(place, 'report'))
      writeFileSync(join(place, 'case.tar.gz'), packOf(join(place, 'report')))
      const { exit, json } = await verify(join(place, 'case.tar.gz'))
      expect([exit, json['kind'], json['files']]).toEqual([0, 'pack', 7])
      rmSync(join(place, 'report', 'access.csv'))
      writeFileSync(join(place, 'case.tar.gz'), packOf(join(place, 'report')))
      expect(namesOf((await verify(join(place, 'case.tar.gz'))).problems)).toEqual(['access.csv is missing'])
    })
  })

  const one: Member = { name: 'case/report.json', content: '{}\n' }
  test.each<readonly [string, readonly Member[], RegExp]>([
    ['a path that leads out', [{ name: 'case/../../etc/passwd' }], /holds a file that no pack has|\.\./],
    ['an absolute path', [{ name: '/etc/passwd' }], /more than one folder/],
    ['a file beside its folder', [{ name: 'passwd' }], /more than one folder/],
    ['two folders', [one, { name: 'other/report.json' }], /more than one folder/],
    ['a link', [{ name: 'case/x', type: '2', link: '/etc/passwd' }], /no file/],
    ['a hard link', [{ name: 'case/x', type: '1', link: 'case/y' }], /no file/],
    ['a device', [{ name: 'case/x', type: '3' }], /no file/],
    ['a pax header', [{ name: 'case/x', type: 'x', content: '12 path=../x\n' }], /no file/],
    ['a GNU sparse file', [{ name: 'case/x', type: 'S' }], /no file/],
    ['a GNU long name', [{ name: '././@LongLink', type: 'L', content: 'x' }], /more than one folder|no file/],
    ['a size beyond octal', [{ name: 'case/x', sizeField: `\u0080${'\u00ff'.repeat(11)}` }], /a number that is none/],
    ['more content than there is', [{ name: 'case/x', size: 8 ** 11 - 1 }], /ends too early/],
    ['the same file twice', [one, one], /holds a file that no pack has|is there twice/],
    ['a folder', [{ name: 'case/', type: '5' }], /no file/],
    ['a folder that leads out', [{ name: 'case/../../etc/', type: '5' }], /no file/],
    ['files in another order', [one, { name: 'case/manifest.json' }], /another order/],
    ['another mode', [{ ...one, fields: { 100: '0004777' } }], /a header that no pack has/],
    ['an owner', [{ ...one, fields: { 265: 'mallory' } }], /a header that no pack has/],
    ['a link in a file', [{ ...one, link: '/etc/passwd' }], /a header that no pack has/],
    ['bytes behind a header', [{ ...one, fields: { 505: 'mallory' } }], /a header that no pack has/],
    ['two dates', [one, { name: 'case/x', fields: { 136: '00000000007' } }], /a header that no pack has/],
    ['another kind of archive', [{ name: 'case/x', magic: 'ustar  \0' }], /another kind of archive/],
  ])('with %s is refused', async (_name, members, what) => {
    expect(await refused(gzipSync(tar(members)))).toMatch(what)
  })

  test('that is cut, has no end, something after it, or is no gzip at all, is refused', async () => {
    const whole = gzipSync(tar([one]))
    expect(await refused(whole.subarray(0, whole.length - 20))).toMatch(/was cut off|does not unpack/)
    expect(await refused(gzipSync(tar([one], 0)))).toMatch(/ends too early/)
    expect(await refused(gzipSync(Buffer.concat([tar([one]), Buffer.from('x'.repeat(512))])))).toMatch(
      /goes on after its end/,
    )
    expect(await refused(gzipSync(tar([one], 3)))).toMatch(/goes on after its end/)
    expect(await refused(Buffer.concat([whole, Buffer.from('PK secret')]))).toMatch(
      /bytes after its end|does not unpack/,
    )
    expect(await refused(Buffer.from('no gzip'))).toMatch(/does not unpack/)
    expect(await refused(Buffer.alloc(0))).toMatch(/cut off|ends too early/)
  })

  test('with something put where its packing carries no content is refused', async () => {
    const whole = gzipSync(tar([one]))
    const flagged = (flag: number, field: string) =>
      Buffer.concat([
        whole.subarray(0, 3),
        Buffer.from([flag]),
        whole.subarray(4, 10),
        Buffer.from(field),
        whole.subarray(10),
      ])
    for (const bytes of [flagged(8, 'name\0'), flagged(16, 'comment\0'), flagged(4, '\u0004\0more')])
      expect(await refused(bytes)).toMatch(/its packing carries no content/)
    for (const more of [gzipSync(''), gzipSync('x'.repeat(2_000_000)), Buffer.alloc(2_000_000)])
      expect(await refused(Buffer.concat([whole, more]))).toMatch(/bytes after its end/)
    const half = tar([one]).subarray(0, 700)
    expect(await refused(Buffer.concat([gzipSync(half), gzipSync(tar([one]).subarray(700))]))).toMatch(
      /bytes after its end/,
    )
  })

  test('that unpacks to more than any pack is not read to its end', async () => {
    const bomb = gzipSync(
      Buffer.concat([tar([{ name: 'case/x', size: 512 * 1024 * 1024 }], 0), Buffer.alloc(192 * 1024 * 1024)]),
    )
    expect(await refused(bomb)).toMatch(/unpacks to more than a pack can hold/)
  })

  test('is never trusted: any bytes in a tar are judged, not thrown', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 3000 }), async (bytes) => {
        expect(await refused(gzipSync(bytes))).not.toBe('')
      }),
      { numRuns: 40 },
    )
  })
})
