/**
 * Texts that many flows share (addresses, zones, states, marks), kept once each and named by a small number, so that a flow at
 * rest is numbers only. Counted: a text nobody uses any more is forgotten, and its number is given out again.
 *
 * The pool's texts are copies; none keeps a read buffer alive. It has no limit of its own: its users have one.
 */
import { detach } from '../identity/address-book.ts'

export type TextPool = {
  /** The text's number, counted once more. '' is 0. */
  keep(text: string): number
  /** Its number without counting; ABSENT when nobody keeps it. */
  find(text: string): number
  text(number: number): string
  /** Undoes one `keep`. */
  release(number: number): void
  /** Different texts, '' among them. */
  readonly size: number
  save(): SavedTextPool
}

/** By number; a number that is free has '' and no uses. */
export type SavedTextPool = {
  readonly texts: readonly string[]
  readonly uses: readonly number[]
  readonly free: readonly number[]
}

export const ABSENT = -1

export function createTextPool(saved?: SavedTextPool): TextPool {
  const numbers = new Map<string, number>([['', 0]])
  const texts: string[] = saved === undefined ? [''] : [...saved.texts]
  const uses: number[] = saved === undefined ? [1] : [...saved.uses]
  const free: number[] = saved === undefined ? [] : [...saved.free]
  for (const [number, text] of texts.entries()) if (text !== '') numbers.set(text, number)

  return {
    keep(text) {
      if (text === '') return 0
      const known = numbers.get(text)
      if (known !== undefined) {
        uses[known] = (uses[known] ?? 0) + 1
        return known
      }
      const number = free.pop() ?? texts.length
      const copy = detach(text)
      numbers.set(copy, number)
      texts[number] = copy
      uses[number] = 1
      return number
    },
    find: (text) => numbers.get(text) ?? ABSENT,
    text: (number) => texts[number] ?? '',
    release(number) {
      if (number === 0) return
      const left = (uses[number] ?? 0) - 1
      uses[number] = left
      if (left > 0) return
      numbers.delete(texts[number] ?? '')
      texts[number] = ''
      free.push(number)
    },
    get size() {
      return numbers.size
    },
    save: () => ({ texts, uses, free }),
  }
}
