import { expect, test } from 'vitest'
import { parseDatasets, parseFields, parseForm, parseLimit, parsePeriod } from '../../src/commands/search-arguments.ts'
import { AppError } from '../../src/errors.ts'
import { ALL_TIME } from '../../src/store/event-reader.ts'
import { HOUR } from '../../src/time.ts'
import { micros } from './made-store.ts'

const NOW = micros('2026-11-22T16:00:00Z')

function complaint(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    if (error instanceof AppError && error.code === 'usage') return error.message
    throw error
  }
  throw new Error('was taken')
}

test('a period is open where nothing was said', () => {
  expect(parsePeriod({ since: '', until: '', last: '' }, NOW)).toEqual({
    ...ALL_TIME,
    sinceOption: '',
  })
})

test('offsets and times of day count from now', () => {
  expect(parsePeriod({ since: '-2h', until: '15:30', last: '' }, NOW)).toEqual({
    since: NOW - 2 * HOUR,
    until: micros('2026-11-22T15:30:00Z'),
    sinceOption: '--since',
  })
  expect(parsePeriod({ since: '', until: '', last: '24h' }, NOW)).toMatchObject({
    since: NOW - 24 * HOUR,
    sinceOption: '--last',
  })
})

test('a period that contradicts itself is refused', () => {
  expect(complaint(() => parsePeriod({ since: '15:00', until: '14:00', last: '' }, NOW))).toBe(
    '--since begins 2026-11-22 15:00:00 UTC, after --until 2026-11-22 14:00:00 UTC',
  )
  expect(complaint(() => parsePeriod({ since: '', until: '-2h', last: '1h' }, NOW))).toContain('--last begins')
  expect(complaint(() => parsePeriod({ since: '-1h', until: '', last: '1h' }, NOW))).toContain('both')
  expect(complaint(() => parsePeriod({ since: 'yesterday', until: '', last: '' }, NOW))).toContain('"yesterday"')
  expect(complaint(() => parsePeriod({ since: '', until: '', last: '-1h' }, NOW))).toContain('--last')
})

test('datasets have short names, and all but the counters are meant when none is named', () => {
  expect(parseDatasets(['flow', 'wireguard.firewall,flow', ' peer'])).toEqual([
    'wireguard.flow',
    'wireguard.firewall',
    'wireguard.peer',
  ])
  expect(parseDatasets([])).toHaveLength(6)
  expect(parseDatasets([])).not.toContain('wireguard.peer')
})

test.each([
  ['fow', 'there is no dataset "fow"; did you mean "flow"?'],
  ['wireguard.flows', 'there is no dataset "wireguard.flows"; did you mean "wireguard.flow"?'],
  ['peertrail.ledger', 'there is no dataset "peertrail.ledger"'],
  ['flow,', 'there is no dataset ""'],
  ['\u001b[2J', 'there is no dataset "\\x1b[2J"'],
])('dataset %j is refused', (name, message) => {
  expect(complaint(() => parseDatasets([name]))).toContain(message)
})

test('fields keep their order; a pattern stands for all it fits', () => {
  expect(parseFields('source.port, @timestamp,source.nat.*,source.port')).toEqual([
    'source.port',
    '@timestamp',
    'source.nat.ip',
    'source.nat.port',
  ])
  expect(parseFields('')).toEqual([])
})

test.each([
  ['sorce.ip', 'there is no field "sorce.ip"; did you mean "source.ip"?'],
  ['source', 'there is no field "source"; it is a group of fields, "source.*" means them all'],
  ['sauce.*', 'there is no field like "sauce.*"'],
  ['source.ip,', 'there is no field ""'],
  ['"; DROP TABLE', 'there is no field ""; DROP TABLE"'],
])('field %j is refused', (name, message) => {
  expect(complaint(() => parseFields(name))).toContain(message)
})

test('a limit is a whole number, 0 is none', () => {
  expect(['1', '50', '0', '000', '999999999'].map(parseLimit)).toEqual([1, 50, Infinity, Infinity, 999_999_999])
  for (const text of ['', '-1', '1.5', '1e3', 'all', '9999999999', '５'])
    expect(complaint(() => parseLimit(text))).toContain('--limit')
})

test('one form of output', () => {
  expect(parseForm({ isJson: false, isCsv: false })).toBe('lines')
  expect(parseForm({ isJson: true, isCsv: false })).toBe('json')
  expect(parseForm({ isJson: false, isCsv: true })).toBe('csv')
  expect(complaint(() => parseForm({ isJson: true, isCsv: true }))).toContain('--csv')
})
