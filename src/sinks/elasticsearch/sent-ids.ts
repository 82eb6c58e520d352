/**
 * Which documents a cluster has, as far as this sink knows: a data stream refuses a known id only until it rolls over, so what a
 * restart or a lost answer brings again must be known here (elastic.md 2.2).
 *
 * Two generations of ids, in memory and in a journal (id-journal.ts): the older is forgotten when the newer is full. What was
 * written survives a kill.
 */
import { acceptEach, createGeneration, type Generation, hashId, type IdState } from './id-generation.ts'
import { openIdJournal, readJournal } from './id-journal.ts'

export type SentIds = {
  /** Before a request goes out; at most 64 are under way. Throws AppError `cannot-write`: then it must not go out. */
  sending(ids: readonly string[]): void
  /** The cluster has them: created, or known there. Throws AppError `cannot-write`; they are known as accepted all the same. */
  accepted(ids: readonly string[]): void
  /**
   * `accepted`: never send it again. `unknown`: a request with it went out and it was not said to be accepted since. `new`: neither,
   * or it is longer ago than so many ids.
   */
  stateOf(id: string): IdState
  close(): void
}

/** Ids that are known at least; twice as many at most. 12 MB of memory, and of each file 7 MB. */
const IDS_MAX = 200_000
/** Requests whose answer is expected; those before are still known, an answer to them takes more room in the journal. */
const REQUESTS_MAX = 64
/** Bytes of a file that are looked at: an id and a blank, said at most three times. */
const BYTES_PER_ID_MAX = 65 * 3

/** What went out in one request and was not known before. */
type Request = {
  readonly label: string
  /** As given: who is told of the answer often holds the same texts. */
  readonly ids: readonly string[]
  readonly generation: Generation
  readonly from: number
}

export type SentIdsOptions = {
  readonly max?: number
  /**
   * What earlier runs were told is `unknown` until it is said again: they may have spoken to another cluster, or it was emptied
   * since. False: accepted once is accepted for good.
   */
  readonly asksAgain?: boolean
}

/** Ids are letters and digits, 64 at most. `dir` is made; for one process at a time. Throws AppError `cannot-write`. */
export function openSentIds(dir: string, { max = IDS_MAX, asksAgain = false }: SentIdsOptions = {}): SentIds {
  const journal = openIdJournal(dir, max * BYTES_PER_ID_MAX)
  const loaded = readJournal([journal.older, journal.newer])
  const former = asksAgain ? loaded.generations : []
  let [older, newer] = asksAgain ? [createGeneration(), createGeneration()] : loaded.generations
  // What this run says starts a file of its own: else each run would make the same one longer.
  if (asksAgain && loaded.generations[1].count > 0) journal.turn()
  // A process number alone comes again, in a container at every start.
  let { number } = loaded
  let requests: readonly Request[] = []

  function turn(more: number): void {
    if (newer.count === 0 || newer.count + more <= max) return
    journal.turn()
    older = newer
    newer = createGeneration()
  }

  /** What was sent in one request, if these are all of it. */
  function takeRequest(ids: readonly string[]): Request | undefined {
    const found = requests.find(
      (request) => request.ids.length === ids.length && request.ids.every((id, i) => id === ids[i]),
    )
    if (found !== undefined) requests = requests.filter((request) => request !== found)
    return found?.generation === newer ? found : undefined
  }

  /** None of them is in the newer generation. */
  function send(ids: readonly string[], hashes = Int32Array.from(ids, hashId)): void {
    if (ids.length === 0) return
    const label = `${process.pid}.${++number}`
    const request = { label, ids, generation: newer, from: newer.count }
    journal.append(newer.draft(`s ${label}`, ids))
    newer.keep(hashes, false)
    requests = [...requests.slice(1 - REQUESTS_MAX), request]
  }

  return {
    sending(ids) {
      turn(ids.length)
      const hashes = new Int32Array(ids.length)
      let known = 0
      for (let i = 0; i < ids.length; i++) {
        const id = ids[i] ?? ''
        const hash = hashId(id)
        hashes[i] = hash
        if (newer.stateOf(id, hash) !== 'new') known++
      }
      // A cluster that is down for hours is sent the same again and again: that must not drive out what is known.
      if (known > 0) send(ids.filter((id, i) => newer.stateOf(id, hashes[i] ?? 0) === 'new'))
      else send(ids, hashes)
    },
    accepted(ids) {
      if (ids.length === 0) return
      const request = takeRequest(ids)
      if (request !== undefined) {
        newer.accept(request.from, ids.length)
        journal.append(Buffer.from(`a ${request.label}\n`, 'latin1'))
        return
      }
      const rest = ids.filter((id) => newer.stateOf(id, hashId(id)) !== 'accepted')
      if (rest.length === 0) return
      acceptEach(newer, rest)
      journal.append(Buffer.from(`i ${rest.join(' ')}\n`, 'latin1'))
    },
    stateOf(id) {
      const hash = hashId(id)
      const state = newer.stateOf(id, hash)
      if (state === 'accepted') return state
      const before = older.stateOf(id, hash)
      if (before !== 'new') return before
      return state === 'new' && former.some((each) => each.stateOf(id, hash) !== 'new') ? 'unknown' : state
    },
    close: () => journal.close(),
  }
}
