/** Runs a decoder over lines in one go, or cut into pieces: saved, written, read and created anew between two lines. */
import { readFileSync } from 'node:fs'
import {
  createPacketLogDecoder,
  type PacketLogOptions,
  type SavedPacketLog,
} from '../../../src/sources/nftables/decoder.ts'
import { createJournalDecoder, type SavedJournal } from '../../../src/sources/nftables/journal.ts'
import { createUlogdDecoder, type SavedUlogd } from '../../../src/sources/nftables/ulogd-decoder.ts'
import type { Decoder, Line, SourceFile } from '../../../src/sources/source.ts'
import { restored } from '../../restored.ts'
import { type Emitted, FILE, REFERENCE } from './log-lines.ts'

/** What a run gave out, in order, and what it counted. */
export type Outcome = { readonly items: readonly object[]; readonly counted: object }

/** Creates the decoder under test; `saved` is undefined for the first piece. */
export type Make = (emit: (item: Emitted) => void, saved: unknown) => Decoder & { readonly replayed?: number }

export type Kind = 'log' | 'journal' | 'ulogd'

export function makerOf(kind: Kind, changes: Partial<PacketLogOptions> = {}): Make {
  const options = { zone: 'Europe/Berlin', referenceAt: REFERENCE, prefixes: ['wg-allow '], ...changes }
  // `saved` is what a decoder of the same kind gave: runCut hands it from one to the next.
  if (kind === 'journal') return (emit, saved) => createJournalDecoder(options, emit, saved as SavedJournal | undefined)
  if (kind === 'ulogd') return (emit, saved) => createUlogdDecoder(options, emit, saved as SavedUlogd | undefined)
  return (emit, saved) => createPacketLogDecoder(options, emit, saved as SavedPacketLog | undefined)
}

export function toLines(texts: readonly string[]): Line[] {
  let offset = 0
  return texts.map((text) => {
    const line: Line = { text, offset, flaw: '' }
    offset += text.length + 1
    return line
  })
}

/** `isCut`: whether to save and go on anew before the line of this index. `damage`: what to do to what was saved. */
export function runCut(
  make: Make,
  lines: readonly Line[],
  isCut: (index: number) => boolean,
  damage: (saved: unknown) => void = () => {},
  file: SourceFile = FILE,
): Outcome {
  const items: object[] = []
  // A copy at once: an item must not change any more once it was given out.
  const emit = (item: Emitted) => items.push(structuredClone(item))
  let decoder = make(emit, undefined)
  for (const [index, line] of lines.entries()) {
    if (isCut(index)) {
      const saved = restored(decoder.save())
      damage(saved)
      decoder = make(emit, saved)
    }
    decoder.push(line, file)
  }
  const saved = restored(decoder.save())
  damage(saved)
  if (isCut(lines.length)) decoder = make(emit, saved)
  decoder.end()
  return { items, counted: { ...decoder.tally, replayed: decoder.replayed } }
}

/** The transports of a captured machine: blocks of one file, divided by `### title`; notes of the capture begin with `# `. */
export function capturedBlocks(name: string): { title: string; kind: Kind; lines: string[] }[] {
  const text = readFileSync(new URL(`../../fixtures/nftables-log/${name}/input.txt`, import.meta.url), 'latin1')
  return `\n${text}`
    .split('\n### ')
    .slice(1)
    .map((block) => {
      const [title = '', ...lines] = block.replace(/\n$/, '').split('\n')
      const kind = title.includes('json') && !title.includes('jsonf') ? 'journal' : 'log'
      return { title, kind, lines: lines.filter((line) => !line.startsWith('# ')) }
    })
}
