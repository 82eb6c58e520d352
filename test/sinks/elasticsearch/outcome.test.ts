/** The outcome table (elastic.md 2.3), with the answers as real servers give them. */
import { describe, expect, test } from 'vitest'
import { readBulkAnswer } from '../../../src/sinks/elasticsearch/bulk-answer.ts'
import { isAccepted, type Outcome, outcomeOf } from '../../../src/sinks/elasticsearch/outcome.ts'

/** Outcome, status, error type, reason, failure store; taken from Elasticsearch 8.19, 9.5 and OpenSearch 3.8 where they show it. */
const ROWS: readonly (readonly [Outcome, number, string?, string?, string?])[] = [
  ['created', 201],
  ['created', 200],
  ['created', 201, '', '', 'not_applicable_or_unknown'],
  ['failure-stored', 201, '', '', 'used'],
  [
    'duplicate',
    409,
    'version_conflict_engine_exception',
    '[a1]: version conflict, document already exists',
    'not_enabled',
  ],
  ['duplicate', 409],
  ['back-pressure', 429, 'es_rejected_execution_exception', 'rejected execution of coordinating operation'],
  ['back-pressure', 429, 'rejected_execution_exception', 'rejected execution of primary operation'],
  ['back-pressure', 429, 'circuit_breaking_exception', '[parent] Data too large'],
  [
    'back-pressure',
    429,
    'cluster_block_exception',
    'index [x] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark];',
    'not_enabled',
  ],
  ['back-pressure', 403, 'cluster_block_exception', 'index [x] blocked by: [FORBIDDEN/8/index write (api)];'],
  ['transient', 503, 'unavailable_shards_exception', 'primary shard is not active'],
  ['transient', 503, 'cluster_block_exception', 'blocked by: [SERVICE_UNAVAILABLE/2/no master];'],
  ['transient', 500, 'node_not_connected_exception', 'disconnected'],
  ['transient', 502],
  ['transient', 408],
  [
    'transient',
    400,
    'validation_exception',
    'Validation Failed: 1: this action would add [2] shards, but this cluster currently has [1000]/[1000] maximum normal shards open;',
  ],
  [
    'poison',
    400,
    'document_parsing_exception',
    "[1:43] failed to parse field [ip] of type [ip] in document with id 'a2'.",
  ],
  ['poison', 400, 'mapper_parsing_exception', 'failed to parse'],
  ['poison', 400, 'strict_dynamic_mapping_exception', 'mapping set to strict'],
  ['poison', 400, 'illegal_argument_exception', "Error extracting routing: source didn't contain any routing fields"],
  ['poison', 400],
  ['poison', 413],
  ['poison', 409, 'other_conflict', 'of another kind'],
  [
    'outside-time-bounds',
    400,
    'timestamp_error',
    'the document timestamp [2020-01-01T00:00:00.000Z] is outside of ranges of currently writable indices [[a,b]]',
  ],
  [
    'outside-time-bounds',
    400,
    'illegal_argument_exception',
    'the document timestamp [2020-01-01T00:00:00.000Z] is outside of ranges of currently writable indices [[a,b]]',
  ],
  [
    'setup-missing',
    404,
    'index_not_found_exception',
    'no such index [logs-x] and the index creation request requires a data stream',
  ],
  [
    'setup-missing',
    404,
    'resource_not_found_exception',
    '[require_data_stream] request flag is [true] and [x] is not a data stream',
  ],
  [
    'setup-missing',
    400,
    'illegal_argument_exception',
    'no write index is defined for alias [x]. The write index may be',
  ],
  ['setup-missing', 400, 'illegal_argument_exception', 'pipeline with id [logs-wireguard@pipeline] does not exist'],
  ['refused', 401, 'security_exception', 'missing authentication credentials'],
  ['refused', 403, 'security_exception', 'action [indices:data/write/bulk[s]] is unauthorized for API key id [x]'],
]

test.each(ROWS)('%s: %i %s %s', (outcome, status, type, reason, failureStore) => {
  const create = {
    _id: 'a1',
    _index: 'x',
    status,
    ...(type === undefined || type === '' ? {} : { error: { type, reason } }),
    ...(failureStore === undefined ? {} : { failure_store: failureStore }),
  }
  const [item] = readBulkAnswer({ errors: true, took: 1, items: [{ create }] }) ?? []
  expect(item && outcomeOf(item)).toBe(outcome)
})

test('every outcome is in the table, and what is safe is said', () => {
  const outcomes = [...new Set(ROWS.map(([outcome]) => outcome))]
  expect(outcomes).toHaveLength(9)
  expect(outcomes.filter(isAccepted)).toEqual(['created', 'failure-stored', 'duplicate'])
})

test('every status there may be has an outcome', () => {
  for (let status = 0; status < 1000; status++) {
    const item = { status, id: 'a', index: 'x', failureStore: '', type: '', reason: '' }
    expect(isAccepted(outcomeOf(item))).toBe((status >= 200 && status < 300) || status === 409)
  }
})

describe('what is no answer to a bulk request', () => {
  test.each([
    ['nothing', undefined],
    ['a text', '<html>'],
    ['no items', { errors: false }],
    ['items of another kind', { items: {} }],
    ['an item without a status', { items: [{ create: { _id: 'a' } }] }],
    ['another action', { items: [{ index: { _id: 'a', status: 201 } }] }],
    ['an item that is null', { items: [null] }],
  ])('%s', (_, body) => {
    expect(readBulkAnswer(body)).toBeNull()
  })

  test('a reason of any length is cut', () => {
    const create = { _id: 'a', status: 400, error: { type: 'x', reason: 'y'.repeat(100_000) } }
    expect(readBulkAnswer({ items: [{ create }] })?.[0]?.reason.length).toBeLessThan(1100)
  })

  test('an error that is a text is its reason', () => {
    expect(readBulkAnswer({ items: [{ create: { status: 500, error: 'broken' } }] })?.[0]?.reason).toBe('broken')
  })
})
