/**
 * Documents of a cluster as a table: fetched page by page in order of time and id, so that what stands twice stands side by side, and
 * loaded through a file in a private directory. Memory holds a page; the table spills into the directory.
 */
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { AppError } from '../errors.ts'
import type { FieldName } from '../fields.ts'
import type { ElasticsearchQuery } from '../kql/to-elasticsearch.ts'
import { createRowPrinter } from './cluster-rows.ts'
import {
  type Answer,
  type ClusterSearch,
  HITS_MAX,
  type Hit,
  isLargeAnswer,
  type SearchBody,
  type Where,
} from './cluster-search.ts'
import { columnName, columnType, fromHot, hotColumnType } from './columns.ts'
import { type Database, fileLiteral } from './duckdb.ts'
import { HOT_LINE_BYTES_MAX } from './hot-lines.ts'

export type Loading = {
  readonly search: ClusterSearch
  readonly database: Database
  /** Private; files in it are ours. */
  readonly dir: string
  /** Gets what the table has to do without. */
  readonly tell: (text: string) => void
}

/** Documents of one question. A small node prints 2,000 to 20,000 a second. */
export const DOCUMENTS_MAX = 5_000_000
/** The first page, which is all for most questions: one request, no point in time. */
const FIRST_PAGE = 2_500
/** Bytes of the rows of a page that are aimed at. The answer they come in is a little larger. */
const PAGE_BYTES = 8 * 1024 * 1024
const PAGE_MIN = 100
/** An answer that is too large is asked for again with so many times fewer documents: an attacker's are 100 times as long as ours. */
const PAGE_SHRINK = 8
/** Bytes of rows that DuckDB gets at a time. */
const FILE_BYTES = 16 * 1024 * 1024

/** Makes the table `name` of what the clause matches, each id once. Throws AppError `bad-query` for more than DOCUMENTS_MAX. */
export async function loadTable(
  loading: Loading,
  name: string,
  columns: readonly FieldName[],
  streams: readonly string[],
  query: ElasticsearchQuery,
): Promise<void> {
  const { database, dir, tell } = loading
  await database.run(
    `CREATE OR REPLACE TABLE ${name} (${columns.map((each) => `${columnName(each)} ${columnType(each)}`).join(', ')})`,
  )
  const print = createRowPrinter(columns, () => tell('documents longer than any of ours; the longest values in them'))
  let lastId = ''
  let lines: string[] = []
  let bytes = 0
  let files = 0
  const flush = async (): Promise<void> => {
    if (lines.length === 0) return
    // A name each: DuckDB remembers what it read of a file.
    const path = join(dir, `${name}-${files++}.ndjson`)
    writeFileSync(path, `${lines.join('\n')}\n`, { mode: 0o600, flag: 'wx' })
    lines = []
    bytes = 0
    try {
      await database.run(`INSERT INTO ${name} SELECT ${columns.map(fromFile).join(', ')} FROM ${source(path, columns)}`)
    } finally {
      rmSync(path, { force: true })
    }
  }
  if (streams.length === 0) return
  for await (const { hits, sized } of pages(loading.search, streams, query, columns)) {
    let pageBytes = 0
    for (const { id, source: document } of hits) {
      if (id === lastId) continue
      lastId = id
      const line = print(document)
      lines.push(line)
      pageBytes += line.length + 1
      bytes += line.length + 1
      // Within a page too: a whole one of hostile documents is longer than any text can be.
      if (bytes >= FILE_BYTES) await flush()
    }
    sized(pageBytes)
  }
  await flush()
}

type Page = {
  readonly hits: readonly Hit[]
  /** Tells how many bytes of rows the page became. */
  readonly sized: (bytes: number) => void
}

/** One request for most questions. What is written while there are more is seen by none of them. */
async function* pages(
  search: ClusterSearch,
  streams: readonly string[],
  query: ElasticsearchQuery,
  columns: readonly FieldName[],
): AsyncGenerator<Page> {
  const first = await askFitting(search, streams, {
    query,
    size: FIRST_PAGE,
    source: columns,
    total: DOCUMENTS_MAX + 1,
  })
  if (first.total > DOCUMENTS_MAX) throw tooMany()
  let { asked } = first
  let size = asked
  const page = (hits: readonly Hit[]): Page => ({
    hits,
    sized: (bytes) => {
      const fitting = Math.floor((PAGE_BYTES / Math.max(bytes, 1)) * hits.length)
      size = Math.min(HITS_MAX, Math.max(Math.min(PAGE_MIN, asked), fitting))
    },
  })
  yield page(first.hits)
  let after = first.hits.at(-1)
  if (after === undefined || first.hits.length < asked) return
  let point = await search.openPoint(streams)
  try {
    for (let fetched = asked; after !== undefined; ) {
      const answer = await askFitting(search, point, { query, size, source: columns, after })
      const { hits } = answer
      asked = answer.asked
      // The engine may move it; what was let go by then is not there any more.
      point = answer.point ?? point
      fetched += hits.length
      if (fetched > DOCUMENTS_MAX) throw tooMany()
      yield page(hits)
      after = hits.length < asked ? undefined : hits.at(-1)
    }
  } finally {
    await search.closePoint(point)
  }
}

/** As many documents as fit into an answer; `asked`: how many could have come. */
async function askFitting(
  search: ClusterSearch,
  where: Where,
  body: SearchBody,
): Promise<Answer & { readonly asked: number }> {
  for (let { size } = body; ; size = Math.ceil(size / PAGE_SHRINK))
    try {
      return { ...(await search.search(where, { ...body, size })), asked: size }
    } catch (error) {
      if (!isLargeAnswer(error) || size === 1) throw error
    }
}

function tooMany(): AppError {
  return new AppError('bad-query', `the question needs more than ${DOCUMENTS_MAX.toLocaleString('en-US')} documents`, {
    advice: 'Ask for less at once: a shorter time, or a query that fewer documents match.',
  })
}

function source(path: string, columns: readonly FieldName[]): string {
  const types = columns.map((name) => `'${name}': '${hotColumnType(name)}'`)
  return `read_json(${fileLiteral(path)}, format = 'newline_delimited', maximum_object_size = ${HOT_LINE_BYTES_MAX}, columns = {${types.join(', ')}})`
}

function fromFile(name: FieldName): string {
  return fromHot(name, columnName(name))
}
