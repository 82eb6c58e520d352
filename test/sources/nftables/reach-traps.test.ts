/** Static reach where a listing says less than the kernel does: what it leaves out must not close what is open. */
import { describe, expect, test } from 'vitest'
import { prefixRange } from '../../../src/address-range.ts'
import { createReachReader, type StaticReach } from '../../../src/sources/nftables/reach.ts'
import { type ReachPart, reaches } from '../../../src/sources/nftables/reach-parts.ts'
import { readRulesetDocument } from '../../../src/sources/nftables/ruleset-document.ts'
import { accept, type ChainSpec, document, dport, drop, match, payload } from './rulesets.ts'

type Chains = Readonly<Record<string, ChainSpec>>

/** A chain called `nat` is one of NAT. */
function reachBy(chains: Chains): StaticReach {
  const text = document(chains).replace('"name":"nat","type":"filter"', '"name":"nat","type":"nat"')
  const read = readRulesetDocument(text)
  if ('problem' in read) throw new Error(read.problem)
  return createReachReader(read, [])({ interface: 'wg0', sources: ['10.8.0.2/32'], notSources: [] })
}

const forward = (rules: ChainSpec['rules']): Chains => ({ forward: { hook: 'forward', policy: 'drop', rules } })
const daddr = (address: string) => payload('ip', 'daddr', address)

function ask(parts: readonly ReachPart[], address: string, port = 22): string {
  const read = prefixRange(address)
  if (read === null) throw new Error(address)
  return reaches(parts, read.range, 6, port)
}

describe('what the listing leaves out', () => {
  test('reject with icmpv6 is no answer to IPv4: the rule ends, and what comes next decides', () => {
    const reject = (type: string) => ({ reject: { type, expr: 'port-unreachable' } })
    const by = (type: string) => reachBy(forward([[reject(type)], [accept]])).forward
    expect([ask(by('icmpv6'), '10.0.0.1'), ask(by('icmp'), '10.0.0.1'), ask(by('icmpx'), '10.0.0.1')]).toEqual([
      'yes',
      'no',
      'no',
    ])
  })

  test('before conntrack has seen a packet, and without tracking, no question about its entry holds', () => {
    const original = match({ ct: { key: 'ip daddr', dir: 'original' } }, '10.0.0.1')
    const unmarked = match({ ct: { key: 'mark' } }, 0)
    const direction = match({ ct: { key: 'direction' } }, 'original')
    for (const question of [original, unmarked, direction]) {
      const early = { pre: { hook: 'prerouting', prio: -300, rules: [[question, drop]] }, ...forward([[accept]]) }
      expect(ask(reachBy(early).forward, '10.0.0.1')).toBe('yes')
      const late = { pre: { hook: 'prerouting', prio: -150, rules: [[question, drop]] }, ...forward([[accept]]) }
      expect(ask(reachBy(late).forward, '10.0.0.1')).toBe('no')
    }
    const marks = {
      pre: { hook: 'prerouting', prio: -300, rules: [[{ mangle: { key: { ct: { key: 'mark' } }, value: 1 } }]] },
    }
    const marked = match({ ct: { key: 'mark' } }, 1)
    expect(ask(reachBy({ ...marks, ...forward([[marked, drop], [accept]]) }).forward, '10.0.0.1')).toBe('yes')
  })

  const nat = (rules: ChainSpec['rules'], more: Chains): Chains => ({ nat: { hook: 'prerouting', rules }, ...more })

  test('NAT to an address of the gateway meets its input hook, whose address a redirect leaves open', () => {
    const open = { input: { hook: 'input', policy: 'drop', rules: [[daddr('10.8.0.1'), accept]] } }
    const dns = reachBy(nat([[dport(53), { dnat: { family: 'ip', addr: '10.8.0.1' } }]], open))
    expect(ask(dns.gateway, '192.0.2.1', 53)).toBe('maybe')
    expect(ask(dns.gateway, '192.0.2.1', 54)).toBe('no')
    const redirected = reachBy(nat([[dport(53), { redirect: null }]], open))
    expect(ask(redirected.gateway, '192.0.2.1', 53)).toBe('maybe')
    const loopback = reachBy(
      nat([[{ dnat: { family: 'ip', addr: '127.0.0.1' } }]], { input: { hook: 'input', rules: [] } }),
    )
    expect(ask(loopback.gateway, '192.0.2.1')).toBe('maybe')
  })
})
