/**
 * Which open events of a node are given out without a record that ends them, and as what. `giveOut` takes an event out of the
 * list that is walked here.
 */
import type { Micros } from '../../time.ts'
import { END_OF_EVENT, isCertain, isWhole, isWholeByNature } from './completeness.ts'
import type { NodeTrack } from './node-track.ts'
import type { OpenEvent } from './open-events.ts'

type GiveOut = (track: NodeTrack, event: OpenEvent, completeness: 'complete' | 'incomplete') => void

/** What nobody waits for any more; `arrival` is where the whole source stands. */
export function expire(track: NodeTrack, arrival: Micros, giveOut: GiveOut): void {
  for (let event = track.open.oldest; event !== null; event = track.open.oldest) {
    const isDue = event.touchedAt + END_OF_EVENT <= track.clock || event.touchedAtAll + END_OF_EVENT <= arrival
    if (!isDue) return
    giveOut(track, event, isWhole(event, track.hasTitles) ? 'complete' : 'incomplete')
  }
}

/** As `expire`, by a time that no record told: so only what any later record would have had it say as well. */
export function expireCertain(track: NodeTrack, at: Micros, giveOut: GiveOut): void {
  let next: OpenEvent | null = null
  for (let event = track.open.oldest; event !== null; event = next) {
    ;({ next } = event)
    if (event.touchedAtAll + END_OF_EVENT > at) return
    if (!isCertain(event, track.hasTitles)) continue
    giveOut(track, event, isWhole(event, track.hasTitles) ? 'complete' : 'incomplete')
  }
}

/** All of them: nothing more will come, as was seen at the time `at`. */
export function giveOutAll(track: NodeTrack, at: Micros, giveOut: GiveOut): void {
  for (let event = track.open.oldest; event !== null; event = track.open.oldest) {
    const isTimeUp = event.touchedAtAll + END_OF_EVENT <= at
    giveOut(track, event, isTimeUp && isWholeByNature(event) ? 'complete' : 'incomplete')
  }
}
