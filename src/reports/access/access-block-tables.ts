/** Tables of printed blocks and addresses: whatever is new in `released` is printed and kept by its number. */
import type { WorkTables } from '../../store/work-tables.ts'
import type { Names } from '../names/names.ts'
import { addressBlock, hostBlock, personBlock, ruleBlock, thingBlock, type Values } from './access-blocks.ts'
import { END_FIELDS, HOST_FIELDS, RULE_FIELDS, WHAT_FIELDS, WHO_FIELDS } from './access-columns.ts'

/** Rows handed to the database at a time. */
const BATCH = 4_000
/** Addresses that are kept printed; a scan of a large network brings others all the time. */
const ADDRESSES_MAX = 200_000

export const BLOCK_TABLES: readonly string[] = [
  'CREATE TABLE person_group (number INTEGER, text VARCHAR)',
  'CREATE TABLE thing_group (number INTEGER, text VARCHAR)',
  'CREATE TABLE person (who INTEGER, known INTEGER, csv VARCHAR, json VARCHAR, person_group INTEGER, renamed BOOLEAN, owner VARCHAR)',
  'CREATE TABLE thing (what INTEGER, csv VARCHAR, json VARCHAR, thing_group INTEGER, outcome VARCHAR)',
  'CREATE TABLE rule_block (rule INTEGER, csv VARCHAR, json VARCHAR)',
  'CREATE TABLE host_block (host INTEGER, csv VARCHAR, json VARCHAR)',
  'CREATE TABLE address (digits VARCHAR, csv VARCHAR, json VARCHAR)',
]

type Types = { readonly [column: string]: 'VARCHAR' | 'INTEGER' | 'BIGINT' | 'BOOLEAN' }
type Filled = { readonly [column: string]: string | number | boolean }

/** Makes the table anew with these rows. Texts of data go as a parameter. */
export async function fillTable(
  tables: WorkTables,
  name: string,
  types: Types,
  rows: readonly Filled[],
): Promise<void> {
  await tables.run(
    `CREATE OR REPLACE TABLE ${name} (${Object.entries(types)
      .map(([column, type]) => `${column} ${type}`)
      .join(', ')})`,
  )
  for (let i = 0; i < rows.length; i += BATCH)
    await tables.rows(
      `INSERT INTO ${name} BY NAME SELECT unnest(from_json($1, '${JSON.stringify([types])}'), recursive := true)`,
      [JSON.stringify(rows.slice(i, i + BATCH))],
    )
}

/**
 * Prints what `who`, `what`, `rule` and `host` have that was not printed before, a key with each of its known stretches; and the addresses
 * of the stretch. More than rows will need, which costs less than asking the rows.
 */
export async function fillBlocks(tables: WorkTables, names: Names): Promise<void> {
  const block = { csv: 'VARCHAR', json: 'VARCHAR' } as const
  const grouped = { ...block, text: 'VARCHAR' } as const
  await printNew(
    tables,
    `SELECT who, known FROM (SELECT number AS who, 0 AS known FROM who UNION ALL
       SELECT who.number, known.number FROM who JOIN known ON known.key = who.c0) ANTI JOIN person USING (who, known)`,
    ['who', 'known'],
    ['who', WHO_FIELDS.length],
    { ...grouped, who: 'INTEGER', known: 'INTEGER', renamed: 'BOOLEAN', owner: 'VARCHAR' },
    (values, [who = 0, known = 0]) => {
      const { group: text, ...printed } = personBlock(values, names.known[known - 1] ?? null, names.mode)
      return { who, known, text, ...printed }
    },
    [
      newGroups('person_group'),
      `INSERT INTO person SELECT who, known, csv, json, number, renamed, owner FROM fresh JOIN person_group USING (text)`,
    ],
  )
  await printNew(
    tables,
    `SELECT number AS what FROM what ANTI JOIN thing ON thing.what = number`,
    ['what'],
    ['what', WHAT_FIELDS.length],
    { ...grouped, what: 'INTEGER', outcome: 'VARCHAR' },
    (values, [what = 0]) => {
      const { group: text, ...printed } = thingBlock(values)
      return { what, text, ...printed }
    },
    [
      newGroups('thing_group'),
      `INSERT INTO thing SELECT what, csv, json, number, outcome FROM fresh JOIN thing_group USING (text)`,
    ],
  )
  for (const [name, fields, print] of [
    ['rule', RULE_FIELDS, ruleBlock],
    ['host', HOST_FIELDS, hostBlock],
  ] as const)
    await printNew(
      tables,
      `SELECT number AS ${name} FROM ${name} ANTI JOIN ${name}_block ON ${name}_block.${name} = number`,
      [name],
      [name, fields.length],
      { ...block, [name]: 'INTEGER' },
      (values, [number = 0]) => ({ [name]: number, ...print(values) }),
      [`INSERT INTO ${name}_block BY NAME SELECT * FROM fresh`],
    )
  await fillAddresses(tables)
}

function newGroups(table: string): string {
  return `INSERT INTO ${table} SELECT (SELECT coalesce(max(number), 0) FROM ${table}) + row_number() OVER (), text
    FROM (SELECT DISTINCT text FROM fresh ANTI JOIN ${table} USING (text))`
}

/** `numbers`: columns of `select`; the first is the number of the combination in the table `of`. */
async function printNew(
  tables: WorkTables,
  select: string,
  numbers: readonly string[],
  [of, count]: readonly [table: string, columns: number],
  types: Types,
  print: (values: Values, numbers: readonly number[]) => Filled,
  after: readonly string[],
): Promise<void> {
  const cells = Array.from({ length: count }, (_, i) => `c${i}: x.c${i}`)
  const [own = ''] = numbers
  // As JSON: the way out of the database would drop a byte order mark that a name begins with.
  const source = `SELECT to_json({${cells.join(', ')}}), ${numbers.map((name) => `n.${name}`).join(', ')}
    FROM (${select}) n JOIN ${of} x ON x.number = n.${own}`
  await inBatches(
    tables,
    source,
    (row) => {
      // Made by our own statement of columns of documents.
      const values = Object.values(JSON.parse(String(row[0])) as { readonly [name: string]: Values[number] })
      return print(values, row.slice(1).map(Number))
    },
    types,
    after,
  )
}

/** Read whole before it is printed: what is printed changes the tables it was read from. */
async function inBatches(
  tables: WorkTables,
  source: string,
  print: (row: readonly unknown[]) => Filled,
  types: Types,
  after: readonly string[],
): Promise<void> {
  await tables.run(`CREATE OR REPLACE TABLE unprinted AS ${source}`)
  for (;;) {
    const { rows } = await tables.rows(`SELECT * FROM unprinted ORDER BY rowid LIMIT ${BATCH}`)
    if (rows.length === 0) return
    await fillTable(tables, 'fresh', types, rows.map(print))
    for (const sql of after) await tables.run(sql)
    await tables.run(`CREATE OR REPLACE TABLE unprinted AS SELECT * FROM unprinted ORDER BY rowid OFFSET ${BATCH}`)
  }
}

async function fillAddresses(tables: WorkTables): Promise<void> {
  const { rows } = await tables.rows('SELECT count(*) FROM address')
  if (Number(rows[0]?.[0]) > ADDRESSES_MAX) await tables.run('DELETE FROM address')
  const all = [0, 2, 4, 6]
    .flatMap((i) => [
      `SELECT DISTINCT "${END_FIELDS[i]}" AS digits FROM events`,
      ...['docs', 'carry'].map((table) => `SELECT DISTINCT end_${i} AS digits FROM ${table}`),
    ])
    .join(' UNION ALL ')
  await inBatches(
    tables,
    `SELECT to_json([digits]) FROM (SELECT DISTINCT digits FROM (${all}) WHERE digits IS NOT NULL) ANTI JOIN address USING (digits)`,
    (row) => {
      // As above.
      const [digits = ''] = JSON.parse(String(row[0])) as readonly string[]
      return { digits, ...addressBlock(digits) }
    },
    { digits: 'VARCHAR', csv: 'VARCHAR', json: 'VARCHAR' },
    ['INSERT INTO address BY NAME SELECT * FROM fresh'],
  )
}
