/** A key that nobody has used for long: access that is open and not needed. How long was looked at is said, because silence proves nothing before. */
import { removePeer } from '../identity/inventory-diff-mend.ts'
import { spanText } from '../quantity-text.ts'
import type { PeerRow } from '../sources/wireguard/record.ts'
import { DAY, type Micros } from '../time.ts'
import type { MachineView, PostureCheck, PostureResult, PostureView } from './check.ts'
import { NO_POLL } from './not-known.ts'
import { isGateway } from './posture-view.ts'
import { aboutPeer, keyText, peerName, rowText, secondText } from './shown-peer.ts'
import { VALID_ACCOUNTS } from './techniques.ts'

/** Without a handshake for this long. */
export const STALE_AFTER: Micros = 30 * DAY
/** Longer than any leave: then it is more than advice. */
const FORGOTTEN_AFTER: Micros = 90 * DAY

export const stalePeer: PostureCheck = {
  id: 'stale-peer',
  title: 'Key that nobody uses',
  description: `The key had no handshake for ${spanText(STALE_AFTER)} or more, and is still accepted.`,
  severity: 1,
  attack: [VALID_ACCOUNTS],
  origin: 'posture',
  area: 'Peers',
  knownGaps: [
    'WireGuard forgets handshakes when the interface restarts: those before the first poll are not known then.',
    'Handshakes between two polls that a restart followed are not seen.',
  ],
  look: (machine, view) => {
    if (!isGateway(machine, view)) return []
    const { wireguard, at } = machine
    if (wireguard === null) return [{ kind: 'not-checked', reason: NO_POLL }]
    if (wireguard.peers.length === 0) return []
    const courses = new Map(machine.peers.map((each) => [`${each.interface}\0${each.publicKey}`, each]))
    const results: PostureResult[] = []
    const early: { readonly row: PeerRow; readonly seenFor: Micros }[] = []
    for (const row of wireguard.peers) {
      const course = courses.get(`${row.interface}\0${row.publicKey}`)
      const last = Math.max(course?.lastHandshake ?? 0, row.latestHandshakeAt)
      const seenFor = at - Math.min(course?.firstAt ?? at, at)
      if (last === 0 && seenFor < STALE_AFTER) early.push({ row, seenFor })
      else if (last === 0 || at - last >= STALE_AFTER) results.push(toResult(row, last, seenFor, machine, view))
    }
    if (early.length > 0) results.push(notYet(early, machine, view))
    else if (results.length === 0) {
      results.push({ kind: 'passed', text: `Every peer had a handshake within ${spanText(STALE_AFTER)}.` })
    }
    return results
  },
}

function toResult(row: PeerRow, last: Micros, seenFor: Micros, machine: MachineView, view: PostureView): PostureResult {
  const name = peerName(machine, view, row.interface, row.publicKey)
  const who = name === '' ? `Key ${keyText(row.publicKey)}` : `"${name}"`
  const text =
    last === 0
      ? `${who} had no handshake in the ${spanText(seenFor)} that were looked at.`
      : `${who} had its last handshake ${spanText(machine.at - last)} ago, on ${secondText(last)}.`
  return {
    kind: 'finding',
    subject: `${row.interface}\0${row.publicKey}`,
    severity: (last === 0 ? seenFor : machine.at - last) >= FORGOTTEN_AFTER ? 2 : 1,
    text,
    evidence: [rowText(row)],
    mend: [
      removePeer(row.interface, row.publicKey),
      '# and take it out of the stored configuration and the inventory, after asking its owner',
    ],
    about: aboutPeer(machine, view, { interface: row.interface, publicKey: row.publicKey }),
    exception: null,
  }
}

/** Named up to NAMED_MAX: the rest is counted. */
const NAMED_MAX = 5

function notYet(
  early: readonly { readonly row: PeerRow; readonly seenFor: Micros }[],
  machine: MachineView,
  view: PostureView,
): PostureResult {
  const names = early.slice(0, NAMED_MAX).map(({ row }) => {
    const name = peerName(machine, view, row.interface, row.publicKey)
    return name === '' ? `key ${keyText(row.publicKey)}` : `"${name}"`
  })
  const rest = early.length - names.length
  const longest = early.reduce((span, { seenFor }) => Math.max(span, seenFor), 0)
  const looked = longest === 0 ? 'one look' : `${spanText(longest)} of polls`
  return {
    kind: 'not-checked',
    reason: `No handshake of ${names.join(', ')}${rest > 0 ? ` and ${rest} more` : ''} in ${looked}: that says nothing before ${spanText(STALE_AFTER)} were recorded.`,
  }
}
