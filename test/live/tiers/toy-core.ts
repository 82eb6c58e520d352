/**
 * A small core that keeps the contract of src/relay/partition-core.ts: it puts what machines sent into one order and adds up. Each
 * document says what the sum was, so that one input too early, too late, twice or never shows in every document after it.
 */
import type { Event } from '../../../src/event.ts'
import type { HopClockMessage, ProgressMessage } from '../../../src/relay/messages.ts'
import type { CoreInput, CoreOutput, PartitionCore, Patience } from '../../../src/relay/partition-core.ts'
import { type Micros, SECOND } from '../../../src/time.ts'

/** What a toy machine sends. `hop`: a partition that is to hear of it, -1 = none. */
export type ToyMessage = {
  readonly kind: 'toy'
  readonly machine: string
  readonly at: Micros
  readonly n: number
  readonly amount: number
  readonly hop: number
}

type ToyInput = {
  readonly at: Micros
  readonly from: string
  readonly n: number
  readonly amount: number
  readonly hop: number
}

type SavedToy = {
  readonly waiting: ToyInput[]
  readonly reachedBy: Map<string, Micros>
  readonly sum: number
  readonly reached: Micros
  /** The input worked off last. */
  readonly last: ToyInput | null
  readonly sent: number
  readonly repeated: number
}

/** What others tell takes effect so much later: a partition may be so far ahead of them. */
const DELAY: Micros = 2 * SECOND

export function createToyCore(
  { partition, partitions }: { readonly partition: number; readonly partitions: number },
  output: CoreOutput,
  saved?: unknown,
): PartitionCore {
  // What `save` gave.
  const state = saved as SavedToy | undefined
  const waiting: ToyInput[] = [...(state?.waiting ?? [])]
  const known = new Set(waiting.map(idOf))
  const reachedBy = new Map(state?.reachedBy)
  let sum = state?.sum ?? 0
  let last = state?.last ?? null
  let sent = state?.sent ?? 0
  let repeated = state?.repeated ?? 0
  let reached = state?.reached ?? Number.NEGATIVE_INFINITY

  function frontier({ expected, givenUp }: Patience): Micros {
    const machines = [...reachedBy.keys(), ...expected].filter((name) => !name.startsWith('partition:'))
    const waitedFor = machines.filter((name) => !givenUp.has(name))
    const others = Array.from({ length: partitions }, (_, other) => `partition:${other}`).filter(
      (name) => name !== `partition:${partition}` && !givenUp.has(name),
    )
    // Nobody is left to say how far it is.
    if (waitedFor.length === 0) return Math.max(reached, 0)
    return Math.min(
      ...waitedFor.map((name) => reachedBy.get(name) ?? 0),
      ...others.map((name) => (reachedBy.get(name) ?? 0) + DELAY),
      LAST,
    )
  }

  function work(input: ToyInput): void {
    sum = (sum * 31 + input.amount) % 1_000_003
    output.emit(documentOf(partition, input, sum))
    if (input.hop < 0) return
    const hop: HopClockMessage = {
      kind: 'hop-clock',
      at: input.at,
      n: sent++,
      from: partition,
      host: `p${partition}`,
      offset: sum,
      isMeasured: true,
    }
    output.send(input.hop, hop)
  }

  return {
    take({ value }: CoreInput) {
      const input = readInput(value)
      const isWorkedOff = input.at < reached || (last !== null && inOrder(input, last) <= 0)
      if (isWorkedOff || known.has(idOf(input))) {
        repeated++
        return
      }
      known.add(idOf(input))
      waiting.push(input)
      waiting.sort(inOrder)
    },
    progress(message: ProgressMessage) {
      const name = message.kind === 'machine' ? message.machine : `partition:${message.partition}`
      reachedBy.set(name, Math.max(reachedBy.get(name) ?? 0, message.reached))
    },
    advance(max, patience) {
      const to = frontier(patience)
      for (let count = 0; count < max; count++) {
        const [first] = waiting
        if (first === undefined || first.at >= to) {
          reached = Math.max(reached, to)
          return false
        }
        waiting.shift()
        known.delete(idOf(first))
        last = first
        reached = Math.max(reached, first.at)
        work(first)
      }
      return true
    },
    get reached() {
      return reached
    },
    get waiting() {
      return waiting.length
    },
    counts: () => new Map([['repeated', repeated]]),
    save: (): SavedToy => ({ waiting, reachedBy, sum, reached, last, sent, repeated }),
  }
}

/** All times lie before. */
const LAST: Micros = 1e12

function readInput(value: Buffer): ToyInput {
  const read: unknown = JSON.parse(value.toString('utf8'))
  if (typeof read !== 'object' || read === null || !('kind' in read)) throw new Error('no kind')
  if (read.kind === 'toy') {
    // Made by toyMessage of the tests.
    const { at, machine, n, amount, hop } = read as ToyMessage
    return { at, from: machine, n, amount, hop }
  }
  if (read.kind !== 'hop-clock') throw new Error('kind unknown')
  // Made by `work` of another partition.
  const { at, n, from, offset } = read as HopClockMessage
  return { at: at + DELAY, from: `partition:${from}`, n, amount: offset, hop: -1 }
}

function inOrder(a: ToyInput, b: ToyInput): number {
  if (a.at !== b.at) return a.at - b.at
  if (a.from !== b.from) return a.from < b.from ? -1 : 1
  return a.n - b.n
}

function idOf({ from, at, n }: ToyInput): string {
  return `${from} ${at} ${n}`
}

function documentOf(partition: number, input: ToyInput, sum: number): Event {
  return {
    dataset: 'wireguard.coverage',
    own: {
      '@timestamp': input.at,
      'event.id': `${partition} ${idOf(input)}`.replaceAll(/[ :]/g, 'x'),
      'event.dataset': 'wireguard.coverage',
      'event.original': String(sum),
      'host.name': input.from,
    },
    facets: [],
  }
}
