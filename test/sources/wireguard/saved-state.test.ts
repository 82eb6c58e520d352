/** A decoder that goes down anywhere and comes back with what it saved tells what it would have told, and saved no secret. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { serialize } from 'node:v8'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createSnapshotDecoder, type SavedSnapshotDecoder } from '../../../src/sources/wireguard/decoder.ts'
import type { SnapshotRecord } from '../../../src/sources/wireguard/record.ts'
import { restored } from '../../restored.ts'
import { type MakeDecoder, runCut, runSaving, runWhole } from '../cut-decoder.ts'
import { FILE, type Item, toLines } from './dumps.ts'

const FIXTURES = join(import.meta.dirname, '../../fixtures/wireguard')
const make: MakeDecoder<SavedSnapshotDecoder> = (emit, saved) => createSnapshotDecoder({}, emit, saved)

const PRIVATE = '6AKbxHWJOXTgzKbZV3awJjFs+vPD4hnmamodm0mXvnk='
const PRESHARED = 'B7Du5sRdtctRajwkqnZVfUWQ4uDkZFKSHTFtcNNmNhs='
const PUBLIC = 'pGSl20VAce1E89tHTYTwynymSmXVIJs/skx2nHoQ1QM='
const PEERS = ['n4TKCp2VZejHDqLbbVon4KqRw7qyhD228iZgt03Wn1s=', 'X5dVHUKm2vA5N0P8tGi2n3yqYyZ7k0s0Yt2zq3aJCcg=']
const INTERFACE = `wg0\t${PRIVATE}\t${PUBLIC}\t51820\toff`
const peer = (index: number, received: number, name = 'wg0') =>
  `${name}\t${PEERS[index] ?? ''}\t${PRESHARED}\t10.77.1.2:51479\t10.9.0.${index + 2}/32\t1795345602\t${received}\t364\t25`
const header = (seconds: number) => `# ${new Date((1_795_345_600 + seconds) * 1000).toISOString()} gw1`

describe.each(readdirSync(FIXTURES))('the capture %s', (fixture) => {
  const lines = toLines(readFileSync(join(FIXTURES, fixture, 'input.snapshots'), 'latin1'))
  // A capture may be long; what is saved is as long as its dumps.
  const steps = lines.length < 200 ? [1, 7] : [Math.ceil(lines.length / 100), Math.ceil(lines.length / 31)]

  it('is told the same when the decoder goes down at every k-th line', () => {
    const whole = runWhole(make, lines, FILE)
    for (const step of steps) expect(runCut(make, lines, FILE, (index) => index % step === 0)).toEqual(whole)
    expect(runSaving(make, lines, FILE)).toEqual(whole)
  })
})

const line = fc.oneof(
  { weight: 3, arbitrary: fc.constant(INTERFACE) },
  { weight: 6, arbitrary: fc.tuple(fc.nat(1), fc.nat(2)).map(([index, received]) => peer(index, received)) },
  { weight: 1, arbitrary: fc.constantFrom('', 'wg0\tx', peer(0, 1, 'wg9'), '# no date', `wg0\t${PRIVATE}`) },
  {
    weight: 5,
    arbitrary: fc.constantFrom(0, 0, 10, 20, 20, 30, 5000, 20_000, 20_010, 40_000).map((seconds) => header(seconds)),
  },
)
const file = fc.array(line, { maxLength: 40 }).map((texts) => toLines(`${texts.join('\n')}\n`))

describe('any dumps', () => {
  it('are told the same wherever the decoder goes down', () => {
    fc.assert(
      fc.property(file, fc.nat(40), (lines, at) => {
        const whole = runWhole(make, lines, FILE)
        expect(runCut(make, lines, FILE, (index) => index === at)).toEqual(whole)
        expect(runCut(make, lines, FILE, () => true)).toEqual(whole)
      }),
      { numRuns: 300 },
    )
  })

  it.each([1, 2, 3, 4, 5, 6, 7])(
    'give the same object for the same row behind a restart at line %i, when all was saved together',
    (at) => {
      const snapshots: SnapshotRecord[] = []
      const emit = (item: Item) => {
        if (item.kind === 'snapshot') snapshots.push(item)
      }
      const lines = toLines(
        [
          header(0),
          INTERFACE,
          peer(0, 1),
          peer(1, 1),
          header(10),
          INTERFACE,
          peer(0, 1),
          peer(1, 2),
          header(20),
          '',
        ].join('\n'),
      )
      const first = createSnapshotDecoder({}, emit)
      for (const each of lines.slice(0, at)) first.push(each, FILE)
      const saved = restored({ ledger: snapshots, decoder: first.save() })
      snapshots.splice(0, snapshots.length, ...saved.ledger)
      const second = createSnapshotDecoder({}, emit, saved.decoder)
      for (const each of lines.slice(at)) second.push(each, FILE)
      const [before, after] = snapshots.map(({ peers }) => peers)
      expect(after).toHaveLength(2)
      expect(after?.[0]).toBe(before?.[0])
      expect(after?.[1]).not.toBe(before?.[1])
    },
  )
})

describe('what is saved', () => {
  const PIECE = 16
  const pieces = [PRIVATE, PRESHARED].flatMap((secret) =>
    Array.from({ length: secret.length - PIECE + 1 }, (_, at) => secret.slice(at, at + PIECE)),
  )
  /** Interface rows have five columns, peers' nine. */
  const publicKeysOf = (content: string) =>
    content
      .split('\n')
      .map((row) => row.split('\t'))
      .map((columns) => (columns.length === 5 ? (columns[2] ?? '') : columns.length === 9 ? (columns[1] ?? '') : ''))
  const expectNoSecret = (content: string) => {
    const decoder = createSnapshotDecoder({}, () => {})
    for (const each of toLines(content)) {
      decoder.push(each, FILE)
      const written = serialize(decoder.save()).toString('latin1')
      for (const piece of pieces) if (written.includes(piece)) expect.fail(`${piece} of a secret in what was saved`)
    }
  }

  it('holds public keys only, after every line', () => {
    const content = [header(0), INTERFACE, peer(0, 1), header(10), INTERFACE, peer(0, 1), peer(1, 2), ''].join('\n')
    expectNoSecret(content)
    const decoder = createSnapshotDecoder({}, () => {})
    for (const each of toLines(content)) decoder.push(each, FILE)
    expect(serialize(decoder.save()).toString('latin1')).toContain(PEERS[1])
  })

  it('holds no private key that a torn file put in the place of a public one', () => {
    // The beginning of an interface row, and behind it the rest of a peer's: nine columns, the second is the private key.
    const torn = `wg0\t${PRIVATE}\t(none)\t${peer(0, 1).split('\t').slice(3).join('\t')}`
    expectNoSecret(`${header(0)}\n${torn}\n${header(10)}\n${torn}\n`)
  })

  it('holds no piece of a secret when the file is cut or a piece of it is missing', () => {
    const content = `${header(0)}\n${INTERFACE}\n${peer(0, 1)}\n${peer(1, 1)}\n${header(10)}\n${INTERFACE}\n`
    fc.assert(
      fc.property(fc.nat({ max: content.length }), fc.nat({ max: 200 }), (from, length) => {
        const torn = content.slice(0, from) + content.slice(from + length)
        // A secret, or half of one, where a whole row has its public key: nobody can see that it is none.
        fc.pre(!publicKeysOf(torn).some((key) => pieces.some((piece) => key.includes(piece))))
        expectNoSecret(torn)
        expectNoSecret(content.slice(from))
      }),
      { numRuns: 700 },
    )
  })
})
