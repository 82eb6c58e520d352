import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Packet } from '../../../src/sources/nftables/record.ts'
import { meets, ruleFor } from '../../../src/sources/nftables/rule-match.ts'
import {
  accept,
  document,
  dport,
  drop,
  iif,
  type Json,
  limit,
  log,
  match,
  packet,
  parsed,
  payload,
  type Rule,
  reject,
  state,
} from './rulesets.ts'

const FIXTURES = join(import.meta.dirname, '../../fixtures/nftables-ruleset')
const X = log('X: ')

function rulesOf(...rules: Rule[]) {
  return parsed(document({ forward: { hook: 'forward', rules } })).logRules('X: ')
}

describe('a demand held against a packet', () => {
  const ping: Partial<Packet> = { protocol: 1, sport: -1, dport: -1, icmpType: 8, icmpCode: 0 }
  const six: Partial<Packet> = { family: 6, src: 'fd09::2', dst: 'fd20::10' }
  const fragment: Partial<Packet> = { sport: -1, dport: -1, fragmentOffset: 1480 }
  const concat = (...values: Json[]) => ({ concat: values })
  const cases: [Json, Partial<Packet>, 'yes' | 'no' | 'maybe'][] = [
    [iif('wg0'), {}, 'yes'],
    [iif('wg0'), { in: 'wg00' }, 'no'],
    [iif('wg*'), { in: 'wg17' }, 'yes'],
    [iif('wg\\*'), { in: 'wg*' }, 'yes'],
    [iif('wg\\*'), { in: 'wg0' }, 'no'],
    [iif('wgü'), { in: 'wg\u00c3\u00bc' }, 'yes'],
    [iif('wg0', '!='), { in: 'eth0' }, 'yes'],
    [iif({ set: ['wg0', 'wg1'] }), { in: 'wg1' }, 'yes'],
    [match({ meta: { key: 'iif' } }, 'wg0'), {}, 'yes'],
    [match({ meta: { key: 'iif' } }, 17), {}, 'maybe'],
    [match({ meta: { key: 'oifname' } }, 'lan0'), {}, 'yes'],
    [payload('ip', 'saddr', '10.8.0.9'), {}, 'yes'],
    [payload('ip', 'saddr', '10.8.0.9', '!='), {}, 'no'],
    [payload('ip', 'saddr', '10.8.0.9', '!='), six, 'no'],
    [payload('ip', 'saddr', { prefix: { addr: '10.8.0.0', len: 24 } }), {}, 'yes'],
    [payload('ip', 'saddr', { prefix: { addr: '0.0.0.0', len: 0 } }), {}, 'yes'],
    [payload('ip', 'saddr', { prefix: { addr: '10.8.1.0', len: 24 } }), {}, 'no'],
    [payload('ip', 'daddr', { range: ['172.30.0.0', '172.30.255.255'] }), {}, 'yes'],
    [payload('ip', 'daddr', { set: ['10.0.0.1', { prefix: { addr: '172.16.0.0', len: 12 } }] }), {}, 'yes'],
    [payload('ip', 'daddr', { set: ['10.0.0.1', 'db1.example.com'] }), {}, 'maybe'],
    [payload('ip', 'daddr', { set: [{ elem: { val: '172.30.51.68', comment: 'db' } }] }), {}, 'yes'],
    [payload('ip6', 'daddr', { prefix: { addr: 'fd20::', len: 16 } }), six, 'yes'],
    [payload('ip6', 'daddr', 'fd20::11'), six, 'no'],
    [payload('ip6', 'daddr', 'fd20::10'), {}, 'no'],
    [payload('ip6', 'saddr', '::ffff:10.1.2.3'), { ...six, src: '10.1.2.3' }, 'yes'],
    [dport(443), {}, 'yes'],
    [dport(443, '!='), {}, 'no'],
    [dport(443, '<'), {}, 'no'],
    [dport(443, '<='), {}, 'yes'],
    [dport({ range: [400, 500] }), {}, 'yes'],
    [dport({ set: [22, { range: [440, 450] }] }), {}, 'yes'],
    [dport('https'), {}, 'maybe'],
    [dport(443), { protocol: 17 }, 'no'],
    [dport(443, '!='), { protocol: 17 }, 'no'],
    [dport(443), fragment, 'no'],
    [dport(443), { isTruncated: true, dport: 44 }, 'maybe'],
    [payload('th', 'dport', 443), { protocol: 17 }, 'yes'],
    [payload('tcp', 'flags', 'syn'), {}, 'maybe'],
    [payload('tcp', 'flags', 'syn'), { protocol: 17 }, 'no'],
    [match({ meta: { key: 'l4proto' } }, { set: ['tcp', 'udp'] }), {}, 'yes'],
    [match({ meta: { key: 'l4proto' } }, 'tcp'), { protocol: -1 }, 'maybe'],
    [payload('ip', 'protocol', 'icmp'), ping, 'yes'],
    [match({ meta: { key: 'nfproto' } }, 'ipv6'), {}, 'no'],
    [match({ meta: { key: 'nfproto' } }, 'ipv6'), { family: 0 }, 'maybe'],
    [match({ meta: { key: 'protocol' } }, 'ip'), {}, 'yes'],
    [payload('icmp', 'type', 'echo-request'), ping, 'yes'],
    [payload('icmp', 'type', { set: ['echo-reply', 3] }), ping, 'no'],
    [payload('icmpv6', 'type', 'echo-request'), { ...six, ...ping, protocol: 58, icmpType: 128 }, 'yes'],
    [state('new'), {}, 'maybe'],
    [match({ ct: { key: 'mark' } }, 1), {}, 'maybe'],
    [limit, {}, 'maybe'],
    [{ xt: null }, {}, 'maybe'],
    [{ mangle: { key: { meta: { key: 'mark' } }, value: 1 } }, {}, 'maybe'],
    [
      match(
        { concat: [{ payload: { protocol: 'ip', field: 'saddr' } }, { payload: { protocol: 'tcp', field: 'dport' } }] },
        { set: [concat('10.8.0.9', 443)] },
      ),
      {},
      'yes',
    ],
    [
      match(
        { concat: [{ payload: { protocol: 'ip', field: 'saddr' } }, { payload: { protocol: 'tcp', field: 'dport' } }] },
        { set: [concat('10.8.0.9', 22), concat('10.8.0.1', 443)] },
      ),
      {},
      'no',
    ],
    [
      match({ concat: [{ meta: { key: 'iifname' } }, { ct: { key: 'state' } }] }, { set: [concat('wg0', 'new')] }),
      {},
      'maybe',
    ],
    [
      match({ concat: [{ meta: { key: 'iifname' } }, { ct: { key: 'state' } }] }, { set: [concat('eth0', 'new')] }),
      {},
      'no',
    ],
    [match({ '&': [{ payload: { protocol: 'ip', field: 'saddr' } }, '255.255.0.0'] }, '10.8.0.0'), {}, 'maybe'],
    [match({ meta: { key: 'iifname' } }, 'wg0', '~'), {}, 'maybe'],
    [payload('ip', 'saddr', '@gone'), {}, 'maybe'],
  ]

  it.each(cases)('%j against %j is %s', (demand, changes, answer) => {
    const [rule] = rulesOf([demand, X])
    expect(rule === undefined ? null : meets(rule, packet(changes))).toBe(answer)
  })

  it('is searched in large sets as in small ones', () => {
    const ports = fc.uniqueArray(fc.nat({ max: 400 }), { maxLength: 60 })
    fc.assert(
      fc.property(ports, fc.nat({ max: 400 }), fc.constantFrom('==', '!='), (set, port, op) => {
        const [rule] = rulesOf([dport({ set }, op), X])
        expect(rule === undefined ? null : meets(rule, packet({ dport: port }))).toBe(
          set.includes(port) === (op === '==') ? 'yes' : 'no',
        )
      }),
      { numRuns: 200 },
    )
  })

  it('includes the hook: which devices a line shows', () => {
    const on = (hook: string, changes: Partial<Packet>) => {
      const [rule] = parsed(document({ c: { hook, rules: [[X, drop]] } })).logRules('X: ')
      return rule === undefined ? null : meets(rule, packet(changes))
    }
    expect([on('forward', {}), on('forward', { out: '' })]).toEqual(['yes', 'no'])
    expect([on('input', {}), on('input', { out: '' })]).toEqual(['no', 'yes'])
    expect([on('prerouting', {}), on('output', { in: '' }), on('postrouting', { out: '' })]).toEqual([
      'no',
      'yes',
      'no',
    ])
  })
})

describe('the rule of a line', () => {
  it('is null without candidates', () => {
    expect(ruleFor([], packet())).toBeNull()
    expect(ruleFor(rulesOf([dport(22), X, drop]), packet())).toBeNull()
  })

  it('is the one that can have written it', () => {
    const rules = rulesOf([dport(22), X, accept], [dport(443), X, drop])
    expect(ruleFor(rules, packet())).toBe(rules[1])
  })

  it('has no handle when several agree, and no verdict when they do not', () => {
    expect(ruleFor(rulesOf([state('new'), X, drop], [state('invalid'), X, drop]), packet())).toMatchObject({
      handle: '',
      version: '',
      verdict: 'dropped',
      ruleset: 'inet t forward',
      prefix: 'X: ',
    })
    expect(ruleFor(rulesOf([state('new'), X, drop], [state('invalid'), X, reject]), packet())).toMatchObject({
      handle: '',
      verdict: 'unknown',
    })
  })

  it('is the earlier one where that lets nothing pass, but only when it is certain to have been asked', () => {
    const certain = rulesOf([dport(443), X, accept], [iif('wg0'), X, drop])
    expect(ruleFor(certain, packet())).toBe(certain[0])
    expect(ruleFor(rulesOf([limit, dport(443), X, accept], [iif('wg0'), X, drop]), packet())?.verdict).toBe('unknown')
  })

  it('of the lab: two rules share WG-ACCEPT and differ by port', () => {
    const ruleset = parsed(readFileSync(join(FIXTURES, 'lab-nat/input.json'), 'utf8'))
    const handle = (port: number) =>
      ruleFor(ruleset.logRules('WG-ACCEPT '), packet({ dst: '172.26.52.145', dport: port }))?.handle
    expect([handle(8080), handle(22), handle(443)]).toEqual(['3', '4', undefined])
  })

  it('is found for any packet without throwing', () => {
    const rules = parsed(readFileSync(join(FIXTURES, 'lab-edge/input.json'), 'utf8'))
    const changes = fc.record({
      in: fc.constantFrom('wg0', '', '__proto__'),
      family: fc.constantFrom<0 | 4 | 6>(0, 4, 6),
      src: fc.oneof(fc.ipV4(), fc.ipV6(), fc.string()),
      dst: fc.oneof(fc.ipV4(), fc.ipV6(), fc.string()),
      protocol: fc.integer({ min: -1, max: 255 }),
      dport: fc.integer({ min: -1, max: 65535 }),
    })
    fc.assert(
      fc.property(fc.constantFrom(...rules.prefixes), changes, (prefix, change) => {
        const found = ruleFor(rules.logRules(prefix), packet(change))
        expect(found === null || found.prefix === prefix).toBe(true)
      }),
    )
  })
})
