import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { findKeyTraces, type KeySurroundings, publicKeyOf } from '../../../src/sources/wireguard/key-traces.ts'
import { isTar, tarMembers } from '../../../src/sources/wireguard/tar-members.ts'
import { presharedKey, privateKey, tar } from './made-keys.ts'

const KEY = privateKey(1)
const PUBLIC = publicKeyOf(KEY)
const PSK = presharedKey(1)
const PLAIN: KeySurroundings = { name: 'notes.txt', isBesideConf: false, known: new Map() }
const known = new Map([
  [PUBLIC, 'wg0'],
  [publicKeyOf(privateKey(2)), 'a peer of wg0'],
])

function found(text: string, surroundings: Partial<KeySurroundings> = {}): string[] {
  return findKeyTraces(Buffer.from(text, 'latin1'), { ...PLAIN, ...surroundings }).map(
    ({ kind, form, isCertain, holder }) => [kind, form, isCertain ? 'certain' : 'perhaps', holder].join(' ').trim(),
  )
}

describe('keys in text', () => {
  test('have the public key that wg says they have', () => {
    // RFC 7748, section 6.1: Alice's keys.
    expect(publicKeyOf('dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo=')).toBe(
      'hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=',
    )
  })

  test('are certain where a setting names them, however it is written', () => {
    for (const text of [
      `[Interface]\nPrivateKey = ${KEY}\n`,
      `privatekey=${KEY}`,
      `  # PrivateKey = ${KEY}   # old`,
      `[wireguard]\r\nprivate-key=${KEY}\r\n`,
      `{"private_key": "${KEY}"}`,
      `wg_private_key: '${KEY}'`,
    ])
      expect(found(text)).toEqual(['private-key setting certain'])
    expect(found(`PresharedKey = ${PSK}`)).toEqual(['preshared-key setting certain'])
    expect(found(`PrivateKey = ${KEY}\nPresharedKey=${PSK}`, { known })).toEqual([
      'private-key setting certain wg0',
      'preshared-key setting certain',
    ])
  })

  test('are none where the value is public, cut, longer, or an example', () => {
    for (const text of [
      `PublicKey = ${PUBLIC}`,
      `PrivateKey = ${KEY.slice(0, 40)}`,
      `PrivateKey = AAAA${KEY}`,
      `PrivateKey = ${'A'.repeat(43)}=`,
      'PrivateKey = (hidden)',
      'PrivateKeyFile = /etc/wireguard/wg0.key',
      'x'.repeat(100_000),
    ])
      expect(found(text)).toEqual([])
  })

  test('are certain in dumps where the public key belongs to them', () => {
    expect(found(`wg0\t${KEY}\t${PUBLIC}\t51820\toff\n`)).toEqual(['private-key dump certain'])
    expect(found(`${KEY}\t${PUBLIC}\t51820\toff\n`, { known })).toEqual(['private-key dump certain wg0'])
    const rest = '192.0.2.1:51820\t10.8.0.2/32\t1795345602\t1\t2\toff'
    expect(found(`wg0\t${PUBLIC}\t${PSK}\t${rest}`)).toEqual(['preshared-key dump certain'])
    expect(found(`${PUBLIC}\t${PSK}\t${rest}`)).toEqual(['preshared-key dump certain'])
    expect(found(`wg0\t${PUBLIC}\t(none)\t${rest}`)).toEqual([])
    expect(found(`wg0\t(hidden)\t${PUBLIC}\t51820\toff\n`)).toEqual([])
    expect(found(`wg0\t${PSK}\t${PUBLIC}\t51820\toff\n`)).toEqual([])
  })

  test('alone in a file are certain by their public key only', () => {
    expect(found(`${KEY}\n`, { known })).toEqual(['private-key key certain wg0'])
    expect(found(privateKey(2), { known })).toEqual(['private-key key certain a peer of wg0'])
    expect(found(`${PUBLIC}\n`, { known, name: 'privatekey' })).toEqual([])
  })

  test('alone in a file look like one by their bits and the name of the file', () => {
    expect(found(KEY, { name: 'privatekey' })).toEqual(['private-key key perhaps'])
    expect(found(KEY, { name: 'wg0.key' })).toEqual(['private-key key perhaps'])
    expect(found(KEY, { name: 'alice', isBesideConf: true })).toEqual(['private-key key perhaps'])
    expect(found(KEY, { name: 'alice' })).toEqual([])
    expect(found(KEY, { name: 'alice.pub', isBesideConf: true })).toEqual([])
    expect(found(KEY, { name: 'publickey', isBesideConf: true })).toEqual([])
    expect(found(PSK, { name: 'wg0.psk' })).toEqual(['preshared-key key perhaps'])
  })

  test('never come out of it', () => {
    const place = fc.constantFrom<(key: string) => string>(
      (key) => `PrivateKey = ${key}`,
      (key) => `PresharedKey=${key}`,
      (key) => key,
      (key) => `wg0\t${key}\t${key}\t51820\toff`,
      (key) => `wg0\t${key}\t${key}\ta\tb\t1\t2\t3\toff`,
      (key) => `# ${key} PrivateKey = ${key} ${key}`,
    )
    const surroundings = fc.record({
      name: fc.constantFrom('wg0.conf', 'privatekey', 'psk', 'x'),
      isBesideConf: fc.boolean(),
      known: fc.constant(known),
    })
    fc.assert(
      fc.property(fc.nat(), fc.array(place, { maxLength: 5 }), fc.string(), surroundings, (seed, places, noise, at) => {
        const keys = [privateKey(seed), presharedKey(seed)]
        const text = `${noise}\n${places.map((put, i) => put(keys[i % 2] ?? '')).join('\n')}`
        const said = JSON.stringify(findKeyTraces(Buffer.from(text, 'latin1'), at))
        for (const key of keys) expect(said).not.toContain(key.slice(0, 20))
      }),
    )
  })
})

describe('tar archives', () => {
  test('give their files, with long names', () => {
    const long = `${'d/'.repeat(60)}wg0.conf`
    const archive = tar([
      { name: 'etc/', text: '', type: '5' },
      { name: 'etc/wg0.conf', text: 'a'.repeat(700) },
      { name: '././@LongLink', text: `${long}\0`, type: 'L' },
      { name: long.slice(0, 100), text: 'b' },
      { name: 'link', text: '', type: '2' },
    ])
    expect(isTar(archive)).toBe(true)
    const { members, isWhole } = tarMembers(archive)
    expect(isWhole).toBe(true)
    expect(members.map(({ name, bytes }) => [name, bytes.length])).toEqual([
      ['etc/wg0.conf', 700],
      [long, 1],
    ])
  })

  test('that are cut give what is whole, and any bytes give something', () => {
    const archive = tar([
      { name: 'a', text: 'x'.repeat(600) },
      { name: 'b', text: 'y'.repeat(600) },
    ])
    expect(tarMembers(archive.subarray(0, 2000))).toMatchObject({ isWhole: false, members: [{ name: 'a' }] })
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), fc.nat(2000), (noise, at) => {
        const bytes = Buffer.from(archive)
        bytes.set(noise.slice(0, bytes.length - at), at)
        expect(tarMembers(bytes).members.length).toBeLessThanOrEqual(2)
      }),
    )
  })
})

describe('a file full of keys', () => {
  const keys = Array.from({ length: 3_000 }, (_, i) => privateKey(10_000 + i))

  test('costs no more than a bounded number of multiplications, which is said', () => {
    const tries = { left: 100 }
    findKeyTraces(Buffer.from(keys.map((key) => `PrivateKey = ${key}`).join('\n')), { ...PLAIN, tries })
    expect(tries.left).toBeLessThan(0)
    findKeyTraces(Buffer.from(keys.map((key) => `wg0\t${key}\t${PUBLIC}\t1\toff`).join('\n')), { ...PLAIN, tries })
    expect(tries.left).toBeLessThan(0)
  })

  test('repeated dumps of the same tunnel cost one', () => {
    const tries = { left: 100 }
    const dumps = `wg0\t${KEY}\t${PUBLIC}\t51820\toff\n`.repeat(5_000)
    expect(findKeyTraces(Buffer.from(dumps), { ...PLAIN, tries })).toHaveLength(1)
    expect(tries.left).toBe(99)
  })

  test('keys that were not tried are found all the same where a setting names them', () => {
    expect(findKeyTraces(Buffer.from(`PrivateKey = ${KEY}`), { ...PLAIN, known, tries: { left: 0 } })).toEqual([
      { kind: 'private-key', form: 'setting', isCertain: true, holder: '' },
    ])
  })
})
