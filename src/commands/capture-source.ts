/** One source of a capture, opened: its files as lines through its decoder, a batch of records at a time. */
import type { DecoderOptions, SourceEntry } from '../catalog.ts'
import type { Item } from '../correlate/intake.ts'
import type { CaptureSource } from '../sources/capture.ts'
import { identifyFiles } from '../sources/first-line.ts'
import type { MergeSource } from '../sources/merge.ts'
import { type LineBatch, readLines } from '../sources/read-lines.ts'
import type { SourceFile, Tally } from '../sources/source.ts'

export type OpenSource = MergeSource<Item> & {
  readonly host: string
  readonly entry: SourceEntry
  /** Unique in the run. */
  readonly label: string
  readonly files: readonly string[]
  /** Files left out because another one holds the same bytes. */
  readonly copies: readonly string[]
  /** What was wrong with a file as bytes, by file. */
  readonly damage: readonly string[]
  readonly tally: Tally & { readonly replayed?: number }
  /** Damage found since the last call. */
  takeDamage(): readonly Damage[]
  /** Bytes read so far. */
  readonly bytes: number
}

/** A file that could not be read on from `offset`. */
export type Damage = { readonly file: string; readonly reason: string; readonly offset: number }

export async function openCaptureSource(
  source: CaptureSource,
  entry: SourceEntry,
  options: DecoderOptions,
): Promise<OpenSource> {
  const { files, copies } = await identifyFiles(source)
  const damage: string[] = []
  let untold: Damage[] = []
  let fileBytes = 0
  let items: Item[] = []
  let bytes = 0
  const decoder = entry.createDecoder(options, (item) => {
    // A replay has read the rulesets before (capture-rulesets.ts).
    if (item.kind !== 'ruleset') items.push(item)
  })
  let next = 0
  let reader: { batches: AsyncGenerator<LineBatch>; file: SourceFile } | null = null
  let isEnded = false

  async function read(): Promise<readonly Item[] | null> {
    if (isEnded) return null
    if (reader === null) {
      const file = files[next++]
      if (file === undefined) {
        decoder.end()
        isEnded = true
        return take()
      }
      reader = { batches: readLines(file.file.path, file.file.isGzip, entry.lineBytesMax), file: file.identity }
    }
    const batch = await reader.batches.next()
    if (batch.done === true) {
      reader = null
      return take()
    }
    const { file } = reader
    for (const line of batch.value.lines) {
      bytes += line.text.length + 1
      fileBytes = line.offset + line.text.length
      decoder.push(line, file)
    }
    if (batch.value.damage !== '') {
      damage.push(`${file.name}: ${batch.value.damage}`)
      untold.push({ file: file.name, reason: batch.value.damage, offset: fileBytes })
    }
    return take()
  }

  function take(): readonly Item[] {
    const taken = items
    items = []
    return taken
  }

  return {
    host: source.host,
    entry,
    label: `${source.host}/${entry.kind}`,
    files: files.map(({ file }) => file.name),
    copies: copies.map(({ file, of }) => `${file.name} (the same as ${of.name})`),
    damage,
    tally: decoder.tally,
    next: read,
    takeDamage() {
      const taken = untold
      untold = []
      return taken
    },
    get bytes() {
      return bytes
    },
  }
}
