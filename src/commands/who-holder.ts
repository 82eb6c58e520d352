/**
 * What is known about the holder of a tunnel address beside its key: how long it held it and by which prefix, who held it before and
 * after, where it was, which rule decided about its packets.
 */
import type { Claim, Moment } from '../identity/attribute.ts'
import { holderStretches, type Stretch } from '../identity/holder-stretches.ts'
import type { Entry, Ledger } from '../identity/ledger.ts'
import type { EventReader } from '../store/event-reader.ts'
import type { Micros } from '../time.ts'
import { beginningOf, type LedgerWindow, pollAfter, pollBefore } from './ledger-window.ts'
import { type PeerFacts, peerFacts } from './peer-facts.ts'
import { peerStatesAt, stateKey } from './peer-state.ts'
import type { ChangeAnswer, HeldAnswer, HolderAnswer } from './who-answer.ts'
import { CHANGES_WITHIN, claimsOn, type GatewayLedgers, spanOf } from './who-claims.ts'
import { type AddressLine, nearestRule } from './who-lines.ts'
import type { Question } from './who-question.ts'

/** Empty when the gateway's ledger has nothing to do with the address, within a day. */
export async function holdersOn(
  reader: EventReader,
  gateway: GatewayLedgers,
  question: Question,
  lines: readonly AddressLine[],
): Promise<HolderAnswer[]> {
  const answers: HolderAnswer[] = []
  for (const { claim, seenAt } of claimsOn(gateway, question, lines))
    answers.push(await describe(reader, gateway, question, claim, { lines, seenAt }))
  return answers
}

async function describe(
  reader: EventReader,
  { view, window, moment }: GatewayLedgers,
  question: Question,
  claim: Claim,
  { lines, seenAt }: { readonly lines: readonly AddressLine[]; readonly seenAt: Micros | null },
): Promise<HolderAnswer> {
  const { gateway, ledger, inventory } = view
  const at = question.moment.from
  const facts = (publicKey: string, when = at) => peerFacts(inventory, gateway, claim.interface, publicKey, when)
  const { before, after } = ledger.polls.around(moment.from, moment.to)
  const { entry } = claim
  const around = ledger.holding(claim.interface, question.address.bits, ...spanOf(view, moment)).candidates
  const prefixOf = (key: string) => around.find(({ publicKey }) => publicKey === key)?.prefix ?? ''
  const stretches = stretchesOf(window, claim.interface, question, moment)
  const state =
    entry === null
      ? undefined
      : (await peerStatesAt(reader, gateway, question.moment.to, before ?? at, entry.publicKey)).get(
          stateKey(gateway, entry.interface, entry.publicKey),
        )
  return {
    gateway,
    interface: claim.interface,
    claim,
    peer: entry === null ? null : facts(entry.publicKey),
    candidates: claim.candidates
      .map((key) => ({ ...facts(key), prefix: prefixOf(key) }))
      .toSorted((a, b) => lengthOf(b.prefix) - lengthOf(a.prefix)),
    held: entry === null ? null : await heldOf(reader, window, entry, moment),
    pollBefore: before,
    pollAfter: after,
    period: ledger.polls.period,
    endpoint: state?.endpoint ?? null,
    lastHandshake: state?.lastHandshake ?? null,
    inventory: inventory.hash,
    ...neighbours(stretches, entry, moment, window, facts),
    rule: nearestRule(lines, gateway, at, question.port),
    seenAt,
  }
}

/** Every holder within a day by a prefix of its own; default routes cover everything and are left out. */
function stretchesOf(window: LedgerWindow, name: string, { address }: Question, moment: Moment): Stretch[] {
  const state = window.ledger.interfaces.get(name)
  if (state === undefined) return []
  const from = moment.from - CHANGES_WITHIN
  const { candidates } = window.ledger.holding(name, address.bits, from, moment.to + CHANGES_WITHIN)
  return holderStretches(
    candidates.filter((entry) => !entry.isDefault),
    state,
  )
}

function neighbours(
  stretches: readonly Stretch[],
  entry: Entry | null,
  moment: Moment,
  { ledger }: LedgerWindow,
  facts: (publicKey: string, at: Micros) => PeerFacts,
): { previous: ChangeAnswer | null; next: ChangeAnswer | null } {
  // The entry of the claim comes from another ledger than the stretches: the same key and prefix is meant.
  const isOwn = (stretch: Stretch) =>
    entry !== null &&
    stretch.entry.publicKey === entry.publicKey &&
    stretch.from <= moment.to &&
    stretch.to >= moment.from
  const change = (stretch: Stretch | undefined): ChangeAnswer | null => {
    if (stretch === undefined) return null
    const isStill = stretch.to === Number.POSITIVE_INFINITY
    return {
      // Names as of the time nearest to the moment at which it held the address.
      peer: facts(stretch.entry.publicKey, isStill || stretch.from > moment.from ? stretch.from : stretch.to),
      prefix: stretch.entry.prefix,
      since: stretch.from,
      sinceAfter: pollBefore(ledger, stretch.from - 1),
      until: isStill ? null : stretch.to,
      untilBefore: isStill ? null : pollAfter(ledger, stretch.to),
    }
  }
  // Where a change lies within the moment itself, the one that was there first is before, the other one after.
  const others = stretches.filter((stretch) => !isOwn(stretch))
  return {
    previous: change(others.findLast(({ from, to }) => from <= moment.from && to < moment.to)),
    next: change(others.find(({ from }) => from > moment.from)),
  }
}

async function heldOf(reader: EventReader, window: LedgerWindow, entry: Entry, moment: Moment): Promise<HeldAnswer> {
  const { ledger } = window
  const state = ledger.interfaces.get(entry.interface)
  const endOf = (each: Entry) =>
    each.until === Number.POSITIVE_INFINITY && state?.isUp === false ? state.downSince : each.until
  // The window's own entry: it knows what came before and after.
  const own =
    state?.history
      .flat()
      .map((held) => held.entry)
      .find(
        (each) =>
          each.publicKey === entry.publicKey &&
          each.prefix === entry.prefix &&
          each.since <= moment.to &&
          endOf(each) >= moment.from,
      ) ?? entry
  const isFromStart = own.since <= ledger.polls.oldest
  const beginning = isFromStart
    ? await beginningOf(reader, window.gateway, own, own.since)
    : { since: own.since, after: pollBefore(ledger, own.since - 1) }
  const until = endOf(own)
  const isStill = until === Number.POSITIVE_INFINITY
  return {
    prefix: own.prefix,
    since: beginning.since,
    sinceAfter: beginning.after,
    until: isStill ? null : until,
    untilBefore: isStill ? null : pollAfter(ledger, until),
    allowedIps: ledgerList(ledger, window.until(moment.to), own),
  }
}

/** -1 for none. */
function lengthOf(prefix: string): number {
  return prefix === '' ? -1 : Number(prefix.slice(prefix.indexOf('/') + 1))
}

/** AllowedIPs as they ran then; of a peer that is not to be found any more only the matching one. */
function ledgerList(
  whole: Ledger,
  then: Ledger | null,
  { interface: name, publicKey, prefix }: Entry,
): readonly string[] {
  const peer = (then ?? whole).peer(name, publicKey)
  return peer?.row.allowedIps ?? [prefix]
}
