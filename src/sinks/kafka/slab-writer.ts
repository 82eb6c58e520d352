/**
 * Documents as bytes of their own, printed straight into large blocks: the writer's fast way works on blocks only, and a buffer for each
 * document would be copied once more.
 */
import { createEventWriter, type EventWriter } from '../../correlate/event-printer.ts'

/** Some 700 documents. A block lives as long as a document of it is under way. */
const SLAB_BYTES = 1024 * 1024

export function createSlabWriter(): EventWriter {
  const writer = createEventWriter()
  let slab = Buffer.alloc(0)
  let used = 0
  return {
    write: (event, block, at) => writer.write(event, block, at),
    toBytes(event) {
      let end = slab.length === 0 ? -1 : writer.write(event, slab, used)
      if (end < 0) {
        slab = Buffer.allocUnsafeSlow(SLAB_BYTES)
        used = 0
        end = writer.write(event, slab, 0)
      }
      if (end < 0) return writer.toBytes(event)
      const bytes = slab.subarray(used, end)
      used = end
      return bytes
    },
  }
}
