/** Everything a review knows, out of a store or a cluster: facts for whoever words them. */

import type { EventReader } from '../../store/event-reader.ts'
import { readInventoryVersions } from '../names/inventory-versions.ts'
import type { Names } from '../names/names.ts'
import { type PageOne, readPageOne } from '../page-one/page-one.ts'
import type { ReportQuestion } from '../report-question.ts'
import { type Grants, readGrants } from '../standing/grants.ts'
import { readKeySigns } from '../standing/key-signs.ts'
import { peersOfKeys } from '../standing/peers-of-keys.ts'
import { readStanding, type Standing } from '../standing/standing-gateways.ts'
import { standingView } from '../standing/standing-view.ts'
import { machinesTracked, readUsedPlaces } from '../standing/used-places.ts'
import { type ExceptionLine, exceptionLines } from './exception-lines.ts'
import { type PeriodChanges, readChanges } from './period-changes.ts'
import { type PeriodFindings, readFindings } from './period-findings.ts'
import { type ReviewLines, reviewLines } from './review-lines.ts'
import type { ReviewOptions } from './review-options.ts'
import { type Rotations, rotationsDue } from './rotation-due.ts'
import { type SilentKey, silentKeys } from './silent-keys.ts'
import { type VersionSteps, versionSteps } from './version-steps.ts'

export type ReviewFacts = {
  readonly standing: Standing
  readonly pageOne: PageOne
  readonly names: Names
  readonly lines: ReviewLines
  readonly silent: readonly SilentKey[]
  readonly rotations: Rotations
  readonly grants: Grants
  /** Gateways whose connection tracking was recorded in the period. */
  readonly tracked: ReadonlySet<string>
  readonly exceptions: readonly ExceptionLine[]
  readonly changes: PeriodChanges
  readonly versions: VersionSteps
  readonly findings: PeriodFindings
  /** What the reader had to do without, a sentence each. */
  readonly remarks: readonly string[]
}

const STEPS = 7

/** Throws AppError of the reader. */
export async function gatherReview(
  reader: EventReader,
  question: ReportQuestion,
  { inventory: given }: ReviewOptions,
): Promise<ReviewFacts> {
  const { period, names, progress, reportTime } = question
  progress('what runs', 0, STEPS)
  const standing = await readStanding(reader, question, given)
  progress('handshakes', 1, STEPS)
  const signs = await readKeySigns(reader, standing.at)
  progress('use of grants', 2, STEPS)
  const used = await readUsedPlaces(reader, standing.at)
  const tracked = await machinesTracked(reader, period)
  progress('inventory', 3, STEPS)
  const all = await readInventoryVersions(reader)
  const versions = versionSteps(all, period, standing.inventory)
  progress('changes', 4, STEPS)
  const changes = await readChanges(reader, period, names)
  progress('findings', 5, STEPS)
  const findings = await readFindings(reader, period, Math.max(reportTime, period.to))
  progress('completeness', 6, STEPS)
  const pageOne = await readPageOne(reader, question)
  progress('completeness', STEPS, STEPS)
  const peerOf = standing.inventory === null ? () => null : peersOfKeys(standing.inventory, all.versions)
  const lines = reviewLines(standingView(standing, signs), standing)
  return {
    standing,
    pageOne,
    names,
    lines,
    silent: silentKeys(standing, signs, used, period.from),
    rotations: rotationsDue(standing, period.to - period.from),
    grants: readGrants({ standing, used, peerOf, from: period.from, tracked, renamed: versions.renamed }),
    tracked,
    exceptions: exceptionLines(standing, lines.lines),
    changes,
    versions,
    findings,
    remarks: [...reader.damage],
  }
}
