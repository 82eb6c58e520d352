/** Lines of a given width. */
import { execFileSync } from 'node:child_process'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { displayWidth } from '../../src/commands/display-width.ts'
import { shorten, wrapCommand, wrapText } from '../../src/commands/wrap-text.ts'

const widthOf = (line: string) => displayWidth(line)

test('breaks at blanks, cuts what is too long', () => {
  expect(wrapText('a key runs here', 6)).toEqual(['a key', 'runs', 'here'])
  expect(wrapText('abcdefgh ij', 3)).toEqual(['abc', 'def', 'gh', 'ij'])
  expect(wrapText('abc', 3)).toEqual(['abc'])
  expect(wrapText('', 3)).toEqual([''])
  expect(wrapText('👍👍👍 x', 2)).toEqual(['👍', '👍', '👍', 'x'])
})

test('no line is wider, nothing is lost', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), fc.integer({ min: 2, max: 40 }), (text, width) => {
      const lines = wrapText(text, width)
      for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(width)
      expect(lines.join('')).not.toMatch(/[\p{Cc}\p{Cf}]/u)
      const solid = text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp} \\]/gu, '')
      if (!/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\\]/u.test(text)) expect(lines.join('').replaceAll(' ', '')).toBe(solid)
    }),
  )
})

test('a command stays one command to a shell', () => {
  const command = 'printf %s| wg set wg0 peer KEY allowed-ips 10.8.0.2/32,10.8.0.3/32'
  const lines = wrapCommand(command, 40) ?? []
  expect(lines).toEqual(['printf %s| wg set wg0 peer KEY \\', '  allowed-ips 10.8.0.2/32,10.8.0.3/32'])
  const words = ['one', 'two', 'three', 'four', 'five', 'sixsixsix']
  const shown = wrapCommand(`echo ${words.join(' ')}`, 14) ?? []
  expect(shown.every((line) => widthOf(line) <= 14)).toBe(true)
  expect(execFileSync('sh', ['-c', shown.join('\n')], { encoding: 'utf8' })).toBe(`${words.join(' ')}\n`)
})

test('a command that does not fit, or that a terminal must not show, is not shown', () => {
  expect(wrapCommand(`wg ${'x'.repeat(50)}`, 40)).toBeNull()
  expect(wrapCommand("wg '\u001b[2J'", 40)).toBeNull()
  expect(wrapCommand('wg', 40)).toEqual(['wg'])
})

test('shortens by characters', () => {
  expect(shorten('gw1', 3)).toBe('gw1')
  expect(shorten('gateway', 4)).toBe('gat…')
  expect(shorten('a\u001b', 9)).toBe('a\\x1b')
})
