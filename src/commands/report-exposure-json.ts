/** Exposure as one JSON object, for programs: names and their meaning do not change. Times are ISO 8601 in UTC, null = not known. */
import type { Access, Reached } from '../posture/reach-access.ts'
import { targetOf } from '../posture/reach-access.ts'
import { byDestination, destinationText, servicesText } from '../posture/reach-text.ts'
import { type ExposedResource, type Exposure, type Used, unusedGrants } from '../reports/exposure/exposure.ts'
import type { Ranked } from '../reports/exposure/exposure-rank.ts'
import type { ReachPart } from '../sources/nftables/reach-parts.ts'
import { toIso } from '../time.ts'
import { printJson } from './ascii-json.ts'
import type { ExposureFrame } from './report-exposure.ts'

/** Services of one destination in a text. */
const SERVICES_MAX = 100

/** Of the keys of one peer. */
export function exposureJson(frame: ExposureFrame, exposures: readonly Exposure[]): string {
  return printJson({ ...frameJson(frame), peer: frame.label, keys: exposures.map(oneJson) })
}

/** Of all keys, in their order. */
export function rankedJson(frame: ExposureFrame, ranked: readonly Ranked[]): string {
  return printJson({
    ...frameJson(frame),
    keys: ranked.map(({ exposure, counts, overreach }, i) => ({
      rank: i + 1,
      reach_counts: counts,
      undocumented: counts === null ? null : overreach,
      ...oneJson(exposure),
    })),
  })
}

function frameJson({ at, period, recordedSince, notes }: ExposureFrame) {
  const recorded = recordedSince === null ? null : toIso(recordedSince)
  return { at: toIso(at), since: toIso(period.since), until: toIso(period.until), recorded_since: recorded, notes }
}

function oneJson(exposure: Exposure) {
  const { peer, rules, access, resources, uncatalogued, denied, logins, rights, hasDefault } = exposure
  return {
    public_key: peer.publicKey,
    gateway: peer.gateway,
    interface: peer.interface,
    running: peer.isRunning,
    allowed_ips: peer.allowedIps,
    any_source: hasDefault,
    use_known: exposure.isUseKnown,
    name: peer.name,
    kind: peer.kind,
    device: peer.device,
    owner: peer.owner,
    groups: peer.groups,
    rules: rules === null ? null : { place: rules.place, at: rules.at === null ? null : toIso(rules.at) },
    resources: resources.map(resourceJson),
    unused_grants: unusedGrants(exposure).map(({ resource }) => resource.name),
    reach: access === null ? null : accessJson(access),
    uncatalogued: uncatalogued.map(({ ip, transport, port, attempts, connected, sent, received, first, last }) => ({
      ip,
      transport,
      port: port < 0 ? null : port,
      ...usedJson({ attempts, connected, sent, received, first, last }),
    })),
    denied: denied.map(({ resource, lines, destinations }) => ({ resource, lines, destinations })),
    logins: logins.map(({ host, account, logins: count, isRoot, first, last }) => ({
      host,
      account,
      logins: count,
      root: isRoot,
      first: toIso(first),
      last: toIso(last),
    })),
    rights: rights.map(({ host, account, times }) => ({ host, account, times })),
  }
}

function resourceJson({ resource, byRules, reached, isDocumented, used, denied }: ExposedResource) {
  return {
    name: resource.name,
    classification: resource.classification,
    owner: resource.owner,
    by_rules: byRules,
    whole: reached?.isWhole ?? null,
    documented: isDocumented,
    reach: reached === null ? [] : placesJson(reached.reached),
    used: used === null ? null : usedJson(used),
    denied_lines: denied,
  }
}

function usedJson({ attempts, connected, sent, received, first, last }: Used) {
  return { attempts, connected, bytes_sent: sent, bytes_received: received, first: toIso(first), last: toIso(last) }
}

function accessJson({ beyond, peers, gateway, isWhole }: Access) {
  return {
    whole: isWhole,
    beyond: placesJson(beyond),
    peers: peers.map(({ publicKey, interface: name, prefix, certainty, reached }) => ({
      public_key: publicKey,
      interface: name,
      prefix,
      certainty,
      reach: placesJson(reached),
    })),
    gateway: partsJson(gateway),
  }
}

function placesJson(reached: readonly Reached[]) {
  return (['yes', 'maybe'] as const).flatMap((certainty) => {
    const some = reached.filter((each) => each.certainty === certainty)
    const why = [...new Set(some.flatMap(({ part }) => part.why))]
    return byDestination(some).map((each) => ({
      destination: destinationText(each),
      services: servicesText(each, SERVICES_MAX),
      certainty,
      ...(why.length === 0 ? {} : { why }),
    }))
  })
}

function partsJson(parts: readonly ReachPart[]) {
  return placesJson(
    parts.map((part) => ({ family: part.family, box: targetOf(part), certainty: part.certainty, part })),
  )
}
