/**
 * A peer that sends and gets no session: its counter grows while its newest handshake is too old for any session to be up. Its packets
 * reach the gateway and the answers do not reach it, or somebody plays back handshakes that the peer once sent.
 */
import { bytesText, spanText } from '../quantity-text.ts'
import { type Micros, SECOND } from '../time.ts'
import type { MachineView, PeerCourse, PostureCheck, PostureResult, PostureView } from './check.ts'
import { NO_POLL, ONE_LOOK } from './not-known.ts'
import { STALE_HANDSHAKE } from './peer-courses.ts'
import { isGateway } from './posture-view.ts'
import { aboutPeer, keyText, peerName, rowText, secondText } from './shown-peer.ts'

/**
 * Growth must go on at least this long: a peer that comes back after a pause sends its first handshake before it is answered, and tries
 * again every 5 s (REKEY_TIMEOUT) where that one is lost.
 */
const GROWS_FOR: Micros = 15 * SECOND
/** Peers named in one sentence; the rest is counted. */
const NAMED_MAX = 5

export const oneWayPeer: PostureCheck = {
  id: 'idle-peer-growing',
  title: 'Counter grows without a session',
  description:
    'Bytes come from the peer while its newest handshake is older than a session lasts: handshakes arrive and are never completed. ' +
    'A firewall or route drops the answers, the clock of the peer runs behind, or its old handshakes are played back.',
  severity: 2,
  attack: [],
  origin: 'posture',
  area: 'Peers',
  knownGaps: [
    'Bytes sent to a peer that is away are not counted: a gateway with keepalive tries for ever.',
    'Needs polls over time; what is lost before the gateway is not seen.',
  ],
  look: (machine, view) => {
    if (!isGateway(machine, view)) return []
    const { wireguard } = machine
    if (wireguard === null) return [{ kind: 'not-checked', reason: NO_POLL }]
    if (wireguard.peers.length === 0) return []
    const running = new Set(wireguard.peers.map((row) => `${row.interface}\0${row.publicKey}`))
    const courses = machine.peers.filter((each) => running.has(`${each.interface}\0${each.publicKey}`))
    const longest = courses.reduce((span, { firstAt, lastAt }) => Math.max(span, lastAt - firstAt), 0)
    if (longest < GROWS_FOR) return [{ kind: 'not-checked', reason: ONE_LOOK }]
    const found = courses.filter(growsOneWay).map((course) => toResult(course, machine, view))
    const early = courses.filter((each) => !growsOneWay(each) && isEarly(each))
    const results: PostureResult[] = early.length === 0 ? found : [...found, notYet(early, machine, view)]
    if (results.length > 0) return results
    return [{ kind: 'passed', text: `No counter grows without a session, over ${spanText(longest)} of polls.` }]
  },
}

function growsOneWay({ grewStaleFrom, grewStaleUntil }: PeerCourse): boolean {
  return grewStaleFrom !== null && grewStaleUntil !== null && grewStaleUntil - grewStaleFrom >= GROWS_FOR
}

/** Its session ended so short a time of polls ago that growth could not show for long enough. */
function isEarly({ staleFrom, lastAt }: PeerCourse): boolean {
  return staleFrom !== null && lastAt - staleFrom < GROWS_FOR
}

function notYet(early: readonly PeerCourse[], machine: MachineView, view: PostureView): PostureResult {
  const names = early.slice(0, NAMED_MAX).map(({ interface: interfaceName, publicKey }) => {
    const name = peerName(machine, view, interfaceName, publicKey)
    return name === '' ? `key ${keyText(publicKey)}` : `"${name}"`
  })
  const rest = early.length - names.length
  return {
    kind: 'not-checked',
    reason: `The session of ${names.join(', ')}${rest > 0 ? ` and ${rest} more` : ''} ended too short before the last poll to tell: that takes ${spanText(GROWS_FOR)} of polls.`,
  }
}

function toResult(course: PeerCourse, machine: MachineView, view: PostureView): PostureResult {
  const { interface: interfaceName, publicKey, receivedStale, sentStale, lastHandshake, grewStaleUntil } = course
  const name = peerName(machine, view, interfaceName, publicKey)
  const who = name === '' ? `Key ${keyText(publicKey)}` : `"${name}"`
  const handshake =
    lastHandshake === null
      ? 'it never had a handshake'
      : `its newest handshake was ${spanText((grewStaleUntil ?? course.lastAt) - lastHandshake)} old`
  const row = view.rowOf(machine.host, interfaceName, publicKey)
  return {
    kind: 'finding',
    subject: `${interfaceName}\0${publicKey}`,
    text: `${who} sent ${bytesText(receivedStale)} without a session: ${handshake}.`,
    evidence: [
      ...(row === null ? [] : [rowText(row)]),
      `received grew by ${receivedStale} bytes, sent by ${sentStale}, from ${secondText(course.grewStaleFrom ?? course.firstAt)} to ${secondText(grewStaleUntil ?? course.lastAt)}, ${spanText(STALE_HANDSHAKE)} and more after the last handshake`,
    ],
    mend: [
      '# look whether answers to its endpoint leave the gateway and arrive: firewall, route, NAT in between',
      '# look at the clock of the peer: a handshake with a stamp older than the last one is refused',
    ],
    about: aboutPeer(machine, view, { interface: interfaceName, publicKey }),
    exception: null,
  }
}
