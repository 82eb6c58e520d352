/** What sources fail to show. In order of names: a new one is a file in the folder above and a line here. */
import { clockStep } from '../clock-step.ts'
import { collectionGap } from '../collection-gap.ts'
import { countersUnexplained } from '../counters-unexplained.ts'
import { forgedLines } from '../forged-lines.ts'
import { inventoriesDiffer } from '../inventories-differ.ts'
import { sourceSilent } from '../source-silent.ts'
import type { DetectionKind } from './detection.ts'

export const SOURCE_DETECTIONS: readonly DetectionKind[] = [
  clockStep,
  collectionGap,
  countersUnexplained,
  forgedLines,
  inventoriesDiffer,
  sourceSilent,
]
