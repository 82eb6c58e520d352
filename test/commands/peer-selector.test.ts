import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { maybeCalled } from '../../src/commands/peer-selector.ts'
import type { Fields } from '../../src/fields.ts'
import { createPredicate } from '../../src/kql/predicate.ts'

const finds = (text: string, document: Fields) => createPredicate(maybeCalled(text))(document)
const FIELDS = ['wireguard.peer.name', 'wireguard.peer.owner.email', 'wireguard.peer.owner.name'] as const

describe('documents that may name a peer', () => {
  test('hold the text in any case, or a key that begins with it', () => {
    for (const field of FIELDS) {
      expect(finds('Ivy', { [field]: 'iVY' })).toBe(true)
      expect(finds('ivy', { [field]: 'oak' })).toBe(false)
      expect(finds('ÜNAL', { [field]: 'ünal' })).toBe(true)
    }
    expect(finds('nmnC', { 'wireguard.peer.public_key': 'nmnC8Awz' })).toBe(true)
    expect(finds('C8Aw', { 'wireguard.peer.public_key': 'nmnC8Awz' })).toBe(false)
    expect(finds('', { 'event.action': 'flow-started' })).toBe(true)
  })

  test('every letter there is, as what JavaScript makes of its case', () => {
    const missed: string[] = []
    for (let code = 0; code <= 0x10ffff; code++) {
      const letter = String.fromCodePoint(code)
      for (const other of new Set([letter.toLowerCase(), letter.toUpperCase()])) {
        if (other === letter || other.toLowerCase() !== letter.toLowerCase()) continue
        if (!finds(`a${other}b`, { 'wireguard.peer.name': `a${letter}b` }))
          missed.push(`${code}: ${letter} for ${other}`)
        if (!finds(`a${letter}b`, { 'wireguard.peer.name': `a${other}b` }))
          missed.push(`${code}: ${other} for ${letter}`)
      }
    }
    expect(missed).toEqual([])
  })

  test('any text, also of thousands of letters', () => {
    const letter = fc.constantFrom(
      'k',
      'K',
      '\u212a',
      'i',
      'I',
      '\u0130',
      '\u0307',
      's',
      'ſ',
      'ß',
      'Σ',
      'σ',
      'ς',
      '*',
      '?',
      '\\',
      ' ',
    )
    fc.assert(
      fc.property(
        fc.array(letter, { maxLength: 60 }),
        fc.array(fc.boolean(), { maxLength: 60 }),
        (letters, isUpper) => {
          const name = letters.join('')
          const text = letters.map((each, i) => (isUpper[i] === true ? each.toUpperCase() : each)).join('')
          fc.pre(name !== '' && text.toLowerCase() === name.toLowerCase())
          expect(finds(text, { 'wireguard.peer.name': name })).toBe(true)
        },
      ),
    )
    const long = 'k1'.repeat(5_000)
    expect(finds(long, { 'wireguard.peer.name': long })).toBe(true)
  })
})
