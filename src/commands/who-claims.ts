/**
 * Who held a tunnel address at a time on one gateway: asked of a ledger rebuilt from the store, by the code that attributes documents
 * (identity/attribute.ts). Interface evidence in the order of design 5.5: a log line of that address near the time, else the only
 * interface whose ledger covers it by a prefix narrower than /0; several interfaces are each told.
 */
import { createAddressBook, type KnownAddress } from '../identity/address-book.ts'
import { type Attributor, type Claim, createAttributor, type Moment } from '../identity/attribute.ts'
import type { Ledger } from '../identity/ledger.ts'
import type { PeerCells } from '../identity/ledger-journal.ts'
import { COVERING_MAX, createPrefixTrie } from '../identity/prefix-trie.ts'
import type { LedgerView } from '../store/ledger-reader.ts'
import { DAY, type Micros } from '../time.ts'
import type { LedgerWindow } from './ledger-window.ts'
import type { AddressLine } from './who-lines.ts'
import { type Question, STAMP_SLACK } from './who-question.ts'

/** How far around the time a change of hands is looked for. */
export const CHANGES_WITHIN: Micros = DAY

export type GatewayLedgers = {
  /** The polls around the moment, as documents of that time were made with. */
  readonly view: LedgerView
  /** A day before and after, of the peers the address may have to do with. */
  readonly window: LedgerWindow
  readonly attributor: Attributor
  /** The gateway itself uses the address: no prefix makes it a peer's (design 5.5). */
  readonly isOwnAddress: boolean
  /** The moment as this gateway's polls see it. */
  readonly moment: Moment
}

/** Peers that an address may have to do with: it is their endpoint, or one of their AllowedIPs covers it. */
export function isAbout({ text, bits }: KnownAddress): (peer: PeerCells) => boolean {
  const slots = new Int32Array(COVERING_MAX)
  return ([, , allowedIps, endpointIp]) => {
    const prefixes = createPrefixTrie()
    for (const prefix of allowedIps) prefixes.slotOf(prefix)
    return endpointIp === text || prefixes.covering(bits, slots) > 0
  }
}

/** The attributor as it stood. */
export function attributorOf(view: LedgerView): Attributor {
  return createAttributor({
    gateway: view.gateway,
    ledger: view.ledger,
    inventory: view.inventory,
    marks: new Map(),
    hasSnapshots: true,
    addresses: createAddressBook(),
  })
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

/** An answer of one interface. */
export type Found = { readonly claim: Claim; readonly seenAt: Micros | null }

/**
 * One for each interface there is evidence for; empty when the gateway's ledger has nothing to do with the address, within a day. A log
 * line of the very moment settles the interface; one near it only adds its own, because the address may be on another one too.
 */
export function claimsOn(gateway: GatewayLedgers, question: Question, lines: readonly AddressLine[]): Found[] {
  const { moment } = gateway
  const seen = claimsByLines(gateway, question, lines)
  const settled = seen.filter(({ seenAt }) => seenAt !== null && seenAt >= moment.from && seenAt <= moment.to)
  if (settled.length > 0) return settled
  const names = new Set(seen.map(({ claim }) => claim.interface))
  return [...seen, ...claimsByPrefix(gateway, question).filter(({ claim }) => !names.has(claim.interface))]
}

function claimsByLines(
  { attributor, view, moment }: GatewayLedgers,
  { address }: Question,
  lines: readonly AddressLine[],
): Found[] {
  const seen = new Map<string, Found>()
  for (const line of lines) {
    if (line.gateway !== view.gateway || !line.isNear || !attributor.isWireguard(line.interface)) continue
    const claim = attributor.onInterface(line.interface, address, moment, 'interface', line.side)
    // A default route covers what nobody else holds: a line of another holder's time must not prove it.
    if (claim.entry?.isDefault && !isBetweenPolls(view, moment, line.at)) continue
    // Lines come nearest first. A default route is proof for a source only, so a destination does not stand in its way.
    const known = seen.get(line.interface)
    if (known === undefined || known.claim.reason === 'default-route')
      seen.set(line.interface, { claim, seenAt: line.at })
  }
  return [...seen.values()]
}

function claimsByPrefix(
  { attributor, view, window, moment, isOwnAddress }: GatewayLedgers,
  { address, port }: Question,
): Found[] {
  if (isOwnAddress) return []
  const claim = attributor.byPrefix(address, port, -1, moment)
  if (claim !== null && claim.reason !== 'no-interface-evidence') return [{ claim, seenAt: null }]
  // Nobody then, or several interfaces: those that have, or within a day had, a holder with a prefix of its own.
  const [ledger, from, to] =
    claim === null
      ? ([window.ledger, moment.from - CHANGES_WITHIN, moment.to + CHANGES_WITHIN] as const)
      : ([view.ledger, ...spanOf(view, moment)] as const)
  return [...ledger.interfaces.keys()]
    .filter((name) => ledger.holding(name, address.bits, from, to).candidates.some((entry) => !entry.isDefault))
    .map((name) => {
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
export function spanOf({ ledger }: LedgerView, moment: Moment): [Micros, Micros] {
  const { before, after } = ledger.polls.around(moment.from, moment.to)
  return [before ?? after ?? moment.from, after ?? before ?? moment.to]
}

function nobody(claim: Claim): Claim {
  return { ...claim, status: 'unknown', reason: 'no-holder', entry: null, candidates: [] }
}
