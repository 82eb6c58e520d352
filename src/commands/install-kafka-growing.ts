/** What it means to give topics more partitions (`install kafka --grow`), told before it is done. */
import type { TopicStep } from '../kafka/topic-changes.ts'

/** Those that have fewer partitions than planned. */
export function stepsToGrow(steps: readonly TopicStep[]): readonly TopicStep[] {
  return steps.filter(({ isGrown }) => isGrown)
}

/** One paragraph each. `growing` is not empty. */
export function growingText(growing: readonly TopicStep[]): readonly string[] {
  const to = Math.max(...growing.map(({ planned }) => planned.partitions))
  const from = Math.min(...growing.map(({ existing }) => existing?.partitions ?? to))
  const percent = Math.round(movedShare(from, to) * 100)
  return [
    `from ${from} to ${to} partitions about ${percent} % of all machines and peers come to another partition` +
      (to === 2 * from ? '' : '; twice as many would move half of them, no other number moves fewer'),
    'what is open on a machine that moves stays with the state of its old partition: later audit events of logins that began ' +
      'before get no peer, connections that began before get no process and no login, and second hops over them are not found. ' +
      'No document is lost, and what begins afterwards is joined as ever',
    'detectors begin anew for peers that move: what they had counted is forgotten, a detection may come late or a second time',
    'in this order: stop the correlators; stop the detectors when they have read everything; install kafka --grow; restart every ' +
      'agent, which else goes on with the old number (what two agents tell of one machine is not joined while they differ); start ' +
      'correlators and detectors',
  ]
}

/**
 * Share of keys that are elsewhere afterwards, 0 to 1. A key stays when its hash leaves the same rest by both numbers: that are `from`
 * of all rests by their least common multiple.
 */
export function movedShare(from: number, to: number): number {
  return 1 - Math.min(from, to) / ((from / greatestDivisor(from, to)) * to)
}

function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b)
}
