/** Feeds text to the snapshot decoder the way a file reader does. */
import type { Line, Remark, SourceFile, Tally } from '../../../src/sources/source.ts'
import { createSnapshotDecoder, type SnapshotDecoderOptions } from '../../../src/sources/wireguard/decoder.ts'
import type { SnapshotRecord } from '../../../src/sources/wireguard/record.ts'

export const FILE: SourceFile = { name: 'wg.snapshots', identity: '0123456789abcd' }

export type Item = SnapshotRecord | Remark

/** Lines of a file's latin1 content; the last is unterminated when the LF is missing. */
export function toLines(content: string): Line[] {
  const lines: Line[] = []
  let offset = 0
  for (const text of content.split('\n')) {
    lines.push({ text, offset, flaw: '' })
    offset += text.length + 1
  }
  const last = lines.pop()
  if (last !== undefined && last.text !== '') lines.push({ ...last, flaw: 'unterminated' })
  return lines
}

export function decode(content: string, options: SnapshotDecoderOptions = {}): { items: Item[]; tally: Tally } {
  const items: Item[] = []
  const decoder = createSnapshotDecoder(options, (item) => items.push(item))
  for (const line of toLines(content)) decoder.push(line, FILE)
  decoder.end()
  return { items, tally: decoder.tally }
}

export function snapshotsOf(items: readonly Item[]): SnapshotRecord[] {
  return items.filter((item) => item.kind === 'snapshot')
}

/** 44 characters that are 32 bytes in base64, at any place of a text. */
export function keysIn(text: string): string[] {
  return text.match(/(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{43}=/g) ?? []
}
