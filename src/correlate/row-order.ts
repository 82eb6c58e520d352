/** Rows in the order they were appended, as a doubly linked list in typed arrays: any row leaves in the same time. */

import { copyOf, enlarge } from './hash-index.ts'

export type RowOrder = {
  /** The row must not be in the list. */
  append(row: number): void
  /** Nothing happens when the row is not in the list. */
  remove(row: number): void
  /** Oldest first. A row may leave while it is looked at. */
  rows(): Iterable<number>
  /** The oldest; NO_ROW when there is none. */
  readonly first: number
  readonly size: number
  /** `rows`: how many rows there are, in the list or not. */
  save(rows: number): SavedRowOrder
}

export type SavedRowOrder = {
  readonly olders: Int32Array
  readonly youngers: Int32Array
  readonly first: number
  readonly last: number
  readonly size: number
}

export const NO_ROW = -1
/** In place of a neighbour, for rows outside the list. */
const OUTSIDE = -2
const SIZE_MIN = 1024

export function createRowOrder(saved?: SavedRowOrder): RowOrder {
  let olders = copyOf(saved?.olders, SIZE_MIN, OUTSIDE)
  let youngers = copyOf(saved?.youngers, SIZE_MIN, 0)
  let first = saved?.first ?? NO_ROW
  let last = saved?.last ?? NO_ROW
  let size = saved?.size ?? 0

  return {
    append(row) {
      if (row >= olders.length) {
        const known = olders.length
        olders = enlarge(olders, row + 1).fill(OUTSIDE, known)
        youngers = enlarge(youngers, row + 1)
      }
      olders[row] = last
      youngers[row] = NO_ROW
      if (last === NO_ROW) first = row
      else youngers[last] = row
      last = row
      size++
    },
    remove(row) {
      const older = olders[row] ?? OUTSIDE
      if (older === OUTSIDE) return
      const younger = youngers[row] ?? NO_ROW
      if (older === NO_ROW) first = younger
      else youngers[older] = younger
      if (younger === NO_ROW) last = older
      else olders[younger] = older
      olders[row] = OUTSIDE
      size--
    },
    *rows() {
      for (let row = first; row !== NO_ROW; ) {
        const next = youngers[row] ?? NO_ROW
        yield row
        row = next
      }
    },
    get first() {
      return first
    },
    get size() {
      return size
    },
    save: (rows) => ({ olders: olders.subarray(0, rows), youngers: youngers.subarray(0, rows), first, last, size }),
  }
}
