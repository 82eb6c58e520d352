/**
 * What lines have in common, found once and shared: interfaces, rule, protocol, destination and resource (a *setting*), and
 * with the peer behind them everything of a document but its own few fields (a *shape*). A gateway sees a few thousand of
 * them in millions of lines; finding one costs two look-ups instead of a dozen (design 2.10).
 */
import type { Facet } from '../event.ts'
import type { KnownAddress } from '../identity/address-book.ts'
import type { Packet, PacketRecord } from '../sources/nftables/record.ts'
import type { LineRule, LineRules } from './line-rules.ts'
import type { SharedFacets } from './shared-facets.ts'

/** Facets of a firewall document in the order its printer takes them apart. */
export type LineShape = {
  readonly facets: readonly [observer: Facet, rule: Facet, protocol: Facet, identity: Facet, resource: Facet]
  readonly policy: 'allowed' | 'violation' | ''
  /** Printed by the first document of the shape (firewall-json.ts). */
  segments: LineSegments | null
}

/** Bytes between a document's own texts. */
export type LineSegments = {
  readonly head: Buffer
  readonly peer: Buffer
  /** `flow` and `place` in one, for a line that belongs to no known flow. */
  readonly service: Buffer
  readonly flow: Buffer
  readonly place: Buffer
}

export type LineSetting = {
  readonly in: string
  readonly out: string
  readonly prefix: string
  readonly trust: PacketRecord['trust']
  readonly family: number
  readonly icmpType: number
  readonly isFragment: boolean
  /** Of a line that was cut less is certain: it may have another rule. */
  readonly isTruncated: boolean
  readonly observer: Facet
  /** The resource asked for, when the line's own destination is it. */
  readonly resource: Facet
  line: LineRule
  /** Of packets from inside, from public addresses; null until the first of each. */
  readonly protocols: [inside: Facet | null, fromPublic: Facet | null]
  /** Shapes by identity facet; a line whose flow asked for another resource is not among them. */
  readonly shapes: Map<Facet, LineShape>
}

export type LineSettings = {
  of(record: PacketRecord, destination: KnownAddress | null): LineSetting
  /** Protocol and direction of a packet of this setting. */
  protocolOf(setting: LineSetting, packet: Packet, source: KnownAddress | null, destination: KnownAddress | null): Facet
  shapeOf(
    setting: LineSetting,
    identity: Facet,
    protocol: Facet,
    policyOf: (resource: Facet) => LineShape['policy'],
  ): LineShape
}

/** Shapes remembered over all settings, about 3 kB each; beyond it all are found anew. */
const SHAPES_MAX = 16_384
const SETTINGS_MAX = 65_536
/** Stands for a line without a readable destination. */
const NOWHERE = {}

export function createLineSettings(rules: LineRules, shared: SharedFacets): LineSettings {
  let byDestination = new Map<object, Map<number, LineSetting[]>>()
  let settings = 0
  let shapes = 0

  function of(record: PacketRecord, destination: KnownAddress | null): LineSetting {
    const { packet } = record
    let byService = byDestination.get(destination ?? NOWHERE)
    if (byService === undefined) {
      byService = new Map()
      byDestination.set(destination ?? NOWHERE, byService)
    }
    const service = (packet.protocol + 1) * 65_537 + packet.dport + 1
    let alike = byService.get(service)
    if (alike === undefined) {
      alike = []
      byService.set(service, alike)
    }
    for (const setting of alike) {
      if (!isAlike(setting, record)) continue
      if (!rules.isCurrent(setting.line, record)) {
        const line = rules.of(record)
        if (line !== setting.line) {
          setting.line = line
          setting.shapes.clear()
        }
      }
      return setting
    }
    const setting = create(record)
    alike.push(setting)
    if (++settings > SETTINGS_MAX) forget()
    return setting
  }

  function create(record: PacketRecord): LineSetting {
    const { packet } = record
    return {
      in: packet.in,
      out: packet.out,
      prefix: packet.prefix,
      trust: record.trust,
      family: packet.family,
      icmpType: packet.icmpType,
      isFragment: packet.fragmentOffset > 0,
      isTruncated: packet.isTruncated,
      observer: shared.observer(packet.in, packet.out),
      resource: shared.resource(packet.dst, packet.protocol, packet.dport),
      line: rules.of(record),
      protocols: [null, null],
      shapes: new Map(),
    }
  }

  function forget(): void {
    byDestination = new Map()
    settings = 0
    shapes = 0
  }

  return {
    of,
    protocolOf(setting, packet, source, destination) {
      // The destination is the setting's own: only the source's side can differ.
      if (source === null) return shared.protocol(packet.family, packet.protocol, source, destination)
      const side = source.isPublic ? 1 : 0
      let facet = setting.protocols[side]
      if (facet === null) {
        facet = shared.protocol(packet.family, packet.protocol, source, destination)
        setting.protocols[side] = facet
      }
      return facet
    },
    shapeOf(setting, identity, protocol, policyOf) {
      const known = setting.shapes.get(identity)
      if (known !== undefined && known.facets[2] === protocol) return known
      const { observer, line, resource } = setting
      const shape: LineShape = {
        facets: [observer, line.facet, protocol, identity, resource],
        policy: policyOf(resource),
        segments: null,
      }
      if (++shapes > SHAPES_MAX) forget()
      setting.shapes.set(identity, shape)
      return shape
    },
  }
}

function isAlike(setting: LineSetting, { packet, trust }: PacketRecord): boolean {
  return (
    setting.in === packet.in &&
    setting.out === packet.out &&
    setting.prefix === packet.prefix &&
    setting.trust === trust &&
    setting.family === packet.family &&
    setting.icmpType === packet.icmpType &&
    setting.isFragment === isLaterFragment(packet) &&
    setting.isTruncated === packet.isTruncated
  )
}

function isLaterFragment(packet: Packet): boolean {
  return packet.fragmentOffset > 0
}
