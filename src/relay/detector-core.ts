/**
 * A detector's part of the events topic (design 10): the catalogue of detections over the documents of one partition, where everything
 * about one peer comes together. Documents of several producers come in any order, and at least once: detections/catalogue/catalogue.ts gives
 * them in order of time, once each, as far as the frontier says that none is missing.
 */

import { createDetections, type SavedDetections } from '../detections/catalogue/catalogue.ts'
import type { DetectionKind } from '../detections/catalogue/detection.ts'
import { readDocument } from '../document-text.ts'
import { parseEvent } from '../event-json.ts'
import type { Locate } from '../identity/geo.ts'
import type { Inventory } from '../identity/inventory.ts'
import { createDetectorFrontier, type SavedDetectorFrontier } from './detector-frontier.ts'
import type { LedgerView } from './ledger-view.ts'
import type { CoreOutput, PartitionCore } from './partition-core.ts'
import { createRecentIds, type SavedRecentIds } from './recent-ids.ts'

export type DetectorOptions = {
  readonly partition: number
  /** Of this topic, and of the correlators', who are all waited for. */
  readonly partitions: number
  /** For detections that hold what runs against what is documented, and look across gateways. */
  readonly inventory: Inventory
  readonly ledger: LedgerView
  /** Users' own rules, beside the detections. */
  readonly rules?: readonly DetectionKind[]
  /** Where outer addresses are; absent without geo data. */
  readonly locate?: Locate
}

/** Plain data. */
type SavedDetector = {
  readonly detections: SavedDetections
  readonly frontier: SavedDetectorFrontier
  readonly taken: number
  readonly recent: SavedRecentIds
  readonly repeated: number
  readonly hasNew: boolean
}

/** `saved`: what `save` gave, undefined at the beginning. */
export function createDetectorCore(options: DetectorOptions, output: CoreOutput, saved?: unknown): PartitionCore {
  // Written by `save` below; the tier's snapshots carry a version and a checksum.
  const known = saved as SavedDetector | undefined
  const detections = createDetections(
    {
      emit: output.emit,
      inventory: options.inventory,
      rules: options.rules ?? [],
      ...(options.locate === undefined ? {} : { locate: options.locate }),
    },
    known?.detections,
  )
  const reads: ReadonlySet<string> = detections.reads
  const frontier = createDetectorFrontier(options.partitions, known?.frontier)
  let taken = known?.taken ?? 0
  const recent = createRecentIds(known?.recent)
  let repeated = known?.repeated ?? 0
  /** Documents came since everything was said at an end. */
  let hasNew = known?.hasNew ?? false

  return {
    take({ value, headers }) {
      const kind = headers['kind'] ?? ''
      // Its own findings are among what nobody reads here.
      if (!reads.has(kind)) return
      const { dataset, text } = readDocument(value)
      if (dataset !== kind) throw new Error('its header names another dataset')
      const own = parseEvent(text)
      // Counted by stretches of time that may be over: a document that comes again must not count again.
      if (!recent.isNew(own['event.id'] ?? '')) {
        repeated++
        return
      }
      detections.observe({ dataset, own, facets: [] })
      taken++
      hasNew = true
    },
    progress: (message) => frontier.progress(message),
    advance(max, patience) {
      frontier.look(patience)
      if (detections.tick(frontier.reached, max)) return true
      if (!frontier.isEnd || !hasNew) return false
      // Nobody waits for a window to pass when nothing more comes (design 2.1: a replay says it at its end, too).
      hasNew = false
      detections.tick(Number.POSITIVE_INFINITY)
      return false
    },
    get reached() {
      return frontier.reached
    },
    get waiting() {
      return detections.waiting
    },
    counts() {
      const counts = new Map([['read', taken], ...detections.counts()])
      return counts.set('repeated', (counts.get('repeated') ?? 0) + repeated)
    },
    save: () =>
      ({
        detections: detections.save(),
        frontier: frontier.save(),
        taken,
        hasNew,
        recent: recent.save(),
        repeated,
      }) satisfies SavedDetector,
  }
}
