/**
 * Every detection there is, and what runs them: over the documents of a process that sees all of it (pipeline.ts), or over a
 * partition of the events topic (relay/detector-core.ts). What is about one peer comes to one place in both.
 */
import { type Dataset, type Event, fieldOf, flatten } from '../../event.ts'
import type { Inventory } from '../../identity/inventory.ts'
import { type Micros, SECOND } from '../../time.ts'
import type { Detection, DetectionKind, SeenDocument } from './detection.ts'
import { createDocumentsInOrder, type SavedInOrder } from './documents-in-order.ts'
import { HOST_DETECTIONS } from './host-detections.ts'
import { KEY_DETECTIONS } from './key-detections.ts'
import { SOURCE_DETECTIONS } from './source-detections.ts'
import { createTallies, type SavedTallies, type Tallies } from './tallies.ts'
import { TRAFFIC_DETECTIONS } from './traffic-detections.ts'

/**
 * Documents are taken for complete this much later than flows are said to be: one that is first seen when it has gone on for a while
 * has a time before that. What is later still has its turn at once.
 */
export const LAG: Micros = 30 * SECOND

export const DETECTIONS: readonly DetectionKind[] = [
  ...TRAFFIC_DETECTIONS,
  ...KEY_DETECTIONS,
  ...HOST_DETECTIONS,
  ...SOURCE_DETECTIONS,
]

export type DetectionsOptions = {
  readonly emit: (event: Event) => void
  readonly inventory: Inventory
  /** Users' own rules, beside DETECTIONS. */
  readonly rules?: readonly DetectionKind[]
}

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
  /** By id of the detection, in the order of its `tallies`. */
  readonly tallies: ReadonlyMap<string, readonly SavedTallies[]>
}

type Running = { readonly kind: DetectionKind; readonly detection: Detection; readonly tallies: readonly Tallies[] }

/** `kinds`: for tests. */
export function createDetections(
  { emit, inventory, rules = [] }: DetectionsOptions,
  saved?: SavedDetections,
  kinds: readonly DetectionKind[] = DETECTIONS,
): Detections {
  const documents = createDocumentsInOrder(saved?.documents)
  const running: readonly Running[] = [...kinds, ...rules].map((kind) => ({
    kind,
    detection: kind.open({ emit, inventory, saved: saved?.states.get(kind.about.id) }),
    tallies: (kind.tallies ?? []).map((each, i) => createTallies(each, saved?.tallies.get(kind.about.id)?.[i])),
  }))
  const all = running.flatMap(({ detection, tallies }) =>
    tallies.map((each, kind) => ({ detection, tallies: each, kind })),
  )
  const readers = new Map<Dataset, readonly Running[]>()
  const counters = new Map<Dataset, readonly Tallies[]>()
  for (const { kind } of running) {
    for (const dataset of kind.reads)
      readers.set(
        dataset,
        running.filter((each) => each.kind.reads.includes(dataset)),
      )
    for (const dataset of (kind.tallies ?? []).flatMap(({ reads }) => reads)) counters.set(dataset, countersOf(dataset))
  }

  function countersOf(dataset: Dataset): readonly Tallies[] {
    return running.flatMap(({ kind, tallies }) => tallies.filter((_, i) => kind.tallies?.[i]?.reads.includes(dataset)))
  }

  function show(document: SeenDocument): void {
    // `wants` asks for fields wherever they stand: here all of them stand together.
    const event: Event = { dataset: document.dataset, own: document.fields, facets: [] }
    for (const { kind, detection } of readers.get(document.dataset) ?? [])
      if (kind.wants(event)) detection.observe?.(document)
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

  /** End of the tallies that are complete first. */
  function nextEnd(): Micros {
    let first = Number.POSITIVE_INFINITY
    for (const { tallies } of all) first = Math.min(first, tallies.nextEnd ?? Number.POSITIVE_INFINITY)
    return first
  }

  function giveTallies(end: Micros): void {
    for (const { detection, tallies, kind } of all)
      if (tallies.nextEnd === end) for (const tally of tallies.take(end)) detection.tally?.(tally, kind)
  }

  return {
    observe(event) {
      const concerned = readers.get(event.dataset)
      const counted = counters.get(event.dataset)
      if (concerned === undefined && counted === undefined) return
      const at = fieldOf(event, '@timestamp')
      const id = fieldOf(event, 'event.id')
      // Every document of ours has both.
      if (at === undefined || id === undefined) return
      for (const tallies of counted ?? []) tallies.add(event, at, id)
      if (concerned === undefined || !concerned.some(({ kind }) => kind.wants(event))) return
      const late = documents.add({ at, id, dataset: event.dataset, fields: flatten(event) })
      if (late !== null) show(late)
      if (documents.isOverfull) showBefore(Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY)
    },
    tick(settled, max = Number.POSITIVE_INFINITY) {
      const watermark = settled - LAG
      for (let end = nextEnd(); end <= watermark && Number.isFinite(end); end = nextEnd()) {
        if (showBefore(end, max)) return true
        giveTallies(end)
      }
      if (nextEnd() === Number.NEGATIVE_INFINITY) giveTallies(Number.NEGATIVE_INFINITY)
      if (showBefore(watermark, max)) return true
      for (const { detection } of running) detection.tick(watermark)
      return false
    },
    reads: new Set([...readers.keys(), ...counters.keys()]),
    get waiting() {
      return documents.waiting
    },
    limits: () => [
      { name: 'detection-documents', count: documents.forced },
      { name: 'detection-tallies', count: all.reduce((sum, { tallies }) => sum + tallies.forced, 0) },
    ],
    counts: () =>
      new Map([
        ['repeated', documents.repeated],
        ['late', documents.late],
        ['forced', documents.forced],
      ]),
    save: () => ({
      documents: documents.save(),
      states: new Map(running.map(({ kind, detection }) => [kind.about.id, detection.save()])),
      tallies: new Map(running.map(({ kind, tallies }) => [kind.about.id, tallies.map((each) => each.save())])),
    }),
  }
}
