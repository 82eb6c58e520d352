/** A DuckDB in memory with one table of documents, in the column types that toSql writes for. */
import { type DuckDBConnection, DuckDBInstance, type DuckDBValue } from '@duckdb/node-api'
import { addressDigits } from '../../src/address-digits.ts'
import { FIELD_NAMES, FIELDS, type FieldName, type Fields } from '../../src/fields.ts'
import type { Query } from '../../src/kql/ast.ts'
import { toSql } from '../../src/kql/to-sql.ts'

const COLUMN_TYPES = {
  keyword: 'VARCHAR',
  wildcard: 'VARCHAR',
  ip: 'VARCHAR',
  long: 'BIGINT',
  date: 'TIMESTAMP',
  boolean: 'BOOLEAN',
} as const

export type DocumentTable = {
  /** Replaces the documents. */
  fill(documents: readonly Fields[]): Promise<void>
  /** Places of the documents that a WHERE with the query's SQL keeps, in order. */
  select(query: Query): Promise<number[]>
  close(): void
}

export async function openDocumentTable(): Promise<DocumentTable> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' })
  const connection = await instance.connect()
  const columns = FIELD_NAMES.map(
    (name) => `"${name}" ${COLUMN_TYPES[FIELDS[name].type]}${FIELDS[name].many ? '[]' : ''}`,
  )
  await connection.run(`CREATE TABLE documents (place INTEGER, ${columns.join(', ')})`)
  return {
    async fill(documents) {
      await connection.run('DELETE FROM documents')
      for (const [place, fields] of documents.entries()) await insert(connection, place, fields)
    },
    async select(query) {
      const parameters: DuckDBValue[] = []
      const where = toSql(query, parameters)
      const found = await connection.runAndReadAll(
        `SELECT place FROM documents WHERE ${where} ORDER BY place`,
        parameters,
      )
      return found.getRows().map(([place]) => Number(place))
    },
    close() {
      connection.closeSync()
      instance.closeSync()
    },
  }
}

async function insert(connection: DuckDBConnection, place: number, fields: Fields): Promise<void> {
  const parameters: DuckDBValue[] = []
  const names = FIELD_NAMES.filter((name) => fields[name] !== undefined)
  const values = names.map((name) => {
    const value: unknown = fields[name]
    if (!Array.isArray(value)) return stored(name, value, parameters)
    return `[${value.map((each) => stored(name, each, parameters)).join(', ')}]::VARCHAR[]`
  })
  const into = ['place', ...names.map((name) => `"${name}"`)].join(', ')
  await connection.run(`INSERT INTO documents (${into}) VALUES (${[place, ...values].join(', ')})`, parameters)
}

function stored(name: FieldName, value: unknown, parameters: DuckDBValue[]): string {
  const { type } = FIELDS[name]
  if (type === 'date') parameters.push(BigInt(Number(value)))
  else if (type === 'long') parameters.push(BigInt(Number(value)))
  else if (type === 'boolean') parameters.push(value === true)
  else parameters.push(type === 'ip' ? (addressDigits(String(value)) ?? '') : String(value))
  const place = `$${parameters.length}`
  return type === 'date' ? `make_timestamp(${place}::BIGINT)` : place
}
