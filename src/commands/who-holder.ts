/**
 * Who held a tunnel address at a time, on each gateway: asked of a ledger rebuilt from the store, by the code that attributes
 * documents (identity/attribute.ts). Interface evidence in the order of design 5.5: a log line of that address near the time, else
 * the only interface whose ledger covers it by a prefix narrower than /0; several interfaces are each told.
 */
import { createAddressBook } from '../identity/address-book.ts'
import { type Attributor, type Claim, createAttributor, type Moment } from '../identity/attribute.ts'
import { holderStretches, type Stretch } from '../identity/holder-stretches.ts'
import type { Entry, Ledger } from '../identity/ledger.ts'
import type { LedgerView } from '../store/ledger-reader.ts'
import type { StoreReader } from '../store/reader.ts'
import { DAY, type Micros } from '../time.ts'
import { beginningOf, type LedgerWindow, pollAfter, pollBefore } from './ledger-window.ts'
import { type PeerFacts, peerFacts } from './peer-facts.ts'
import { peerStatesAt, stateKey } from './peer-state.ts'
import type { ChangeAnswer, HeldAnswer, HolderAnswer } from './who-answer.ts'
import { type AddressLine, nearestRule } from './who-lines.ts'
import { type Question, STAMP_SLACK } from './who-question.ts'

/** How far around the time a change of hands is looked for. */
export const CHANGES_WITHIN: Micros = DAY

export type GatewayLedgers = {
  /** The polls around the moment, as documents of that time were made with. */
  readonly view: LedgerView
  /** A day before and after. */
  readonly window: LedgerWindow
  readonly attributor: Attributor
  /** The moment as this gateway's polls see it. */
  readonly moment: Moment
}

/** The attributor as it stood; `ownAddresses` are the gateway's, which no prefix makes a peer's (design 5.5). */
export function attributorOf(view: LedgerView, ownAddresses: readonly string[]): Attributor {
  const attributor = createAttributor({
    gateway: view.gateway,
    ledger: view.ledger,
    inventory: view.inventory,
    marks: new Map(),
    hasSnapshots: true,
    addresses: createAddressBook(),
  })
  for (const address of ownAddresses) attributor.noteOwnAddress(address)
  return attributor
}

/**
 * The time asked for, with what clocks may be off. A time nobody named is the newest poll, by the clock of the polls themselves: a
 * gateway whose own newest one is not much older is asked as of that.
 */
export function momentOf(question: Question, ledger: Ledger, newest: Micros): Moment {
  const { from, to } = question.moment
  if (question.isTimeGiven) return { from: from - STAMP_SLACK, to: to + STAMP_SLACK }
  return from - newest <= 3 * ledger.polls.period ? { from: newest, to: newest } : { from, to }
}

/** Empty when the gateway's ledger has nothing to do with the address, within a day. */
export async function holdersOn(
  store: StoreReader,
  gateway: GatewayLedgers,
  question: Question,
  lines: readonly AddressLine[],
): Promise<HolderAnswer[]> {
  const answers: HolderAnswer[] = []
  for (const { claim, seenAt } of claimsOf(gateway, question, lines))
    answers.push(await describe(store, gateway, question, claim, { lines, seenAt }))
  return answers
}

type Found = { readonly claim: Claim; readonly seenAt: Micros | null }

function claimsOf(
  { attributor, view, window, moment }: GatewayLedgers,
  { address, port }: Question,
  lines: readonly AddressLine[],
): Found[] {
  const seen = new Map<string, Found>()
  for (const line of lines) {
    if (line.gateway !== view.gateway || !line.isNear || !attributor.isWireguard(line.interface)) continue
    const claim = attributor.onInterface(line.interface, address, moment, 'interface', line.side)
    // A default route covers what nobody else holds: a line of another holder's time must not prove it.
    if (claim.entry?.isDefault && !isBetweenPolls(view, moment, line.at)) continue
    // Which side is asked only matters for a default route: as a source it is proof, as a destination it is not.
    if (!seen.has(line.interface) || line.side === 'source') seen.set(line.interface, { claim, seenAt: line.at })
  }
  if (seen.size > 0) return [...seen.values()]
  const claim = attributor.byPrefix(address, port, -1, moment)
  if (claim !== null && claim.reason !== 'no-interface-evidence') return [{ claim, seenAt: null }]
  const names = [...view.ledger.interfaces.keys()].filter((name) => {
    const asked = claim === null ? window.ledger : view.ledger
    const [from, to] =
      claim === null ? [moment.from - CHANGES_WITHIN, moment.to + CHANGES_WITHIN] : spanOf(view, moment)
    return asked.holding(name, address.bits, from, to).candidates.some((entry) => !entry.isDefault)
  })
  return names.map((name) => {
    const own = attributor.onInterface(name, address, moment, 'prefix', 'source')
    // Only the default route covers it then, and no line shows the interface: nobody is proven.
    return { claim: own.entry?.isDefault ? nobody(own) : own, seenAt: null }
  })
}

function isBetweenPolls({ ledger }: LedgerView, moment: Moment, at: Micros): boolean {
  const { before, after } = ledger.polls.around(moment.from, moment.to)
  return before !== null && after !== null && at >= before && at <= after
}

/** The polls around the moment, as far as there are any. */
function spanOf({ ledger }: LedgerView, moment: Moment): [Micros, Micros] {
  const { before, after } = ledger.polls.around(moment.from, moment.to)
  return [before ?? after ?? moment.from, after ?? before ?? moment.to]
}

function nobody(claim: Claim): Claim {
  return { ...claim, status: 'unknown', reason: 'no-holder', entry: null, candidates: [] }
}

async function describe(
  store: StoreReader,
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
      : (await peerStatesAt(store, gateway, question.moment.to, before ?? at, entry.publicKey)).get(
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
    held: entry === null ? null : await heldOf(store, window, entry, moment),
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
    previous: change(others.findLast(({ from, to }) => from <= moment.from && to < Math.max(moment.to, from + 1))),
    next: change(others.find(({ from }) => from > moment.from)),
  }
}

async function heldOf(store: StoreReader, window: LedgerWindow, entry: Entry, moment: Moment): Promise<HeldAnswer> {
  const { ledger } = window
  // The window's own entry: it knows what came before and after.
  const own =
    ledger.interfaces
      .get(entry.interface)
      ?.history.flat()
      .map((held) => held.entry)
      .find(
        (each) =>
          each.publicKey === entry.publicKey &&
          each.prefix === entry.prefix &&
          each.since <= moment.to &&
          each.until >= moment.from,
      ) ?? entry
  const isStill = own.until === Number.POSITIVE_INFINITY
  const allowedIps = ledgerList(ledger, window.until(moment.to), own)
  const isFromStart = own.since <= ledger.polls.oldest
  const beginning = isFromStart ? await beginningOf(store, window.gateway, own, own.since) : null
  const since = beginning?.since ?? own.since
  return {
    prefix: own.prefix,
    since,
    sinceAfter: beginning === null ? pollBefore(ledger, since - 1) : null,
    until: isStill ? null : own.until,
    untilBefore: isStill ? null : pollAfter(ledger, own.until),
    allowedIps,
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
