/** An exposure report as a document tells what its pages on a terminal tell, in the same words. */
import { describe, expect, test } from 'vitest'
import type { ExposureFrame } from '../../../src/commands/report-exposure.ts'
import { exposureText } from '../../../src/commands/report-exposure-print.ts'
import { rankedText } from '../../../src/commands/report-exposure-rank-print.ts'
import { createPeerReach } from '../../../src/posture/reach-peers.ts'
import { regionsOf } from '../../../src/posture/reach-regions.ts'
import type { Table } from '../../../src/reports/document/report-document.ts'
import { type ExposedKey, type Exposure, judgeExposure } from '../../../src/reports/exposure/exposure.ts'
import { exposureDocument, rankedExposureDocument } from '../../../src/reports/exposure/exposure-document.ts'
import type { ExposureFacts } from '../../../src/reports/exposure/exposure-facts.ts'
import { rankExposures } from '../../../src/reports/exposure/exposure-rank.ts'
import { DAY, HOUR } from '../../../src/time.ts'
import { createMemoryTerminal } from '../../commands/memory-terminal.ts'
import { AT, IVY, OAK } from '../../posture/made-gateway.ts'
import { allow, madeRuleset, reachInventory } from '../../posture/made-reach.ts'
import type { Rule } from '../../sources/nftables/rulesets.ts'
import { textsOf } from '../document/document-texts.ts'

const KEYS: readonly ExposedKey[] = [
  { gateway: 'gw1', interface: 'wg0', publicKey: IVY, allowedIps: ['10.8.0.2/32'], isRunning: true },
  { gateway: 'gw1', interface: 'wg0', publicKey: OAK, allowedIps: ['10.8.0.3/32'], isRunning: true },
]
const PLACE = { publicKey: IVY, gateway: 'gw1', transport: 'tcp', port: 443, first: AT - HOUR, last: AT - HOUR / 2 }
const FACTS: ExposureFacts = {
  places: [
    { ...PLACE, resource: 'books', ip: '172.16.0.1', attempts: 7, connected: 5, sent: 1234, received: 5_000_000 },
    { ...PLACE, resource: 'uncatalogued', ip: '192.0.2.7', attempts: 3, connected: 2, sent: 10, received: 30 },
  ],
  denied: [
    { publicKey: IVY, gateway: 'gw1', resource: 'vault', lines: 33, destinations: 1 },
    { publicKey: IVY, gateway: 'gw1', resource: '', lines: 44, destinations: 9 },
  ],
  logins: [{ publicKey: IVY, host: 'db1', account: 'deploy', logins: 12, isRoot: true, first: AT - DAY, last: AT }],
  rights: [{ publicKey: IVY, host: 'db1', account: 'postgres', times: 17 }],
  isCut: false,
  recorded: new Set(['gw1']),
}
const FRAME: ExposureFrame = {
  at: AT,
  isTimeGiven: false,
  period: { since: AT - 30 * DAY, until: AT },
  recordedSince: AT - 3 * DAY,
  label: 'ivy',
  notes: ['rules of gw2 are not known'],
}
const ASKING = { ...FRAME, reportTime: AT, data: null }

function exposures(rules: readonly Rule[] | null, facts: ExposureFacts = FACTS): Exposure[] {
  const inventory = reachInventory()
  const known =
    rules === null ? null : { at: AT, place: 'ruleset.json', reach: createPeerReach(madeRuleset(rules, 'drop'), KEYS) }
  const { regions } = regionsOf(inventory.resources)
  return KEYS.map((key) => judgeExposure({ key, at: AT, inventory, regions, rules: known, facts }))
}

const OPEN = [allow('10.8.0.2', '172.16.0.9', 22), allow('10.8.0.2', '198.51.100.9', 8443)]

describe('one peer', () => {
  test.each([
    ['with rules', OPEN],
    ['without', null],
  ])('%s: every number, time and address of the page is in the document', (_, rules) => {
    const [ivy] = exposures(rules)
    if (ivy === undefined) throw new Error('nobody')
    const page = exposureText(createMemoryTerminal(), 4000, FRAME, [ivy])
    const texts = textsOf(exposureDocument([ivy], ASKING)).join('\n')
    const words = page.split(/[\s,;()]+/).flatMap((word) => (/^\d+\/\d+$/.test(word) ? word.split('/') : [word]))
    const numbers = words.filter((word) => /\d/.test(word))
    expect(numbers.length).toBeGreaterThan(20)
    // Times stand to the minute on the page, in full in the document.
    expect(numbers.filter((word) => !texts.includes(word.replace(/[.:]$/, '')))).toEqual([])
    expect(texts).toContain('records begin')
    expect(texts).toContain('rules of gw2 are not known')
  })

  test('what is reached and granted by nothing is found', () => {
    const [ivy] = exposures(OPEN)
    if (ivy === undefined) throw new Error('nobody')
    const document = exposureDocument([ivy], ASKING)
    expect(document.isFound).toBe(true)
    expect(document.summary[0]).toBe(
      'If the key of ivy leaked today: the rules let it reach 1 resource, 1 of them granted by no policy, and addresses beyond the catalogue; it was used with 1 resource in the period.',
    )
    const [, resources] = document.sections
    // A part's only table.
    const table = resources?.blocks.find((block) => block.kind === 'table') as Table
    expect(table.rows[0]?.slice(0, 5)).toEqual([
      'vault',
      'restricted',
      'open',
      'no grant',
      { text: 'not documented', tone: 'bad' },
    ])
  })

  test('without rules no reach is stated, never none', () => {
    const [ivy] = exposures(null)
    if (ivy === undefined) throw new Error('nobody')
    const document = exposureDocument([ivy], ASKING)
    expect(document.isFound).toBe(false)
    expect(document.summary[0]).toContain('reach not stated, the rules are not known')
    expect(document.sections.map(({ id }) => id)).not.toContain('open')
  })

  test('of several keys each has its parts, and ids are there once', () => {
    const ids = exposureDocument(exposures(OPEN), ASKING).sections.map(({ id }) => id)
    expect(ids).toContain('key-2-key')
    expect(new Set(ids).size).toBe(ids.length)
  })
})

describe('all keys', () => {
  test.each([
    ['with rules', OPEN],
    ['without', null],
  ])('%s: in the order of the page, and with its numbers', (_, rules) => {
    const ranked = rankExposures(exposures(rules))
    const page = rankedText(createMemoryTerminal(), 4000, FRAME, ranked)
    const document = rankedExposureDocument(ranked, ASKING)
    // A part's only table.
    const table = document.sections[0]?.blocks.find((block) => block.kind === 'table') as Table
    const rows = table.rows.map((row) =>
      row.slice(0, 11).map((cell) => {
        const text = typeof cell === 'string' ? cell : cell.text
        return text === 'not known' ? '?' : text
      }),
    )
    const lines = page.split('\n').filter((line) => /^ *\d+ {2}/.test(line))
    expect(lines.map((line) => line.trim().split(/ {2,}/).slice(0, 11))).toEqual(rows)
    expect(document.isFound).toBe(rules !== null)
  })
})
