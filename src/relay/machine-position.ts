/**
 * Where a machine stands, and what its progress tells beside that: addresses that were seen to be its own or to stand for its peers',
 * and which of its sources have spoken.
 */
import type { Micros } from '../time.ts'
import type { MachineProgress, Position } from './messages.ts'

export type MachinePosition = {
  /** The place of the next message: never before one that was told, and not before what was said to be complete. */
  next(at: Micros): Position
  /** The gateway was seen to put the address in place of its peers', at that time. */
  noteMask(address: string, at: Micros): void
  /** Packets may end on the machine at this address: asked about at every progress. */
  noteCandidate(address: string): void
  heard(source: string, arrival: Micros): void
  /** Everything before `at` was told. */
  progress(at: Micros, settled: Micros): MachineProgress
  /** Nothing more will come. */
  finish(): MachineProgress
  /** How often something was left out because there was too much of it. */
  readonly left: { readonly masks: number; readonly addresses: number }
  save(): SavedMachinePosition
}

/** Plain data. */
export type SavedMachinePosition = {
  readonly at: Micros
  readonly nextN: number
  readonly masks: Map<string, Micros>
  readonly own: Map<string, Micros>
  readonly candidates: Set<string>
  readonly sources: Map<string, Micros>
  /** Arrival of the newest record of any source. */
  readonly newest: Micros
  readonly left: { masks: number; addresses: number }
}

/** A gateway has a few; each stands in every progress, once a second. */
export const MASKS_MAX = 256
export const OWN_ADDRESSES_MAX = 256
/** Addresses that are asked about. */
const CANDIDATES_MAX = 1024
/** Of a machine that has told all: no flow of it is waited for. A number that JSON has. */
export const SETTLED_ALL: Micros = Number.MAX_SAFE_INTEGER

export function createMachinePosition(
  machine: string,
  isOwnAddress: (address: string) => boolean,
  saved?: SavedMachinePosition,
): MachinePosition {
  let at: Micros = saved?.at ?? 0
  let nextN = saved?.nextN ?? 0
  const masks = saved?.masks ?? new Map<string, Micros>()
  const own = saved?.own ?? new Map<string, Micros>()
  const candidates = saved?.candidates ?? new Set<string>()
  const sources = saved?.sources ?? new Map<string, Micros>()
  let newest = saved?.newest ?? 0
  const left = saved?.left ?? { masks: 0, addresses: 0 }

  function moveTo(wanted: Micros): void {
    if (wanted <= at) return
    at = wanted
    nextN = 0
  }

  /** A packet that ends on the machine may be seen after the first flow to that address. */
  function findOwn(): void {
    for (const address of candidates) {
      if (!isOwnAddress(address)) continue
      candidates.delete(address)
      if (own.size < OWN_ADDRESSES_MAX) own.set(address, at)
      else left.addresses++
    }
  }

  function tell(settled: Micros, isFinished: boolean): MachineProgress {
    findOwn()
    return {
      kind: 'machine',
      machine,
      reached: at,
      settled,
      isFinished,
      sources: Object.fromEntries(sources),
      masks: [...masks],
      ownAddresses: [...own],
    }
  }

  return {
    next(wanted) {
      moveTo(wanted)
      return { at, n: nextN++ }
    },
    noteMask(address, wanted) {
      if (masks.has(address)) return
      if (masks.size < MASKS_MAX) masks.set(address, Math.max(at, wanted))
      else left.masks++
    },
    noteCandidate(address) {
      if (own.has(address) || candidates.has(address)) return
      if (candidates.size < CANDIDATES_MAX) candidates.add(address)
      else left.addresses++
    },
    heard(source, arrival) {
      if (!sources.has(source)) sources.set(source, Math.max(0, arrival))
      newest = Math.max(newest, arrival)
    },
    progress(wanted, settled) {
      moveTo(wanted)
      return tell(Number.isFinite(settled) ? settled : 0, false)
    },
    finish() {
      // How long it was heard of: coverage says what was silent meanwhile (correlator-coverage.ts).
      moveTo(newest)
      return tell(SETTLED_ALL, true)
    },
    left,
    save: () => ({ at, nextN, masks, own, candidates, sources, newest, left }),
  }
}
