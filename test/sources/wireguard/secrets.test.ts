/** No private or preshared key leaves src/sources/wireguard, whatever happened to the text that held it (design 2.7). */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseConf } from '../../../src/sources/wireguard/conf.ts'
import { mayHoldSecret } from '../../../src/sources/wireguard/redact.ts'
import { decode, keysIn } from './dumps.ts'

const FIXTURES = join(import.meta.dirname, '../../fixtures')

const PRIVATE = '6AKbxHWJOXTgzKbZV3awJjFs+vPD4hnmamodm0mXvnk='
const PRESHARED = 'B7Du5sRdtctRajwkqnZVfUWQ4uDkZFKSHTFtcNNmNhs='
const PUBLIC = 'pGSl20VAce1E89tHTYTwynymSmXVIJs/skx2nHoQ1QM='
const PEER_PUBLIC = 'n4TKCp2VZejHDqLbbVon4KqRw7qyhD228iZgt03Wn1s='
const HEADER = '# 2026-11-22T11:00:00Z gw1\n'
const INTERFACE = ['wg0', PRIVATE, PUBLIC, '51820', 'off']
const PEER = [
  'wg0',
  PEER_PUBLIC,
  PRESHARED,
  '10.77.1.2:51479',
  '10.9.0.2/32,fd09::2/128',
  '1795345602',
  '420',
  '364',
  '25',
]

/** The shortest piece looked for: an interface name may have 15 characters, and a torn line may begin anywhere. */
const PIECE = 16

function pieces(secret: string): string[] {
  return Array.from({ length: secret.length - PIECE + 1 }, (_, i) => secret.slice(i, i + PIECE))
}

/** Where a public key belongs by position: whatever stands there and looks like a key is one. */
function isPublicPlace(row: readonly string[], column: number): boolean {
  return row.length === 5 ? column === 2 : column === 1
}

describe('a decoder', () => {
  it.each(readdirSync(join(FIXTURES, 'wireguard')))('emits no key of %s but public ones', (fixture) => {
    const content = readFileSync(join(FIXTURES, 'wireguard', fixture, 'input.snapshots'), 'latin1')
    const rows = content.split('\n').map((line) => line.replace('\r', '').split('\t'))
    const publicKeys = new Set(rows.flatMap((row) => row.filter((_, column) => isPublicPlace(row, column))))
    const secrets = rows.flatMap((row) => [row.length === 5 ? row[1] : row.length === 9 ? row[2] : ''])
    const emitted = JSON.stringify(decode(content).items)
    for (const key of keysIn(emitted)) expect(publicKeys).toContain(key)
    for (const secret of secrets)
      if (secret?.length === 44 && !publicKeys.has(secret)) expect(emitted).not.toContain(secret)
  })

  const hiddenPieces = [...pieces(PRIVATE), ...pieces(PRESHARED)]
  const expectNoSecret = (content: string) => {
    const emitted = JSON.stringify(decode(content).items)
    for (const piece of hiddenPieces) if (emitted.includes(piece)) expect.fail(`${piece} of a secret in ${emitted}`)
  }

  it('emits no piece of a secret when columns are cut, doubled, dropped or put in another place', () => {
    const column = fc.nat({ max: 8 })
    const change = fc.oneof(
      fc.record({ kind: fc.constant('drop' as const), column }),
      fc.record({ kind: fc.constant('double' as const), column }),
      fc.record({ kind: fc.constant('cut' as const), column, at: fc.nat({ max: 44 }) }),
      fc.record({ kind: fc.constant('break' as const), column, at: fc.nat({ max: 44 }) }),
      fc.record({ kind: fc.constant('secret' as const), column, value: fc.constantFrom(PRIVATE, PRESHARED) }),
    )
    fc.assert(
      fc.property(
        fc.constantFrom(INTERFACE, PEER),
        fc.array(change, { minLength: 1, maxLength: 4 }),
        (row, changes) => {
          let columns = [...row]
          for (const one of changes) {
            const value = columns[one.column]
            if (value === undefined) continue
            if (one.kind === 'drop') columns.splice(one.column, 1)
            else if (one.kind === 'double') columns.splice(one.column, 0, value)
            else if (one.kind === 'cut') columns[one.column] = value.slice(0, one.at)
            else if (one.kind === 'break') columns[one.column] = `${value.slice(0, one.at)}\n${value.slice(one.at)}`
            else columns[one.column] = one.value
          }
          // A whole secret in the one place where only public keys stand cannot be told from a public key.
          const lines = columns.join('\t').split('\n')
          fc.pre(
            !lines.some((line) =>
              line.split('\t').some((cell, i, cells) => isPublicPlace(cells, i) && [PRIVATE, PRESHARED].includes(cell)),
            ),
          )
          columns = lines
          expectNoSecret(`${HEADER}${INTERFACE.join('\t')}\n${columns.join('\n')}\n`)
        },
      ),
      { numRuns: 2_000 },
    )
  })

  it('emits no piece of a secret when the file is cut or a piece of it is missing', () => {
    const content = `${HEADER}${INTERFACE.join('\t')}\n${PEER.join('\t')}\n`
    fc.assert(
      fc.property(fc.nat({ max: content.length }), fc.nat({ max: 120 }), (from, length) => {
        expectNoSecret(content.slice(0, from) + content.slice(from + length))
        expectNoSecret(content.slice(from))
      }),
      { numRuns: 1_000 },
    )
  })
})

describe('a configuration', () => {
  it.each(['showconf', 'comments'])('gives no key of %s but public ones', (fixture) => {
    const content = readFileSync(join(FIXTURES, 'wireguard-conf', fixture, 'input.conf'), 'utf8')
    const publicKeys = new Set([...content.matchAll(/^PublicKey = (\S+)/gm)].map((match) => match[1]))
    for (const key of keysIn(JSON.stringify(parseConf(content)))) expect(publicKeys).toContain(key)
  })

  it('keeps no comment that may hold one, whole or cut', () => {
    for (const text of [PRIVATE, `PSK ${PRESHARED}`, PRIVATE.slice(10), 'a1b2'.repeat(16)])
      expect(mayHoldSecret(text)).toBe(true)
    for (const text of ['alice', "Bob's ThinkPad X1 (Linux), since 2026-01", 'carol@vpn.example.com']) {
      expect(mayHoldSecret(text)).toBe(false)
    }
  })
})
