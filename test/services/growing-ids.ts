/** Ids of documents in NDJSON files that are being written: looked at often, so only what is new is read. */
import { closeSync, existsSync, openSync, readSync, statSync } from 'node:fs'
import { z } from 'zod'

export type GrowingIds = {
  /** Of whole lines; with the dataset of each document. */
  readonly look: () => ReadonlyMap<string, string>
}

const documentSchema = z.object({ event: z.object({ id: z.string(), dataset: z.string() }) })

/** Files that do not exist yet are empty. */
export function createGrowingIds(paths: () => readonly string[]): GrowingIds {
  const ids = new Map<string, string>()
  const read = new Map<string, number>()
  return {
    look() {
      for (const path of paths()) {
        const from = read.get(path) ?? 0
        const size = existsSync(path) ? statSync(path).size : 0
        // The sink cuts off what is not safe when it starts again; what it writes then has the same ids.
        const begin = size < from ? 0 : from
        const text = piece(path, begin, size)
        const end = text.lastIndexOf('\n') + 1
        for (const line of text.slice(0, end).split('\n')) {
          if (line === '') continue
          const { id, dataset } = documentSchema.parse(JSON.parse(line)).event
          ids.set(id, dataset)
        }
        read.set(path, begin + end)
      }
      return ids
    },
  }
}

/** latin1: a character is a byte, so that positions are. */
function piece(path: string, from: number, to: number): string {
  if (to <= from) return ''
  const buffer = Buffer.alloc(to - from)
  const file = openSync(path, 'r')
  try {
    return buffer.toString('latin1', 0, readSync(file, buffer, 0, buffer.length, from))
  } finally {
    closeSync(file)
  }
}
