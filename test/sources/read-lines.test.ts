import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createLineSplitter, readLines } from '../../src/sources/read-lines.ts'

function split(pieces: readonly string[], lineBytesMax = 1000) {
  const splitter = createLineSplitter(lineBytesMax)
  return [...pieces.flatMap((piece) => splitter.push(piece)), ...splitter.end()]
}

async function readAll(bytes: Buffer, name: string, lineBytesMax = 1000) {
  const directory = await mkdtemp(join(tmpdir(), 'peertrail-lines-'))
  try {
    const path = join(directory, name)
    await writeFile(path, bytes)
    const texts: string[] = []
    let damage = ''
    for await (const batch of readLines(path, name.endsWith('.gz'), lineBytesMax)) {
      texts.push(...batch.lines.map((line) => line.text))
      damage += batch.damage
    }
    return { texts, damage }
  } finally {
    await rm(directory, { recursive: true })
  }
}

test('lines keep their byte offsets, however the text is cut into pieces', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom('a', 'é', '\n', '\r', '\r\n', '\0', 'SRC='), { maxLength: 60 }), (pieces) => {
      const text = pieces.join('')
      const whole = split([text])
      expect(split(text.split(''))).toEqual(whole)
      for (const line of whole) expect(text.startsWith(line.text, line.offset)).toBe(true)
      expect(whole.filter((line) => line.flaw === '').length).toBe(text.split('\n').length - 1)
    }),
  )
})

test('CR LF ends a line as LF does; a CR elsewhere stays', () => {
  expect(split(['a\r\nb\rc\r', '\n\r\n']).map(({ text, offset }) => [text, offset])).toEqual([
    ['a', 0],
    ['b\rc', 3],
    ['', 8],
  ])
})

test('of a line that is too long the first part is kept and marked', () => {
  expect(split(['x'.repeat(700), 'y'.repeat(700), '\nz'], 1000)).toEqual([
    { text: 'x'.repeat(700) + 'y'.repeat(300), offset: 0, flaw: 'cut' },
    { text: 'z', offset: 1401, flaw: 'unterminated' },
  ])
})

test('of a compressed file that ends too early what was there is kept, and the damage told', async () => {
  const lines = Array.from({ length: 2000 }, (_, i) => `line ${(i * 7919) % 2003}\n`)
  const packed = gzipSync(lines.join(''))
  const { texts, damage } = await readAll(packed.subarray(0, packed.length >> 1), 'kern.log.2.gz')
  expect(damage).not.toBe('')
  expect(texts.length).toBeGreaterThan(100)
  expect(texts.slice(0, 100).map((text) => `${text}\n`)).toEqual(lines.slice(0, 100))
  expect(await readAll(packed, 'kern.log.2.gz')).toEqual({ texts: lines.map((line) => line.slice(0, -1)), damage: '' })
  expect((await readAll(Buffer.from('no gzip at all\n'), 'kern.log.2.gz')).damage).not.toBe('')
})

test('a file longer than one read is read whole, packed or not', async () => {
  const lines = Array.from({ length: 20_000 }, (_, i) => `line ${i} ${'x'.repeat(i % 97)}\xe9`)
  const bytes = Buffer.from(`${lines.join('\r\n')}\n`, 'latin1')
  expect(bytes.length).toBeGreaterThan(1_000_000)
  expect(await readAll(bytes, 'kern.log')).toEqual({ texts: lines, damage: '' })
  expect(await readAll(gzipSync(bytes), 'kern.log.gz')).toEqual({ texts: lines, damage: '' })
})

test('a file that is not there is an error', async () => {
  await expect(readLines('no-such-file', false, 1000).next()).rejects.toThrow('ENOENT')
})
