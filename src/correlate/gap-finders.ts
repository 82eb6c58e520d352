/** All that finds, in what one source delivers, that some of it is missing; each says so through the same `Gaps`. */
import type { Micros } from '../time.ts'
import { type CollectorMarks, createCollectorMarks, type SavedCollectorMarks } from './collector-marks.ts'
import { type CollectorRuns, createCollectorRuns, type SavedCollectorRuns } from './collector-runs.ts'
import type { Say } from './coverage-events.ts'
import { createDaemonGaps, type DaemonGaps, type SavedDaemonGaps } from './daemon-gaps.ts'
import { createDamageGaps, type DamageGaps, type SavedDamageGaps } from './damage-gaps.ts'
import { createFileGaps, type FileGaps, type SavedFileGaps } from './file-gaps.ts'
import type { Gap } from './gaps.ts'
import type { IntakeHost, SourceName } from './intake.ts'
import { createPollGaps, type PollGaps, type SavedPollGaps } from './poll-gaps.ts'

export type GapFinders = {
  readonly daemon: DaemonGaps
  readonly polls: PollGaps
  readonly runs: CollectorRuns
  readonly marks: CollectorMarks
  readonly damaged: DamageGaps
  readonly unread: FileGaps
  save(): SavedGapFinders
}

export type SavedGapFinders = {
  readonly daemon: SavedDaemonGaps
  readonly polls: SavedPollGaps
  readonly runs: SavedCollectorRuns
  readonly marks: SavedCollectorMarks
  readonly damaged: SavedDamageGaps
  readonly unread: SavedFileGaps
}

type Outlets = {
  readonly state: (gap: Gap) => void
  readonly say: Say
  /** A loss without a number. */
  readonly onLoss: (from: Micros, to: Micros) => void
}

/** For one source. Each is fed by its owner with what it looks at. */
export function createGapFinders(
  host: IntakeHost,
  source: SourceName,
  { state, say, onLoss }: Outlets,
  saved?: SavedGapFinders,
): GapFinders {
  const boundaries = source === 'conntrack' ? host.conntrackRuns : []
  const daemon = createDaemonGaps(state, saved?.daemon)
  const polls = createPollGaps(host.options.poll === 0 ? null : host.options.poll, state, saved?.polls)
  const runs = createCollectorRuns(boundaries, state, say, onLoss, saved?.runs)
  const marks = createCollectorMarks(state, saved?.marks)
  const damaged = createDamageGaps(state, say, onLoss, saved?.damaged)
  const unread = createFileGaps(state, say, onLoss, saved?.unread)
  return {
    daemon,
    polls,
    runs,
    marks,
    damaged,
    unread,
    save: () => ({
      daemon: daemon.save(),
      polls: polls.save(),
      runs: runs.save(),
      marks: marks.save(),
      damaged: damaged.save(),
      unread: unread.save(),
    }),
  }
}
