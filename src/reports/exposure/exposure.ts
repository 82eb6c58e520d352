/**
 * If a key leaked today: what rules let it reach, laid beside what is documented for it and what it did reach. Judgement of facts that were
 * gathered elsewhere; pure. What is not known is null, never nothing: without a ruleset no reach is stated.
 */
import type { Inventory } from '../../identity/inventory.ts'
import type { Resource } from '../../identity/inventory-entries.ts'
import { type Access, accessOf, type Certainty, type ReachedResource } from '../../posture/reach-access.ts'
import { documentedAddresses } from '../../posture/reach-overreach.ts'
import type { PeerReach, RunningPeer } from '../../posture/reach-peers.ts'
import type { Region } from '../../posture/reach-regions.ts'
import type { Micros } from '../../time.ts'
import type { DeniedPlaces, ExposureFacts, UsedLogin, UsedPlace, UsedRights } from './exposure-facts.ts'

/** A key on one interface of one gateway. */
export type ExposedKey = RunningPeer & { readonly gateway: string; readonly isRunning: boolean }

export type ExposedPeer = {
  readonly publicKey: string
  readonly gateway: string
  readonly interface: string
  readonly isRunning: boolean
  readonly allowedIps: readonly string[]
  /** '' and null: documented nowhere. */
  readonly name: string
  readonly kind: string
  readonly device: string
  readonly owner: { readonly name: string; readonly email: string } | null
  readonly groups: readonly string[]
}

/** `unknown`: no ruleset. */
export type RuleAnswer = Certainty | 'no' | 'unknown'

/** One resource of the catalogue, as far as the key has anything to do with it. */
export type ExposedResource = {
  readonly resource: Resource
  readonly byRules: RuleAnswer
  /** Null where rules do not let it in, or are not known. */
  readonly reached: ReachedResource | null
  readonly isDocumented: boolean
  /** What the key did there in the period; null = nothing that was recorded. */
  readonly used: Used | null
  /** Lines of the packet log that turned it away. */
  readonly denied: number
}

export type Used = {
  readonly attempts: number
  readonly connected: number
  readonly sent: number
  readonly received: number
  readonly first: Micros
  readonly last: Micros
}

export type Exposure = {
  readonly peer: ExposedPeer
  /** The ruleset the reach was worked out from; null = none is known. */
  readonly rules: RulesPlace | null
  /** Null without rules, and for a key that does not run: no packet of it comes in. */
  readonly access: Access | null
  /** The most sensitive first. */
  readonly resources: readonly ExposedResource[]
  /** Connected to, and no resource of the catalogue; the most used first. */
  readonly uncatalogued: readonly UsedPlace[]
  readonly denied: readonly DeniedPlaces[]
  readonly logins: readonly UsedLogin[]
  readonly rights: readonly UsedRights[]
  /** False: connection tracking of its gateway is not recorded, so that no use shown is no use known. */
  readonly isUseKnown: boolean
  /** Holds every address no other peer holds: its packets may have any source. */
  readonly hasDefault: boolean
}

export type RulesPlace = {
  /** When it was read; null = not dated. */
  readonly at: Micros | null
  readonly place: string
}

export type KnownRules = RulesPlace & { readonly reach: PeerReach }

export type ExposureQuestion = {
  readonly key: ExposedKey
  readonly at: Micros
  readonly inventory: Inventory
  readonly regions: readonly Region[]
  readonly rules: KnownRules | null
  readonly facts: ExposureFacts
}

/** Classifications as people write them, the most sensitive first; others stand between internal and none. */
const CLASSES = ['restricted', 'secret', 'confidential', 'internal', '*', '', 'public']

/** Of one key; the facts may be those of many. */
export function judgeExposure(question: ExposureQuestion): Exposure {
  const { key, at, inventory, regions, rules, facts } = question
  const documented = inventory.peerByKey(key.gateway, key.interface, key.publicKey)
  const groups = documented === null ? [] : inventory.groupsAt(documented, at)
  const owner = documented === null ? null : inventory.ownerAt(documented, at)
  const gatewayAddresses = documentedAddresses(inventory, key.gateway)
  const access =
    rules === null || !key.isRunning
      ? null
      : accessOf({
          reach: rules.reach.reachOf(key),
          regions,
          own: key.allowedIps,
          gatewayAddresses,
          peers: rules.reach.othersOf(key),
        })
  const isOwn = (each: { readonly publicKey: string; readonly gateway: string }) =>
    each.publicKey === key.publicKey && each.gateway === key.gateway
  const places = facts.places.filter(isOwn)
  const denied = facts.denied.filter(isOwn)
  const reachedBy = new Map(access?.resources.map((each) => [each.resource.name, each]))
  const resources = inventory.resources.flatMap((resource): ExposedResource[] => {
    const reached = reachedBy.get(resource.name) ?? null
    const isDocumented = inventory.policyFor(groups, resource.name, at) === 'allowed'
    const used = usedOf(places.filter((place) => place.resource === resource.name))
    const turned = denied.find((each) => each.resource === resource.name)?.lines ?? 0
    if (reached === null && !isDocumented && used === null && turned === 0) return []
    const byRules = access === null ? 'unknown' : (reached?.certainty ?? 'no')
    return [{ resource, byRules, reached, isDocumented, used, denied: turned }]
  })
  const known = new Set(inventory.resources.map(({ name }) => name))
  return {
    peer: {
      publicKey: key.publicKey,
      gateway: key.gateway,
      interface: key.interface,
      isRunning: key.isRunning,
      allowedIps: key.allowedIps,
      name: documented?.name ?? '',
      kind: documented?.kind ?? '',
      device: documented?.device ?? '',
      owner: owner === null ? null : { name: owner.name, email: owner.email },
      groups,
    },
    rules: rules === null ? null : { at: rules.at, place: rules.place },
    access,
    resources: resources.sort(bySensitivity),
    uncatalogued: places.filter(({ resource, connected }) => connected > 0 && !known.has(resource)),
    denied,
    logins: facts.logins.filter(({ publicKey }) => publicKey === key.publicKey),
    rights: facts.rights.filter(({ publicKey }) => publicKey === key.publicKey),
    isUseKnown: facts.recorded.has(key.gateway),
    hasDefault: key.allowedIps.some((prefix) => prefix.endsWith('/0')),
  }
}

/** Documented, and nothing answered it there in the period; none where use is not known. */
export function unusedGrants({ resources, isUseKnown }: Exposure): ExposedResource[] {
  if (!isUseKnown) return []
  return resources.filter(({ isDocumented, used }) => isDocumented && (used === null || used.connected === 0))
}

function usedOf(places: readonly UsedPlace[]): Used | null {
  if (places.length === 0) return null
  const sum = (pick: (place: UsedPlace) => number) => places.reduce((total, place) => total + pick(place), 0)
  return {
    attempts: sum(({ attempts }) => attempts),
    connected: sum(({ connected }) => connected),
    sent: sum(({ sent }) => sent),
    received: sum(({ received }) => received),
    first: places.reduce((first, place) => Math.min(first, place.first), Number.POSITIVE_INFINITY),
    last: places.reduce((last, place) => Math.max(last, place.last), Number.NEGATIVE_INFINITY),
  }
}

/** Place of a classification among CLASSES, 0 the most sensitive. */
export function classRank(classification: string): number {
  const at = CLASSES.indexOf(classification.toLowerCase())
  return at < 0 ? CLASSES.indexOf('*') : at
}

function bySensitivity(a: ExposedResource, b: ExposedResource): number {
  return classRank(a.resource.classification) - classRank(b.resource.classification)
}
