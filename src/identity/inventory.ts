/**
 * The documented truth (design 8.2): parses an inventory file and answers what the rest asks of it. It adds names to what the
 * ledger proves, and candidates where the ledger proves nothing; it never makes an attribution by itself (design 5.2).
 */
import { hash } from 'node:crypto'
import { AppError, type Problem } from '../errors.ts'
import { byPlace, limitProblems, PROBLEMS_MAX, pathText, schemaProblems } from '../schema-problems.ts'
import type { Micros } from '../time.ts'
import { readYaml, type YamlDocument } from '../yaml-document.ts'
import { checkInventory } from './inventory-checks.ts'
import { holdsAt, type InventoryEntries, type InventoryPeer, type Person, toEntries } from './inventory-entries.ts'
import { type InventoryDocument, inventorySchema } from './inventory-schema.ts'
import { createPolicyFor, type PolicyFor } from './policy.ts'
import { createPrefixIndex, type PrefixIndex } from './prefix-index.ts'
import { createResourceFor, type ResourceFor } from './resources.ts'

export type Inventory = InventoryEntries & {
  /** First 16 hex digits of the file's SHA-256: `wireguard.attribution.inventory`. '' when there is no inventory. */
  readonly hash: string
  /**
   * The device a key stands for, also outside the key's documented dates. The entry of this gateway and interface, else of this
   * gateway, else any; null when the key is documented nowhere.
   */
  peerByKey(gateway: string, interfaceName: string, publicKey: string): InventoryPeer | null
  /** Who was responsible for the device. She stays its owner after she left: then that is the finding. */
  ownerAt(peer: InventoryPeer, at: Micros): Person | null
  /** Groups of the device and of its owner, sorted. A person's groups end when she leaves. */
  groupsAt(peer: InventoryPeer, at: Micros): string[]
  /**
   * Peers of a gateway with a documented prefix that covers the address, longest prefix first, then in file order. A documented
   * 0.0.0.0/0 counts: whether it may is the caller's decision (design 5.5).
   */
  candidatesFor(address: string, gateway: string): InventoryPeer[]
  /** See createResourceFor; cost grows with the number of different prefix lengths, not of resources. */
  readonly resourceFor: ResourceFor
  /** Whether one of the groups is documented to reach the resource at that time. */
  readonly policyFor: PolicyFor
}

/** Throws AppError `bad-inventory` with everything that is wrong. `file` is only for its messages. */
export function parseInventory(text: string, file: string): Inventory {
  const yaml = readYaml(text, file)
  if (yaml.problems.length > 0) throw badInventory(yaml.problems, file)
  const result = inventorySchema.safeParse(yaml.value)
  if (!result.success) {
    const { problems, total } = schemaProblems(result.error.issues, yaml)
    throw badInventory(problems, file, total)
  }
  const { problems, total } = contradictions(result.data, yaml)
  if (total > 0) throw badInventory(problems, file, total)
  return createInventory(toEntries(result.data), hash('sha256', text, 'hex').slice(0, 16))
}

/** For replays without an inventory: knows nobody and nothing. */
export function emptyInventory(): Inventory {
  return createInventory(toEntries({ version: 1 }), '')
}

function contradictions(document: InventoryDocument, yaml: YamlDocument) {
  const problems: Problem[] = []
  let total = 0
  checkInventory(document, (path, message) => {
    if (total++ < PROBLEMS_MAX) problems.push(yaml.problemAt(path, `${pathText(path)}: ${message()}`))
  })
  return { problems: problems.sort(byPlace), total }
}

function badInventory(problems: readonly Problem[], file: string, total = problems.length): AppError {
  return new AppError('bad-inventory', `${file} is no valid inventory`, {
    problems: limitProblems(problems, file, total),
    advice: 'Correct the lines named; `peertrail check` shows them with their place.',
  })
}

function createInventory(entries: InventoryEntries, contentHash: string): Inventory {
  const people = new Map(entries.people.map((person) => [person.email, person]))
  const prefixes = indexPrefixes(entries.peers)
  const ownerAt = (peer: InventoryPeer, at: Micros) =>
    people.get(peer.owners.find((owner) => holdsAt(owner, at))?.email ?? '') ?? null
  return {
    ...entries,
    hash: contentHash,
    peerByKey: createPeerByKey(entries.peers),
    ownerAt,
    groupsAt: (peer, at) => {
      const owner = ownerAt(peer, at)
      const isPresent = owner !== null && (owner.until === null || at < owner.until)
      return [...new Set(isPresent ? [...peer.groups, ...owner.groups] : peer.groups)].sort()
    },
    candidatesFor: (address, gateway) => [...new Set(prefixes.get(gateway)?.covering(address).flat())],
    resourceFor: createResourceFor(entries.resources),
    policyFor: createPolicyFor(entries.policy),
  }
}

function createPeerByKey(peers: readonly InventoryPeer[]): Inventory['peerByKey'] {
  const found = new Map<string, InventoryPeer>()
  for (const peer of peers) {
    for (const { publicKey } of peer.keys) {
      for (const place of [`${peer.gateway}\0${peer.interface}`, peer.gateway, '']) {
        const identity = `${publicKey}\0${place}`
        if (!found.has(identity)) found.set(identity, peer)
      }
    }
  }
  return (gateway, interfaceName, publicKey) =>
    found.get(`${publicKey}\0${gateway}\0${interfaceName}`) ??
    found.get(`${publicKey}\0${gateway}`) ??
    found.get(`${publicKey}\0`) ??
    null
}

function indexPrefixes(peers: readonly InventoryPeer[]): Map<string, PrefixIndex<InventoryPeer[]>> {
  const byGateway = new Map<string, Map<string, InventoryPeer[]>>()
  for (const peer of peers) {
    const byPrefix = byGateway.get(peer.gateway) ?? new Map<string, InventoryPeer[]>()
    byGateway.set(peer.gateway, byPrefix)
    for (const { prefix } of peer.allowedIps) {
      const holders = byPrefix.get(prefix)
      if (holders === undefined) byPrefix.set(prefix, [peer])
      else if (!holders.includes(peer)) holders.push(peer)
    }
  }
  return new Map([...byGateway].map(([gateway, byPrefix]) => [gateway, createPrefixIndex(byPrefix)]))
}
