/**
 * Whose outer address it was: the endpoint WireGuard had for a key, by the polls around the time; where no key had it then, the
 * nearest time a point of `wireguard.peer` shows it. Without a port every peer behind one NAT address is told.
 */
import type { FieldName } from '../fields.ts'
import type { Ledger, PeerState } from '../identity/ledger.ts'
import { equals, hasAddress } from '../kql/build.ts'
import { allOf } from '../kql/combine.ts'
import { compareText } from '../kql/text-match.ts'
import type { EventReader, Group } from '../store/event-reader.ts'
import { DAY, type Micros } from '../time.ts'
import { pollAfter } from './ledger-window.ts'
import { peerFacts } from './peer-facts.ts'
import type { EndpointAnswer } from './who-answer.ts'
import type { GatewayLedgers } from './who-claims.ts'
import type { Question } from './who-question.ts'

/** Peers told; a carrier's NAT address may stand for many. */
export const ENDPOINTS_MAX = 20
/** How far away the endpoint is looked for when nobody had it then. */
const OTHER_TIMES: Micros = 30 * DAY
/** Polls further apart than this many periods prove nothing in between (design 5.3). */
const PERIODS_MAX = 3

const PLACE: readonly FieldName[] = [
  'host.name',
  'wireguard.interface.name',
  'wireguard.peer.public_key',
  'wireguard.peer.endpoint.port',
]

/** Exact ones first; at most ENDPOINTS_MAX. */
export async function readEndpoints(
  reader: EventReader,
  question: Question,
  gateways: readonly GatewayLedgers[],
): Promise<EndpointAnswer[]> {
  const then = gateways.flatMap((gateway) => endpointsThen(gateway, question))
  const answers = then.length > 0 ? then : await endpointsOtherwise(reader, question, gateways)
  return answers.toSorted((a, b) => Number(b.status === 'exact') - Number(a.status === 'exact')).slice(0, ENDPOINTS_MAX)
}

function endpointsThen({ view, window, moment }: GatewayLedgers, { address, port }: Question): EndpointAnswer[] {
  const { gateway, inventory, ledger } = view
  const { before, after, widest } = ledger.polls.around(moment.from, moment.to)
  const old = before === null ? null : window.until(before)
  if (before === null || old === null) return []
  const later = after === null ? null : window.until(after)
  const isClose = widest <= PERIODS_MAX * ledger.polls.period
  return peersOf(old).flatMap((peer) => {
    const shown = peer.endpoints.at(-1)
    if (shown === undefined || shown.ip !== address.text || (port >= 0 && shown.port !== port)) return []
    const still = later?.peer(peer.interface, peer.publicKey)?.endpoints.at(-1)
    const isSame = still?.ip === shown.ip && still.port === shown.port
    const next = window.ledger.peer(peer.interface, peer.publicKey)?.endpoints.find(({ at }) => at > shown.at)
    const gone = window.ledger.peer(peer.interface, peer.publicKey) === null ? pollAfter(ledger, before) : null
    return {
      peer: peerFacts(inventory, gateway, peer.interface, peer.publicKey, moment.from),
      port: shown.port,
      status: isSame && isClose ? 'exact' : 'ambiguous',
      since: shown.at,
      until: next?.at ?? (isSame ? null : gone),
      isThen: true,
    }
  })
}

function peersOf(ledger: Ledger): PeerState[] {
  return [...ledger.interfaces.values()].filter(({ isUp }) => isUp).flatMap(({ peers }) => [...peers.values()])
}

/** Keys that had it at another time, the nearest first. */
async function endpointsOtherwise(
  reader: EventReader,
  { address, port, moment }: Question,
  gateways: readonly GatewayLedgers[],
): Promise<EndpointAnswer[]> {
  const groups = await reader.groups(
    {
      datasets: ['wireguard.peer'],
      isAside: true,
      since: moment.from - OTHER_TIMES,
      until: moment.to + OTHER_TIMES,
      query: allOf([
        hasAddress('wireguard.peer.endpoint.ip', address.text),
        ...(port < 0 ? [] : [equals('wireguard.peer.endpoint.port', [port])]),
      ]),
    },
    PLACE,
  )
  const distance = ({ oldest, newest }: Group) =>
    Math.min(Math.abs(oldest - moment.from), Math.abs(newest - moment.from))
  return groups
    .toSorted((a, b) => distance(a) - distance(b) || compareText(a.values.join('\0'), b.values.join('\0')))
    .slice(0, ENDPOINTS_MAX)
    .flatMap(({ values, oldest, newest }) => {
      const [name = '', tunnel = '', key = ''] = values.map((value) => String(value ?? ''))
      const gateway = gateways.find(({ view }) => view.gateway === name)
      if (gateway === undefined) return []
      return {
        peer: peerFacts(gateway.view.inventory, name, tunnel, key, moment.from),
        port: Number(values[3] ?? 0),
        status: 'unknown',
        since: oldest,
        until: newest,
        isThen: false,
      } as const
    })
}
