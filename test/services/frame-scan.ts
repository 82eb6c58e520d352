/**
 * Frames of Kafka's protocol in a stream of bytes: four bytes of length, then so many bytes. A request begins with the number of its
 * kind (int16), its version (int16) and its correlation id (int32); an answer with the correlation id (protocol guide, "Message format").
 */

/** Called with each piece of the stream; tells of every frame that begins in it, with the position of its length in this piece (negative: in an earlier one). */
export type FrameScan = (piece: Buffer) => void

/** `bytes`: so many of the frame, its length included, are given to `onFrame`. */
export function createFrameScan(bytes: number, onFrame: (head: Buffer, at: number) => void): FrameScan {
  let head = Buffer.alloc(0)
  /** Of the frame under way, after the head. */
  let left = 0
  return (piece) => {
    let at = 0
    while (at < piece.length) {
      if (left > 0) {
        const skipped = Math.min(left, piece.length - at)
        left -= skipped
        at += skipped
        continue
      }
      const from = at - head.length
      const taken = piece.subarray(at, at + bytes - head.length)
      head = Buffer.concat([head, taken])
      at += taken.length
      if (head.length < bytes) return
      left = head.readInt32BE(0) + LENGTH_BYTES - bytes
      const whole = head
      head = Buffer.alloc(0)
      onFrame(whole, from)
    }
  }
}

const LENGTH_BYTES = 4
/** Length, kind, version, correlation id. */
export const REQUEST_HEAD_BYTES = 12
/** Length, correlation id. */
export const ANSWER_HEAD_BYTES = 8
/** ApiKey of Produce. */
export const PRODUCE = 0
