import { expect, test } from 'vitest'
import { reachBeyondPolicy } from '../../src/posture/reach-beyond-policy.ts'
import { keysLookedAt } from '../../src/posture/reach-overreach.ts'
import { gateway, look, nft, ruleset } from './made-host.ts'

test('every key of an ordinary gateway is looked at, and of a large one no more than can be paid for', () => {
  expect([1, 10, 400].map(keysLookedAt)).toEqual([1, 10, 400])
  for (const peers of [1_000, 10_000, 200_000]) expect(keysLookedAt(peers) * peers).toBeLessThanOrEqual(200_000)
  expect(keysLookedAt(10_000_000)).toBe(1)
})

test('does not pass where keys were left out', () => {
  const { wireguard } = gateway()
  if (wireguard === null) throw new Error('a poll')
  const row = { endpointIp: '', endpointPort: 0, latestHandshakeAt: 0, received: 0, sent: 0, keepalive: 0 }
  const peers = Array.from({ length: 1_000 }, (_, i) => ({
    ...row,
    interface: 'wg0',
    publicKey: Buffer.alloc(32, `${i}`).toString('base64'),
    allowedIps: [`10.8.${i >> 8}.${i & 255}/32`],
    hasPresharedKey: false,
  }))
  const rules = ruleset([
    { name: 'forward', hook: 'forward', policy: 'drop', rules: [[nft.drop]] },
    { name: 'input', hook: 'input', policy: 'drop', rules: [[nft.drop]] },
  ])
  const results = look(
    reachBeyondPolicy,
    gateway({ ruleset: rules, wireguard: { ...wireguard, peers } }),
    'resources: [{ name: web, addresses: [192.0.2.10/32], owner: a, classification: internal }]',
  )
  expect(results).toEqual([{ kind: 'not-checked', reason: '800 more peers are not looked at.' }])
})
