/** A text file written in large steps; every character is one byte. */
import { closeSync, openSync, writeSync } from 'node:fs'

export type TextFile = {
  write(text: string): void
  close(): void
  /** Line feeds that reached the file: all of them only after `close`. */
  lines(): number
}

const WRITE_CHARACTERS = 1_000_000

export function openText(path: string): TextFile {
  const file = openSync(path, 'w')
  let waiting = ''
  let lines = 0
  const flush = (): void => {
    for (let i = waiting.indexOf('\n'); i >= 0; i = waiting.indexOf('\n', i + 1)) lines++
    writeSync(file, waiting, null, 'latin1')
    waiting = ''
  }
  return {
    write(text) {
      waiting += text
      if (waiting.length > WRITE_CHARACTERS) flush()
    },
    close() {
      flush()
      closeSync(file)
    },
    lines: () => lines,
  }
}
