/**
 * Every detection there is, and what runs them: over the documents of a process that sees all of it (pipeline.ts), or over a
 * partition of the events topic (relay/detector-core.ts). What is about one peer comes to one place in both.
 */
import { type Dataset, type Event, fieldOf, flatten } from '../../event.ts'
import { type Micros, SECOND } from '../../time.ts'
import { holderChanged } from '../holder-changed.ts'
import type { Detection, DetectionKind, SeenDocument } from './detection.ts'
import { createDocumentsInOrder, type SavedInOrder } from './documents-in-order.ts'

/**
 * Documents are taken for complete this much later than flows are said to be: one that is first seen when it has gone on for a while
 * has a time before that. What is later still has its turn at once.
 */
export const LAG: Micros = 30 * SECOND

export const DETECTIONS: readonly DetectionKind[] = [holderChanged]

export type Detections = {
  /** Any document, in any order; repeated ones count once. */
  observe(event: Event): void
  /**
   * Flows and lines of the packet log from before `settled` have been observed. Gives at most `max` documents their turn; true when
   * more could have it at once.
   */
  tick(settled: Micros, max?: number): boolean
  /** Datasets that any of them reads. */
  readonly reads: ReadonlySet<Dataset>
  /** Documents that wait for their turn. */
  readonly waiting: number
  /** How often each limit was hit so far. */
  limits(): readonly { readonly name: string; readonly count: number }[]
  /** `repeated`, `late`, `forced`. */
  counts(): ReadonlyMap<string, number>
  /** Live references. */
  save(): SavedDetections
}

/** Plain data. */
export type SavedDetections = {
  readonly documents: SavedInOrder
  /** By id of the detection; one that is new begins anew. */
  readonly states: ReadonlyMap<string, unknown>
}

type Running = { readonly kind: DetectionKind; readonly detection: Detection }

/** `kinds`: for tests. */
export function createDetections(
  emit: (event: Event) => void,
  saved?: SavedDetections,
  kinds: readonly DetectionKind[] = DETECTIONS,
): Detections {
  const documents = createDocumentsInOrder(saved?.documents)
  const running: readonly Running[] = kinds.map((kind) => ({
    kind,
    detection: kind.open(emit, saved?.states.get(kind.id)),
  }))
  const readers = new Map<Dataset, readonly Running[]>()
  for (const dataset of new Set(kinds.flatMap(({ reads }) => reads)))
    readers.set(
      dataset,
      running.filter(({ kind }) => kind.reads.includes(dataset)),
    )

  function show(document: SeenDocument): void {
    // `wants` asks for fields wherever they stand: here all of them stand together.
    const event: Event = { dataset: document.dataset, own: document.fields, facets: [] }
    for (const { kind, detection } of readers.get(document.dataset) ?? [])
      if (kind.wants(event)) detection.observe(document)
  }

  /** True when more could be shown. */
  function showBefore(watermark: Micros, max: number): boolean {
    for (let n = 0; n < max; n++) {
      const document = documents.next(watermark)
      if (document === null) return false
      show(document)
    }
    return true
  }

  return {
    observe(event) {
      const concerned = readers.get(event.dataset)
      if (concerned === undefined || !concerned.some(({ kind }) => kind.wants(event))) return
      const at = fieldOf(event, '@timestamp')
      const id = fieldOf(event, 'event.id')
      // Every document of ours has both.
      if (at === undefined || id === undefined) return
      const late = documents.add({ at, id, dataset: event.dataset, fields: flatten(event) })
      if (late !== null) show(late)
      if (documents.isOverfull) showBefore(Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY)
    },
    tick(settled, max = Number.POSITIVE_INFINITY) {
      const watermark = settled - LAG
      if (showBefore(watermark, max)) return true
      for (const { detection } of running) detection.tick(watermark)
      return false
    },
    reads: new Set(readers.keys()),
    get waiting() {
      return documents.waiting
    },
    limits: () => [{ name: 'detection-documents', count: documents.forced }],
    counts: () =>
      new Map([
        ['repeated', documents.repeated],
        ['late', documents.late],
        ['forced', documents.forced],
      ]),
    save: () => ({
      documents: documents.save(),
      states: new Map(running.map(({ kind, detection }) => [kind.id, detection.save()])),
    }),
  }
}
