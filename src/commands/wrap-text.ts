/** Long texts on lines of a given width, counted in characters; wide East-Asian characters are not measured. */
import { safeText } from '../safe-text.ts'

/** Lines of at most `width` characters, broken at blanks; a word that is longer is cut. At least one line. Made fit for a terminal. */
export function wrapText(text: string, width: number): string[] {
  const lines: string[] = []
  let line: string[] = []
  for (const word of safeText(text).split(' ')) {
    let rest = Array.from(word)
    if (line.length > 0 && line.length + 1 + rest.length > width) {
      lines.push(line.join(''))
      line = []
    } else if (line.length > 0) line.push(' ')
    for (; rest.length > width; rest = rest.slice(width)) lines.push(rest.slice(0, width).join(''))
    line.push(...rest)
  }
  return [...lines, line.join('')]
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
    if (characters(longer) + 2 <= width) line = longer
    else {
      if (line !== '') lines.push(`${line} \\`)
      line = lines.length === 0 ? word : `  ${word}`
      if (characters(line) + 2 > width) return null
    }
  }
  return [...lines, line]
}

/** `text` made fit for a terminal, at most `width` characters, with `…` for what was left out. */
export function shorten(text: string, width: number): string {
  const all = Array.from(safeText(text))
  return all.length > width ? `${all.slice(0, Math.max(0, width - 1)).join('')}…` : all.join('')
}

function characters(text: string): number {
  return Array.from(text).length
}
