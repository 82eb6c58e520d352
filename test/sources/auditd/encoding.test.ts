import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  decodedKeys,
  decodedName,
  decodedText,
  decodedTitle,
  idOf,
  isHex,
  plainText,
} from '../../../src/sources/auditd/encoding.ts'
import { createRecentValues } from '../../../src/sources/auditd/recent-values.ts'

/** As the kernel encodes bytes of unknown content. */
function kernelText(bytes: Uint8Array): string {
  const isPlain = bytes.every((byte) => byte >= 0x21 && byte <= 0x7e && byte !== 0x22)
  const buffer = Buffer.from(bytes)
  return isPlain ? `"${buffer.toString('latin1')}"` : buffer.toString('hex').toUpperCase()
}

describe('an encoded text', () => {
  it('is what the kernel encoded, for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        expect(decodedText(kernelText(bytes))).toBe(Buffer.from(bytes).toString('utf8').replaceAll('\0', '\ufffd'))
      }),
    )
  })

  it.each([
    ['(null)', ''],
    ['(none)', ''],
    ['?', ''],
    ['"(null)"', '(null)'],
    ['"?"', '?'],
    ['"414243"', '414243'],
    ['414243', 'ABC'],
    ['41424', '41424'],
    ['6162zz', '6162zz'],
    ['deadbeef', 'deadbeef'],
    ['"open', 'open'],
    ['"', ''],
    ['', ''],
    ['"\xc3\xa4"', 'ä'],
    ['\xff', '\ufffd'],
  ])('%j is %j', (value, text) => {
    expect(decodedText(value)).toBe(text)
  })
})

describe('a name that a foreign program may have written bare', () => {
  it.each([
    ['"root\'res=success\'auid=0"', "root'res=success'auid=0"],
    ['28696E76616C6964207573657229', '(invalid user)'],
    ['612262', 'a"b'],
    ['6E6C0A41', 'nl\nA'],
    ['C3A4', 'ä'],
    ['deadbeef', 'deadbeef'],
    ['DEADBEEF', 'DEADBEEF'],
    ['414243', '414243'],
    ['10203040', '10203040'],
    ['1B5B3331', '1B5B3331'],
    ['6100', '6100'],
    ['?', ''],
  ])('%s is %j', (value, text) => {
    expect(decodedName(value)).toBe(text)
  })
})

describe('keys, titles and ids', () => {
  it('of several keys each stands alone', () => {
    expect(decodedKeys('66782D6B310166782D6B32')).toEqual(['fx-k1', 'fx-k2'])
    expect(decodedKeys('"net"')).toEqual(['net'])
    expect(decodedKeys('(null)')).toEqual([])
    expect(decodedKeys('')).toEqual([])
    expect(decodedKeys('6120')).toEqual(['a '])
  })

  it('of a title the arguments stand between blanks', () => {
    expect(decodedTitle('2F62696E2F6C73002D6C0061')).toBe('/bin/ls -l a')
    expect(decodedTitle('"sshd"')).toBe('sshd')
    expect(decodedTitle('(null)')).toBe('')
  })

  it('ids are decimal, or unset', () => {
    const ids = ['0', '1000', '4294967294', '4294967295', '-1', '', '1.5', '0x10', '99999999999', 'unset', '1 '].map(
      idOf,
    )
    expect(ids).toEqual([0, 1000, 4294967294, -1, -1, -1, -1, -1, -1, -1, -1])
  })

  it('plain values keep what looks like hex', () => {
    expect(['pts0', '"x y"', '(none)', '414243'].map(plainText)).toEqual(['pts0', 'x y', '', '414243'])
  })

  it('hex is upper case and of whole bytes', () => {
    expect(['0F', 'AB12', '0f', 'A', '', '4G', '4@', ':0'].map((text) => isHex(text))).toEqual([
      true,
      true,
      false,
      false,
      false,
      false,
      false,
      false,
    ])
    expect(isHex('0Fzz', 2)).toBe(true)
  })
})

describe('recent values', () => {
  it('never mix up texts, however few slots there are', () => {
    const recent = createRecentValues(2, (text) => `<${text}>`)
    fc.assert(
      fc.property(fc.array(fc.string({ unit: fc.constantFrom('a', 'b', '\u00ff'), maxLength: 6 })), (texts) => {
        for (const text of texts) expect(recent(text)).toBe(`<${text}>`)
      }),
    )
  })

  it('are made once for a text that comes again', () => {
    let made = 0
    const recent = createRecentValues(4, (text) => ({ text, count: ++made }))
    expect(recent('x')).toBe(recent('x'))
    const long = 'y'.repeat(4000)
    expect(recent(long)).not.toBe(recent(long))
    expect(made).toBe(3)
  })
})
