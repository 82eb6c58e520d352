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
import { createShownKeys } from './shown-keys.ts'
import { createSilences, type Silence } from './silences.ts'
import { tupleKey } from './tuple-key.ts'

export type Contradictions = {
  /** A line of the packet log, or of conntrack's event stream, came. */
  heard(source: 'nftables' | 'conntrack', at: Micros): void
  /** See Watch. */
  line(record: PacketRecord, rule: LineRule, flow: Flow | null): void
  readonly flow: (flow: Flow) => void
  tick(watermark: Micros): void
  end(at: Micros): void
}

/** Lines of a rule that had a flow, before a destination it was never seen with counts too. */
const RULE_SHOWN_MIN = 10

const TCP = 6
const UDP = 17

export function createContradictions(
  rulesets: RulesetHistory,
  state: (source: 'nftables' | 'conntrack', gap: Gap) => void,
): Contradictions {
  const shown = createShownKeys()
  const shownByRule = createShownKeys()
  const logged = createShownKeys()
  const conntrack = createSilences()
  const packetLog = createSilences()
  const isNew = createNewness()

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
      miss(by, dst, service, protocol)
      return
    }
    const isProof =
      shown.mustShow(by, dst, service, '', 1) ||
      (!shown.isKnown(by, dst, service) && shownByRule.mustShow(by, '', protocol, '', RULE_SHOWN_MIN))
    // It may wait for minutes, and must not hold the read buffer for so long.
    const [keptBy, keptDst] = [typeof by === 'string' ? detach(by) : by, detach(dst)]
    const missed = () => miss(keptBy, keptDst, service, protocol)
    conntrack.suspect(silence, tupleKey(protocol, src, sport, dst, dport), { at, isProof, missed })
  }

  function miss(by: LogRule | string, dst: string, service: number, protocol: number): void {
    shown.missed(by, dst, service)
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
    const missed = () => logged.missed(src, seenDst, service)
    if (silence === null) missed()
    else packetLog.suspect(silence, flow.id, { at: startAt, isProof: true, missed })
  }

  function say(source: 'nftables' | 'conntrack', silences: readonly Silence[]): void {
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
  }
}

function toGap(source: 'nftables' | 'conntrack', { from, to, unseen }: Silence): Gap {
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

/** What wrote the line: the rule, where it is known for sure, else everything with its prefix. */
function writerOf(packet: Packet, rule: LogRule | null): LogRule | string {
  return rule !== null && rule.handle !== '' ? rule : packet.prefix
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
