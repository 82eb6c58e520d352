/**
 * The points of `wireguard.peer` for detections about keys: handshake, counters and endpoint of one key on one interface, a few
 * minutes at a time. There is a point a minute and more on change, for every peer: they are tallied, not kept.
 */
import { fieldOf } from '../../event.ts'
import { MINUTE, type Micros } from '../../time.ts'
import type { Tally, TallyKind } from './detection.ts'

/** One poll's view of a peer. */
export type PeerPoint = {
  readonly at: Micros
  /** `event.id`; '' where the point is beyond the evidence a tally keeps. */
  readonly id: string
  /** Latest handshake by the gateway's clock, whole seconds; null = none since the peer was configured. */
  readonly handshake: Micros | null
  /** Since the counters began: they begin anew with the interface or the peer. */
  readonly rxBytes: number
  readonly txBytes: number
  /** Outer address; '' = none known. */
  readonly endpoint: string
}

/** Where a key runs. */
export type PeerPlace = { readonly gateway: string; readonly interface: string; readonly publicKey: string }

/** How long a change in counters or handshakes waits to be judged, at most. */
const SPAN: Micros = 5 * MINUTE

/** Its tallies are for `pointsOf` and `placeOf`. One object: whoever counts for several detections may count once. */
export const POINTS_TALLY: TallyKind = {
  reads: ['wireguard.peer'],
  span: SPAN,
  keyOf: (event) => {
    const publicKey = fieldOf(event, 'wireguard.peer.public_key')
    if (publicKey === undefined) return null
    return `${publicKey}\0${fieldOf(event, 'host.name') ?? ''}\0${fieldOf(event, 'wireguard.interface.name') ?? ''}`
  },
  // A tally keeps texts; `pointOf` reads this one. No address holds a blank.
  distinctOf: (event) =>
    [
      fieldOf(event, '@timestamp') ?? '',
      fieldOf(event, 'wireguard.peer.last_handshake') ?? '',
      fieldOf(event, 'wireguard.peer.rx.bytes') ?? 0,
      fieldOf(event, 'wireguard.peer.tx.bytes') ?? 0,
      fieldOf(event, 'wireguard.peer.endpoint.ip') ?? '',
    ].join(' '),
}

/** Of a tally of POINTS_TALLY. */
export function placeOf({ key }: Tally): PeerPlace {
  const [publicKey = '', gateway = '', name = ''] = key.split('\0')
  return { publicKey, gateway, interface: name }
}

/** In order of time; never none. */
export function pointsOf({ distinct, evidence }: Tally): PeerPoint[] {
  const ids = new Map(evidence.map(({ id, at }) => [at, id]))
  return distinct.map((text) => pointOf(text, ids)).sort((a, b) => a.at - b.at)
}

function pointOf(text: string, ids: ReadonlyMap<Micros, string>): PeerPoint {
  const [at = '', handshake = '', rx = '', tx = '', endpoint = ''] = text.split(' ')
  return {
    at: Number(at),
    id: ids.get(Number(at)) ?? '',
    handshake: handshake === '' ? null : Number(handshake),
    rxBytes: Number(rx),
    txBytes: Number(tx),
    endpoint,
  }
}
