/**
 * A table for screen and A4. How wide columns may get is decided here, from what stands in them, because a page cannot: words stay
 * whole as long as the sheet has room for them, then the longest (keys, commands) are broken, and the print gets smaller.
 */

import { amountText } from './chart-scale.ts'
import { CELL_MAX, htmlText, visibleText } from './html-escape.ts'
import type { Cell, Column, RichCell, Table, Tone } from './report-document.ts'
import type { ReportFrame } from './report-frame.ts'

/** Letters of a line on A4 for each size of print, with 15 mm left and right. */
const SIZES = [
  { name: '', letters: 104 },
  { name: 'small', letters: 122 },
  { name: 'tiny', letters: 148 },
] as const
/** Letters a column is counted with when a size is chosen: longer cells are wrapped. */
const COMFORT = 26
/** Letters: least width of a column whose words are broken, of one with much text, and what lies between columns. */
const [BROKEN, BROKEN_LONG, GAP] = [9, 24, 2]
/** Lines such a column may take before it gets more than the least width. */
const LINES = 8
/** How much the longest cell of a column counts beside the average one. */
const LONGEST_COUNTS = 0.05
/** A letter of fixed width takes so much more than one of the others. */
const CODE_WIDTH = 1.2
/** `15:12:28.928 UTC`, and `[ ] keep` to be ticked; also in HTML: no reference looks like them. */
const UNBROKEN = /\b\d\d:\d\d:\d\d(?:\.\d{1,6})? UTC\b|\[ \] \w{1,16}/g
/** Rows drawn whatever a table has: documents bound theirs, this is for the one that does not. */
const ROWS_MAX = 5000

const TONES: { readonly [tone in Exclude<Tone, 'plain'>]: { readonly word: string; readonly path: string } } = {
  good: { word: 'good', path: 'M2 6.5L5 9.5L10 3' },
  warning: { word: 'caution', path: 'M6 1.5L11 10.5H1ZM6 5V7.5M6 8.8V9.4' },
  bad: { word: 'problem', path: 'M2.5 2.5L9.5 9.5M9.5 2.5L2.5 9.5' },
}

/** The table, and below it how many rows are elsewhere. Without rows: what their absence means. */
export function tableHtml(table: Table, frame: ReportFrame): string {
  const { caption, columns } = table
  if (table.rows.length === 0) {
    const head = caption === '' ? '' : `<p class="caption">${htmlText(caption, CELL_MAX)}</p>`
    return `${head}<p class="empty">${htmlText(table.empty)}</p>\n`
  }
  const rows = table.rows.slice(0, ROWS_MAX)
  const { size, isBroken, shares } = layout(columns, rows)
  const widths =
    shares.length === 0 ? '' : `<colgroup>${shares.map((share) => `<col class="w${share}">`).join('')}</colgroup>`
  const classes = columns.map(({ align, isCode }, i) => {
    const names = [align === 'right' ? 'r' : '', isCode === true ? 'c' : '', isBroken[i] === true ? 'b' : '']
    return classAttribute(names)
  })
  const head = columns
    .map(
      ({ title, align }) =>
        `<th scope="col"${classAttribute([align === 'right' ? 'r' : ''])}>${htmlText(title, CELL_MAX)}</th>`,
    )
    .join('')
  const body = rows
    .map((row) => `<tr>${columns.map((_, i) => `<td${classes[i]}>${cellHtml(row[i] ?? '')}</td>`).join('')}</tr>\n`)
    .join('')
  const title = caption === '' ? '' : `<caption>${htmlText(caption, CELL_MAX)}</caption>`
  const rest = restText({ ...table, total: Math.max(table.total, table.rows.length) }, rows.length, frame)
  return `<div class="wide"><table${classAttribute([size])}>${title}${widths}<thead><tr>${head}</tr></thead><tbody>\n${body}</tbody></table></div>${rest === '' ? '' : `<p class="rest">${htmlText(rest)}</p>`}\n`
}

/** What is not on the page, and where it is; '' = nothing is left out. */
export function restText({ total, file }: Table, shown: number, { files }: ReportFrame): string {
  if (total <= shown) return ''
  const names = files.map(({ name }) => name).filter((name) => file !== '' && name.startsWith(`${file}.`))
  const where =
    names.length > 0
      ? `all are in ${names.join(' and ')}`
      : file === ''
        ? 'the others are counted, not listed'
        : 'with --out DIR all are written to files'
  return `The first ${amountText(shown, '')} of ${amountText(total, '')}; ${where}.`
}

/** What stands in a cell, an item or beside a label: text, its tone's mark, its note. */
export function cellHtml(cell: Cell): string {
  const { text, tone = 'plain', isCode = false, note = '' } = richCell(cell)
  const shown = isCode ? `<code>${cellText(text)}</code>` : `<bdi>${cellText(text)}</bdi>`
  const below = note === '' ? '' : `<span class="under"><bdi>${cellText(note)}</bdi></span>`
  return tone === 'plain' ? `${shown}${below}` : `<span class="${tone}">${markHtml(tone)}${shown}</span>${below}`
}

/** A time is not torn from its zone where the column is narrow, nor a box from what it stands for. */
function cellText(text: string): string {
  return htmlText(text, CELL_MAX).replace(UNBROKEN, '<span class="t">$&</span>')
}

/** A shape of its own for each tone, with its word for those who do not see it. */
export function markHtml(tone: Exclude<Tone, 'plain'>): string {
  const { word, path } = TONES[tone]
  return `<svg class="mark" viewBox="0 0 12 12" role="img" aria-label="${word}"><path d="${path}"/></svg>`
}

/** A text alone is a cell without tone and note. */
export function richCell(cell: Cell): RichCell {
  return typeof cell === 'string' ? { text: cell } : cell
}

type Layout = {
  readonly size: string
  readonly isBroken: readonly boolean[]
  /** Percent of the sheet for each column; empty where all have room. */
  readonly shares: readonly number[]
}

/** Letters: the longest cell on one line, the longest word, and what a cell has on average. */
type Measured = { readonly all: number; readonly word: number; readonly mean: number }

function layout(columns: readonly Column[], rows: readonly (readonly Cell[])[]): Layout {
  const measured = columns.map((column, i) =>
    measure(
      column,
      rows.map((row) => richCell(row[i] ?? '')),
    ),
  )
  const wished = measured.reduce(
    (sum, { all, word }) => sum + Math.max(Math.min(word, COMFORT * 2), Math.min(all, COMFORT)) + GAP,
    0,
  )
  const { name, letters } = SIZES.find((size) => wished <= size.letters) ?? SIZES[2]
  const isBroken = columns.map(() => false)
  const broken = ({ word, mean }: Measured) => Math.min(word, Math.max(BROKEN, Math.min(BROKEN_LONG, mean / LINES)))
  const least = (each: Measured, i: number) => (isBroken[i] === true ? broken(each) : each.word) + GAP
  const sumOf = (lengths: readonly number[]) => lengths.reduce((sum, each) => sum + each, 0)
  while (sumOf(measured.map(least)) > letters) {
    const open = measured
      .map(({ word }, i) => ({ word, i }))
      .filter(({ word, i }) => isBroken[i] === false && word > BROKEN)
    const longest = open.reduce((most, each) => (each.word > most.word ? each : most), { word: 0, i: -1 })
    if (longest.i < 0) break
    isBroken[longest.i] = true
  }
  const leasts = measured.map(least)
  const beyond = (length: number, i: number) => Math.max(0, length + GAP - (leasts[i] ?? 0))
  const longest = measured.map(({ all }, i) => beyond(all, i))
  const spare = letters - sumOf(leasts)
  if (sumOf(longest) <= spare) return { size: name, isBroken, shares: [] }
  // A column of twice the text needs twice the lines: what is left of the sheet goes where it saves most of them. One long cell
  // among many short ones counts little: the others would pay for it.
  const more = measured.map(({ mean }, i) => beyond(mean, i) + LONGEST_COUNTS * (longest[i] ?? 0))
  const widths = leasts.map((each, i) => each + (Math.max(0, spare) * (more[i] ?? 0)) / sumOf(more))
  return { size: name, isBroken, shares: widths.map((each) => Math.max(1, Math.round((each / sumOf(widths)) * 100))) }
}

/** In letters of the sheet. Heads are wrapped, so only their longest word counts. */
function measure({ title, align, isCode: isCodeColumn = false }: Column, cells: readonly RichCell[]): Measured {
  const head = Math.max(
    ...visibleText(title, CELL_MAX)
      .split(' ')
      .map(({ length }) => length),
  )
  let [all, word, sum] = [head, head, 0]
  for (const { text, note = '', tone = 'plain', isCode = isCodeColumn } of cells) {
    const parts = [
      { text, factor: isCode ? CODE_WIDTH : 1, before: tone === 'plain' ? 0 : 2 },
      { text: note, factor: 0.9, before: 0 },
    ]
    for (const { text: part, factor, before } of parts) {
      const shown = visibleText(part, CELL_MAX)
      const whole = shown.length * factor + before
      all = Math.max(all, whole)
      sum += whole
      // A number stands on one line.
      const longest = align === 'right' ? whole : Math.max(...wordsOf(shown).map(({ length }) => length + 1)) * factor
      word = Math.max(word, longest)
    }
  }
  return { all, word, mean: sum / Math.max(1, cells.length) }
}

/** What a line is not broken in: a browser breaks after a hyphen too, but not in a date. */
function wordsOf(text: string): readonly string[] {
  return text.replace(UNBROKEN, (part) => part.replaceAll(' ', '_')).split(/ |(?<!\d)-/)
}

function classAttribute(names: readonly string[]): string {
  const used = names.filter((name) => name !== '')
  return used.length === 0 ? '' : ` class="${used.join(' ')}"`
}
