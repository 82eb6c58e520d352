/**
 * What commands print to: two streams, colours where a person reads them, tables. Colours follow NO_COLOR
 * (https://no-color.org) and are off for pipes and files. Columns are as wide as a terminal shows them.
 * Text that comes from data goes through safeText (safe-text.ts) first; table cells do that on their own.
 */
import { styleText } from 'node:util'
import { safeText } from '../safe-text.ts'
import { displayWidth } from './display-width.ts'

export type Terminal = {
  /** What was asked for. */
  out(text: string): void
  /** What is said about it: progress, problems of the machine. */
  err(text: string): void
  readonly color: boolean
  /** Somebody watches `err`: long work may show its progress there. */
  readonly isInteractive: boolean
}

type Stream = { write(text: string): unknown; readonly isTTY?: boolean }
type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan'

/** `environment` is the process's: NO_COLOR and TERM are looked at. */
export function createTerminal(
  streams: { readonly out: Stream; readonly err: Stream },
  environment: { readonly [name: string]: string | undefined },
): Terminal {
  const { NO_COLOR: noColor = '', TERM: term = '' } = environment
  return {
    out: (text) => void streams.out.write(text),
    err: (text) => void streams.err.write(text),
    isInteractive: streams.err.isTTY === true,
    color: streams.out.isTTY === true && noColor === '' && term !== 'dumb',
  }
}

/** `text` itself where the terminal has no colours. */
export function paint(terminal: Terminal, style: Style, text: string): string {
  return terminal.color ? styleText(style, text, { validateStream: false }) : text
}

export type Column = { readonly title: string; readonly align?: 'left' | 'right' }

/** Lines with a header and columns two blanks apart; nothing pads the end of a line. '' for no columns. */
export function table(terminal: Terminal, columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const cells = rows.map((row) => columns.map((_, i) => safeText(row[i] ?? '')))
  const widths = columns.map(({ title }, i) =>
    cells.reduce((width, row) => Math.max(width, displayWidth(row[i] ?? '')), displayWidth(title)),
  )
  const line = (row: readonly string[]) =>
    row
      .map((cell, i) => {
        const padding = ' '.repeat(Math.max(0, (widths[i] ?? 0) - displayWidth(cell)))
        return columns[i]?.align === 'right' ? padding + cell : cell + padding
      })
      .join('  ')
      .trimEnd()
  const header = paint(terminal, 'bold', line(columns.map(({ title }) => title)))
  return columns.length === 0 ? '' : [header, ...cells.map(line)].map((text) => `${text}\n`).join('')
}

/** `1 peer`, `2 peers`. */
export function counted(count: number, noun: string, plural = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : plural}`
}
