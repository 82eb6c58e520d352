/** What `replay` says of a capture's SHA256SUMS: that the files are those that were gathered, or which are not. */
import { safeText } from '../safe-text.ts'
import { SUMS_NAME, type SumsCheck } from '../sources/capture-sums.ts'
import { counted, paint, type Terminal } from './terminal.ts'

/** Names or line numbers shown of each kind; the JSON has them all. */
const SHOWN_MAX = 20

/** Whether everything that is read is named and unchanged, and everything named is there. */
export function isIntact({ changed, missing, unlisted, malformed }: SumsCheck): boolean {
  return changed.length + missing.length + unlisted.length + malformed.length === 0
}

/** '' for a capture without sums. The whole hash of the file is printed: it is there to be noted down. */
export function printSums(terminal: Terminal, check: SumsCheck | null): string {
  if (check === null) return ''
  const { listed, intact, changed, missing, unlisted, malformed, sha256 } = check
  const head = paint(terminal, 'bold', SUMS_NAME)
  if (isIntact(check)) {
    const same = paint(terminal, 'green', `${counted(listed, 'file')} unchanged since gathered`)
    return `${head}: ${same}; SHA-256 of the list: ${sha256}\n`
  }
  const bad = paint(terminal, 'red', 'THIS IS NOT WHAT WAS GATHERED')
  const lines = [`${head}: ${bad}: ${intact} of ${counted(listed, 'file')} unchanged; SHA-256 of the list: ${sha256}`]
  for (const [kind, names] of [
    ['changed', changed],
    ['missing', missing],
    ['read, but not in the list', unlisted],
    ['unreadable lines of the list', malformed.map(String)],
  ] as const) {
    if (names.length === 0) continue
    const more = names.length > SHOWN_MAX ? ` and ${names.length - SHOWN_MAX} more` : ''
    lines.push(`  ${paint(terminal, 'red', kind)}: ${safeText(names.slice(0, SHOWN_MAX).join(', '))}${more}`)
  }
  return `${lines.join('\n')}\n`
}
