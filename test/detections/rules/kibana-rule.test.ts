/** Rules for the detection engine: what its API needs, and that they ask what ours do. */
import { describe, expect, test } from 'vitest'
import { DETECTIONS } from '../../../src/detections/catalogue/catalogue.ts'
import { kibanaRuleOf, toKibanaRule } from '../../../src/detections/rules/kibana-rule.ts'
import { parseQuery } from '../../../src/kql/parse.ts'
import { madeRule } from './made-rule.ts'

const INDEX = ['logs-wireguard.flow-*']
const UUID = /^[\da-f]{8}-[\da-f]{4}-8[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/

describe('a rule of single documents', () => {
  test('is a query rule, switched off', () => {
    const rule = kibanaRuleOf(
      madeRule(
        `query: 'source.port : 1'`,
        'attack: [T1021.004, T1046, T1021]',
        'runbook: [Look, Act]',
        'known_gaps: [Blind]',
      ),
      INDEX,
    )
    expect(rule).toMatchObject({
      rule_id: expect.stringMatching(UUID),
      type: 'query',
      language: 'kuery',
      query: 'source.port : 1',
      index: INDEX,
      enabled: false,
      severity: 'high',
      risk_score: 73,
      interval: '300s',
      from: 'now-540s',
      timestamp_override: 'event.ingested',
      note: expect.stringMatching(/1\. Look\n2\. Act\n.*- Blind/s),
      threat: [
        {
          framework: 'MITRE ATT&CK',
          tactic: { id: 'TA0008', name: 'Lateral Movement', reference: 'https://attack.mitre.org/tactics/TA0008/' },
          technique: [
            {
              id: 'T1021',
              name: 'Remote Services',
              reference: 'https://attack.mitre.org/techniques/T1021/',
              subtechnique: [
                { id: 'T1021.004', name: 'SSH', reference: 'https://attack.mitre.org/techniques/T1021/004/' },
              ],
            },
          ],
        },
        { tactic: { id: 'TA0007' }, technique: [{ id: 'T1046', name: 'Network Service Discovery' }] },
      ],
    })
    expect(rule).not.toHaveProperty('threshold')
  })

  test('with a group is found once a group', () => {
    const rule = kibanaRuleOf(madeRule(`query: 'source.port : 1'`, 'group_by: [host.name]'), INDEX)
    expect(rule).toMatchObject({ type: 'threshold', threshold: { field: ['host.name'], value: 1, cardinality: [] } })
  })
})

test('a count is a threshold rule that looks as far back as its window, and how often it runs', () => {
  const lines = [`query: 'source.port : 1'`, 'group_by: [host.name, source.ip]', 'threshold: 5', 'window: 10m']
  expect(kibanaRuleOf(madeRule(...lines), INDEX)).toMatchObject({
    threshold: { field: ['host.name', 'source.ip'], value: 5, cardinality: [] },
    interval: '120s',
    from: 'now-720s',
  })
})

test('different values are a cardinality', () => {
  const lines = [`query: 'source.port : 1'`, 'distinct: { field: destination.port, at_least: 9 }', 'window: 30s']
  expect(kibanaRuleOf(madeRule(...lines), INDEX)).toMatchObject({
    threshold: { field: [], value: 1, cardinality: [{ field: 'destination.port', value: 9 }] },
    interval: '60s',
    from: 'now-90s',
  })
})

test('every detection can be one, under an id of its own that stays', () => {
  const rules = DETECTIONS.map(({ about }) => toKibanaRule(about, { index: INDEX, threshold: null }))
  expect(new Set(rules.map((rule) => rule['rule_id'])).size).toBe(DETECTIONS.length)
  for (const rule of rules) expect(() => parseQuery(String(rule['query']), { now: 0 })).not.toThrow()
  expect(rules.map((rule) => JSON.stringify(rule))).toEqual(
    DETECTIONS.map(({ about }) => JSON.stringify(toKibanaRule(about, { index: INDEX, threshold: null }))),
  )
})
