/** The first line of `who`: the answer in one sentence. Names in it may be long; whoever prints it wraps. */
import { type PeerFacts, peerName, peerTitle } from './peer-facts.ts'
import { counted } from './terminal.ts'
import type { FlowAnswer, HolderAnswer, WhoAnswer } from './who-answer.ts'
import { addressPortText } from './who-question.ts'

const TITLE_MAX = 60
const NAME_MAX = 24
/** Names in the line; the rest is counted. */
const NAMES_MAX = 4

/** Fit for a terminal once it went through wrapText. */
export function headline(answer: WhoAnswer): string {
  const { question, role, status, flows, flowCount, holders, endpoints, places } = answer
  const subject = addressPortText(question.address.text, question.port)
  switch (role) {
    case 'flow': {
      const [flow] = flows
      return flow !== undefined && flowCount === 1 ? flowLine(subject, flow) : flowsLine(subject, flows, flowCount)
    }
    case 'tunnel':
      return holdersLine(question.address.text, holders)
    case 'endpoint': {
      const then = endpoints.filter(({ isThen }) => isThen)
      if (then.length === 0)
        return `${subject} was nobody's endpoint then; ${names(endpoints.map(({ peer }) => peer))} had it at another time — unknown`
      if (then.length > 1) return `${subject} was the endpoint of ${names(then.map(({ peer }) => peer))} — ambiguous`
      return `${subject} was the endpoint of ${title(then[0]?.peer ?? null)} — ${status}`
    }
    case 'place':
      return `${subject} was no peer's address: ${places[0]?.short ?? ''}`
    case '':
      return `${subject} was not seen by any gateway, and nothing is documented for it — unknown`
    default:
      return role satisfies never
  }
}

function flowLine(subject: string, flow: FlowAnswer): string {
  const { status, peer, candidates, reason, matched } = flow
  const side = matched.startsWith('source') ? 'source' : 'destination'
  if (status === 'exact' && peer !== null) {
    const verb = side === flow.role ? 'was' : side === 'destination' ? 'was reached by' : 'was connected to'
    return `${subject} ${verb} ${title(peer)} — exact`
  }
  return doubtful(subject, status, candidates, reason)
}

function flowsLine(subject: string, flows: readonly FlowAnswer[], count: number): string {
  const peers = flows.flatMap(({ peer, candidates }) => (peer === null ? candidates : [peer]))
  const keys = new Set(peers.map(({ publicKey }) => publicKey))
  const [first] = peers
  const isSure = flows.length === count && flows.every(({ status }) => status === 'exact')
  if (isSure && keys.size === 1 && first !== undefined)
    return `${subject} was in ${counted(count, 'flow')} then, all of ${title(first)} — the key is exact, the flow is not`
  const who = keys.size === 0 ? '' : ` of ${names(peers)}`
  return `${subject} was in ${counted(count, 'flow')} then${who} — ambiguous`
}

function holdersLine(subject: string, holders: readonly HolderAnswer[]): string {
  const likely = holders.filter(({ claim }) => claim.status !== 'unknown')
  const [only] = likely.length > 0 ? likely : holders
  if (only === undefined) return subject
  if (likely.length > 1) {
    const list = likely.slice(0, NAMES_MAX).map(({ gateway, interface: name, peer, candidates }) => {
      const who = peer === null ? names(candidates, ' or ') : peerName(peer, NAME_MAX)
      return `${who} on ${gateway} ${name}`
    })
    const more = likely.length > NAMES_MAX ? ` and ${likely.length - NAMES_MAX} more` : ''
    return `${subject} was held in ${likely.length} places: ${list.join(', ')}${more} — ambiguous`
  }
  const { claim, peer, candidates } = only
  if (claim.status === 'exact') return `${subject} was held by ${title(peer)} — exact`
  if (claim.reason === 'no-holder') return `${subject} was held by nobody — unknown (no-holder)`
  return doubtful(subject, claim.status, candidates, claim.reason)
}

function doubtful(subject: string, status: string, candidates: readonly PeerFacts[], reason: string): string {
  const why = reason === '' ? '' : ` (${reason})`
  if (candidates.length === 0) return `${subject} cannot be told — ${status}${why}`
  if (candidates.length === 1) return `${subject} may have been ${title(candidates[0] ?? null)} — ${status}${why}`
  return `${subject} may have been ${names(candidates, ' or ')} — ${status}${why}`
}

function title(peer: PeerFacts | null): string {
  return peer === null ? 'somebody' : peerTitle(peer, TITLE_MAX)
}

/** Each once. */
function names(peers: readonly PeerFacts[], between = ', '): string {
  const all = [...new Set(peers.map((peer) => peerName(peer, NAME_MAX)))]
  const more = all.length > NAMES_MAX ? ` and ${all.length - NAMES_MAX} more` : ''
  return `${all.slice(0, NAMES_MAX).join(between)}${more}`
}
