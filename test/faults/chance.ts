/** Choices that are the same for the same seed, on every machine. */
import { createLcg } from '../../bench/lcg.ts'

export type Chance = {
  /** An integer in [from, to]. */
  between(from: number, to: number): number
  pick<T>(list: readonly [T, ...T[]]): T
  isIn(percent: number): boolean
  shuffled<T>(list: readonly T[]): T[]
}

/** `seed`: any integer. */
export function createChance(seed: number): Chance {
  const below = createLcg(seed)
  // Seeds that lie close together begin alike.
  for (let i = 0; i < 8; i++) below(2)
  return {
    between: (from, to) => from + below(to - from + 1),
    pick: (list) => list[below(list.length)] ?? list[0],
    isIn: (percent) => below(100) < percent,
    shuffled(list) {
      const out = [...list]
      for (let i = out.length - 1; i > 0; i--) {
        const j = below(i + 1)
        const [a, b] = [out[i], out[j]]
        if (a !== undefined && b !== undefined) {
          out[i] = b
          out[j] = a
        }
      }
      return out
    },
  }
}
