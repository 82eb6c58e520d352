/**
 * What is wrong with an inventory although every value is well formed: names that lead nowhere or to two things, a key that would
 * name two devices, periods that end before they start. Pure; places are paths, the caller turns them into file:line:column.
 * What runs on the gateways is not looked at here: that is posture.
 */
import { suggestion } from '../nearest.ts'
import { quoted } from '../safe-text.ts'
import { pathText } from '../schema-problems.ts'
import { INSTANT_MAX, INSTANT_MIN, type Micros } from '../time.ts'
import type { Path } from '../yaml-document.ts'
import type { InventoryDocument } from './inventory-schema.ts'

/** `message` is only built for problems that are told, because looking for a suggestion is not free. */
export type Report = (path: Path, message: () => string) => void

type Period = { since?: Micros | null | undefined; until?: Micros | null | undefined }
type PeerEntry = NonNullable<InventoryDocument['peers']>[number]

export function checkInventory(document: InventoryDocument, report: Report): void {
  const { people = [], gateways = [], hosts = [], peers = [], resources = [], policy = [], exceptions = [] } = document
  unique(people, (person) => person.email, 'people', 'email', report)
  unique(gateways, (gateway) => gateway.name, 'gateways', 'name', report)
  unique(hosts, (host) => host.name, 'hosts', 'name', report)
  unique(resources, (resource) => resource.name, 'resources', 'name', report)
  unique(peers, (peer) => `${peer.gateway}\0${peer.interface}\0${peer.name}`, 'peers', 'name', report)
  checkKeys(peers, report)
  const emails = new Set(people.map((person) => person.email))
  const interfaces = new Map<string, Set<string>>()
  for (const { name, interfaces: own } of gateways) {
    interfaces.set(name, new Set([...(interfaces.get(name) ?? []), ...own]))
  }
  for (const [i, peer] of peers.entries()) {
    checkPlace(peer, ['peers', i], interfaces, report)
    checkOwners(peer, ['peers', i], emails, report)
  }
  const resourceNames = new Set(resources.map((resource) => resource.name))
  let windowAt = -1
  for (const [i, line] of policy.entries()) {
    if (!('groups' in line)) {
      const first = windowAt
      if (first >= 0)
        report(['policy', i], () => `kernel_patch_window is already set by ${pathText(['policy', first])}`)
      else windowAt = i
      continue
    }
    checkPeriod(line, ['policy', i], report)
    for (const [j, name] of line.resources.entries()) {
      mustBeIn(resourceNames, name, ['policy', i, 'resources', j], 'resources', report)
    }
  }
  const peerNames = new Set(peers.map((peer) => peer.name))
  for (const [i, exception] of exceptions.entries()) {
    mustBeIn(peerNames, exception.peer, ['exceptions', i, 'peer'], 'peers', report)
  }
}

function unique<Entry>(
  entries: readonly Entry[],
  identity: (entry: Entry) => string,
  list: string,
  key: string,
  report: Report,
): void {
  const first = new Map<string, number>()
  for (const [i, entry] of entries.entries()) {
    const found = first.get(identity(entry))
    if (found === undefined) first.set(identity(entry), i)
    else report([list, i, key], () => `already used by ${pathText([list, found])}`)
  }
}

/** A key is one device on one interface; on another gateway or interface the same key may stand again. */
function checkKeys(peers: readonly PeerEntry[], report: Report): void {
  const first = new Map<string, Path>()
  for (const [i, peer] of peers.entries()) {
    for (const [j, key] of peer.keys.entries()) {
      const path = ['peers', i, 'keys', j]
      const identity = `${peer.gateway}\0${peer.interface}\0${key.public_key}`
      const found = first.get(identity)
      if (found === undefined) first.set(identity, path)
      else {
        const place = `${quoted(peer.gateway)} ${quoted(peer.interface)}`
        report([...path, 'public_key'], () => `the same key on ${place} as in ${pathText(found)}`)
      }
      checkPeriod(key, path, report)
    }
  }
}

function checkPlace(peer: PeerEntry, path: Path, interfaces: Map<string, Set<string>>, report: Report): void {
  const known = interfaces.get(peer.gateway)
  if (known === undefined) mustBeIn(new Set(interfaces.keys()), peer.gateway, [...path, 'gateway'], 'gateways', report)
  else mustBeIn(known, peer.interface, [...path, 'interface'], `interfaces of ${quoted(peer.gateway)}`, report)
}

function checkOwners(peer: PeerEntry, path: Path, emails: Set<string>, report: Report): void {
  const { owner = null, owners } = peer
  if (owner !== null) mustBeIn(emails, owner, [...path, 'owner'], 'people', report)
  if (owners === undefined) return
  if (owner !== null) report([...path, 'owners'], () => 'expected either owner or owners')
  for (const [i, entry] of owners.entries()) {
    const at = [...path, 'owners', i]
    mustBeIn(emails, entry.email, [...at, 'email'], 'people', report)
    checkPeriod(entry, at, report)
    const other = owners.findIndex((earlier, j) => j < i && overlaps(earlier, entry))
    if (other >= 0)
      report(at, () => `overlaps ${pathText([...path, 'owners', other])}; a device has one owner at a time`)
  }
}

function checkPeriod(period: Period, path: Path, report: Report): void {
  if (start(period) >= end(period)) report([...path, 'until'], () => 'expected until to be later than since')
}

function overlaps(a: Period, b: Period): boolean {
  return start(a) < end(b) && start(b) < end(a)
}

function start(period: Period): Micros {
  return period.since ?? INSTANT_MIN
}

function end(period: Period): Micros {
  return period.until ?? INSTANT_MAX
}

function mustBeIn(known: ReadonlySet<string>, name: string, path: Path, list: string, report: Report): void {
  if (!known.has(name)) report(path, () => `${quoted(name)} is not in ${list}${suggestion(name, known)}`)
}
