/** What peers' packets and connections show. In order of names: a new one is a file in the folder above and a line here. */
import { holderChanged } from '../holder-changed.ts'
import type { DetectionKind } from './detection.ts'

export const TRAFFIC_DETECTIONS: readonly DetectionKind[] = [holderChanged]
