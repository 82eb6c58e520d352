/** Samples: whether they hold a rule to its word, and what is said of one that failed. */
import { describe, expect, test } from 'vitest'
import { remarksOf } from '../../../src/detections/rules/rule-remarks.ts'
import { reasonsOf, runSamples, type SampleResult } from '../../../src/detections/rules/sample-result.ts'
import { madeRule } from './made-rule.ts'

const LINES = [
  `query: 'event.dataset : "wireguard.flow" and destination.port : (22 or 2222) and not wireguard.peer.groups : dba'`,
  'group_by: [wireguard.peer.public_key]',
  'threshold: 3',
  'window: 60s',
]

/** Of one sample with these documents, each three times. */
function result(kind: 'fires' | 'quiet', ...documents: string[]): SampleResult {
  const [first] = runSamples(
    madeRule(
      ...LINES,
      'tests:',
      `  ${kind}:`,
      '    - name: a',
      '      repeat: 3',
      '      documents:',
      ...documents.map((each) => `        - { ${each} }`),
    ),
  )
  if (first === undefined) throw new Error('no sample')
  return first
}

const HIT = 'event.dataset: wireguard.flow, destination.port: 22, wireguard.peer.public_key: A'

describe('a sample', () => {
  test('passes when it is as promised', () => {
    expect(result('fires', HIT)).toMatchObject({ passed: true, found: ['Made: key A…, 3 documents in 2 s'] })
    expect(result('quiet', HIT)).toMatchObject({ passed: false })
    expect(result('quiet', HIT.replace('22', '23'))).toMatchObject({ passed: true, found: [] })
  })

  test('that fails tells each part that is false, and what stands there', () => {
    const failed = result(
      'fires',
      HIT.replace('22', '80'),
      `${HIT}, wireguard.peer.groups: [ops, dba]`,
      'destination.port: 22',
    )
    expect(reasonsOf(failed)).toEqual({
      reasons: [
        { places: [1, 4, 7], why: ['destination.port : (22 or 2222) does not hold: destination.port is 80'] },
        {
          places: [2, 5, 8],
          why: ['not wireguard.peer.groups : "dba" does not hold: wireguard.peer.groups is ops, dba'],
        },
        { places: [3, 6, 9], why: ['event.dataset : "wireguard.flow" does not hold: event.dataset is absent'] },
      ],
      sum: '',
    })
  })

  test('that fails by its number says how many are needed', () => {
    const [one] = runSamples(
      madeRule(...LINES, 'tests:', '  fires:', '    - name: a', '      documents:', `        - { ${HIT} }`),
    )
    expect(one && reasonsOf(one)).toEqual({
      reasons: [{ places: [1], why: ['the query holds'] }],
      sum: '3 documents within 60 s are needed, there are 1',
    })
  })

  test('that fails because its documents lie apart says so', () => {
    const [apart] = runSamples(
      madeRule(
        ...LINES,
        'tests:',
        '  fires:',
        '    - { name: a, repeat: 3, every: 5m, documents: [{',
        `        ${HIT} }] }`,
      ),
    )
    expect(apart && reasonsOf(apart).sum).toBe('3 documents within 60 s are needed; there are 3, further apart')
  })

  test('without what it is grouped by does not count', () => {
    const failed = result('fires', 'event.dataset: wireguard.flow, destination.port: 22')
    expect(reasonsOf(failed).reasons[0]?.why).toEqual([
      'the query holds, but it does not count: it has no wireguard.peer.public_key to be grouped by',
    ])
  })
})

describe('remarks', () => {
  test('say what may surprise', () => {
    expect(remarksOf(madeRule(`query: 'source.port : 1'`))).toEqual([
      expect.stringContaining('no tests'),
      expect.stringContaining('no group_by'),
    ])
    expect(remarksOf(madeRule(...LINES.slice(0, 1), 'group_by: [source.ip]', ...LINES.slice(2)))).toEqual([
      expect.stringContaining('no tests'),
      expect.stringContaining('Kafka partitions'),
    ])
  })

  test('are none of a rule with both kinds of samples about one peer', () => {
    const sample = `[{ name: a, documents: [{ ${HIT} }] }]`
    expect(remarksOf(madeRule(...LINES, `tests: { fires: ${sample}, quiet: ${sample} }`))).toEqual([])
  })
})
