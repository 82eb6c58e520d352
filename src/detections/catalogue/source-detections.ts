/** What sources fail to show. In order of names: a new one is a file in the folder above and a line here. */
import type { DetectionKind } from './detection.ts'

export const SOURCE_DETECTIONS: readonly DetectionKind[] = []
