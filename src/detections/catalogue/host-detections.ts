/** What sessions of peers do on hosts and gateways. In order of names: a new one is a file in the folder above and a line here. */
import type { DetectionKind } from './detection.ts'

export const HOST_DETECTIONS: readonly DetectionKind[] = []
