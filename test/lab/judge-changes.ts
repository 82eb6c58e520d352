/** Every change against session documents and against what `who` and `peers` answer for the time before and after it. */
import { type Micros, SECOND, toIso } from '../../src/time.ts'
import type { CertainTimes } from './certain-times.ts'
import { askFor, type Found, timeOf } from './found-documents.ts'
import { type Row, rowOf } from './judgement.ts'
import type { Machines } from './lab-machines.ts'
import type { Change, Truth } from './truth.ts'

const ACTIONS: { readonly [what in Change['what']]: string } = {
  added: 'peer-added',
  removed: 'peer-removed',
  'address-moved': 'allowed-ips-changed',
  'interface-down': 'interface-down',
  'interface-up': 'interface-up',
  roamed: 'endpoint-changed',
  firewall: '',
}
/** Between a change and the poll that shows it, and the stamp's own coarseness. */
const SLACK: Micros = 2 * SECOND
/** Far enough from a change for a poll on both sides. */
const AWAY: Micros = 2.5 * SECOND

export function judgeChanges(machines: Machines, documents: readonly Found[], times: CertainTimes): Row[] {
  const { truth, daemon } = machines
  const sessions = documents.filter((document) => document.get('event.dataset') === 'wireguard.session')
  const shown = truth.changes.filter(({ what }) => ACTIONS[what] !== '')
  const cases = shown.map((change) => judgeShown(change, sessions))
  // What never happened must not be told: every removal, arrival and so on has its change.
  const told = sessions.filter((document) => Object.values(ACTIONS).includes(document.say('event.action')))
  const invented = told.filter((document) => !shown.some((change) => isOf(change, document)))
  return [
    rowOf('changes of peers, endpoints and the interface', cases),
    rowOf(
      '… and none that did not happen',
      invented.map((document) => `${document.say('@timestamp')} ${document.say('event.action')}`),
    ),
    judgeHolders(truth, daemon.store, times),
    judgeRevoked(truth, daemon.store),
    ...(machines.auditSkipped === '' ? [judgeLogins(truth, documents)] : []),
  ]
}

function judgeShown(change: Change, sessions: readonly Found[]): string {
  const found = sessions.filter((document) => isOf(change, document))
  const text = `${toIso(change.from)} ${change.what} (${change.how}) ${change.key}`
  if (found.length === 0) return `${text}: no ${ACTIONS[change.what]}`
  return found.length === 1 ? '' : `${text}: ${found.length} times ${ACTIONS[change.what]}`
}

/** The two polls of the document enclose the change. */
function isOf({ what, key, from, to }: Change, document: Found): boolean {
  if (document.get('event.action') !== ACTIONS[what]) return false
  if (key !== '' && document.get('wireguard.peer.public_key') !== key) return false
  return timeOf(document, 'event.start') <= to + SLACK && timeOf(document, 'event.end') >= from - SLACK
}

/** `who` for each address that went from one key to another: before, one key; after, the other. */
function judgeHolders({ changes }: Truth, store: string, times: CertainTimes): Row {
  const moves = changes.flatMap(({ what, how, key, addresses, from, to }) => {
    const isBefore = how === 'from' || (how === 'rotation' && what === 'removed')
    const isAfter = how === 'to' || (how === 'rotation' && what === 'added')
    return isBefore || isAfter
      ? addresses.map((address) => ({ address, key, at: isBefore ? from - AWAY : to + AWAY }))
      : []
  })
  const cases = moves.map(({ address, key, at }) => {
    if (!times.isHolderCertain(address, at, at)) return ''
    const answer = askFor(store, ['who', address, '--at', toIso(at)])
    const holders = answer.get('holders')
    const [holder]: unknown[] = Array.isArray(holders) ? holders : []
    const isRight =
      answer.get('status') === 'exact' && JSON.stringify(holder ?? null).includes(`"peer":{"publicKey":"${key}"`)
    return isRight ? '' : `who ${address} --at ${toIso(at)}: ${answer.say('status')}, not exactly ${key}`
  })
  return rowOf('who held an address before and after it changed hands', cases)
}

/** `peers --at` before and after each removal. */
function judgeRevoked({ changes }: Truth, store: string): Row {
  const cases = changes
    .filter(({ what }) => what === 'removed')
    .flatMap(({ key, from, to, how }) =>
      (
        [
          [from - AWAY, true],
          [to + AWAY, false],
        ] as const
      ).map(([at, isThere]) => {
        const running = JSON.stringify(askFor(store, ['peers', '--at', toIso(at)]).get('running') ?? null)
        return running.includes(key) === isThere
          ? ''
          : `peers --at ${toIso(at)}: ${key} ${isThere ? 'is missing' : 'still runs'} (${how})`
      }),
    )
  return rowOf('peers before and after each removal', cases)
}

/** A login through the tunnel carries the key on its host, and so does what it ran. */
function judgeLogins({ logins }: Truth, documents: readonly Found[]): Row {
  const cases = logins.map(({ key, source, sourcePort, ran }) => {
    const login = documents.find(
      (document) => document.get('event.action') === 'host-login' && document.get('source.port') === sourcePort,
    )
    if (login === undefined) return `no host-login from ${source}:${sourcePort}`
    if (login.get('wireguard.peer.public_key') !== key || login.get('wireguard.attribution.status') !== 'exact')
      return `the login from ${source}:${sourcePort} is not exactly of ${key}`
    const session = login.say('auditd.session')
    const change = documents.find(
      (document) =>
        document.get('event.dataset') === 'wireguard.audit' &&
        document.say('auditd.session') === session &&
        document.get('process.name') === ran,
    )
    if (change === undefined) return `session ${session}: no audit document of its ${ran}`
    return change.get('wireguard.peer.public_key') === key ? '' : `session ${session}: its ${ran} is not of ${key}`
  })
  return rowOf('logins with their key, and what they ran', cases)
}
