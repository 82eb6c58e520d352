/** Every attempt against the firewall and flow documents: the right key, verdict and outcome, or an honest doubt. */
import { type Micros, SECOND, toIso } from '../../src/time.ts'
import type { CertainTimes } from './certain-times.ts'
import { type Found, timeOf } from './found-documents.ts'
import { type Row, rowOf } from './judgement.ts'
import type { Attempt, Truth } from './truth.ts'

/** Echo requests have no port: they are told apart by their time. */
const STAMP_SLACK: Micros = 1 * SECOND

/** `isLogLossy`: kernel lines were lost before anybody could read them; a missing firewall document proves nothing then. */
export function judgeAttempts(
  truth: Truth,
  documents: readonly Found[],
  times: CertainTimes,
  isLogLossy: boolean,
): Row[] {
  const firewall = index(documents, 'wireguard.firewall')
  const flows = index(documents, 'wireguard.flow')
  const groups = Map.groupBy(truth.attempts, ({ what, verdict, isCertain }) =>
    verdict === 'none'
      ? 'blocked by WireGuard: nothing found'
      : what === 'mark'
        ? isCertain
          ? 'marks'
          : 'marks without answer'
        : `connections: ${verdict}`,
  )
  const rows: Row[] = []
  for (const [name, attempts] of groups) {
    const doubts = { firewall: 0, flow: 0 }
    const logged = attempts.map((attempt) => judgeLines(attempt, find(firewall, attempt), times, isLogLossy, doubts))
    rows.push(rowOf(`${name}${name.startsWith('blocked') ? '' : ', firewall'}`, logged, doubts.firewall))
    const tracked = attempts.filter(({ verdict }) => verdict === 'accepted')
    const ended = tracked.map((attempt) => judgeFlow(attempt, find(flows, attempt), times, doubts))
    if (tracked.length > 0) rows.push(rowOf(`${name}, flow`, ended, doubts.flow))
  }
  return rows
}

type Doubts = { firewall: number; flow: number }

function judgeLines(
  attempt: Attempt,
  found: readonly Found[],
  times: CertainTimes,
  isLogLossy: boolean,
  doubts: Doubts,
): string {
  if (attempt.verdict === 'none') return found.length === 0 ? '' : `${textOf(attempt)}: was let through`
  if (found.length === 0) return isLogLossy || !attempt.isCertain ? '' : `${textOf(attempt)}: no firewall document`
  if (found.length > 1 && attempt.transport !== 'tcp')
    return `${textOf(attempt)}: ${found.length} firewall documents of one packet`
  for (const document of found) {
    const verdict = document.say('wireguard.flow.verdict')
    if (verdict !== attempt.verdict && !(attempt.isVerdictNew && verdict === 'unknown'))
      return `${textOf(attempt)}: verdict ${verdict}`
  }
  const answers = found.map((document) => judgeKey(attempt, document, times))
  if (answers.includes('doubt')) doubts.firewall++
  return answers.find((answer) => answer !== '' && answer !== 'doubt') ?? ''
}

function judgeFlow(attempt: Attempt, found: readonly Found[], times: CertainTimes, doubts: Doubts): string {
  const isRead = times.isConntrackRead(attempt.from, attempt.to)
  if (found.length === 0) return isRead && attempt.isCertain ? `${textOf(attempt)}: no flow` : ''
  const ids = new Set(found.map((document) => document.get('wireguard.flow.id')))
  // A flow met in the table after a pause may be another one to whoever sees only halves of it.
  if (ids.size > 1 && isRead) return `${textOf(attempt)}: ${ids.size} flows of one connection`
  const outcome = found.at(-1)?.say('wireguard.flow.outcome') ?? ''
  const isTold = isRead && attempt.isCertain
  if (outcome !== attempt.outcome && isTold) return `${textOf(attempt)}: outcome ${outcome}`
  if (isTold && !found.some((document) => document.get('event.action') === 'flow-ended'))
    return `${textOf(attempt)}: has no end`
  const answers = found.map((document) => judgeKey(attempt, document, times))
  if (answers.includes('doubt')) doubts.flow++
  return answers.find((answer) => answer !== '' && answer !== 'doubt') ?? ''
}

/** '' exact and right, `doubt` not exact where that is allowed, else what is wrong. An exact answer is never allowed to be wrong. */
function judgeKey(attempt: Attempt, document: Found, times: CertainTimes): string {
  const status = document.say('wireguard.attribution.status')
  if (status === 'exact') return judgeExact(attempt, document)
  const reason = document.say('wireguard.attribution.reason')
  if (times.isHolderCertain(attempt.source, attempt.from, attempt.to))
    return `${textOf(attempt)}: ${status} (${reason}) though the polls leave no doubt`
  const candidates = document.get('wireguard.attribution.candidates')
  if (status === 'ambiguous' && Array.isArray(candidates) && !JSON.stringify(candidates).includes(attempt.key))
    return `${textOf(attempt)}: ambiguous (${reason}), and the right key is no candidate`
  return 'doubt'
}

/** The key, the owner by the inventory, and the other end where that is a peer. */
function judgeExact(attempt: Attempt, document: Found): string {
  const key = document.say('wireguard.peer.public_key')
  if (key !== attempt.key) return `${textOf(attempt)}: exact, and the wrong key ${key}`
  const owner = document.say('wireguard.peer.owner.email')
  if (owner !== `${attempt.client}@example.com`) return `${textOf(attempt)}: owner ${owner}`
  const target = document.say('wireguard.target_peer.public_key')
  return target === attempt.target ? '' : `${textOf(attempt)}: the other end is ${target}`
}

/** Documents of a dataset by source address. */
function index(documents: readonly Found[], dataset: string): ReadonlyMap<unknown, readonly Found[]> {
  return Map.groupBy(
    documents.filter((document) => document.get('event.dataset') === dataset),
    (document) => `${document.say('source.ip')} ${document.say('source.port') || 0}`,
  )
}

function find(index: ReadonlyMap<unknown, readonly Found[]>, attempt: Attempt): readonly Found[] {
  const all = index.get(`${attempt.source} ${attempt.sourcePort}`) ?? []
  if (attempt.sourcePort > 0) return all
  return all.filter((document) => {
    const at = timeOf(document, document.get('event.start') === undefined ? '@timestamp' : 'event.start')
    const isIt =
      document.get('destination.ip') === attempt.destination && document.get('network.transport') === attempt.transport
    return isIt && at >= attempt.from - STAMP_SLACK && at <= attempt.to + STAMP_SLACK
  })
}

export function textOf({
  client,
  what,
  transport,
  source,
  sourcePort,
  destination,
  destinationPort,
  from,
}: Attempt): string {
  return `${toIso(from)} ${client}, ${what} (${transport} ${source}:${sourcePort} to ${destination}:${destinationPort})`
}
