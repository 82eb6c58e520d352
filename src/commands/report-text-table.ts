/**
 * A report's table on a terminal. Cells are wrapped, not shortened: a cut key proves nothing. Where there is no room for columns, each row
 * becomes lines of labels and values.
 */
import { amountText } from '../reports/document/chart-scale.ts'
import { CELL_MAX, visibleText } from '../reports/document/html-escape.ts'
import { restText, richCell } from '../reports/document/html-table.ts'
import type { Cell, Column, Table, Tone } from '../reports/document/report-document.ts'
import type { ReportFrame } from '../reports/document/report-frame.ts'
import { displayWidth, fittingStart } from './display-width.ts'
import { paint, type Terminal } from './terminal.ts'
import { wrapText } from './wrap-text.ts'

/** Rows on a terminal, where nobody reads thousands of lines: of a table, and of one whose rows are printed as lines. */
const [ROWS_MAX, RECORDS_MAX] = [12, 4]
/** Characters below which a column is not made, unless all in it is shorter. */
const LEAST = 12
const GAP = '  '
/** A sign for each tone: nothing is told by colour alone. */
const SIGNS: { readonly [tone in Tone]: string } = { plain: '', good: '✓ ', warning: '! ', bad: '✗ ' }
const STYLES = { good: 'green', warning: 'yellow', bad: 'red' } as const

/** Lines without LF: caption, rows as far as they are shown here, and where the others are. */
export function tableLines(terminal: Terminal, width: number, table: Table, frame: ReportFrame): string[] {
  const { caption, columns } = table
  const title = caption === '' ? [] : wrapText(visibleText(caption, CELL_MAX), width)
  if (table.rows.length === 0) return [...title, ...wrapText(visibleText(table.empty), width)]
  const texts = table.rows.slice(0, ROWS_MAX).map((row) => columns.map((column, i) => columnText(column, row[i] ?? '')))
  const widths = columnWidths(columns, texts, width)
  const shown = widths === null ? Math.min(texts.length, RECORDS_MAX) : texts.length
  const cells = table.rows.slice(0, shown)
  const body =
    widths === null ? recordLines(columns, texts.slice(0, shown), width) : rowLines(terminal, columns, cells, widths)
  const rest = restLine({ ...table, total: Math.max(table.total, table.rows.length) }, shown, frame)
  return [...title, ...body, ...(rest === '' ? [] : wrapText(rest, width))]
}

/** What is in no file is on the page, as far as the document has it. */
function restLine(table: Table, shown: number, frame: ReportFrame): string {
  const { file, rows, total } = table
  if (file !== '' || rows.length <= shown) return restText(table, shown, frame)
  const there = rows.length === total ? 'all of them' : `the first ${amountText(rows.length, '')}`
  return `The first ${amountText(shown, '')} of ${amountText(total, '')}; the page has ${there} (--out DIR).`
}

/** A column of two, such as `First / last`, has the second as the note. */
function columnText({ title }: Column, cell: Cell): string {
  const { text, tone, note = '' } = richCell(cell)
  if (note === '' || !title.includes(' / ')) return cellText(cell)
  return `${cellText({ text, ...(tone === undefined ? {} : { tone }) })} / ${visibleText(note, CELL_MAX)}`
}

/** What a cell says, with the sign of its tone, its note in brackets. */
export function cellText(cell: Cell): string {
  const { text, tone = 'plain', note = '' } = richCell(cell)
  const shown = `${SIGNS[tone]}${visibleText(text, CELL_MAX)}`
  return note === '' ? shown : `${shown} (${visibleText(note, CELL_MAX)})`
}

/** `text` in its tone's colour where there are colours, with its sign. */
export function toned(terminal: Terminal, tone: Tone, text: string): string {
  return tone === 'plain' ? text : paint(terminal, STYLES[tone], text)
}

/** Null when there is no room for all columns. */
function columnWidths(
  columns: readonly Column[],
  texts: readonly (readonly string[])[],
  width: number,
): readonly number[] | null {
  const all = columns.map(({ title }, i) => [visibleText(title, CELL_MAX), ...texts.map((row) => row[i] ?? '')])
  const widths = all.map((column) => Math.max(...column.map(displayWidth)))
  const floors = all.map((column, i) => {
    const word = Math.max(...column.flatMap((text) => text.split(' ').map(displayWidth)))
    return Math.min(widths[i] ?? 0, Math.max(word > LEAST * 2 ? LEAST : word, 1))
  })
  const gaps = GAP.length * Math.max(0, columns.length - 1)
  let over = widths.reduce((sum, each) => sum + each, gaps) - width
  while (over > 0) {
    const spares = widths.map((each, i) => each - (floors[i] ?? 0))
    const most = Math.max(...spares)
    if (most <= 0) return null
    // The widest of those that may shrink gives first.
    const i = widths.reduce(
      (best, each, at) => ((spares[at] ?? 0) > 0 && (best < 0 || each > (widths[best] ?? 0)) ? at : best),
      -1,
    )
    widths[i] = (widths[i] ?? 0) - 1
    over--
  }
  return widths
}

function rowLines(
  terminal: Terminal,
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  widths: readonly number[],
): string[] {
  const line = (cells: readonly (readonly string[])[], tones: readonly Tone[], isHead: boolean): string[] => {
    const height = Math.max(...cells.map(({ length }) => length))
    return Array.from({ length: height }, (_, row) => {
      const parts = cells.map((lines, i) => {
        const text = lines[row] ?? ''
        const padding = ' '.repeat(Math.max(0, (widths[i] ?? 0) - displayWidth(text)))
        const painted = isHead ? text : toned(terminal, tones[i] ?? 'plain', text)
        return columns[i]?.align === 'right' ? padding + painted : painted + padding
      })
      const text = parts.join(GAP).trimEnd()
      return isHead ? paint(terminal, 'bold', text) : text
    })
  }
  const wrap = (text: string, i: number) => wrapText(text, Math.max(1, widths[i] ?? 1))
  const heads = columns.map(({ title }, i) => wrap(visibleText(title, CELL_MAX), i))
  return [
    ...line(heads, [], true),
    ...rows.flatMap((row) =>
      line(
        columns.map((column, i) => wrap(columnText(column, row[i] ?? ''), i)),
        columns.map((_, i) => richCell(row[i] ?? '').tone ?? 'plain'),
        false,
      ),
    ),
  ]
}

function recordLines(columns: readonly Column[], texts: readonly (readonly string[])[], width: number): string[] {
  const labels = columns.map(({ title }) => fittingStart(visibleText(title, CELL_MAX), LEAST * 2))
  const room = Math.max(...labels.map(displayWidth)) + GAP.length
  return texts.flatMap((row, place) => [
    ...(place === 0 ? [] : ['']),
    ...row.flatMap((text, i) =>
      text === ''
        ? []
        : wrapText(text, width - room - 2).map((line, at) => {
            const label = at === 0 ? (labels[i] ?? '') : ''
            return `${i === 0 && at === 0 ? '- ' : '  '}${label}${' '.repeat(room - displayWidth(label))}${line}`
          }),
    ),
  ])
}
