/**
 * Tables that fit a width: columns that can be done without are left out, the least needed first; then the cells of those that may
 * shrink are shortened. Widths are columns of a terminal.
 */
import { safeText } from '../safe-text.ts'
import { displayWidth } from './display-width.ts'
import type { Cell } from './document-line.ts'
import { paint, type Terminal } from './terminal.ts'
import { shorten } from './wrap-text.ts'

export type FittedColumn = {
  readonly title: string
  readonly align?: 'left' | 'right'
  /** Absent = always shown; of the others the highest is left out first. */
  readonly rank?: number
  /** Characters a cell may be shortened to where the line is too long; absent = it is not shortened. */
  readonly least?: number
}

const GAP = '  '
/** Characters that a column which is always shown keeps before others are left out for it. */
const COMFORT = 20

/** Lines with a bold header, each ended by LF. Every row has a cell for every column. */
export function fittedTable(
  terminal: Terminal,
  width: number,
  columns: readonly FittedColumn[],
  rows: readonly (readonly Cell[])[],
): string {
  const table: Line[] = [columns.map(({ title }) => ({ text: title, style: 'bold' as const })), ...rows].map((cells) =>
    cells.map(({ text, style }) => ({ text: safeText(text), style })),
  )
  const natural = columns.map((_, i) => Math.max(...table.map((line) => displayWidth(line[i]?.text ?? ''))))
  const shown = chosen(columns, natural, width)
  const widths = shrunk(columns, natural, shown, width)
  return table
    .map((line) => {
      const cells = shown.map((i) => {
        const { text = '', style = null } = line[i] ?? {}
        const size = widths[i] ?? 0
        const short = shorten(text, size)
        const padding = ' '.repeat(size - displayWidth(short))
        const painted = style === null || short === '' ? short : paint(terminal, style, short)
        if (columns[i]?.align === 'right') return padding + painted
        return i === shown.at(-1) ? painted : painted + padding
      })
      return `${cells.join(GAP).trimEnd()}\n`
    })
    .join('')
}

type Line = readonly Cell[]

/** Indexes of the columns that are shown. */
function chosen(columns: readonly FittedColumn[], natural: readonly number[], width: number): number[] {
  let shown = columns.map((_, i) => i)
  const least = (i: number) => {
    const { rank, least: size = Number.POSITIVE_INFINITY } = columns[i] ?? {}
    return Math.min(natural[i] ?? 0, rank === undefined ? Math.max(size, COMFORT) : size)
  }
  while (total(shown.map(least)) > width) {
    const ranked = shown.filter((i) => columns[i]?.rank !== undefined)
    const out = ranked.toSorted((a, b) => (columns[b]?.rank ?? 0) - (columns[a]?.rank ?? 0))[0]
    if (out === undefined) break
    shown = shown.filter((i) => i !== out)
  }
  return shown
}

/** What is too much is taken from the widest that may shrink, a character at a time. */
function shrunk(
  columns: readonly FittedColumn[],
  natural: readonly number[],
  shown: readonly number[],
  width: number,
): number[] {
  const widths = [...natural]
  for (let over = total(shown.map((i) => widths[i] ?? 0)) - width; over > 0; over--) {
    const spare = (i: number) => (widths[i] ?? 0) - (columns[i]?.least ?? Number.POSITIVE_INFINITY)
    const widest = shown.toSorted((a, b) => spare(b) - spare(a))[0]
    if (widest === undefined || spare(widest) <= 0) break
    widths[widest] = (widths[widest] ?? 0) - 1
  }
  return widths
}

function total(widths: readonly number[]): number {
  return widths.reduce((sum, width) => sum + width, 0) + GAP.length * Math.max(0, widths.length - 1)
}
