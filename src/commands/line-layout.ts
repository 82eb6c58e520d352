/**
 * Lines of documents on a terminal: columns for time, action, peer and, where there is room, owner; then the story, as much of it
 * as fits. Every line has at most `width` characters. Columns are as wide as the first lines handed over need them; a cell
 * that is longer pushes the rest of its line to the right.
 */

import { dayOf, timeOfDay } from '../quantity-text.ts'
import { safeText } from '../safe-text.ts'
import type { Micros } from '../time.ts'
import { displayWidth } from './display-width.ts'
import type { Cell, DocumentLine } from './document-line.ts'
import { paint, type Terminal } from './terminal.ts'
import { shorten } from './wrap-text.ts'

/** Characters of a line in a pipe or a narrow terminal. */
export const LINE_WIDTH_MIN = 100
/** From here on the owner has a column. */
const OWNER_FROM = 132
/** Longer cells push the rest of their line to the right, up to the second number. */
const [WHAT_COLUMN, WHAT_MAX] = [16, 24]
const [WHO_COLUMN, WHO_MAX] = [12, 24]
const OWNER_MAX = 32
const END_MAX = 40
/** Of the room beside the columns, when the end is long too. */
const STORY_SHARE = 0.6
/** Fewer characters of a text tell nothing. */
const PIECE_MIN = 6
const GAP = '  '

export type LinePrinter = {
  /** The lines, each ended by LF, with a heading where a new day begins. */
  print(lines: readonly DocumentLine[]): string
}

/** `width`: characters of a line; less than LINE_WIDTH_MIN is taken for that. */
export function createLinePrinter(terminal: Terminal, width: number): LinePrinter {
  const whole = Math.max(width, LINE_WIDTH_MIN)
  let day = ''
  let widths: Widths | null = null

  function heading(at: Micros): string {
    const next = dayOf(at)
    if (next === day) return ''
    const text = day === '' ? `${next}, times in UTC` : next
    day = next
    return `${paint(terminal, 'bold', text)}\n`
  }

  return {
    print(lines) {
      widths ??= measure(lines, whole)
      const columns = widths
      return lines.map((line) => `${heading(line.at)}${printLine(terminal, line, columns, whole)}\n`).join('')
    },
  }
}

type Widths = { readonly what: number; readonly who: number; readonly owner: number }

/** As wide as the longest of the cells; 0 for a column that less than half of the lines would fill. */
function measure(lines: readonly DocumentLine[], width: number): Widths {
  const column = (texts: readonly string[], max: number) => {
    const filled = texts.filter((text) => text !== '')
    if (filled.length * 2 < texts.length) return 0
    return filled.reduce((most, text) => Math.max(most, Math.min(max, displayWidth(safeText(text)))), 0)
  }
  return {
    what: column(
      lines.map(({ what }) => what.text),
      WHAT_COLUMN,
    ),
    who: column(
      lines.map(({ who }) => who.text),
      WHO_COLUMN,
    ),
    owner:
      width < OWNER_FROM
        ? 0
        : column(
            lines.map(({ owner }) => owner),
            OWNER_MAX,
          ),
  }
}

function printLine(terminal: Terminal, line: DocumentLine, widths: Widths, width: number): string {
  const cells: Padded[] = [
    { cell: { text: timeOfDay(line.at), style: 'dim' }, width: 0, max: 12 },
    { cell: line.what, width: widths.what, max: WHAT_MAX },
  ]
  // What nobody's peer did needs the room.
  if (line.who.text !== '' || line.owner !== '')
    cells.push(
      { cell: line.who, width: widths.who, max: WHO_MAX },
      { cell: { text: line.owner, style: null }, width: widths.owner, max: widths.owner },
    )
  let used = 0
  let text = ''
  for (const { cell, width: least, max } of cells) {
    const shown = max === 0 ? '' : shorten(cell.text, max)
    const size = Math.max(least, displayWidth(shown))
    if (size === 0) continue
    text += `${painted(terminal, { ...cell, text: shown })}${' '.repeat(size - displayWidth(shown))}${GAP}`
    used += size + GAP.length
  }
  return `${text}${fitStory(terminal, line, width - used)}`.trimEnd()
}

type Padded = { readonly cell: Cell; readonly width: number; readonly max: number }

/** The fullest story that fits beside the end, then the extras, the last of them shortened where that leaves enough of it. */
function fitStory(terminal: Terminal, { story, extras, end }: DocumentLine, width: number): string {
  const told = story.map(safeText)
  // Where both are long, each keeps its share.
  const least = Math.min(displayWidth(told.at(-1) ?? ''), Math.ceil(width * STORY_SHARE))
  const last = shorten(end.text, Math.min(END_MAX, width - GAP.length - least))
  const reserved = last === '' ? 0 : displayWidth(last) + GAP.length
  const room = width - reserved
  let text = told.find((each) => displayWidth(each) <= room) ?? shorten(told.at(-1) ?? '', room)
  for (const extra of extras) {
    const left = room - displayWidth(text) - 1
    if (left < PIECE_MIN && displayWidth(shorten(extra, left + 1)) > left) break
    text = `${text} ${shorten(extra, left)}`.trimStart()
  }
  return last === '' ? text : `${text}${GAP}${painted(terminal, { ...end, text: last })}`.trimStart()
}

function painted(terminal: Terminal, { text, style }: Cell): string {
  return style === null || text === '' ? text : paint(terminal, style, text)
}
