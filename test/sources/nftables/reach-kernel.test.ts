/**
 * Random rulesets as a real nft 1.0.6 lists them, and what a Linux 6 kernel did with the first packet of 48 connections through each: every
 * answer is the kernel's. Written by a run in network namespaces: a client behind wg0, servers behind lan0 and lan1.
 */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { parseIpv4 } from '../../../src/address.ts'
import { createReachReader, type StaticReach } from '../../../src/sources/nftables/reach.ts'
import { reaches } from '../../../src/sources/nftables/reach-parts.ts'
import { readRulesetDocument } from '../../../src/sources/nftables/ruleset-document.ts'

const FIXTURE = new URL('../../fixtures/nftables-reach/kernel-walks/rulesets.ndjson', import.meta.url).pathname

/** A probe is `source destination protocol port`. */
type Recorded = { readonly ruleset: object; readonly passed: readonly string[]; readonly dropped: readonly string[] }

// Our own fixture, in the shape above.
const RECORDED = readFileSync(FIXTURE, 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line) as Recorded)

/** The routes of the gateway of that run. */
const ROUTES = [
  { prefix: '10.0.0.0/24', interface: 'lan0' },
  { prefix: '10.0.1.0/24', interface: 'lan1' },
  { prefix: '192.0.2.0/24', interface: 'lan1' },
]

function answers({ ruleset, passed, dropped }: Recorded): string[] {
  const document = readRulesetDocument(JSON.stringify(ruleset))
  if ('problem' in document) throw new Error(document.problem)
  const reader = createReachReader(document, ROUTES)
  const known = new Map<string, StaticReach>()
  return [...passed, ...dropped].map((probe) => {
    const [source = '', destination = '', protocol, port] = probe.split(' ')
    const reach = known.get(source) ?? reader({ interface: 'wg0', sources: [`${source}/32`], notSources: [] })
    known.set(source, reach)
    const at = parseIpv4(destination)
    return `${probe} ${reaches(reach.forward, { low: at, high: at }, Number(protocol), Number(port))}`
  })
}

describe('what the kernel did', () => {
  test.each(RECORDED.map((recorded, i) => [i + 1, recorded] as const))('ruleset %i', (_, recorded) => {
    expect(answers(recorded)).toEqual([
      ...recorded.passed.map((probe) => `${probe} yes`),
      ...recorded.dropped.map((probe) => `${probe} no`),
    ])
  })

  test('both are there', () => {
    expect(RECORDED.flatMap(({ passed }) => passed).length).toBeGreaterThan(200)
    expect(RECORDED.flatMap(({ dropped }) => dropped).length).toBeGreaterThan(200)
  })
})
