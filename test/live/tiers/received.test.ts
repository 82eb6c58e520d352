import { expect, test } from 'vitest'
import { AppError } from '../../../src/errors.ts'
import type { Headers } from '../../../src/kafka/bus.ts'
import { HEADERS, SCHEMA_VERSION } from '../../../src/kafka/schema-version.ts'
import { received } from '../../../src/live/tiers/received.ts'

const incoming = (headers: Headers, value: Buffer | null = Buffer.from('v')) => ({
  topic: 'p.flows',
  partition: 3,
  offset: 17,
  key: null,
  value,
  headers,
})
const versioned = (version: string) => ({ [HEADERS.schema]: version })

test('a message of a version that is read is handed on', () => {
  expect(received(incoming(versioned(String(SCHEMA_VERSION))))).toEqual({ kind: 'message', value: Buffer.from('v') })
})

test.each(['', '0', '-1', '1.0', ' 1', '1e1', '9999999999', 'one\u001b[2J'])('a version %j is poison', (version) => {
  const read = received(incoming(versioned(version)))
  expect(read).toMatchObject({ kind: 'poison' })
  expect(JSON.stringify(read)).not.toContain('\u001b')
})

test('without a version, or without a value, it is poison', () => {
  expect(received(incoming({}))).toMatchObject({ kind: 'poison', reason: expect.stringContaining('no schema version') })
  expect(received(incoming(versioned('1'), null))).toEqual({ kind: 'poison', reason: 'no value' })
})

test('of a newer version it stops whoever reads it, and says where it lies and what to do', () => {
  const newer = String(SCHEMA_VERSION + 1)
  expect(() => received(incoming(versioned(newer), null))).toThrow(AppError)
  expect(() => received(incoming(versioned(newer)))).toThrow(
    expect.objectContaining({
      code: 'newer-message',
      message: expect.stringMatching(/^p\.flows, partition 3, offset 17: .*schema version 2/),
      advice: expect.stringContaining('Nothing was skipped'),
    }),
  )
})
