/**
 * Pseudo-random numbers that are the same on every machine and in every run: a 32-bit linear congruential generator with the
 * constants of Numerical Recipes. Its low bits are poor, so only the high ones are used. Not for secrets.
 */

/** Returns a function that gives integers in [0, below). `below` is at most 65536. */
export function createLcg(seed: number): (below: number) => number {
  let state = seed >>> 0
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor(((state >>> 16) * below) / 65_536)
  }
}
