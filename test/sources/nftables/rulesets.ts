/** Rulesets as nft lists them, written short: what each function gives is one statement or object of libnftables-json(5). */
import type { Packet } from '../../../src/sources/nftables/record.ts'
import { type LogRule, parseRuleset, type Ruleset } from '../../../src/sources/nftables/ruleset.ts'

export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json }
export type Rule = readonly Json[]
export type ChainSpec = {
  readonly hook?: string
  readonly prio?: number
  readonly policy?: string
  readonly rules: readonly Rule[]
}

export const accept = { accept: null }
export const drop = { drop: null }
export const reject = { reject: { type: 'icmp', expr: 'admin-prohibited' } }
export const back = { return: null }
export const counter = { counter: { packets: 17, bytes: 4711 } }
export const limit = { limit: { rate: 30, burst: 5, per: 'minute' } }

export function match(left: Json, right: Json, op = '=='): Json {
  return { match: { op, left, right } }
}
export function iif(name: Json, op = '=='): Json {
  return match({ meta: { key: 'iifname' } }, name, op)
}
export function payload(protocol: string, field: string, right: Json, op = '=='): Json {
  return match({ payload: { protocol, field } }, right, op)
}
export function dport(right: Json, op = '=='): Json {
  return payload('tcp', 'dport', right, op)
}
export function state(right: Json, op = 'in'): Json {
  return match({ ct: { key: 'state' } }, right, op)
}
export function log(prefix: string): Json {
  return { log: { prefix } }
}
export function jump(target: string): Json {
  return { jump: { target } }
}
export function goto(target: string): Json {
  return { goto: { target } }
}

/** Chains by name, in one table `inet t`; `more` stands before them (sets, maps). Handles count from 1 over all rules. */
export function document(chains: Readonly<Record<string, ChainSpec>>, more: readonly Json[] = []): string {
  let handle = 0
  const place = { family: 'inet', table: 't' }
  const objects: Json[] = [
    { metainfo: { version: '1.0.6', json_schema_version: 1 } },
    { table: { family: 'inet', name: 't' } },
  ]
  for (const [name, chain] of Object.entries(chains)) {
    const base =
      chain.hook === undefined
        ? {}
        : { type: 'filter', hook: chain.hook, prio: chain.prio ?? 0, policy: chain.policy ?? 'accept' }
    objects.push({ chain: { ...place, name, ...base } })
  }
  for (const [name, chain] of Object.entries(chains)) {
    for (const expr of chain.rules) objects.push({ rule: { ...place, chain: name, handle: ++handle, expr } })
  }
  return JSON.stringify({ nftables: [...objects.slice(0, 2), ...more, ...objects.slice(2)] })
}

export function parsed(text: string): Ruleset {
  const ruleset = parseRuleset(text)
  if ('problem' in ruleset) throw new Error(ruleset.problem)
  return ruleset
}

/** The one rule with prefix `X: ` of a forward chain with these rules. */
export function only(
  rules: readonly Rule[],
  policy = 'accept',
  others: Readonly<Record<string, ChainSpec>> = {},
): LogRule {
  const [rule, ...more] = parsed(document({ forward: { hook: 'forward', policy, rules }, ...others })).logRules('X: ')
  if (rule === undefined || more.length > 0) throw new Error(`${more.length + 1} rules`)
  return rule
}

/** A TCP packet from a peer to a server; what a test does not name is as in an ordinary SYN. */
export function packet(changes: Partial<Packet> = {}): Packet {
  return {
    prefix: 'X: ',
    in: 'wg0',
    out: 'lan0',
    physIn: '',
    physOut: '',
    macSource: '',
    macDestination: '',
    etherType: '',
    vlanId: -1,
    family: 4,
    src: '10.8.0.9',
    dst: '172.30.51.68',
    length: 60,
    dscp: 0,
    ttl: 63,
    ipId: 1,
    dontFragment: true,
    moreFragments: false,
    fragmentOffset: -1,
    fragmentId: '',
    flowLabel: -1,
    protocol: 6,
    sport: 40005,
    dport: 443,
    udpLength: -1,
    tcpSeq: -1,
    tcpAck: -1,
    tcpWindow: 64240,
    tcpFlags: 'SYN',
    icmpType: -1,
    icmpCode: -1,
    icmpId: -1,
    icmpSeq: -1,
    quoted: '',
    spi: '',
    uid: -1,
    gid: -1,
    mark: '',
    isTruncated: false,
    ...changes,
  }
}
