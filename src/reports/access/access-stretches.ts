/**
 * The stretches of a period, one after the other: each is numbered, counted and printed by the database, and its lines are written while
 * the database works on the next one.
 */
import { AppError } from '../../errors.ts'
import type { PrintedLines, WorkTables } from '../../store/work-tables.ts'
import type { Micros } from '../../time.ts'
import type { Names } from '../names/names.ts'
import type { RowForm, RowSink } from '../rows/row-outlet.ts'
import { fillBlocks } from './access-block-tables.ts'
import { WHO_FIELDS } from './access-columns.ts'
import { lineSelect, type StretchLines, withReleased, writeLines } from './access-lines.ts'
import {
  type FacetKeys,
  facetKeys,
  facetStatements,
  fastRows,
  mergeStatements,
  type SliceFacts,
  sliceStatements,
} from './access-slices.ts'
import { countReleased, countSums, PART_MAX, sumsSelect } from './access-totals.ts'

export type Stretches = {
  /** Both included. Resolves with the number of its documents. Stretches come in order, without holes. */
  add(since: Micros, until: Micros, isLast: boolean): Promise<number>
  /** All is written then; resolves with how many lines of each form there were. */
  end(): Promise<number>
}

export type StretchesOptions = {
  readonly facts: Omit<SliceFacts, 'until' | 'isLast'>
  readonly names: Names
  /** Of the columns over time. */
  readonly width: Micros
  /** Documents of one stretch; one with more than twice as many is cut. */
  readonly wanted: number
}

type Made = { readonly documents: number; readonly printed: StretchLines }

/** Of the finished rows, those that a key of hers made in the hands of somebody else. */
const OTHERS_LEFT_OUT = [
  `DELETE FROM docs USING person p WHERE p.who = docs.who AND p.known = docs.known AND p.owner <> ''
  AND p.owner NOT IN (SELECT owner FROM wanted WHERE owner IS NOT NULL)`,
  `DELETE FROM docs USING who WHERE who.number = docs.who AND who.c0 IS NULL AND NOT EXISTS (SELECT 1 FROM tenure_text t
    WHERE list_contains(who.c${WHO_FIELDS.indexOf('wireguard.attribution.candidates')}, t.key)
      AND docs.start >= make_timestamp(t.since) AND docs.start <= make_timestamp(t.until))`,
]

/** Documents of which the lines are held in memory at once, about 25 MB. */
const PRINTED_DOCUMENTS = 100_000

/** A stretch in parts of about the same length, at least one. */
function partsOf(since: Micros, until: Micros, count: number): { readonly since: Micros; readonly until: Micros }[] {
  const width = Math.ceil((until - since + 1) / Math.max(1, count))
  const parts = []
  for (let from = since; from <= until; from += width)
    parts.push({ since: from, until: Math.min(until, from + width - 1) })
  return parts
}

/** `tables`: those that the statements name are there. */
export function createStretches(
  tables: WorkTables,
  { facts, names, width, wanted }: StretchesOptions,
  forms: readonly RowForm[],
  write: RowSink['write'],
): Stretches {
  let keys: FacetKeys = {}
  let isFirst = true
  let partMax = PART_MAX
  let rows = 0
  let writing: Promise<number> = Promise.resolve(0)

  /**
   * Makes the tables; counts and prints those rows of which the stretch says everything, the most of them, without ever making a table of
   * them: that costs twice what the rest does. Null: too many documents, or too wide ones; it can be cut.
   */
  async function make(since: Micros, slice: SliceFacts): Promise<Made | null> {
    const printed = new Map<RowForm, PrintedLines[]>()
    const { until } = slice
    let documents = 0
    let isTooLarge = false
    const made = tables.within(since, until, async () => {
      const counted = await tables.rows('SELECT count(*) FROM events')
      documents = Number(counted.rows[0]?.[0])
      isTooLarge = documents > 2 * wanted && since < until
      if (isTooLarge) return
      for (const sql of facetStatements(slice, isFirst)) await tables.run(sql)
      isFirst = false
      keys = await facetKeys(tables, keys)
      for (const sql of sliceStatements(slice, keys)) await tables.run(sql)
      await fillBlocks(tables, names)
      const all = `(${fastRows(slice, keys, null)})`
      await tables.run(`CREATE OR REPLACE TABLE fast_sums AS ${sumsSelect(all, slice.period, width)}`)
      for (const form of forms) {
        const files: PrintedLines[] = []
        for (const part of partsOf(since, until, Math.ceil(documents / PRINTED_DOCUMENTS)))
          files.push(await tables.print(lineSelect(form, `(${fastRows(slice, keys, part)})`, true)))
        printed.set(form, files)
      }
    })
    try {
      await made
      return isTooLarge ? null : { documents, printed }
    } catch (error) {
      // Documents may be a hundred times as wide as ours.
      if (error instanceof AppError && error.code === 'bad-query' && since < until) return null
      throw error
    }
  }

  async function add(since: Micros, until: Micros, isLast: boolean): Promise<number> {
    const slice = { ...facts, until, isLast }
    const made = await make(since, slice)
    if (made === null) {
      const middle = Math.floor((since + until) / 2)
      return (await add(since, middle, false)) + (await add(middle + 1, until, isLast))
    }
    await countSums(tables, 'fast_sums')
    for (const sql of mergeStatements(slice)) await tables.run(sql)
    if (facts.isSlow) for (const sql of OTHERS_LEFT_OUT) await tables.run(sql)
    partMax = await countReleased(tables, facts.period, width, partMax)
    const lines = await withReleased(tables, made.printed)
    rows += await writing
    writing = writeLines(lines, write)
    // Told where it is waited for.
    writing.catch(() => {})
    return made.documents
  }

  return {
    add,
    async end() {
      rows += await writing
      return rows
    },
  }
}
