/**
 * Drafts an inventory file from what runs: a snapshot of each gateway and the names that comments of stored configurations give.
 * What no gateway can know is left to people and said in comments: owners, groups, resources, policy. Nothing is guessed but
 * `kind`, and that is marked. Names are text of unknown origin, so they are cleaned and quoted; entries that no inventory may
 * hold (a key that is none, an impossible interface name) are left out and counted. The result always passes parseInventory.
 */
import { canonicalPrefix } from '../address.ts'
import { isInterfaceName, isMachineName } from '../machine-names.ts'
import type { SnapshotRecord } from '../sources/wireguard/record.ts'
import { isPublicKey } from './inventory-schema.ts'

export type DraftInput = {
  readonly gateway: string
  readonly snapshot: SnapshotRecord
  /** Names by public key. */
  readonly names: ReadonlyMap<string, string>
}

export type InventoryDraft = {
  readonly text: string
  readonly gateways: number
  readonly peers: number
  /** Peers that got their name from a comment. */
  readonly named: number
  /** Peers without an owner: all, because neither WireGuard nor its files know owners. */
  readonly ownersMissing: number
  /** Gateways, interfaces and peers that could not be written down. */
  readonly leftOut: number
}

type DraftPeer = {
  readonly gateway: string
  readonly interface: string
  readonly publicKey: string
  readonly name: string
  /** What a comment calls it, '' when none does; `name` is unique, this is not. */
  readonly said: string
  readonly allowedIps: readonly string[]
}

const NAME_MAX = 100
/** An address that may stand in a comment line as it is. */
const EMAIL = /^[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]{1,190}$/

export function buildInventoryDraft(inputs: readonly DraftInput[]): InventoryDraft {
  const interfaces = new Map<string, Set<string>>()
  const peers = new Map<string, DraftPeer>()
  let leftOut = 0
  for (const { gateway, snapshot, names } of inputs) {
    if (!isMachineName(gateway)) {
      leftOut++
      continue
    }
    const known = interfaces.get(gateway) ?? new Set()
    interfaces.set(gateway, known)
    for (const { interface: name } of snapshot.interfaces) {
      if (isInterfaceName(name)) known.add(name)
      else leftOut++
    }
    for (const row of snapshot.peers) {
      const allowedIps = row.allowedIps.map(canonicalPrefix).filter((prefix) => prefix !== null)
      if (!isPublicKey(row.publicKey) || !isInterfaceName(row.interface) || allowedIps.length < row.allowedIps.length) {
        leftOut++
        continue
      }
      known.add(row.interface)
      const said = cleanName(names.get(row.publicKey) ?? '')
      const name = said === '' ? nameFromKey(row.publicKey) : said
      const peer = { ...row, gateway, name, said, allowedIps }
      peers.set([gateway, row.interface, row.publicKey].join('\0'), peer)
    }
  }
  const unique = withUniqueNames([...peers.values()].sort(byKey)).sort(byName)
  return {
    text: draftText(interfaces, unique, leftOut),
    gateways: interfaces.size,
    peers: unique.length,
    named: unique.filter((peer) => peer.said !== '').length,
    ownersMissing: unique.length,
    leftOut,
  }
}

function draftText(interfaces: ReadonlyMap<string, Set<string>>, peers: readonly DraftPeer[], leftOut: number): string {
  const lines = [
    '# Inventory drafted by `peertrail inventory init` from running peers: what was seen, not yet what is wanted.',
    '# Go through every peer: is it known, whose is it, may it have these addresses? Then add people, resources and policy.',
    '# `peertrail check` says whether the file is right.',
    'version: 1',
    '',
    '# Owners of peers, for example',
    '#   - { email: alice@example.com, name: Alice Example, groups: [dba] }',
    'people: []',
    '',
    '# Name here what must be covered; a source that is named and never speaks is reported as a gap. Add nftables and conntrack',
    '# where they are collected.',
    `gateways:${interfaces.size === 0 ? ' []' : ''}`,
  ]
  for (const [gateway, names] of [...interfaces].sort(([a], [b]) => compare(a, b))) {
    const list = [...names].sort(compare).map(scalar).join(', ')
    lines.push(`  - { name: ${scalar(gateway)}, interfaces: [${list}], sources: [wireguard] }`)
  }
  lines.push('', `peers:${peers.length === 0 ? ' []' : ''}`)
  for (const peer of peers) lines.push(...peerLines(peer))
  lines.push(
    '',
    '# What peers may reach, and who may reach it, for example',
    '#   - { name: customer-db, addresses: [10.20.0.10], ports: [tcp/5432], owner: data-team, classification: restricted }',
    'resources: []',
    '#   - { groups: [dba], resources: [customer-db] }',
    'policy: []',
    '',
    `# Peers: ${peers.length}. Without an owner: ${peers.length}. Left out because they cannot be written down: ${leftOut}.`,
  )
  return lines.map((line) => `${line}\n`).join('')
}

function peerLines(peer: DraftPeer): string[] {
  const isWide = peer.allowedIps.some((prefix) => !isSingleAddress(prefix))
  return [
    `  - name: ${scalar(peer.name)}${peer.said === '' ? ' # no comment names this key' : ''}`,
    `    kind: ${isWide ? 'site' : 'device'} # guessed: it may send from ${isWide ? 'a whole network' : 'single addresses only'}`,
    `    # owner: ${EMAIL.test(peer.said) ? peer.said : 'somebody@example.com'}`,
    `    gateway: ${scalar(peer.gateway)}`,
    `    interface: ${scalar(peer.interface)}`,
    '    keys:',
    `      - { public_key: "${peer.publicKey}" }`,
    ...(peer.allowedIps.length === 0 ? ['    allowed_ips: []'] : ['    allowed_ips:']),
    ...peer.allowedIps.map((prefix) => `      - ${prefix.includes(':') ? `"${prefix}"` : prefix}`),
  ]
}

/** One line of visible text, '' when nothing is left. */
function cleanName(text: string): string {
  const visible = text.slice(0, 4 * NAME_MAX).replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\s]+/gu, ' ')
  return Array.from(visible.trim()).slice(0, NAME_MAX).join('').trim()
}

function nameFromKey(publicKey: string): string {
  return `peer-${publicKey.replace(/[^A-Za-z]/g, '').slice(0, 8)}`
}

/** Names are unique on an interface; the second `alice` becomes `alice-2`. */
function withUniqueNames(peers: readonly DraftPeer[]): DraftPeer[] {
  const taken = new Set<string>()
  const next = new Map<string, number>()
  return peers.map((peer) => {
    const place = `${peer.gateway}\0${peer.interface}\0`
    let name = peer.name
    let number = next.get(place + peer.name) ?? 2
    while (taken.has(place + name)) name = `${peer.name}-${number++}`
    next.set(place + peer.name, number)
    taken.add(place + name)
    return { ...peer, name }
  })
}

/** A YAML scalar that is text to every reader: plain where nothing can be misread, else double-quoted (a superset of JSON's). */
function scalar(text: string): string {
  const isPlain = /^[A-Za-z][A-Za-z0-9_.@-]*(?: [A-Za-z0-9_.@]+)*$/.test(text)
  return isPlain && !/^(?:true|false|null|yes|no|on|off|y|n)$/i.test(text) ? text : JSON.stringify(text)
}

function isSingleAddress(prefix: string): boolean {
  return prefix.endsWith(prefix.includes(':') ? '/128' : '/32')
}

function byKey(a: DraftPeer, b: DraftPeer): number {
  return byPlaceOf(a, b) || compare(a.publicKey, b.publicKey)
}

function byName(a: DraftPeer, b: DraftPeer): number {
  return byPlaceOf(a, b) || compare(a.name, b.name)
}

function byPlaceOf(a: DraftPeer, b: DraftPeer): number {
  return compare(a.gateway, b.gateway) || compare(a.interface, b.interface)
}

/** By code unit: the same order on every machine. */
function compare(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}
