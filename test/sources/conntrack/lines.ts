/** Feeds texts to a conntrack decoder the way the file reader does, and keeps what comes out. */
import type { ConntrackRecord } from '../../../src/sources/conntrack/record.ts'
import type { Decoder, Line, SourceFile } from '../../../src/sources/source.ts'

export const FILE: SourceFile = { name: 'conntrack.log', identity: '0123456789abcd' }

/** Latin1 content of a file to lines, offsets and flaw included. */
export function toLines(content: string): Line[] {
  const lines: Line[] = []
  let offset = 0
  while (offset < content.length) {
    const end = content.indexOf('\n', offset)
    const text = end < 0 ? content.slice(offset) : content.slice(offset, end)
    lines.push({ text, offset, flaw: end < 0 ? 'unterminated' : '' })
    offset += text.length + 1
  }
  return lines
}

export function pushAll(decoder: Decoder, content: string): void {
  for (const line of toLines(content)) decoder.push(line, FILE)
  decoder.end()
}

/** Everything that came out, oldest first; `make` gets the sink. */
export function decodeAll<Item>(make: (emit: (item: Item) => void) => Decoder, content: string) {
  const items: Item[] = []
  const decoder = make((item) => items.push(item))
  pushAll(decoder, content)
  return { items, tally: decoder.tally }
}

/** An item as a golden line: what is the same for every item, or repeats the input, is left out. */
export function toGoldenLine(item: object): string {
  const kept = new Map(Object.entries(item))
  kept.delete('file')
  if (kept.get('kind') === 'conntrack') kept.delete('text')
  return JSON.stringify(Object.fromEntries(kept))
}

export function isRecord(item: { readonly kind: string }): item is ConntrackRecord {
  return item.kind === 'conntrack'
}
