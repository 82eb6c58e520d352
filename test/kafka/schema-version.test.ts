/** What messages may hold and the version that they say they are of belong together. */
import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { FIELD_NAMES, FIELDS } from '../../src/fields.ts'
import { SCHEMA_VERSION } from '../../src/kafka/schema-version.ts'

/** Of the fields that documents of each version may have: their names and types, in order of the names. */
const FIELDS_OF: Readonly<Record<number, string>> = {
  1: '0a3c07e1b4942877',
}

test('a field that is new or of another type makes a new version', () => {
  const list = FIELD_NAMES.map((name) => `${name} ${FIELDS[name].type} ${FIELDS[name].many}`).join('\n')
  const hash = createHash('sha256').update(list).digest('hex').slice(0, 16)
  expect(hash, 'raise SCHEMA_VERSION, unless no release has written the version that it names').toBe(
    FIELDS_OF[SCHEMA_VERSION],
  )
})
