/**
 * Firewall lines that no flow claimed yet, by tuple: a flow whose NEW was lost, or that conntrack first shows at its end,
 * still finds the line that saw its start. Bounded by count and age; forgetting one costs a flow its start and its verdict,
 * never its existence.
 */
import { MINUTE, type Micros } from '../time.ts'
import type { LineWitness } from './flow.ts'

export type Witnesses = {
  add(key: string, witness: LineWitness): void
  /** The newest line of the tuple within [from, to]; it stays, for several entries may follow one line. */
  find(key: string, from: Micros, to: Micros): LineWitness | null
  expire(watermark: Micros): void
  readonly size: number
  save(): SavedWitnesses
}

/** In order of the tuples' first lines. */
export type SavedWitnesses = Map<string, LineWitness[]>

/** About 300 bytes each. */
const WITNESSES_MAX = 100_000
/** Conntrack tells of a flow it missed at the latest with its DESTROY; most live shorter than this. */
const WITNESS_AGE_MAX: Micros = 10 * MINUTE
/** Lines of one tuple, where a rule logs every packet of a flow. */
const LINES_MAX = 4

export function createWitnesses(saved?: SavedWitnesses): Witnesses {
  const byKey: SavedWitnesses = saved ?? new Map()
  return {
    add(key, witness) {
      const lines = byKey.get(key)
      if (lines === undefined) byKey.set(key, [witness])
      else if (lines.length < LINES_MAX) lines.push(witness)
      else lines[LINES_MAX - 1] = witness
      if (byKey.size > WITNESSES_MAX) {
        const oldest = byKey.keys().next()
        if (!oldest.done) byKey.delete(oldest.value)
      }
    },
    find: (key, from, to) => byKey.get(key)?.findLast((line) => line.at >= from && line.at <= to) ?? null,
    expire(watermark) {
      for (const [key, lines] of byKey) {
        if ((lines[lines.length - 1]?.at ?? 0) > watermark - WITNESS_AGE_MAX) break
        byKey.delete(key)
      }
    },
    get size() {
      return byKey.size
    },
    save: () => byKey,
  }
}
