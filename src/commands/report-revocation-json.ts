/** A revocation report as JSON: one object a run, one report a key in it. Times are ISO 8601 in UTC, spans milliseconds. */

import type { JudgedGateway, RevocationReport } from '../reports/revocation/revocation.ts'
import { actionsOf } from '../reports/revocation/revocation-actions.ts'
import type { Durations, Range } from '../reports/revocation/revocation-durations.ts'
import type { Between, RevocationFacts } from '../reports/revocation/revocation-facts.ts'
import { METHOD, reasonText, verdictText } from '../reports/revocation/revocation-text.ts'
import { INSTANT_MAX, INSTANT_MIN, type Micros, MS, toIso } from '../time.ts'
import { printJson } from './ascii-json.ts'
import type { SelectedPeers } from './peer-selector.ts'
import { shellWords } from './shell-words.ts'

/** Ended by LF. Nothing in it moves a terminal. */
export function revocationJson(reports: readonly RevocationReport[], selected: SelectedPeers): string {
  return printJson({
    report: 'revocation',
    version: 1,
    peer: selected.label,
    selectedBy: selected.by,
    isProved: reports.length > 0 && reports.every(({ verdict }) => verdict === 'proved'),
    keys: reports.map(keyJson),
    method: METHOD,
  })
}

function keyJson(report: RevocationReport): object {
  const { facts, verdict, ended, lookedUntil, reasons, provedUntil, stored } = report
  return {
    publicKey: facts.publicKey,
    peer: facts.peer,
    verdict,
    text: verdictText(report),
    ended: betweenJson(ended),
    lookedUntil: time(lookedUntil),
    reasons: reasons.map((reason) => ({
      kind: reason.kind,
      gateway: reason.gateway,
      at: time(reason.at),
      text: reasonText(reason),
    })),
    provedUntil: time(provedUntil),
    stored,
    compromisedAt: time(facts.compromisedAt),
    since: time(facts.since),
    inventory: facts.inventory,
    durations: durationsJson(report.durations),
    gateways: report.gateways.map(gatewayJson),
    otherKeys: facts.runningKeys,
    ...evidenceJson(facts),
    findings: facts.findings.map((finding) => ({ ...finding, at: time(finding.at) })),
    acknowledgements: facts.acknowledgements.map((each) => ({ ...each, at: time(each.at) })),
    outerFlows: facts.outer,
    completeness: facts.coverage.map((source) => ({
      ...source,
      gaps: source.gaps.map((gap) => ({ ...gap, from: time(gap.from), to: time(gap.to) })),
    })),
    damage: facts.damage,
    toDo: actionsOf(report).map(({ gateway, why, words }) => ({
      gateway,
      why,
      command: words === null ? null : shellWords(words),
    })),
  }
}

function durationsJson({ detect, remove, prove }: Durations): object {
  return {
    detect: {
      state: detect.state,
      milliseconds: detect.span === null ? null : detect.span / MS,
      first: detect.first === null ? null : { ...detect.first, at: time(detect.first.at) },
    },
    remove: { state: remove.state, since: remove.since, range: rangeJson(remove.range) },
    prove: {
      state: prove.state,
      absentAt: time(prove.absentAt),
      connectionsEndedAt: time(prove.connectionsEndedAt),
      range: rangeJson(prove.range),
      absentRange: rangeJson(prove.absentRange),
    },
  }
}

function evidenceJson({ last, flows, sessions }: RevocationFacts): object {
  return {
    last: {
      handshake: placed(last.handshake),
      counter:
        last.counter === null
          ? null
          : { ...betweenJson(last.counter.between), gateway: last.counter.gateway, bytes: last.counter.bytes },
      packet: placed(last.packet),
      connection: placed(last.connection),
    },
    connections: {
      count: flows.count,
      open: flows.openCount,
      lastEnd: time(flows.lastEnd),
      notRecordedOn: flows.unseen,
      told: flows.told.map((flow) => ({
        ...flow,
        start: time(flow.start),
        end: time(flow.end),
        lastTold: time(flow.lastTold),
      })),
    },
    loginSessions: {
      count: sessions.count,
      isRecorded: sessions.isSeen,
      told: sessions.told.map((session) => ({
        ...session,
        start: time(session.start),
        end: time(session.end),
        acts: session.acts.map((act) => ({ ...act, at: time(act.at) })),
      })),
    },
  }
}

function gatewayJson(gateway: JudgedGateway): object {
  const { removal, polls } = gateway
  return {
    gateway: gateway.gateway,
    isDeclared: gateway.isDeclared,
    isShownAbsent: gateway.isShownAbsent,
    absentAt: time(gateway.absentAt),
    appearances: gateway.appearances.map(({ interface: name, since, until, end, allowedIps }) => ({
      interface: name,
      since: time(since),
      until: time(until),
      end,
      allowedIps,
    })),
    removal:
      removal === null
        ? null
        : {
            interface: removal.interface,
            how: removal.how,
            ...betweenJson(removal.between),
            lastPollWith: time(removal.lastWith),
            firstPollWithout: time(removal.firstWithout),
            document: removal.id,
            evidence: removal.evidenceIds,
          },
    interfacesDown: gateway.heldDown,
    polls:
      polls === null
        ? null
        : {
            first: time(polls.first),
            last: time(polls.last),
            count: polls.count,
            periodMs: polls.period / MS,
            widestMs: polls.widest / MS,
            holes: polls.holes.map(betweenJson),
            holeCount: polls.holeCount,
          },
    stored: gateway.stored,
  }
}

function placed(fact: { readonly at: Micros; readonly gateway: string } | null): object | null {
  return fact === null ? null : { at: time(fact.at), gateway: fact.gateway }
}

function betweenJson(between: Between | null): { readonly from: string | null; readonly to: string | null } | null {
  return between === null ? null : { from: time(between.from), to: time(between.to) }
}

function rangeJson(range: Range | null): object | null {
  return range === null ? null : { leastMs: range.least / MS, mostMs: range.most / MS }
}

/** Documents may hold any number for a time. */
function time(at: Micros | null): string | null {
  return at === null || !(at >= INSTANT_MIN && at <= INSTANT_MAX) ? null : toIso(Math.round(at))
}
