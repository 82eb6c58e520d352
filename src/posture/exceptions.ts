/**
 * Exceptions of the inventory: a finding that one accepts is shown as such, one that expired is a finding itself, and one that excuses
 * nothing is said. An exception names a check by its id and a peer by its name.
 */
import type { Inventory } from '../identity/inventory.ts'
import { dateText } from '../identity/inventory-diff-text.ts'
import type { Exception } from '../identity/inventory-entries.ts'
import { quoted } from '../safe-text.ts'
import type { Micros } from '../time.ts'
import type { MachineView, PostureKind, PostureResult } from './check.ts'

/** What a check found on one machine. */
export type Looked = { readonly check: PostureKind; readonly results: readonly PostureResult[] }

const EXPIRED: PostureKind = {
  id: 'exception-expired',
  title: 'Exception that expired',
  description: 'A finding was accepted up to a day that is over: it counts again, and somebody has to decide anew.',
  severity: 2,
  attack: [],
  origin: 'posture',
  area: 'Exceptions',
  knownGaps: ['Exceptions without an end never expire.'],
}

const UNUSED: PostureKind = {
  id: 'exception-unused',
  title: 'Exception that excuses nothing',
  description: 'What the exception was made for is not there any more: the line would hide it when it returns.',
  severity: 1,
  attack: [],
  origin: 'posture',
  area: 'Exceptions',
  knownGaps: ['Exceptions for detections are not judged here.'],
}

export const EXCEPTION_KINDS: readonly PostureKind[] = [EXPIRED, UNUSED]

/** Results with the exception that accepts each. */
export function excused(
  results: readonly PostureResult[],
  checkId: string,
  inventory: Inventory | null,
  at: Micros,
): readonly PostureResult[] {
  const own =
    inventory?.exceptions.filter(({ check, until }) => check === checkId && (until === null || at < until)) ?? []
  if (own.length === 0) return results
  return results.map((result) => {
    if (result.kind !== 'finding' || result.exception !== null) return result
    const name = result.about['wireguard.peer.name']
    const found = own.find(({ peer }) => peer === name)
    if (found === undefined) return result
    const { reason, approvedBy, until } = found
    return { ...result, exception: { reason, approvedBy, until } }
  })
}

/** What is to be said of the exceptions for peers of this machine, after all else was looked at. */
export function judgeExceptions(
  machine: MachineView,
  inventory: Inventory | null,
  looked: readonly Looked[],
): Looked[] {
  if (inventory === null) return []
  const names = new Set(inventory.peers.flatMap(({ gateway, name }) => (gateway === machine.host ? [name] : [])))
  const own = inventory.exceptions.filter(({ peer }) => names.has(peer))
  if (own.length === 0) return []
  const isActive = ({ until }: Exception) => until === null || machine.at < until
  const active = new Map(own.filter(isActive).map((each) => [identityOf(each), each]))
  const expired = own.filter((each) => !isActive(each) && !active.has(identityOf(each)))
  const once = new Map(expired.map((each) => [identityOf(each), each]))
  const overdue = [...once.values()].map((each) => expiredResult(each, looked, machine))
  const unused = [...active.values()].filter((each) => standing(each, looked) === 'gone').map(unusedResult)
  return [
    {
      check: EXPIRED,
      results: overdue.length > 0 ? overdue : [{ kind: 'passed', text: 'No exception expired.' }],
    },
    { check: UNUSED, results: unused },
  ]
}

function expiredResult(exception: Exception, looked: readonly Looked[], machine: MachineView): PostureResult {
  const { check, peer, reason, approvedBy, until } = exception
  const now = {
    there: 'what it excused is still there',
    gone: 'what it excused is not there any more',
    unknown: 'whether what it excused is still there was not checked',
  }[standing(exception, looked)]
  return {
    kind: 'finding',
    subject: `${check}\0${peer}`,
    severity: standing(exception, looked) === 'gone' ? 1 : 2,
    text: `The exception from ${quoted(check)} for ${quoted(peer)} expired on ${dateText(until)}: ${now}.`,
    evidence: [
      `inventory: check ${check}, peer ${peer}, until ${dateText(until)}, approved by ${approvedBy}: ${reason}`,
    ],
    mend: [
      standing(exception, looked) === 'gone'
        ? '# take the exception out of the inventory'
        : '# mend what it excused, or have it approved anew in the inventory: until: YYYY-MM-DD',
    ],
    about: { 'wireguard.peer.name': peer, 'host.name': machine.host },
    exception: null,
  }
}

function unusedResult(exception: Exception): PostureResult {
  const { check, peer, reason, approvedBy, until } = exception
  const end = until === null ? 'without an end' : `until ${dateText(until)}`
  return {
    kind: 'finding',
    subject: `${check}\0${peer}`,
    text: `The exception from ${quoted(check)} for ${quoted(peer)}, ${end}, excuses nothing.`,
    evidence: [`inventory: check ${check}, peer ${peer}, ${end}, approved by ${approvedBy}: ${reason}`],
    mend: ['# take the exception out of the inventory'],
    about: { 'wireguard.peer.name': peer },
    exception: null,
  }
}

/** `unknown`: no check of this name was made here, or one that could not look at everything. */
function standing({ check: id, peer }: Exception, looked: readonly Looked[]): 'there' | 'gone' | 'unknown' {
  const found = looked.find(({ check }) => check.id === id)
  if (found === undefined || found.results.length === 0) return 'unknown'
  if (found.results.some((each) => each.kind === 'finding' && each.about['wireguard.peer.name'] === peer))
    return 'there'
  return found.results.some(({ kind }) => kind === 'not-checked') ? 'unknown' : 'gone'
}

function identityOf({ check, peer }: Exception): string {
  return `${check}\0${peer}`
}
