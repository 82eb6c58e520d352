/**
 * A small memory of what was made of a text: process titles, resolved names and addresses come again and again, and hashing
 * 250 characters for a Map takes longer than decoding them. So a text picks its slot by its length and some characters, and the
 * slot remembers its last text. Whoever fills slots on purpose gains nothing: a miss costs what it costs without.
 */

/** Longer texts are made anew each time, so that a slot holds at most this many characters. */
const TEXT_LENGTH_MAX = 1024
const SAMPLES = 32

/** `make` with a memory of `slots` (a power of two) texts. `make` must depend on the text alone, which is latin1. */
export function createRecentValues<T>(slots: number, make: (text: string) => T): (text: string) => T {
  const texts: (string | undefined)[] = Array.from({ length: slots }, () => undefined)
  const values: (T | undefined)[] = Array.from({ length: slots }, () => undefined)
  const mask = slots - 1
  return (text) => {
    const { length } = text
    if (length > TEXT_LENGTH_MAX) return make(text)
    const slot = slotOf(text, length) & mask
    const known = texts[slot] === text ? values[slot] : undefined
    if (known !== undefined) return known
    // A copy: a part of a line would keep the whole read buffer alive, and so would what is made of it.
    const copy = Buffer.from(text, 'latin1').toString('latin1')
    const value = make(copy)
    texts[slot] = copy
    values[slot] = value
    return value
  }
}

/** Of the length and SAMPLES characters, evenly spread; the last one, too, for texts that differ at their end. */
function slotOf(text: string, length: number): number {
  // Whole steps: up to SAMPLES of them or a few more characters.
  const step = Math.floor(length / SAMPLES) + 1
  let hash = length
  for (let at = 0; at < length; at += step) hash = Math.imul(hash, 31) + text.charCodeAt(at)
  hash = Math.imul(hash, 31) + (length > 0 ? text.charCodeAt(length - 1) : 0)
  return hash ^ (hash >>> 9) ^ (hash >>> 18)
}
