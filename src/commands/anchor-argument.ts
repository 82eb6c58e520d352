/** `--anchor COUNT:HASH`: heads of a store's chain that were kept elsewhere. */
import { AppError } from '../errors.ts'
import { quoted } from '../safe-text.ts'
import type { ChainHead } from '../store/chain.ts'

const ANCHOR = /^(\d{1,15}):([\da-f]{64})$/

/** Throws AppError `usage`. */
export function parseAnchor(text: string): ChainHead {
  const match = ANCHOR.exec(text)
  if (match === null) {
    throw new AppError('usage', `--anchor: expected COUNT:HASH, found ${quoted(text)}`, {
      advice:
        'COUNT is the number of entries, HASH the 64 hex digits of the chain head at that time, as verify prints them.',
    })
  }
  return { count: Number(match[1]), hash: match[2] ?? '' }
}
