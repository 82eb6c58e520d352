/** What keys, their addresses and their endpoints show. In order of names: a new one is a file in the folder above and a line here. */
import type { DetectionKind } from './detection.ts'

export const KEY_DETECTIONS: readonly DetectionKind[] = []
