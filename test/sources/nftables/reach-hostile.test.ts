/** Rulesets that no nft printed: any JSON in any place of a real one. The walk ends, and does not throw. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createReachReader } from '../../../src/sources/nftables/reach.ts'
import { readRulesetDocument } from '../../../src/sources/nftables/ruleset-document.ts'
import { DEMO } from '../../replay-capture.ts'

const REAL = ['gw1', 'gw2'].map((gateway) => readFileSync(join(DEMO, gateway, 'ruleset.json'), 'utf8'))
const VALUES = [
  null,
  true,
  -1,
  2 ** 40,
  'x',
  '@x',
  '*',
  '',
  '10.0.0.1',
  '::1',
  [],
  [[]],
  {},
  { range: [9, 1] },
  { prefix: { addr: '::', len: 200 } },
  { map: { key: 1, data: '@x' } },
  { jump: { target: 'forward_wg' } },
  { concat: [{}] },
  {
    set: [
      [1, 2],
      ['*', { drop: null }],
    ],
  },
]
const NAMES = ['vmap', 'dnat', 'mangle', 'goto', 'jump', 'xt', 'limit', 'notrack', 'redirect', 'match', 'tproxy']

/** Replaces the value at one place of a document, counted over all of them. */
function replaced(value: unknown, place: { left: number }, by: unknown, name: string): unknown {
  if (place.left-- === 0) return name === '' ? by : { [name]: by }
  if (Array.isArray(value)) return value.map((each: unknown) => replaced(each, place, by, name))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, replaced(inner, place, by, name)]))
}

test('whatever stands in a listing, reach is answered', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...REAL),
      fc.array(
        fc.tuple(fc.nat(700), fc.oneof(fc.constantFrom(...VALUES), fc.jsonValue()), fc.constantFrom('', '', ...NAMES)),
        { minLength: 1, maxLength: 4 },
      ),
      (text, changes) => {
        const parsed: unknown = JSON.parse(text)
        const changed = changes.reduce<unknown>(
          (value, [at, by, name]) => replaced(value, { left: at }, by, name),
          parsed,
        )
        const document = readRulesetDocument(JSON.stringify(changed))
        if ('problem' in document) return
        const reach = createReachReader(document, [{ prefix: '10.8.0.0/24', interface: 'wg0' }])({
          interface: 'wg0',
          sources: ['10.8.0.2/32', '::/0'],
          notSources: ['fd00::1/128'],
        })
        expect(reach.families).toEqual([4, 6])
      },
    ),
    { numRuns: 1_000 },
  )
})
