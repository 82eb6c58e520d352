import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CONF_PROBLEMS_MAX, parseConf } from '../../../src/sources/wireguard/conf.ts'

const FIXTURES = join(import.meta.dirname, '../../fixtures/wireguard-conf')

/** Stand-ins for the K1 and K2 of the capture. */
const KEYS = new Map([
  ['K1', 'n4TKCp2VZejHDqLbbVon4KqRw7qyhD228iZgt03Wn1s='],
  ['K2', 'bASMbhTQqMzAGeJqHnWdSWkh1J2Q2cdiRnMtWFjeJ3g='],
])

function withKeys(text: string): string {
  return text.replace(/\bK[12]\b/g, (name) => KEYS.get(name) ?? name)
}

describe.each(['showconf', 'comments'])('configuration %s', (fixture) => {
  it('is read as recorded', async () => {
    const conf = parseConf(readFileSync(join(FIXTURES, fixture, 'input.conf'), 'utf8'))
    await expect(`${JSON.stringify(conf, null, 2)}\n`).toMatchFileSnapshot(join(FIXTURES, fixture, 'expected.json'))
  })
})

describe('what wg setconf was seen to do', () => {
  const capture = readFileSync(join(FIXTURES, 'setconf-grammar/input.txt'), 'utf8')
  const cases = [...capture.matchAll(/^rc=(\d) <- ([^\n]*)\n((?:K[12]\t.*\n)*)/gm)].map(
    ([, code = '', conf = '', after = '']) => ({
      code,
      conf,
      after,
    }),
  )

  it('has the cases the capture is known to hold', () => {
    expect(cases.length).toBe(13)
  })

  it.each(cases.filter((one) => one.code === '0'))('$conf is accepted', ({ conf, after }) => {
    const { peers, problems } = parseConf(withKeys(conf.replaceAll('|', '\n')))
    const shown = after
      .trimEnd()
      .split('\n')
      .map((line) => withKeys(line).split('\t'))
    const ours = peers.map((peer) => [peer.publicKey, peer.allowedIps.join(' ') || '(none)'])
    expect(problems).toEqual([])
    expect(Object.fromEntries(ours)).toEqual(Object.fromEntries(shown))
  })

  // Newer versions of wg know the plus sign, and so do we.
  it.each(cases.filter((one) => one.code === '1' && !one.conf.includes('=+')))('$conf is a problem', ({ conf }) => {
    expect(parseConf(withKeys(conf.replaceAll('|', '\n'))).problems).not.toEqual([])
  })
})

describe('any text', () => {
  const word = fc.constantFrom(
    '[Peer]',
    '[Interface]',
    '\n',
    '\n',
    '=',
    '#',
    'AllowedIPs',
    'PublicKey',
    '__proto__',
    'Name',
    ',',
    ...KEYS.values(),
  )
  const text = fc
    .array(fc.oneof(word, fc.string({ unit: 'binary', maxLength: 20 })), { maxLength: 60 })
    .map((parts) => parts.join(''))

  it('never throws and keeps a bounded number of problems', () => {
    fc.assert(
      fc.property(text, (conf) => {
        const { peers, problems } = parseConf(conf)
        expect(problems.length).toBeLessThanOrEqual(CONF_PROBLEMS_MAX)
        const held = peers.flatMap((peer) => peer.allowedIps)
        expect(new Set(held).size).toBe(held.length)
      }),
      { numRuns: 300 },
    )
  })

  it('reads long hostile lines in linear time', () => {
    const long = '# '.repeat(200_000) + '='.repeat(200_000)
    expect(parseConf(`[Peer]\n${long}\n${' '.repeat(400_000)}x`).problems.length).toBe(2)
  })
})
