/**
 * A small memory of what was made of a text: process titles, resolved names and addresses come again and again, and hashing
 * 250 characters for a Map takes longer than decoding them. So a text picks its slot by length and four characters, and the
 * slot remembers its last text. Whoever fills slots on purpose gains nothing: a miss costs what it costs without.
 */

/** Longer texts are made anew each time, so that a slot holds at most this many characters. */
const TEXT_LENGTH_MAX = 1024

/** `make` with a memory of `slots` (a power of two) texts. `make` must depend on the text alone. */
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
    const value = make(text)
    texts[slot] = text
    values[slot] = value
    return value
  }
}

/** charCodeAt gives NaN beyond the text, which the shifts and `^` take for 0. */
function slotOf(text: string, length: number): number {
  const middle = length >> 1
  const early = text.charCodeAt(middle >> 1) ^ (text.charCodeAt(middle) << 3)
  const late = (text.charCodeAt(middle + (middle >> 1)) << 1) ^ (text.charCodeAt(length - 1) << 4)
  return length ^ early ^ late
}
