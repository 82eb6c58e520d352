/**
 * One source contradicting another (design 7): at least three distinct flows that the packet log shows accepted and conntrack
 * never shows, or that conntrack shows and a logging rule should have written and did not, within one silence of the source
 * that does not show them. The gap runs from its last line before to its first line after.
 *
 * Careful on purpose, for there are many honest reasons to show nothing: only new connections count, only what the source
 * has shown before, only rules without a limit, and only under the ruleset that stood then.
 */

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
  const conntrack = createSilences(([key = '', wholeRule = '']) => {
    shown.missed(key)
    shownByRule.missed(wholeRule)
  })
  const packetLog = createSilences(([key = '']) => logged.missed(key))
  const isNew = createNewness()

  function lineShown({ packet }: PacketRecord, { rule, verdict }: LineRule, flow: Flow): void {
    if (verdict === 'accepted') {
      shown.shown(destinationKey(packet, rule), '')
      shownByRule.shown(ruleKey(packet, rule), '')
    }
    packetLog.clear(flow.id, flow.startAt)
    if (rule !== null && !rule.sampled && rule.document !== '' && verdict !== 'unknown')
      logged.shown(flowKey(flow), rule.document)
  }

  function lineAlone(record: PacketRecord, { rule, verdict }: LineRule): void {
    const { packet, at } = record
    if (verdict !== 'accepted' || rule?.sampled === true || !isNew(packet, rule)) return
    const [key, wholeRule] = [destinationKey(packet, rule), ruleKey(packet, rule)]
    const silence = conntrack.around(at)
    if (silence === null) {
      shown.missed(key)
      shownByRule.missed(wholeRule)
    } else if (
      shown.mustShow(key, '', 1) ||
      (!shown.isKnown(key) && shownByRule.mustShow(wholeRule, '', RULE_SHOWN_MIN))
    ) {
      const flow = tupleKey(packet.protocol, packet.src, packet.sport, packet.dst, packet.dport)
      conntrack.suspect(silence, flow, { at, keys: [key, wholeRule] })
    }
  }

  function flowAlone(flow: Flow): void {
    const key = flowKey(flow)
    if (!logged.isKnown(key)) return
    const [ruleset, other] = rulesets.rulesetsAt(flow.startAt)
    if (ruleset === undefined || other !== undefined || !logged.mustShow(key, ruleset.hash, 1)) return
    const silence = packetLog.around(flow.startAt)
    if (silence === null) logged.missed(key)
    else packetLog.suspect(silence, flow.id, { at: flow.startAt, keys: [key] })
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
  const times = [...(unseen?.values() ?? [])].map((each) => each.at).sort((a, b) => a - b)
  return {
    from,
    to,
    reason: source === 'conntrack' ? 'flows-only-in-packet-log' : 'flows-only-in-conntrack',
    certain: { from: times[0] ?? from, to: times.at(-1) ?? from },
    isInferred: true,
    fields: { 'wireguard.coverage.expected': times.length, 'wireguard.coverage.seen': 0 },
  }
}

const ruleName = (rule: LogRule | null) => (rule === null ? '' : `${rule.ruleset} ${rule.handle}`)

function destinationKey(packet: Packet, rule: LogRule | null): string {
  return `${packet.protocol} ${packet.in} ${packet.out} ${packet.dst} ${packet.dport} ${ruleName(rule)}`
}

function ruleKey(packet: Packet, rule: LogRule | null): string {
  return `${packet.protocol} ${packet.in} ${packet.out} ${packet.prefix} ${ruleName(rule)}`
}

/** Who spoke to what, after destination NAT: rules may log some peers only, so another peer's flow proves nothing. */
function flowKey(flow: Flow): string {
  return `${flow.protocol} ${flow.src} ${flow.seenDst} ${flow.seenDport}`
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
