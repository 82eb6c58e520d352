/** Long texts on lines of a given width, in columns of a terminal. */
import { safeText } from '../safe-text.ts'
import { displayWidth, fittingStart } from './display-width.ts'

/** Lines of at most `width` columns, broken at blanks; a word that is longer is cut. At least one line. Made fit for a terminal. */
export function wrapText(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  let used = 0
  for (const word of safeText(text).split(' ')) {
    let rest = word
    let room = displayWidth(word)
    if (line !== '' && used + 1 + room > width) {
      lines.push(line)
      line = ''
      used = 0
    } else if (line !== '') {
      line += ' '
      used++
    }
    while (room > width) {
      // A letter that is wider than the line stands there all the same.
      const start = fittingStart(rest, width) || String.fromCodePoint(rest.codePointAt(0) ?? 0)
      lines.push(start)
      rest = rest.slice(start.length)
      room -= displayWidth(start)
    }
    line += rest
    used += room
  }
  return [...lines, line]
}

/**
 * A shell command on lines that a shell reads as one, each but the last ending in a backslash; the ones after the first are
 * indented. Null when a word is too long for a line, or when the command holds characters a terminal must not show: half a
 * command is worse than none. No word may hold a blank.
 */
export function wrapCommand(command: string, width: number): string[] | null {
  if (safeText(command) !== command) return null
  const lines: string[] = []
  let line = ''
  for (const word of command.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`
    if (displayWidth(longer) + 2 <= width) line = longer
    else {
      if (line !== '') lines.push(`${line} \\`)
      line = lines.length === 0 ? word : `  ${word}`
      if (displayWidth(line) + 2 > width) return null
    }
  }
  return [...lines, line]
}

/** `text` made fit for a terminal, at most `width` columns, with `…` for what was left out. */
export function shorten(text: string, width: number): string {
  // A document from a stranger may have a number where a text belongs.
  const safe = safeText(String(text))
  return displayWidth(safe) > width ? `${fittingStart(safe, width - 1)}…` : safe
}
