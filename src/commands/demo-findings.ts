/** The part of the demo's screen that tells what was found: how much of each severity, and one finding of each of the gravest rules. */
import { SEVERITY_NAMES, type Severity } from '../finding-document.ts'
import { safeText } from '../safe-text.ts'
import type { Story } from './demo-story.ts'
import { SEVERITY_STYLES } from './findings-list.ts'
import { counted, paint, type Terminal } from './terminal.ts'
import { shorten } from './wrap-text.ts'

/** Findings that are shown. */
const SHOWN = 3
const SEVERITY_WIDTH = 8
const GRAVEST_FIRST: readonly Severity[] = [4, 3, 2, 1]

/** Lines without their label, which the first one gets; [] when nothing was found. */
export function foundLines(terminal: Terminal, { bySeverity, gravest }: Story['findings'], width: number): string[] {
  const total = [...bySeverity.values()].reduce((sum, count) => sum + count, 0)
  if (total === 0) return []
  const parts = GRAVEST_FIRST.flatMap((severity) => {
    const count = bySeverity.get(severity) ?? 0
    return count === 0 ? [] : [`${count} ${SEVERITY_NAMES[severity]}`]
  })
  return [
    `${counted(total, 'finding')}: ${parts.join(', ')}. Of the gravest, one of a kind:`,
    ...gravest.slice(0, SHOWN).map(({ severity, summary }) => {
      const known = GRAVEST_FIRST.find((each) => each === severity) ?? 1
      const name = paint(terminal, SEVERITY_STYLES[known], SEVERITY_NAMES[known].padEnd(SEVERITY_WIDTH))
      return `${name}  ${shorten(safeText(summary), width - SEVERITY_WIDTH - 2)}`
    }),
  ]
}
