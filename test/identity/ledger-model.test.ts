/**
 * The ledger against a naive model that keeps every snapshot whole and searches them all, over random histories: peers come, go
 * and return, prefixes move between them (also half-way through a dump), interfaces go down and up, polls come when they like.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { addressBits } from '../../src/address.ts'
import { createLedger } from '../../src/identity/ledger.ts'
import { SECOND } from '../../src/time.ts'
import { createSnapshots, type Shown } from './snapshots.ts'

const PREFIXES = [
  '0.0.0.0/0',
  '10.8.0.0/24',
  '10.8.0.0/30',
  '10.8.0.2/32',
  '10.8.0.3/32',
  '10.9.0.0/16',
  '::/0',
  'fd08::/64',
  'fd08::2/128',
]
const ADDRESSES = ['10.8.0.2', '10.8.0.3', '10.8.0.77', '10.9.1.1', '192.0.2.1', 'fd08::2', 'fd08::3', '2001:db8::1']
const INTERFACES = ['wg0', 'wg1']
const KEYS = ['alice', 'bob', 'carol']

/** Interface -> prefix -> holder: what the kernel has, one holder each. */
type Kernel = Map<string, { isUp: boolean; holders: Map<string, string> }>

type Step = { readonly interface: string } & (
  | { readonly what: 'give'; readonly prefix: string; readonly key: string }
  | { readonly what: 'take'; readonly prefix: string }
  | { readonly what: 'remove'; readonly key: string }
  | { readonly what: 'down' | 'up' }
  | {
      readonly what: 'poll'
      readonly after: number
      readonly torn: { readonly prefix: string; readonly key: string } | null
    }
)

const onInterface = fc.constantFrom(...INTERFACES)
const prefix = fc.constantFrom(...PREFIXES)
const key = fc.constantFrom(...KEYS)
const poll = fc.record({
  what: fc.constant('poll' as const),
  interface: onInterface,
  after: fc.integer({ min: 1, max: 40 }).map((tenths) => tenths / 10),
  torn: fc.option(fc.record({ prefix, key }), { freq: 8 }),
})
const change = fc.oneof(
  { weight: 6, arbitrary: fc.record({ what: fc.constant('give' as const), interface: onInterface, prefix, key }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('take' as const), interface: onInterface, prefix }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('remove' as const), interface: onInterface, key }) },
  {
    weight: 1,
    arbitrary: fc.record({ what: fc.constantFrom('down' as const, 'up' as const), interface: onInterface }),
  },
)
const history: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof({ weight: 3, arbitrary: poll }, { weight: 2, arbitrary: change }),
  { minLength: 5, maxLength: 60 },
)

function apply(kernel: Kernel, step: Step): void {
  const state = kernel.get(step.interface)
  if (state === undefined) return
  if (step.what === 'give') state.holders.set(step.prefix, step.key)
  else if (step.what === 'take') state.holders.delete(step.prefix)
  else if (step.what === 'remove')
    for (const [each, holder] of state.holders) if (holder === step.key) state.holders.delete(each)
  if (step.what === 'down') state.isUp = false
  if (step.what === 'up') state.isUp = true
}

/** What `wg show` prints of it; a torn dump shows one prefix with a second key as well. */
function show(kernel: Kernel, torn: { readonly prefix: string; readonly key: string } | null): Shown {
  const shown: Record<string, Record<string, string[]>> = {}
  for (const [name, { isUp, holders }] of kernel) {
    if (!isUp) continue
    const rows: Record<string, string[]> = {}
    const add = (each: string, holder: string) => {
      rows[holder] ??= []
      if (!rows[holder].includes(each)) rows[holder].push(each)
    }
    for (const [each, holder] of holders) add(each, holder)
    if (torn !== null && holders.has(torn.prefix)) add(torn.prefix, torn.key)
    shown[name] = rows
  }
  return shown
}

/** `alice 10.8.0.2/32`, `nobody`, `down`, or both holders of a torn dump. */
function holderIn(shown: Shown, name: string, address: string): string {
  const rows = shown[name]
  if (rows === undefined) return 'down'
  const covering = Object.entries(rows).flatMap(([holder, prefixes]) =>
    // This file only uses the short form.
    (prefixes as readonly string[])
      .filter((each) => covers(each, address))
      .map((each) => ({ holder, each, length: Number(each.split('/')[1]) })),
  )
  const longest = Math.max(...covering.map(({ length }) => length))
  const best = covering.filter(({ length }) => length === longest)
  return best.length === 0 ? 'nobody' : best.map(({ holder, each }) => `${holder} ${each}`).join(' and ')
}

function covers(prefixText: string, address: string): boolean {
  const [network = '', length = ''] = prefixText.split('/')
  if (network.includes(':') !== address.includes(':')) return false
  const bits = (text: string) => {
    const words = addressBits(text)
    if (words === null) throw new Error(`no address: ${text}`)
    const parts = words.family === 4 ? [words.d] : [words.a, words.b, words.c, words.d]
    return parts.map((word) => word.toString(2).padStart(32, '0')).join('')
  }
  return bits(network).slice(0, Number(length)) === bits(address).slice(0, Number(length))
}

function replay(steps: readonly Step[]) {
  const kernel: Kernel = new Map(INTERFACES.map((name) => [name, { isUp: true, holders: new Map() }]))
  const ledger = createLedger(SECOND)
  const snapshot = createSnapshots()
  const polls: { at: number; shown: Shown }[] = []
  let seconds = 0
  for (const step of steps) {
    apply(kernel, step)
    if (step.what !== 'poll') continue
    seconds += step.after
    const shown = show(kernel, step.torn)
    const record = snapshot(seconds, shown)
    if (record.at <= (polls.at(-1)?.at ?? -1)) continue
    polls.push({ at: record.at, shown })
    ledger.observe(record)
  }
  return { ledger, polls }
}

function expectSame(
  ledger: ReturnType<typeof createLedger>,
  polls: readonly { at: number; shown: Shown }[],
  from: number,
  to: number,
): void {
  const between = polls.filter(({ at }) => at >= from && at <= to)
  for (const name of INTERFACES) {
    for (const address of ADDRESSES) {
      const bits = addressBits(address)
      if (bits === null) throw new Error(`no address: ${address}`)
      const { outcome, entry, candidates } = ledger.holding(name, bits, from, to)
      const naive = new Set(between.map(({ shown }) => holderIn(shown, name, address)))
      const only = naive.size === 1 ? ([...naive][0] ?? '') : null
      const said = outcome === 'held' ? `${entry?.publicKey} ${entry?.prefix}` : outcome
      const where = `${address} on ${name}, ${from} to ${to}: ${said}; snapshots: ${[...naive].join(', ')}`
      if (outcome === 'held') expect(only, where).toBe(said)
      if (outcome === 'none')
        expect(
          [...naive].every((each) => each === 'nobody' || each === 'down'),
          where,
        ).toBe(true)
      if (only?.includes('/') && !only.includes(' and ')) expect(said, where).toBe(only)
      if (only === 'nobody') expect(said, where).toBe('none')
      // Whoever held it in some snapshot is named.
      const named = new Set(candidates.map((each) => `${each.publicKey} ${each.prefix}`))
      for (const each of naive)
        for (const one of each.split(' and ')) if (one.includes('/')) expect(named.has(one), where).toBe(true)
    }
  }
}

describe('the ledger', () => {
  test('says `held` exactly when every snapshot of the interval shows the same holder', () => {
    const questions = fc.array(fc.tuple(fc.nat(1000), fc.nat(1000)), { minLength: 1, maxLength: 6 })
    fc.assert(
      fc.property(history, questions, (steps, pairs) => {
        const { ledger, polls } = replay(steps)
        if (polls.length === 0) return
        for (const [x, y] of pairs) {
          const [a, b] = [polls[x % polls.length]?.at ?? 0, polls[y % polls.length]?.at ?? 0]
          expectSame(ledger, polls, Math.min(a, b), Math.max(a, b))
        }
      }),
      { numRuns: 400 },
    )
  })

  test('answers for any moment from the snapshots around it, and the same later as at once', () => {
    fc.assert(
      fc.property(history, fc.array(fc.nat(1_000_000), { maxLength: 5 }), (steps, moments) => {
        const { ledger, polls } = replay(steps)
        const end = polls.at(-1)?.at ?? 0
        for (const share of moments) {
          const moment = Math.floor((end * share) / 1_000_000)
          const { before, after } = ledger.polls.around(moment, moment)
          if (before === null || after === null) continue
          expectSame(ledger, polls, before, after)
          const known = replay(steps.slice(0, stepsUntil(steps, after))).ledger
          for (const address of ADDRESSES) {
            const bits = addressBits(address)
            if (bits === null) throw new Error(`no address: ${address}`)
            const [early, late] = [known, ledger].map((each) => each.holding('wg0', bits, before, after))
            // While an interface is down nobody knows yet that its peers will return unchanged; then the hole is doubt.
            if (early?.outcome === 'none' && late?.outcome === 'changing') continue
            expect(late?.outcome).toBe(early?.outcome)
            expect(late?.entry?.publicKey).toBe(early?.entry?.publicKey)
          }
        }
      }),
      { numRuns: 150 },
    )
  })
})

/** How many steps it takes until the poll at that time is in. */
function stepsUntil(steps: readonly Step[], at: number): number {
  let seconds = 0
  return (
    steps.findIndex((step) => {
      if (step.what === 'poll') seconds += step.after
      return step.what === 'poll' && Math.round(seconds * SECOND) >= at
    }) + 1
  )
}
