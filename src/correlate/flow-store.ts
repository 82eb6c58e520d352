/**
 * Where the flows of one gateway are kept. A flow somebody works with is an object; at rest (open, decided, nothing waiting to be
 * said) it is a row of numbers (flow-rows.ts), and becomes an object again with its next record. Found by what conntrack calls
 * the entry, and by every tuple a firewall line may show.
 *
 * An object is the truth while it exists; a flow that ended stays one until `remove`. What a step means is flow-table.ts's part.
 */
import type { ConntrackRecord } from '../sources/conntrack/record.ts'
import type { Micros } from '../time.ts'
import type { Decision, Flow } from './flow.ts'
import { createFlowKeys, VARIANTS } from './flow-keys.ts'
import { createFlowRows, type FlowStart, type SavedFlowRows } from './flow-rows.ts'
import { createHashIndex, NO_NODE, type SavedHashIndex } from './hash-index.ts'
import { createRowOrder, NO_ROW, type SavedRowOrder } from './row-order.ts'
import { createTextPool, type SavedTextPool } from './text-pool.ts'
import type { Tuple } from './tuple-key.ts'

/** Of one entry at most one flow of each can be found: the open one, and the newest that ended by inference or by its DESTROY. */
export type Standing = 'open' | 'inferred' | 'destroyed'

export type FlowStore = {
  /** A new open flow, awake. */
  add(id: string, record: ConntrackRecord, start: FlowStart): Flow
  /** The flow of the record's entry; an open one is awake from then on. */
  find(record: ConntrackRecord, standing: Standing): Flow | null
  /** It has ended. */
  close(flow: Flow, standing: 'inferred' | 'destroyed'): void
  /** From now on only its tuples find it. */
  conceal(flow: Flow): void
  /** Forgets it altogether. */
  remove(flow: Flow): void
  /** Nothing is to be done with it for now. Ignored unless it is open, decided and none of its steps waits. */
  rest(flow: Flow): void
  /**
   * The flow with this tuple that is nearest by `distance`, which answers -1 for flows out of reach; `endAt` is Infinity of an
   * open one. For reading: a flow at rest goes on resting. Of equally near ones the oldest.
   */
  match(tuple: Tuple, distance: (startFrom: Micros, startAt: Micros, endAt: Micros) => number): Flow | null
  /** Rows of open flows in the order they were added, for the questions below. Any may be closed meanwhile. */
  open(): Iterable<number>
  /** As it is now, asleep or awake, without waking it. */
  startAt(row: number): Micros
  seenAt(row: number): Micros
  family(row: number): Flow['family']
  isHolderChanged(row: number): boolean
  decision(row: number): Decision | null
  wake(row: number): Flow
  /** Forgets the open flow that was added first. */
  evictOldest(): void
  readonly openCount: number
  save(): SavedFlowStore
}

export type SavedFlowStore = {
  readonly texts: SavedTextPool
  readonly rows: SavedFlowRows
  readonly byEntry: SavedHashIndex
  readonly byTuple: SavedHashIndex
  readonly order: SavedRowOrder
  /** Each knows its row. */
  readonly awake: readonly Flow[]
  /** By row, of flows at rest: one more than its place in `decided`, 0 = none. */
  readonly decisions: Int32Array
  readonly decided: readonly Decision[]
  /** By row: its place in STANDINGS. */
  readonly standings: Uint8Array
}

const STANDINGS: readonly Standing[] = ['open', 'inferred', 'destroyed']

export function createFlowStore(saved?: SavedFlowStore): FlowStore {
  const texts = createTextPool(saved?.texts)
  const rows = createFlowRows(texts, saved?.rows)
  const keys = createFlowKeys(rows, texts)
  const byEntry = createHashIndex(saved?.byEntry)
  /** Nodes are row · VARIANTS + variant. */
  const byTuple = createHashIndex(saved?.byTuple)
  const order = createRowOrder(saved?.order)
  /** By row: the object while it is awake, and the decision while it rests. */
  const awake: (Flow | null)[] = saved === undefined ? [] : awakeOf(saved)
  const decisions: (Decision | null)[] = saved === undefined ? [] : decisionsOf(saved)
  const standings: Standing[] = Array.from(saved?.standings ?? [], (code) => STANDINGS[code] ?? 'open')

  function add(id: string, record: ConntrackRecord, start: FlowStart): Flow {
    const row = rows.add(id, record, start)
    byEntry.add(row, keys.entryHash(row))
    for (let variant = 0; variant < VARIANTS; variant++)
      if (keys.hasVariant(row, variant)) byTuple.add(row * VARIANTS + variant, keys.tupleHash(row, variant))
    order.append(row)
    standings[row] = 'open'
    decisions[row] = null
    awake[row] = null
    return wake(row)
  }

  function wake(row: number): Flow {
    const known = awake[row]
    if (known) return known
    const flow = rows.read(row)
    flow.decision = decisions[row] ?? null
    decisions[row] = null
    awake[row] = flow
    return flow
  }

  function findRow(record: ConntrackRecord, standing: Standing): number {
    const name = keys.entryOf(record)
    if (name === null) return NO_ROW
    for (let row = byEntry.first(name.hash); row !== NO_NODE; row = byEntry.next(row))
      if (standings[row] === standing && keys.isEntry(row, name)) return row
    return NO_ROW
  }

  /** Of one entry only the newest of each standing is found. */
  function supersede(flow: Flow, standing: Standing): void {
    const hash = keys.entryHash(flow.row)
    for (let row = byEntry.first(hash); row !== NO_NODE; row = byEntry.next(row)) {
      if (row === flow.row || standings[row] !== standing || !keys.areSameEntry(row, flow.row)) continue
      byEntry.remove(row)
      return
    }
  }

  function removeRow(row: number): void {
    byEntry.remove(row)
    for (let variant = 0; variant < VARIANTS; variant++)
      if (keys.hasVariant(row, variant)) byTuple.remove(row * VARIANTS + variant)
    order.remove(row)
    awake[row] = null
    decisions[row] = null
    rows.remove(row)
  }

  function match(tuple: Tuple, distance: (startFrom: Micros, startAt: Micros, endAt: Micros) => number): Flow | null {
    const name = keys.tupleOf(tuple.protocol, tuple.a, tuple.aPort, tuple.b, tuple.bPort)
    if (name === null) return null
    let best = NO_ROW
    let nearest = Number.POSITIVE_INFINITY
    for (let node = byTuple.first(name.hash); node !== NO_NODE; node = byTuple.next(node)) {
      const row = Math.floor(node / VARIANTS)
      if (!keys.isTuple(row, node % VARIANTS, name)) continue
      const flow = awake[row]
      const away = flow
        ? distance(flow.startFrom, flow.startAt, Number.isNaN(flow.endAt) ? Number.POSITIVE_INFINITY : flow.endAt)
        : distance(rows.startFrom(row), rows.startAt(row), Number.POSITIVE_INFINITY)
      // Nodes come newest first.
      if (away < 0 || away > nearest) continue
      best = row
      nearest = away
    }
    if (best === NO_ROW) return null
    return awake[best] ?? { ...rows.read(best), decision: decisions[best] ?? null }
  }

  return {
    add,
    find(record, standing) {
      const row = findRow(record, standing)
      return row === NO_ROW ? null : wake(row)
    },
    close(flow, standing) {
      order.remove(flow.row)
      supersede(flow, standing)
      standings[flow.row] = standing
    },
    conceal: (flow) => byEntry.remove(flow.row),
    remove(flow) {
      removeRow(flow.row)
      flow.row = NO_ROW
    },
    rest(flow) {
      const { row, decision, stepsWaiting, linesUndecided } = flow
      if (row === NO_ROW || awake[row] !== flow || standings[row] !== 'open') return
      // What a person did to the table by hand is too rare to have a place in the row.
      if (decision === null || stepsWaiting > 0 || linesUndecided > 0 || flow.userspacePortid !== '') return
      rows.write(row, flow)
      decisions[row] = decision
      awake[row] = null
    },
    match,
    open: () => order.rows(),
    startAt: (row) => awake[row]?.startAt ?? rows.startAt(row),
    seenAt: (row) => awake[row]?.seenAt ?? rows.seenAt(row),
    family: (row) => rows.family(row),
    isHolderChanged: (row) => awake[row]?.isHolderChanged ?? rows.isHolderChanged(row),
    decision: (row) => awake[row]?.decision ?? decisions[row] ?? null,
    wake,
    evictOldest() {
      const row = order.first
      if (row === NO_ROW) return
      const flow = awake[row]
      removeRow(row)
      if (flow) flow.row = NO_ROW
    },
    get openCount() {
      return order.size
    },
    save() {
      const used = rows.size
      return {
        texts: texts.save(),
        rows: rows.save(),
        byEntry: byEntry.save(used),
        byTuple: byTuple.save(used * VARIANTS),
        order: order.save(used),
        awake: awake.filter((flow) => flow !== null),
        ...saveDecisions(decisions),
        standings: Uint8Array.from(standings, (standing) => STANDINGS.indexOf(standing)),
      }
    },
  }
}

function awakeOf({ awake, rows }: SavedFlowStore): (Flow | null)[] {
  const byRow = Array.from<unknown, Flow | null>({ length: rows.used }, () => null)
  for (const flow of awake) byRow[flow.row] = flow
  return byRow
}

/** A million flows at rest have a few thousand decisions: as references they would be the longest part of what is saved. */
function saveDecisions(decisions: readonly (Decision | null)[]): Pick<SavedFlowStore, 'decisions' | 'decided'> {
  const places = new Map<Decision | null, number>([[null, 0]])
  const byRow = new Int32Array(decisions.length)
  for (const [row, decision] of decisions.entries()) {
    let place = places.get(decision)
    if (place === undefined) {
      place = places.size
      places.set(decision, place)
    }
    byRow[row] = place
  }
  return { decisions: byRow, decided: [...places.keys()].filter((decision) => decision !== null) }
}

function decisionsOf({ decisions, decided }: SavedFlowStore): (Decision | null)[] {
  return Array.from(decisions, (place) => decided[place - 1] ?? null)
}
