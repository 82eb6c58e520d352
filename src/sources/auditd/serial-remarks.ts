/** What the serials of a node tell about loss, said where it was seen: gaps that are losses, and once that gaps prove none. */
import type { LocatedRecord, NodeTrack } from './node-track.ts'

type Say = (located: LocatedRecord, what: 'loss' | 'remark', reason: string, lost: number, text: string) => void

const SPARSE_TEXT = 'serials of this log have gaps by nature (filtered or cut): a gap proves no loss here'

/** An event of the node began with this record. */
export function noteSerial(track: NodeTrack, located: LocatedRecord, say: Say): void {
  track.latest = located
  const gap = track.serials.see(located.head.serial)
  if (gap?.isLoss === true) say(located, 'loss', 'serial-gap', gap.missing, '')
  tellSparse(track, located, say)
}

/** No further serial of this boot will come. */
export function endSerials(track: NodeTrack, say: Say): void {
  const { latest, serials } = track
  if (latest === null) return
  const gap = serials.end()
  if (gap?.isLoss === true) say(latest, 'loss', 'serial-gap', gap.missing, '')
  tellSparse(track, latest, say)
}

function tellSparse(track: NodeTrack, located: LocatedRecord, say: Say): void {
  if (track.isSparseTold || !track.serials.isSparse) return
  track.isSparseTold = true
  say(located, 'remark', 'sparse-serials', 0, SPARSE_TEXT)
}
