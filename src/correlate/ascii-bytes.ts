/**
 * Short ASCII text and numbers straight into a block of bytes. Strings built for a document only to be copied into it were a
 * third of all garbage; a loop over a few dozen characters costs less than the call that would copy them.
 */

/** Longer texts are copied by the runtime. */
const LOOP_MAX = 48

/** Writes one-byte text; returns the new end. The block must have room. */
export function putText(block: Buffer, at: number, text: string): number {
  const { length } = text
  if (length > LOOP_MAX) return at + block.write(text, at, 'latin1')
  for (let i = 0; i < length; i++) block[at + i] = text.charCodeAt(i)
  return at + length
}

/** Writes a whole number from 0 to 2^53 in decimal; returns the new end. */
export function putNumber(block: Buffer, at: number, value: number): number {
  if (value > 0x7fffffff) return putText(block, at, String(value))
  let end = at + 1
  for (let rest = value; rest > 9; end++) rest = (rest / 10) | 0
  let rest = value
  for (let i = end - 1; i >= at; i--) {
    const quotient = (rest / 10) | 0
    block[i] = 48 + rest - quotient * 10
    rest = quotient
  }
  return end
}
