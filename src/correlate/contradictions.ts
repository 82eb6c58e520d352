/**
 * One source contradicting another (design 7): at least three distinct flows that the packet log shows accepted and conntrack
 * never shows, or that conntrack shows and a logging rule should have written and did not, within one silence of the source
 * that does not show them. The gap runs from its last line before to its first line after.
 *
 * Careful on purpose, for there are many honest reasons to show nothing: only new connections count, only what the source
 * has shown before, only rules without a limit, and only under the ruleset that stood then.
 */

import { detach } from '../identity/address-book.ts'
import type { Packet, PacketRecord } from '../sources/nftables/record.ts'
import type { LogRule } from '../sources/nftables/ruleset.ts'
import type { RulesetHistory } from '../sources/nftables/ruleset-history.ts'
import type { Micros } from '../time.ts'
import type { Flow } from './flow.ts'
import type { Gap } from './gaps.ts'
import type { LineRule } from './line-rules.ts'
import { createShownKeys, type SavedShownKeys } from './shown-keys.ts'
import { createSilences, type SavedSilences, type Silence } from './silences.ts'
import { tupleKey } from './tuple-key.ts'

export type Contradictions = {
  /** A line of the packet log, or of conntrack's event stream, came. */
  heard(source: 'nftables' | 'conntrack', at: Micros): void
  /** See Watch. */
  line(record: PacketRecord, rule: LineRule, flow: Flow | null): void
  readonly flow: (flow: Flow) => void
  tick(watermark: Micros): void
  end(at: Micros): void
  save(): SavedContradictions
}

/** Who showed what to whom: see `writerOf` and `flowAlone`. `protocol` is -1 where it plays no part. */
type Shown = { readonly by: string; readonly to: string; readonly service: number; readonly protocol: number }

export type SavedContradictions = {
  readonly shown: SavedShownKeys
  readonly shownByRule: SavedShownKeys
  readonly logged: SavedShownKeys
  readonly conntrack: SavedSilences<Shown>
  readonly packetLog: SavedSilences<Shown>
}

/** Lines of a rule that had a flow, before a destination it was never seen with counts too. */
const RULE_SHOWN_MIN = 10

const TCP = 6
const UDP = 17

export function createContradictions(
  rulesets: RulesetHistory,
  state: (source: 'nftables' | 'conntrack', gap: Gap) => void,
  saved?: SavedContradictions,
): Contradictions {
  const shown = createShownKeys(saved?.shown)
  const shownByRule = createShownKeys(saved?.shownByRule)
  const logged = createShownKeys(saved?.logged)
  const conntrack = createSilences(miss, saved?.conntrack)
  const packetLog = createSilences<Shown>(({ by, to, service }) => logged.missed(by, to, service), saved?.packetLog)
  const isNew = createNewness()
  const writerOf = createWriters()

  function lineShown({ packet }: PacketRecord, { rule, verdict }: LineRule, flow: Flow): void {
    if (verdict === 'accepted') {
      const by = writerOf(packet, rule)
      shown.shown(by, packet.dst, serviceOf(packet.protocol, packet.dport), '')
      shownByRule.shown(by, '', packet.protocol, '')
    }
    packetLog.clear(flow.id, flow.startAt)
    if (rule !== null && !rule.sampled && rule.document !== '' && verdict !== 'unknown') {
      logged.shown(flow.src, flow.seenDst, serviceOf(flow.protocol, flow.seenDport), rule.document)
    }
  }

  function lineAlone(record: PacketRecord, { rule, verdict }: LineRule): void {
    const { packet, at } = record
    if (verdict !== 'accepted' || rule?.sampled === true || !isNew(packet, rule)) return
    const { protocol, src, sport, dst, dport } = packet
    const by = writerOf(packet, rule)
    const service = serviceOf(protocol, dport)
    const silence = conntrack.around(at)
    if (silence === null) {
      miss({ by, to: dst, service, protocol })
      return
    }
    const isProof =
      shown.mustShow(by, dst, service, '', 1) ||
      (!shown.isKnown(by, dst, service) && shownByRule.mustShow(by, '', protocol, '', RULE_SHOWN_MIN))
    // It may wait for minutes, and must not hold the read buffer for so long.
    const key = { by: detach(by), to: detach(dst), service, protocol }
    conntrack.suspect(silence, tupleKey(protocol, src, sport, dst, dport), { at, isProof, key })
  }

  function miss({ by, to, service, protocol }: Shown): void {
    shown.missed(by, to, service)
    shownByRule.missed(by, '', protocol)
  }

  /** Who spoke to what, after destination NAT: rules may log some peers only, so another peer's flow proves nothing. */
  function flowAlone(flow: Flow): void {
    const { src, seenDst, startAt } = flow
    const service = serviceOf(flow.protocol, flow.seenDport)
    if (!logged.isKnown(src, seenDst, service)) return
    const [ruleset, other] = rulesets.rulesetsAt(startAt)
    if (ruleset === undefined || other !== undefined) return
    if (!logged.mustShow(src, seenDst, service, ruleset.hash, 1)) return
    const silence = packetLog.around(startAt)
    if (silence === null) {
      logged.missed(src, seenDst, service)
      return
    }
    const key = { by: src, to: seenDst, service, protocol: -1 }
    packetLog.suspect(silence, flow.id, { at: startAt, isProof: true, key })
  }

  function say(source: 'nftables' | 'conntrack', silences: readonly Silence<Shown>[]): void {
    for (const silence of silences) state(source, toGap(source, silence))
  }

  return {
    heard: (source, at) => (source === 'conntrack' ? conntrack : packetLog).heard(at),
    line(record, rule, flow) {
      if (record.packet.src === '' || record.packet.quoted !== '') return
      if (flow === null) lineAlone(record, rule)
      else lineShown(record, rule, flow)
    },
    flow(flow) {
      if (flow.startBasis === 'new' && flow.witness === null) flowAlone(flow)
    },
    tick(watermark) {
      say('conntrack', conntrack.settled(watermark))
      say('nftables', packetLog.settled(watermark))
    },
    end(at) {
      say('conntrack', conntrack.end(at))
      say('nftables', packetLog.end(at))
    },
    save: () => ({
      shown: shown.save(),
      shownByRule: shownByRule.save(),
      logged: logged.save(),
      conntrack: conntrack.save(),
      packetLog: packetLog.save(),
    }),
  }
}

function toGap(source: 'nftables' | 'conntrack', { from, to, unseen }: Silence<Shown>): Gap {
  const proofs = [...(unseen?.values() ?? [])].filter(({ isProof }) => isProof)
  const times = proofs.map((each) => each.at).sort((a, b) => a - b)
  return {
    from,
    to,
    reason: source === 'conntrack' ? 'flows-only-in-packet-log' : 'flows-only-in-conntrack',
    certain: { from: times[0] ?? from, to: times.at(-1) ?? from },
    isInferred: true,
    fields: { 'wireguard.coverage.expected': times.length, 'wireguard.coverage.seen': 0 },
  }
}

/**
 * What wrote the line: the rule, where it is known for sure, else everything with its prefix. A rule is told by its text, not by
 * being the same object: after a restart the rulesets are read anew. NUL cannot be typed into a prefix.
 */
function createWriters(): (packet: Packet, rule: LogRule | null) => string {
  const known = new WeakMap<LogRule, string>()
  return (packet, rule) => {
    if (rule === null || rule.handle === '') return packet.prefix
    let writer = known.get(rule)
    if (writer === undefined) {
      const { document, ruleset, handle, prefix, group } = rule
      // As bytes, for that is how texts are copied where they are kept.
      writer = Buffer.from(['', document, ruleset, handle, group, prefix].join('\0')).toString('latin1')
      known.set(rule, writer)
    }
    return writer
  }
}

function serviceOf(protocol: number, port: number): number {
  return port * 256 + protocol
}

/**
 * Whether a packet opens a connection, so that conntrack must say NEW: a SYN, or a rule that asks for `ct state new`. Other
 * packets may belong to an entry that is older than the collector.
 */
function createNewness(): (packet: Packet, rule: LogRule | null) => boolean {
  const known = new WeakMap<LogRule, boolean>()
  return (packet, rule) => {
    if (packet.protocol === TCP) return packet.tcpFlags.endsWith('SYN') && !packet.tcpFlags.includes('ACK')
    if (packet.protocol !== UDP || rule === null) return false
    let isNewOnly = known.get(rule)
    if (isNewOnly === undefined) {
      isNewOnly = rule.matches.some(
        ({ text }) => text.includes('"ct":{"key":"state"}') && text.includes('"right":"new"'),
      )
      known.set(rule, isNewOnly)
    }
    return isNewOnly
  }
}
