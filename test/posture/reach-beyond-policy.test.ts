/** Rules against policy: what fires, what stays quiet, what an exception excuses, and what cannot be told. */
import { describe, expect, test } from 'vitest'
import type { MachineView, PostureResult } from '../../src/posture/check.ts'
import { excused } from '../../src/posture/exceptions.ts'
import { createPostureView, unknownMachine } from '../../src/posture/posture-view.ts'
import { reachBeyondPolicy } from '../../src/posture/reach-beyond-policy.ts'
import { accept, drop, iif, match, payload, type Rule } from '../sources/nftables/rulesets.ts'
import { AT, row, rows, snapshot } from './made-gateway.ts'
import { allow, madeRuleset, reachInventory } from './made-reach.ts'

const OWN = '10.8.0.2'
/** Ivy may reach books, and does; nothing else is open. */
const GRANTED: readonly Rule[] = [allow(OWN, { prefix: { addr: '172.16.0.0', len: 24 } }, 443)]

type Change = {
  readonly rules?: readonly Rule[]
  readonly policy?: string
  readonly machine?: Partial<MachineView>
  readonly inventory?: (text: string) => string
}

function look({ rules = GRANTED, policy = 'drop', machine = {}, inventory }: Change): readonly PostureResult[] {
  const documented = reachInventory(inventory)
  const gateway: MachineView = {
    ...unknownMachine('gw1', AT),
    wireguard: snapshot(),
    ruleset: madeRuleset(rules, policy),
    ...machine,
  }
  const results = reachBeyondPolicy.look(gateway, createPostureView([gateway], documented))
  return excused(results, reachBeyondPolicy.id, documented, AT)
}

function told(results: readonly PostureResult[]): string[] {
  return results.map((each) =>
    each.kind === 'finding' ? `${each.severity} ${each.exception === null ? '' : 'excused '}${each.text}` : each.kind,
  )
}

describe('fires', () => {
  test('once for a resource, with everybody who reaches it and no grant', () => {
    const results = look({
      rules: [...GRANTED, [iif('wg0'), payload('ip', 'daddr', '172.16.0.9'), payload('tcp', 'dport', 22), accept]],
    })
    expect(told(results)).toEqual([
      '3 3 peers on wg0 can reach "vault" (restricted), and policy grants it to none of them: "ivy", "oak", "elm".',
    ])
    const [finding] = results
    if (finding?.kind !== 'finding') throw new Error('no finding')
    expect(finding.evidence).toEqual([
      '172.16.0.9 tcp/22: "ivy" (10.8.0.2/32), "oak" (10.8.0.3/32, fd08::3/128), "elm" (10.8.0.4/32, 192.168.50.0/24)',
    ])
    expect(finding.about).toMatchObject({
      'wireguard.resource.name': 'vault',
      'wireguard.resource.classification': 'restricted',
    })
    expect(finding.mend[1]).toBe(
      '# nft insert rule inet t forward iifname "wg0" ip saddr { 10.8.0.2/32, 10.8.0.3/32, 10.8.0.4/32, 192.168.50.0/24 } ip daddr 172.16.0.9 tcp dport 22 ct state new counter drop',
    )
  })

  test('less severely where it is only possible', () => {
    const rule = [payload('ip', 'daddr', '172.16.0.9'), { limit: { rate: 1, per: 'second' } }, accept]
    const [finding] = look({ rules: [rule] }).filter(({ kind }) => kind === 'finding')
    expect(finding).toMatchObject({ severity: 2, text: expect.stringContaining('can perhaps reach "vault"') })
  })

  test('for an open chain: resources, other peers, and everything beyond', () => {
    const texts = told(look({ rules: [], policy: 'accept' }))
    expect(texts.map((text) => text.replace(/:.*/, ''))).toEqual([
      '3 3 peers on wg0 can reach "vault" (restricted), and policy grants it to none of them',
      '2 3 peers on wg0 can reach "mail" (public), and policy grants it to none of them',
      '2 2 peers on wg0 can reach "books" (internal), and policy grants it to none of them',
      '2 2 peers on wg0 can reach addresses that are no documented resource',
      '2 1 peer on wg0 can reach addresses that are no documented resource',
      '2 3 peers on wg0 can open connections to other peers',
    ])
  })

  test('for the gateway itself, where input is open', () => {
    const open = madeRuleset(GRANTED)
    const chains = new Map(open.chains)
    for (const [key, chain] of chains) if (chain.hook === 'input') chains.set(key, { ...chain, policy: 'accept' })
    expect(told(look({ machine: { ruleset: { ...open, chains } } }))).toEqual([
      '1 3 peers on wg0 can open every port of the gateway itself: "ivy", "oak", "elm".',
    ])
  })

  test('for a key that nobody documented', () => {
    const stranger = row(`${'S'.repeat(42)}A=`, [OWN])
    const results = look({ machine: { wireguard: snapshot([{ ...stranger, allowedIps: ['10.8.0.2/32'] }]) } })
    expect(told(results)[0]).toContain('key SSSSSSSS…')
  })

  test('no rule is proposed that would close it for everybody', () => {
    const wide = rows().map((each, i) => (i === 1 ? { ...each, allowedIps: ['0.0.0.0/0'] } : each))
    const rule = [match({ meta: { key: 'iifname' } }, 'wg0'), payload('ip', 'daddr', '172.16.0.9'), accept]
    const findings = look({ rules: [rule], machine: { wireguard: snapshot(wide) } }).filter(
      ({ kind }) => kind === 'finding',
    )
    for (const finding of findings)
      if (finding.kind === 'finding') expect(finding.mend.join()).not.toContain('0.0.0.0/0')
  })
})

describe('stays quiet', () => {
  test('where rules let through what policy grants, and no more', () => {
    expect(told(look({}))).toEqual(['passed'])
  })

  test('where a rule before the one that accepts turns the peer away', () => {
    const closed: Rule = [payload('ip', 'saddr', OWN, '!='), drop]
    expect(
      told(
        look({
          rules: [
            closed,
            [payload('ip', 'daddr', { prefix: { addr: '172.16.0.0', len: 24 } }), payload('tcp', 'dport', 443), accept],
          ],
        }),
      ),
    ).toEqual(['passed'])
  })
})

test('a peer that an exception names is told alone, and excused', () => {
  const exception =
    'exceptions:\n  - { check: reach-beyond-policy, peer: ivy, reason: moving, approved_by: boss@example.com }\n'
  const results = look({
    rules: [allow(OWN, '172.16.0.9', 22)],
    inventory: (text) => text + exception,
  })
  expect(told(results)).toEqual(['3 excused "ivy" (10.8.0.2/32) can reach what no policy grants it: "vault".'])
})

test.each([
  ['no poll', { machine: { wireguard: null } }],
  ['no ruleset', { machine: { ruleset: null } }],
  ['no catalogue', { inventory: (text: string) => text.slice(0, text.indexOf('resources:')) }],
] as const)('%s: not checked, never passed', (_, change) => {
  expect(look(change).map(({ kind }) => kind)).toEqual(['not-checked'])
})
