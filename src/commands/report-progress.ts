/** Progress of a report on a terminal: one line, written anew at most ten times a second. */
import type { Progress } from '../reports/report-question.ts'
import type { Terminal } from './terminal.ts'

const UPDATE_MS = 100

/** `clear` takes the line away; the next report of progress shows it again. */
export function createReportProgress(terminal: Terminal): { readonly tell: Progress; clear(): void } {
  let shownAt = 0
  let isShown = false
  if (!terminal.isInteractive) return { tell: () => {}, clear: () => {} }
  return {
    tell(what, done, total) {
      const now = Date.now()
      if (now - shownAt < UPDATE_MS) return
      shownAt = now
      isShown = true
      const amount = total > 0 ? `${Math.min(100, Math.floor((done / total) * 100))} %` : done.toLocaleString('en-US')
      terminal.err(`\r\u001b[K  ${what}: ${amount}`)
    },
    clear() {
      if (!isShown) return
      isShown = false
      terminal.err('\r\u001b[K')
    },
  }
}
