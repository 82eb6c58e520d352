/** A terminal that keeps what was printed, without colours unless asked for. */
import type { Terminal } from '../../src/commands/terminal.ts'

export function createMemoryTerminal(color = false): Terminal & { printed(): string; said(): string } {
  let out = ''
  let err = ''
  return {
    isInteractive: false,
    color,
    out: (text) => {
      out += text
    },
    err: (text) => {
      err += text
    },
    printed: () => out,
    said: () => err,
  }
}
