/**
 * Judges the events of a replay against what really happened in a lab capture: which flows were found, whether every `exact`
 * claim is true by the lab's own ledger, verdicts, NAT, totals, owners, gaps, forged lines; audited hosts in judge-audit.ts.
 * Times of truth are seconds.
 */
import { readFileSync } from 'node:fs'
import { canonicalAddress } from '../src/address.ts'
import { parseEvent } from '../src/event-json.ts'
import type { Fields } from '../src/fields.ts'
import { SECOND } from '../src/time.ts'
import { judgeAudit } from './judge-audit.ts'

/** One line of truth.jsonl or evidence.jsonl; its fields depend on `kind`. */
// biome-ignore lint/suspicious/noExplicitAny: foreign documents of many shapes, read only here
type Truth = any

export type Verdict = {
  readonly counts: ReadonlyMap<string, number>
  /** Errors by kind, each by name. */
  readonly errors: ReadonlyMap<string, readonly string[]>
  ratio(part: string, whole: string): number
}

/** How far a claim's moment may be off from the lab's own times, in seconds. */
const SLACK = 1.5

/** Errors no capture and no damage excuses. */
export const FATAL: readonly string[] = [
  'wrong key claimed exact',
  'event for traffic WireGuard discarded',
  'forged line became an event',
  'duplicate event.id',
  'claim not true by the ledger',
  'wrong target peer',
  'audit event joined to the wrong peer',
  'session of somebody else',
  'claim on a host not true',
  'login told twice',
]

/** `clocks`: how far a host's clock was set ahead of the lab's, in seconds. */
export function judge(
  truthPath: string,
  evidencePath: string,
  ndjson: string,
  clocks: ReadonlyMap<string, number> = new Map(),
): Verdict {
  const truth: Truth[] = readJsonLines(truthPath)
  const evidence = new Map<string, Truth>(readJsonLines(evidencePath).map((each: Truth) => [each.id, each]))
  const events = ndjson
    .split('\n')
    .filter((line) => line !== '')
    .map(parseEvent)
  const counts = new Map<string, number>()
  const errors = new Map<string, string[]>()
  const count = (name: string, by = 1) => counts.set(name, (counts.get(name) ?? 0) + by)
  const error = (kind: string, name: string): void => {
    errors.set(kind, [...(errors.get(kind) ?? []), name])
  }
  const network = events.filter(
    (event) => event['event.dataset'] === 'wireguard.firewall' || event['event.dataset'] === 'wireguard.flow',
  )
  const byTuple = Map.groupBy(network, tupleOf)
  const holders = createHolders(truth)
  const flows = truth.filter((each) => each.kind === 'flow' || each.kind === 'ping')
  const nameless = new Set(
    truth
      .filter((each) => each.kind === 'planted' && /not_in_inventory|owner_missing/.test(each.what))
      .map((each) => each.peer),
  )
  for (const flow of flows) judgeFlow(flow, evidence.get(flow.id), matching(flow, byTuple))
  for (const event of network) judgeClaim(event)
  judgeTheRest()
  judgeAudit({ truth, events, clocks }, { count, error })
  return { counts, errors, ratio: (part, whole) => (counts.get(part) ?? 0) / (counts.get(whole) ?? Number.NaN) }

  function judgeFlow(flow: Truth, proof: Truth, found: readonly Fields[]): void {
    if (flow.expect === 'none') {
      if (found.length > 0) error('event for traffic WireGuard discarded', flow.id)
      return
    }
    if (!proof.any_evidence) return
    count('evidence')
    if (found.length === 0) {
      error('flow with evidence, no event', flow.id)
      return
    }
    count('found')
    const exact = found.filter((event) => event['wireguard.attribution.status'] === 'exact')
    const right = exact.filter((event) => event['wireguard.peer.public_key'] === flow.key)
    if (exact.length > right.length) error('wrong key claimed exact', flow.id)
    else if (right.length > 0) count('right')
    else if (found.some((event) => event['wireguard.attribution.status'] === 'ambiguous')) count('ambiguous')
    else error('unknown although a peer held it', flow.id)
    if (right.length > 0 && flow.owner && !nameless.has(flow.peer)) {
      count('owner of')
      if (right.every((event) => event['wireguard.peer.owner.email'] === flow.owner)) count('owner right')
      else error('owner', flow.id)
    }
    judgeVerdict(flow, proof, found)
    judgeNat(flow, proof, found)
    const bytes = proof.conntrack_bytes
    if (bytes && proof.has_conntrack_destroy && proof.has_conntrack_new && flow.kind === 'flow') {
      count('bytes of')
      const ends = found.filter((event) => event['event.action'] === 'flow-ended')
      if (ends.some((event) => event['source.bytes'] === bytes[0] && event['destination.bytes'] === bytes[1]))
        count('bytes right')
      else error('bytes', flow.id)
    }
  }

  function judgeVerdict(flow: Truth, proof: Truth, found: readonly Fields[]): void {
    const gateways: Truth[] = Object.values(truth[0].gateways)
    if (!proof.has_nft || gateways.some((gateway) => gateway.prefixes.local === flow.rule)) return
    count('verdict of')
    const want = { accept: 'accepted', drop: 'dropped', reject: 'rejected' }[
      flow.expect as 'accept' | 'drop' | 'reject'
    ]
    const said = new Set(
      found
        .map((event) => event['wireguard.flow.verdict'])
        .filter((verdict) => verdict !== undefined && verdict !== 'unknown'),
    )
    if (said.size === 1 && said.has(want)) count('verdict right')
    else error('verdict', `${flow.id} ${[...said].join(' ')}`)
  }

  function judgeNat(flow: Truth, proof: Truth, found: readonly Fields[]): void {
    if (flow.kind !== 'flow' || !flow.nat || !proof.has_conntrack_new || !flow.server) return
    count('nat of')
    const { src, sport, dst, dport } = flow.server
    const isRight = found.some(
      (event) =>
        (!('snat' in flow.nat) ||
          (event['source.nat.ip'] === ip(src) && (event['source.nat.port'] ?? event['source.port']) === sport)) &&
        (!('dnat' in flow.nat) ||
          (event['destination.nat.ip'] === ip(dst) &&
            (event['destination.nat.port'] ?? event['destination.port']) === dport)),
    )
    if (isRight) count('nat right')
    else error('nat', flow.id)
  }

  function judgeClaim(event: Fields): void {
    const at = (event['event.start'] ?? event['@timestamp'] ?? 0) / SECOND
    const isBack = event['wireguard.peer.role'] === 'destination'
    const address = isBack ? event['destination.ip'] : event['source.ip']
    const [near, far] = isBack
      ? [event['destination.ip'], event['source.ip']]
      : [event['source.ip'], event['destination.ip']]
    const gateway = event['host.name'] ?? ''
    if (event['wireguard.attribution.status'] === 'exact') {
      count('claims')
      const key = event['wireguard.peer.public_key'] ?? ''
      const isHeld = holders(gateway, address ?? '', at, event['wireguard.interface.name'] ?? '', true).has(key)
      const isSent = flows.some(
        (flow) =>
          flow.gateway === gateway &&
          ip(flow.src) === near &&
          flow.key === key &&
          (flow.sport === undefined || flow.sport === event['source.port']),
      )
      if (isHeld || (!isBack && isSent)) count('claims true')
      else error('claim not true by the ledger', `${event['event.id']} ${address}`)
    }
    const target = event['wireguard.target_peer.public_key']
    if (target !== undefined && !holders(gateway, far ?? '', at, '', true).has(target))
      error('wrong target peer', event['event.id'] ?? '')
  }

  function judgeTheRest(): void {
    const ids = events.map((event) => event['event.id'])
    if (new Set(ids).size !== ids.length) error('duplicate event.id', String(ids.length - new Set(ids).size))
    for (const forged of truth.filter((each) => each.kind === 'forged' && each.source === 'kern.log' && each.dport)) {
      count('forged')
      if (network.some((event) => event['destination.port'] === forged.dport))
        error('forged line became an event', forged.how)
    }
    const gaps = events.filter((event) => event['event.action'] === 'source-gap')
    const stated = truth.filter((each) => each.kind === 'gap')
    for (const gap of stated) {
      count('gaps')
      if (gaps.some((event) => overlaps(event, gap))) count('gaps stated')
      else error('gap not stated', `${gap.source} ${gap.gateway}`)
    }
    for (const event of gaps) {
      const seconds = ((event['event.end'] ?? 0) - (event['event.start'] ?? 0)) / SECOND
      if (!stated.some((gap) => overlaps(event, gap))) count('seconds of gaps stated where none was', seconds)
    }
  }
}

const SOURCES: ReadonlyMap<string, string> = new Map([
  ['kern.log', 'nftables'],
  ['conntrack', 'conntrack'],
  ['wg.snapshots', 'wireguard'],
])

function overlaps(event: Fields, gap: Truth): boolean {
  const start = (event['event.start'] ?? 0) / SECOND
  const end = (event['event.end'] ?? 0) / SECOND
  return (
    event['host.name'] === gap.gateway &&
    event['wireguard.coverage.source'] === SOURCES.get(gap.source) &&
    start <= gap.t1 + 15 &&
    end >= gap.t0 - 15
  )
}

/** Who held the longest prefix on an address around a time, by the lab's own record of what it did. */
function createHolders(truth: readonly Truth[]) {
  const rows: {
    gateway: string
    interface: string
    network: bigint
    length: number
    bits: number
    key: string
    from: number
    to: number
  }[] = []
  for (const each of truth) {
    if (each.kind === 'peer_added') {
      for (const prefix of each.allowed_ips)
        rows.push({
          ...split(prefix),
          gateway: each.gateway,
          interface: each.interface,
          key: each.key,
          from: each.t,
          to: Number.POSITIVE_INFINITY,
        })
    } else if (each.kind === 'peer_removed') {
      for (const row of rows)
        if (
          row.gateway === each.gateway &&
          row.interface === each.interface &&
          row.key === each.key &&
          row.to === Number.POSITIVE_INFINITY
        )
          row.to = each.t
    }
  }
  return (gateway: string, address: string, at: number, interfaceName: string, isNarrow: boolean): Set<string> => {
    const keys = new Set<string>()
    const { network: value, bits } = split(`${address}/${address.includes(':') ? 128 : 32}`)
    for (const name of new Set(rows.map((row) => row.interface))) {
      if (interfaceName !== '' && name !== interfaceName) continue
      for (const moment of [at - SLACK, at, at + SLACK]) {
        const best = rows
          .filter(
            (row) =>
              row.gateway === gateway &&
              row.interface === name &&
              row.bits === bits &&
              row.from <= moment &&
              moment < row.to &&
              value >> BigInt(bits - row.length) === row.network >> BigInt(bits - row.length),
          )
          .sort((a, b) => b.length - a.length)[0]
        if (best !== undefined && !(isNarrow && best.length === 0)) keys.add(best.key)
      }
    }
    return keys
  }
}

function split(prefix: string): { network: bigint; length: number; bits: number } {
  const [address = '', length = '0'] = prefix.split('/')
  if (!address.includes(':'))
    return {
      network: address.split('.').reduce((sum, part) => sum * 256n + BigInt(part), 0n),
      length: Number(length),
      bits: 32,
    }
  const [head = '', tail] = address.split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const words =
    tail === undefined ? left : [...left, ...Array<string>(8 - left.length - right.length).fill('0'), ...right]
  return {
    network: words.reduce((sum, word) => sum * 65536n + BigInt(`0x${word}`), 0n),
    length: Number(length),
    bits: 128,
  }
}

function tupleOf(event: Fields): string {
  const transport = event['network.transport']?.includes('icmp') ? 'icmp' : event['network.transport']
  const ports = transport === 'icmp' ? '' : `${event['source.port']} ${event['destination.port']}`
  return `${event['host.name']} ${transport} ${event['source.ip']} ${event['destination.ip']} ${ports}`
}

function matching(flow: Truth, byTuple: ReadonlyMap<string, readonly Fields[]>): Fields[] {
  const transport = flow.kind === 'ping' || /icmp/.test(flow.proto) ? 'icmp' : flow.proto
  const targets = new Set([
    [ip(flow.dst), flow.dport].join(' '),
    [ip(flow.fwd_dst ?? flow.dst), flow.fwd_dport ?? flow.dport].join(' '),
  ])
  const found = [...targets].flatMap((target) => {
    const [dst, dport] = target.split(' ')
    const ports = transport === 'icmp' ? '' : `${flow.sport} ${dport}`
    return byTuple.get(`${flow.gateway} ${transport} ${ip(flow.src)} ${dst} ${ports}`) ?? []
  })
  return [...new Set(found)].filter((event) => {
    const at = (event['@timestamp'] ?? 0) / SECOND
    return flow.t0 - 3 <= at && at <= flow.t1 + 130
  })
}

function ip(text: string): string {
  return canonicalAddress(text) ?? text
}

function readJsonLines(path: string): Truth[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
}
