/** A progress line for long work, on a terminal only: what was read so far, rewritten in place at most ten times a second. */
import type { OpenSource } from './capture-source.ts'
import type { Terminal } from './terminal.ts'

const UPDATE_MS = 100

export function createProgress(terminal: Terminal, sources: readonly OpenSource[]): { update(): void; end(): void } {
  if (!terminal.isInteractive) return { update: () => {}, end: () => {} }
  let shownAt = 0
  let isShown = false
  return {
    update() {
      const now = Date.now()
      if (now - shownAt < UPDATE_MS) return
      shownAt = now
      isShown = true
      const bytes = sources.reduce((sum, source) => sum + source.bytes, 0)
      const lines = sources.reduce((sum, source) => sum + source.tally.lines, 0)
      terminal.err(`\r\u001b[K  reading: ${lines.toLocaleString('en-US')} lines, ${(bytes / 1e6).toFixed(1)} MB`)
    },
    end() {
      if (isShown) terminal.err('\r\u001b[K')
    },
  }
}
