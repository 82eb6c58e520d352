/** CSV (RFC 4180, lines ended by LF: csv.ts) as cells, piece by piece. */

/** A record that has not ended after so many characters is none. */
const RECORD_MAX = 64 * 1024 * 1024
/** As csv.ts quotes. */
const MUST_QUOTE = /[",;\n\r]|^\s|\s$/

export type CsvRecords = {
  /** The records that end in this piece; a quoted cell may go on in the next one. Throws where one never ends. */
  take(text: string): string[][]
  /** What has not ended. */
  rest(): string
}

/** Reads one file. */
export function createCsvRecords(): CsvRecords {
  let rest = ''
  return {
    take(text) {
      const all = rest + text
      const { records, end } = recordsOf(all)
      rest = all.slice(end)
      if (rest.length > RECORD_MAX) throw new Error('a CSV with a cell that does not end')
      return records
    },
    rest: () => rest,
  }
}

/** Cells as a line. */
export function csvLine(cells: readonly string[]): string {
  return `${cells.map((text) => (MUST_QUOTE.test(text) ? `"${text.replaceAll('"', '""')}"` : text)).join(',')}\n`
}

/** `end` is where the last record ends. */
function recordsOf(text: string): { records: string[][]; end: number } {
  const records: string[][] = []
  let end = 0
  while (end < text.length) {
    const lineEnd = text.indexOf('\n', end)
    const quote = text.indexOf('"', end)
    if (lineEnd >= 0 && (quote < 0 || quote > lineEnd)) {
      records.push(text.slice(end, lineEnd).split(','))
      end = lineEnd + 1
      continue
    }
    const record = quotedRecord(text, end)
    if (record === null) break
    records.push(record.cells)
    end = record.end
  }
  return { records, end }
}

/** Null when it does not end within the text. */
function quotedRecord(text: string, start: number): { cells: string[]; end: number } | null {
  const cells: string[] = []
  for (let at = start; ; ) {
    const cell = text[at] === '"' ? quotedCell(text, at) : plainCell(text, at)
    if (cell === null) return null
    cells.push(cell.text)
    at = cell.end + 1
    if (text[cell.end] === '\n') return { cells, end: at }
  }
}

/** Null when it does not end within the text. `end`: index of the comma or LF behind it. */
function plainCell(text: string, start: number) {
  for (let i = start; i < text.length; i++) {
    if (text[i] === ',' || text[i] === '\n') return { text: text.slice(start, i), end: i }
  }
  return null
}

function quotedCell(text: string, start: number) {
  for (let i = text.indexOf('"', start + 1); i >= 0; i = text.indexOf('"', i)) {
    if (text[i + 1] === '"') {
      i += 2
      continue
    }
    const isEnd = text[i + 1] === ',' || text[i + 1] === '\n'
    return isEnd ? { text: text.slice(start + 1, i).replaceAll('""', '"'), end: i + 1 } : null
  }
  return null
}
