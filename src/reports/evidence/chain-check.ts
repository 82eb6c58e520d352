/** The chain of a store as a pack carries it: an entry a line, as the store keeps them (src/store/chain.ts), recomputed to its head. */
import { type ChainHead, chainHash, EMPTY_HEAD, parseChainEntry } from '../../store/chain.ts'

export type ChainCheck = {
  /** One line without its end, in order. */
  line(text: string): void
  /** Where the chain ends by these lines, and the first thing wrong with them; '' = nothing. */
  result(): { readonly head: ChainHead; readonly problem: string }
}

/** Memory: the hash of the last entry. */
export function createChainCheck(): ChainCheck {
  let head = EMPTY_HEAD
  let problem = ''
  return {
    line(text) {
      const number = head.count + 1
      const entry = parseChainEntry(text)
      if (problem === '' && entry === null) problem = `line ${number} is no entry of a chain`
      else if (problem === '' && entry?.number !== number)
        problem = `line ${number} holds entry ${entry?.number ?? 0}: one is missing or stands elsewhere`
      head = { count: number, hash: entry === null ? head.hash : chainHash(head.hash, entry) }
    },
    result: () => ({ head, problem }),
  }
}
