/**
 * Every detection there is, and what runs them: over the documents of a process that sees all of it (pipeline.ts), or over a
 * partition of the events topic (relay/detector-core.ts). What is about one peer comes to one place in both.
 */
import { type Dataset, type Event, fieldOf, flatten } from '../../event.ts'
import type { Locate } from '../../identity/geo.ts'
import type { Inventory } from '../../identity/inventory.ts'
import { type Micros, SECOND } from '../../time.ts'
import type { Detection, DetectionKind, SeenDocument, TallyKind } from './detection.ts'
import { idOf } from './document-parts.ts'
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
  /** Where outer addresses are; absent without geo data. */
  readonly locate?: Locate
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

type Running = { readonly kind: DetectionKind; readonly detection: Detection }

/** Tallies of one kind, and who gets them; the same kind object is counted once for all. */
type Counted = { readonly tallies: Tallies; readonly users: readonly User[] }

/** `index` in the `tallies` of the detection's kind. */
type User = { readonly id: string; readonly detection: Detection; readonly index: number }

/** `kinds`: for tests. */
export function createDetections(
  { emit, inventory, locate, rules = [] }: DetectionsOptions,
  saved?: SavedDetections,
  kinds: readonly DetectionKind[] = DETECTIONS,
): Detections {
  const documents = createDocumentsInOrder(saved?.documents)
  const running: readonly Running[] = [...kinds, ...rules].map((kind) => ({
    kind,
    detection: kind.open({
      emit,
      inventory,
      ...(locate === undefined ? {} : { locate }),
      saved: saved?.states.get(kind.about.id),
    }),
  }))
  const counted = countAll(running, createIdMemory(), saved?.tallies)
  const readers = byDataset(running, ({ kind }) => kind.reads)
  const counters = byDataset([...counted], ([kind]) => kind.reads)

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
    for (const { tallies } of counted.values()) first = Math.min(first, tallies.nextEnd ?? Number.POSITIVE_INFINITY)
    return first
  }

  function giveTallies(end: Micros): void {
    for (const { tallies, users } of counted.values()) {
      if (tallies.nextEnd !== end) continue
      for (const tally of tallies.take(end)) for (const { detection, index } of users) detection.tally?.(tally, index)
    }
  }

  function savedTallies(kind: TallyKind): SavedTallies {
    return counted.get(kind)?.tallies.save() ?? { stretches: new Map(), forced: 0 }
  }

  return {
    observe(event) {
      for (const [, { tallies }] of counters.get(event.dataset) ?? []) {
        tallies.add(event)
        // Too many are open: not even the next tick is waited for.
        if (tallies.nextEnd === Number.NEGATIVE_INFINITY) giveTallies(Number.NEGATIVE_INFINITY)
      }
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
      for (let end = nextEnd(); end <= watermark && Number.isFinite(end); end = nextEnd()) {
        if (showBefore(end, max)) return true
        giveTallies(end)
      }
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
      { name: 'detection-tallies', count: [...counted.values()].reduce((sum, { tallies }) => sum + tallies.forced, 0) },
      {
        name: 'detection-subjects',
        count: running.reduce((sum, { detection }) => sum + (detection.forgotten ?? 0), 0),
      },
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
      // What is shared stands under each of its users: one that is left out of a later release takes nothing from the others.
      tallies: new Map(running.map(({ kind }) => [kind.about.id, (kind.tallies ?? []).map(savedTallies)])),
    }),
  }
}

/** The id of a line is made when it is asked for, and several tallies ask for the same one after the other. */
function createIdMemory(): (event: Event) => string | undefined {
  let last: Event | null = null
  let id: string | undefined
  return (event) => {
    if (event !== last) {
      last = event
      id = idOf(event)
    }
    return id
  }
}

function countAll(
  running: readonly Running[],
  idOfEvent: (event: Event) => string | undefined,
  saved: SavedDetections['tallies'] | undefined,
): Map<TallyKind, Counted> {
  const usersOf = new Map<TallyKind, User[]>()
  for (const { kind, detection } of running) {
    for (const [index, each] of (kind.tallies ?? []).entries()) {
      const user = { id: kind.about.id, detection, index }
      const users = usersOf.get(each)
      if (users === undefined) usersOf.set(each, [user])
      else users.push(user)
    }
  }
  return new Map(
    [...usersOf].map(([kind, users]) => {
      const before = users.map(({ id, index }) => saved?.get(id)?.[index]).find((each) => each !== undefined)
      const canSettle = users.every(({ detection }) => detection.isSettled !== undefined)
      const isSettled = (key: string, at: Micros) =>
        users.every(({ detection, index }) => detection.isSettled?.(key, at, index) === true)
      return [
        kind,
        { tallies: createTallies(kind, before, { idOf: idOfEvent, ...(canSettle ? { isSettled } : {}) }), users },
      ]
    }),
  )
}

function byDataset<T>(all: readonly T[], readsOf: (each: T) => readonly Dataset[]): ReadonlyMap<Dataset, readonly T[]> {
  const found = new Map<Dataset, T[]>()
  for (const each of all) {
    for (const dataset of readsOf(each)) {
      const alike = found.get(dataset)
      if (alike === undefined) found.set(dataset, [each])
      else alike.push(each)
    }
  }
  return found
}
