/** Runs a decoder that is saved, written, read back and created anew on its way through a file. */
import type { Decoder, Line, SourceFile, Tally } from '../../src/sources/source.ts'
import { restored } from '../restored.ts'

export type MakeDecoder<Saved> = (
  emit: (item: object) => void,
  saved?: Saved,
) => Omit<Decoder, 'save'> & { save(): Saved }

/** Everything that was told, each item as it was when it was emitted; then the counts. */
export type Told = { readonly items: readonly string[]; readonly tally: Tally }

/** `isCut`: asked before each line and before the end, whether the decoder goes down there. */
export function runCut<Saved>(
  make: MakeDecoder<Saved>,
  lines: readonly Line[],
  file: SourceFile,
  isCut: (index: number) => boolean,
): Told {
  const items: string[] = []
  const emit = (item: object) => {
    items.push(JSON.stringify(item))
  }
  let decoder = make(emit)
  const cut = (index: number) => {
    if (isCut(index)) decoder = make(emit, restored(decoder.save()))
  }
  for (const [index, line] of lines.entries()) {
    cut(index)
    // Whoever reads on after a restart has objects of its own for the same file.
    decoder.push(line, { ...file })
  }
  cut(lines.length)
  decoder.end()
  return { items, tally: decoder.tally }
}

export function runWhole<Saved>(make: MakeDecoder<Saved>, lines: readonly Line[], file: SourceFile): Told {
  return runCut(make, lines, file, () => false)
}

/** The same, but `save` is called before every line and what it gave is dropped: saving must change nothing. */
export function runSaving<Saved>(make: MakeDecoder<Saved>, lines: readonly Line[], file: SourceFile): Told {
  const items: string[] = []
  const decoder = make((item) => {
    items.push(JSON.stringify(item))
  })
  for (const line of lines) {
    decoder.save()
    decoder.push(line, file)
  }
  decoder.end()
  return { items, tally: decoder.tally }
}
