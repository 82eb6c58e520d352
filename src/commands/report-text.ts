/**
 * A report on a terminal or in a pipe: the same document as the page, with the first rows of each table. Every line has at most
 * `width` characters, commands alone are never broken. Texts come as they are and are made fit for a terminal here.
 */
import { CELL_MAX, TEXT_MAX, visibleText } from '../reports/document/html-escape.ts'
import { filesText, namesText, periodText } from '../reports/document/html-page.ts'
import type { Block, Cell, Figures, ReportDocument, Section, Tone } from '../reports/document/report-document.ts'
import type { ReportFrame } from '../reports/document/report-frame.ts'
import { stampText } from '../reports/revocation/revocation-text.ts'
import { safeText } from '../safe-text.ts'
import { displayWidth } from './display-width.ts'
import { chartLines } from './report-text-chart.ts'
import { cellText, tableLines, toned } from './report-text-table.ts'
import { paint, type Terminal } from './terminal.ts'
import { shorten, wrapText } from './wrap-text.ts'

const WIDTH_MIN = 60
/** Characters of a label beside a fact; items of a list. */
const [LABEL_MAX, BULLETS_MAX, FACTS_MAX] = [32, 40, 60]
const NOTE_WORDS: { readonly [tone in Tone]: string } = {
  plain: 'Note',
  good: 'In order',
  warning: 'Caution',
  bad: 'Problem',
}

/** The whole report, ended by LF. `width` in characters; less than 60 is taken for that. */
export function reportText(terminal: Terminal, width: number, document: ReportDocument, frame: ReportFrame): string {
  const room = Math.max(WIDTH_MIN, width)
  const parts = [
    head(terminal, room, document, frame),
    document.summary.flatMap((text) => wrapped(text, room)),
    ...document.sections.map((section) => sectionLines(terminal, room, section, frame)),
    about(terminal, room, frame),
  ]
  return parts
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.map((line) => `${line.trimEnd()}\n`).join(''))
    .join('\n')
}

function head(terminal: Terminal, width: number, document: ReportDocument, frame: ReportFrame): string[] {
  const { title, subject, period, reportTime } = document
  const heading = subject === '' ? title : `${title}: ${subject}`
  return [
    paint(terminal, 'bold', shorten(visibleText(heading, CELL_MAX), width)),
    ...factLines(width, [
      ...(period === null ? [] : [['period', periodText(period)] as const]),
      ['as of', stampText(reportTime)],
      ['names', namesText(frame)],
    ]),
  ]
}

function about(
  terminal: Terminal,
  width: number,
  { reportId, software, source, command, files }: ReportFrame,
): string[] {
  return [
    paint(terminal, 'bold', 'About this report'),
    ...factLines(width, [
      ['report id', reportId],
      ['software', software],
      ['made of', source],
      ...filesText(files).map(({ names, rows }) => ['rows in', `${names.join(', ')}: ${rows}`] as const),
    ]),
    // Never broken: it is there to be copied.
    ...(command === '' ? [] : [`again with   ${safeText(command)}`]),
  ]
}

function sectionLines(terminal: Terminal, width: number, { title, blocks }: Section, frame: ReportFrame): string[] {
  const heading = paint(terminal, 'bold', shorten(visibleText(title, CELL_MAX), width))
  const parts = blocks.map((block) => blockLines(terminal, width, block, frame)).filter((lines) => lines.length > 0)
  return [heading, ...parts.flatMap((lines, i) => (i === 0 ? lines : ['', ...lines]))]
}

function blockLines(terminal: Terminal, width: number, block: Block, frame: ReportFrame): string[] {
  switch (block.kind) {
    case 'paragraph':
      return wrapped(block.text, width)
    case 'note': {
      const word = `${NOTE_WORDS[block.tone]}: `
      const [first = '', ...rest] = wrapped(`${word}${block.text}`, width)
      return [`${toned(terminal, block.tone, word.trimEnd())} ${first.slice(word.length)}`, ...rest]
    }
    case 'facts':
      return limited(block.rows, FACTS_MAX, (rows) =>
        factLines(
          width,
          rows.map(([label, value]) => [label, cellText(value)] as const),
        ),
      )
    case 'figures':
      return figureLines(terminal, width, block)
    case 'bullets':
      return limited(block.items, BULLETS_MAX, (items) => items.flatMap((item) => bulletLines(width, item)))
    case 'table':
      return tableLines(terminal, width, block, frame)
    case 'chart':
      return chartLines(terminal, width, block.chart)
    case 'form':
      return block.fields.map((field) => {
        const label = shorten(visibleText(field, CELL_MAX), LABEL_MAX)
        return `${label}${' '.repeat(LABEL_MAX - displayWidth(label))}  ${'_'.repeat(Math.min(40, width - LABEL_MAX - 2))}`
      })
    default:
      return block satisfies never
  }
}

function figureLines(terminal: Terminal, width: number, { items }: Figures): string[] {
  const values = items.map(({ value, tone }) => shorten(cellText({ text: value, tone }), LABEL_MAX))
  const room = Math.max(...values.map((value) => displayWidth(value)), 0)
  return items.flatMap(({ label, tone, note = '' }, i) => {
    const value = values[i] ?? ''
    const told = note === '' ? label : `${label} (${note})`
    const lines = wrapped(told, width - room - 2)
    const padding = ' '.repeat(room - displayWidth(value))
    return lines.map((line, row) =>
      row === 0 ? `${padding}${toned(terminal, tone, value)}  ${line}` : `${' '.repeat(room + 2)}${line}`,
    )
  })
}

function bulletLines(width: number, item: Cell): string[] {
  return wrapped(cellText(item), width - 4).map((line, i) => `${i === 0 ? '  - ' : '    '}${line}`)
}

function limited<Item>(items: readonly Item[], most: number, lines: (items: readonly Item[]) => string[]): string[] {
  const more = items.length - most
  return [...lines(items.slice(0, most)), ...(more > 0 ? [`and ${more} more; the page has them (--out DIR)`] : [])]
}

/** Labels on the left, texts wrapped beside them. */
function factLines(width: number, facts: readonly (readonly [string, string])[]): string[] {
  const labels = facts.map(([label]) => shorten(visibleText(label, CELL_MAX), LABEL_MAX))
  const room = Math.max(13, ...labels.map((label) => displayWidth(label) + 2))
  return facts.flatMap(([, text], i) =>
    wrapped(text, width - room).map((line, row) => {
      const label = row === 0 ? (labels[i] ?? '') : ''
      return `${label}${' '.repeat(room - displayWidth(label))}${line}`
    }),
  )
}

function wrapped(text: string, width: number): string[] {
  return wrapText(visibleText(text, TEXT_MAX), width)
}
