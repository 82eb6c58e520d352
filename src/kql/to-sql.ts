/**
 * A query as a DuckDB condition with parameters. No text of a query ever becomes SQL: columns come from FIELDS, values are bound.
 *
 * Columns: keyword and wildcard VARCHAR, long BIGINT, boolean BOOLEAN, date TIMESTAMP in UTC, ip VARCHAR with the 32 digits of
 * address-digits.ts; `many` fields are LISTs of those.
 *
 * Tests are written plainly (`"source.ip" = $1`), so that zone maps see them. Of an absent field they are NULL, which a WHERE takes
 * for false as we do; only NOT would tell the two apart, so what it negates is never NULL.
 */
import { FIELDS } from '../fields.ts'
import type { Match, Query, Scalar, Test } from './ast.ts'
import { typeOf } from './field-names.ts'
import { asciiLowerCase } from './text-match.ts'

export type SqlParameter = string | bigint | boolean

/** Grows while the SQL is written; values that are there already are not looked for. */
export type SqlParameters = { readonly length: number; push(value: SqlParameter): unknown }

/**
 * The condition, ready for WHERE, in brackets where it needs them. Appends its values to `parameters`; placeholders are
 * `$n` by their place there, so one array may serve a whole statement.
 */
export function toSql(query: Query, parameters: SqlParameters): string {
  const places = new Map<SqlParameter, string>()
  const bind: Bind = (value) => {
    const known = places.get(value)
    if (known !== undefined) return known
    parameters.push(value)
    const place = `$${parameters.length}`
    places.set(value, place)
    return place
  }
  return querySql(query, bind)
}

/** Gives a value's placeholder. */
type Bind = (value: SqlParameter) => string

const CAPITALS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'

function querySql(query: Query, bind: Bind): string {
  switch (query.kind) {
    case 'all':
      return 'TRUE'
    case 'none':
      return 'FALSE'
    case 'and':
      return `(${query.parts.map((part) => querySql(part, bind)).join(' AND ')})`
    case 'or':
      return `(${query.parts.map((part) => querySql(part, bind)).join(' OR ')})`
    case 'not':
      return `NOT coalesce(${querySql(query.part, bind)}, FALSE)`
    case 'match':
      return matchSql(query, bind)
  }
}

function matchSql({ field, test }: Match, bind: Bind): string {
  const column = `"${field}"`
  const value = scalarBind(field, bind)
  if (!FIELDS[field].many) return testSql(column, test, value, bind)
  if (test.kind === 'exists') return `len(${column}) > 0`
  if (test.kind === 'equals') {
    const values = test.values.map(value)
    return values.length === 1
      ? `list_contains(${column}, ${values[0]})`
      : `list_has_any(${column}, [${values.join(', ')}])`
  }
  return `len(list_filter(${column}, lambda v: ${testSql('v', test, value, bind)})) > 0`
}

/** Numbers are bound as 64-bit integers: a double would hide the column's zone map, and is not exact. */
function scalarBind(field: Match['field'], bind: Bind): (value: Scalar) => string {
  switch (typeOf(field)) {
    case 'date':
      return (value) => `make_timestamp(${bind(BigInt(value))}::BIGINT)`
    case 'long':
      return (value) => `${bind(BigInt(value))}::BIGINT`
    case 'boolean':
      return (value) => bind(value === true)
    case 'keyword':
    case 'wildcard':
    case 'ip':
      return (value) => bind(String(value))
  }
}

/** One test of one value; `column` is a quoted name or the variable of a lambda. */
function testSql(column: string, test: Test, value: (value: Scalar) => string, bind: Bind): string {
  switch (test.kind) {
    case 'exists':
      return `${column} IS NOT NULL`
    case 'equals': {
      const values = test.values.map(value)
      return values.length === 1 ? `${column} = ${values[0]}` : `${column} IN (${values.join(', ')})`
    }
    case 'range':
      return `${column} ${test.operator} ${value(test.value)}`
    case 'period':
      return `${column} BETWEEN ${value(test.from)} AND ${value(test.to)}`
    case 'network':
      return `${column} BETWEEN ${bind(test.first)} AND ${bind(test.last)}`
    case 'wildcard':
      return wildcardSql(column, test.pieces, bind)
    case 'contains':
      return containsSql(column, test.pieces, bind)
  }
}

/**
 * LIKE without ESCAPE is searched piece by piece, and `LIKE 'a%'` becomes a range of the zone map. Traps of DuckDB 1.5: with ESCAPE, or
 * with `_` in the pattern, it tries every split of the text instead, which takes for ever on `a*a*a*…`; and for `LIKE 'ÿ%b'` it adds
 * one to the last byte of the head, which fails the query where that is no UTF-8. Such patterns go to RE2, whose time is linear.
 */
function wildcardSql(column: string, pieces: readonly string[], bind: Bind): string {
  const [head = '', ...rest] = pieces
  const isPlain = !pieces.some((piece) => /[%_]/.test(piece)) && /^$|[\0-\x7e]$/.test(head)
  if (isPlain) return `${column} LIKE ${bind(squeezed(pieces, '%'))}`
  if (rest.length === 1 && rest[0] === '') {
    const start = bind(head)
    return `(${column} >= ${start} AND starts_with(${column}, ${start}))`
  }
  return `regexp_full_match(${column}, ${bind(squeezed(pieces.map(literalRegex), '.*'))}, 's')`
}

/** The pieces with a wildcard between them; two wildcards in a row say no more than one. */
function squeezed(pieces: readonly string[], wildcard: string): string {
  return pieces.filter((piece, i) => piece !== '' || i === 0 || i === pieces.length - 1).join(wildcard)
}

/** RE2 takes an ASCII sign behind a backslash for itself, but no letter, digit or NUL. */
function literalRegex(text: string): string {
  return text.replaceAll(/[^\w\0\u0080-\u{10ffff}]/gu, '\\$&')
}

/**
 * `lower` folds all of Unicode, fast; it may find too much (K, the Kelvin sign, becomes k) but never misses what ASCII folding
 * finds. `translate` is exact and ten times slower, so it looks at what `lower` leaves.
 */
function containsSql(column: string, pieces: readonly string[], bind: Bind): string {
  const inner = ['', ...pieces, '']
  const exact = wildcardSql(`translate(${column}, '${CAPITALS}', '${asciiLowerCase(CAPITALS)}')`, inner, bind)
  const isAscii = pieces.every((piece) => /^[\0-\x7f]*$/.test(piece))
  return isAscii ? `(${wildcardSql(`lower(${column})`, inner, bind)} AND ${exact})` : exact
}
