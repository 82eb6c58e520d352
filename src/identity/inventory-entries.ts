/**
 * What an inventory says, as the rest of peertrail reads it. Texts that are absent are '', instants that are absent null:
 * no start, no end. All of it is documentation: who *may* hold a key or address, never who held it (design 5.2).
 */
import type { Micros } from '../time.ts'
import type { InventoryDocument } from './inventory-schema.ts'

/** From `since` (included) to `until` (excluded). */
export type Period = { readonly since: Micros | null; readonly until: Micros | null }

export type Person = {
  readonly email: string
  readonly name: string
  readonly groups: readonly string[]
  /** When she left or will leave. */
  readonly until: Micros | null
}

export type InventoryGateway = {
  readonly name: string
  readonly interfaces: readonly string[]
  readonly sources: readonly string[]
  /** What makes people prove who they are before it lets them in, in the administrators' words; '' = nothing is documented. */
  readonly identityEnforcedBy: string
}

export type InventoryHost = {
  readonly name: string
  /** Canonical. */
  readonly addresses: readonly string[]
  readonly sources: readonly string[]
}

export type InventoryPeer = {
  readonly name: string
  readonly kind: 'device' | 'site' | 'server'
  readonly gateway: string
  readonly interface: string
  /** One after the other, never two at a time; empty = nobody is documented. */
  readonly owners: readonly ({ readonly email: string } & Period)[]
  /** Of this device alone; groupsAt adds its owner's. */
  readonly groups: readonly string[]
  readonly device: string
  readonly keys: readonly ({ readonly publicKey: string } & Period)[]
  /** Canonical prefixes. */
  readonly allowedIps: readonly AllowedIp[]
  readonly requirement: string
  readonly expires: Micros | null
  /** 0 = no rotation asked for. */
  readonly rotateEvery: Micros
}

export type AllowedIp = { readonly prefix: string; readonly requirement: string; readonly expires: Micros | null }

export type Resource = {
  readonly name: string
  /** Canonical prefixes. */
  readonly addresses: readonly string[]
  /** `tcp/5432`; empty = any. */
  readonly ports: readonly string[]
  readonly owner: string
  readonly classification: string
}

export type PolicyLine = { readonly groups: readonly string[]; readonly resources: readonly string[] } & Period

export type Exception = {
  readonly check: string
  readonly peer: string
  readonly reason: string
  readonly approvedBy: string
  readonly until: Micros | null
}

export type InventoryEntries = {
  readonly people: readonly Person[]
  readonly gateways: readonly InventoryGateway[]
  readonly hosts: readonly InventoryHost[]
  readonly peers: readonly InventoryPeer[]
  readonly resources: readonly Resource[]
  readonly policy: readonly PolicyLine[]
  /** How long a newer kernel that is installed may wait to be booted; null = nothing is prescribed. */
  readonly kernelPatchWindow: Micros | null
  readonly exceptions: readonly Exception[]
}

/** `until` is the first moment outside. Null is no bound. */
export function holdsAt(period: Period, at: Micros): boolean {
  return (period.since === null || period.since <= at) && (period.until === null || at < period.until)
}

/** What the file leaves out, filled in; periods, prefixes and sources in one form. The document must have passed its schema. */
export function toEntries(document: InventoryDocument): InventoryEntries {
  return {
    people: (document.people ?? []).map((person) => ({
      email: person.email,
      name: person.name,
      groups: person.groups ?? [],
      until: person.until ?? null,
    })),
    gateways: (document.gateways ?? []).map(
      ({ name, interfaces, sources = [], identity_enforced_by: identity = '' }) => ({
        name,
        interfaces,
        sources,
        identityEnforcedBy: identity,
      }),
    ),
    hosts: (document.hosts ?? []).map((host) => ({
      name: host.name,
      addresses: host.addresses ?? [],
      sources: host.sources ?? [],
    })),
    peers: (document.peers ?? []).map(toPeer),
    resources: (document.resources ?? []).map((resource) => ({
      name: resource.name,
      addresses: resource.addresses,
      ports: resource.ports ?? [],
      owner: resource.owner ?? '',
      classification: resource.classification ?? '',
    })),
    policy: (document.policy ?? []).flatMap((line) =>
      'groups' in line ? [{ ...toPeriod(line), groups: line.groups, resources: line.resources }] : [],
    ),
    kernelPatchWindow:
      (document.policy ?? []).flatMap((line) => ('groups' in line ? [] : [line.kernel_patch_window])).at(0) ?? null,
    exceptions: (document.exceptions ?? []).map((exception) => ({
      check: exception.check,
      peer: exception.peer,
      reason: exception.reason,
      approvedBy: exception.approved_by,
      until: exception.until ?? null,
    })),
  }
}

function toPeer(peer: NonNullable<InventoryDocument['peers']>[number]): InventoryPeer {
  const owner = peer.owner ?? null
  const only = owner === null ? [] : [{ email: owner, since: null, until: null }]
  return {
    name: peer.name,
    kind: peer.kind,
    gateway: peer.gateway,
    interface: peer.interface,
    owners: peer.owners?.map((entry) => ({ email: entry.email, ...toPeriod(entry) })) ?? only,
    groups: peer.groups ?? [],
    device: peer.device ?? '',
    keys: peer.keys.map((key) => ({ publicKey: key.public_key, ...toPeriod(key) })),
    allowedIps: (peer.allowed_ips ?? []).map((entry) =>
      typeof entry === 'string'
        ? { prefix: entry, requirement: '', expires: null }
        : { prefix: entry.prefix, requirement: entry.requirement ?? '', expires: entry.expires ?? null },
    ),
    requirement: peer.requirement ?? '',
    expires: peer.expires ?? null,
    rotateEvery: peer.rotate_every ?? 0,
  }
}

function toPeriod(period: { since?: Micros | null | undefined; until?: Micros | null | undefined }): Period {
  return { since: period.since ?? null, until: period.until ?? null }
}
