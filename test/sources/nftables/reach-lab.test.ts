/** What the rulesets of the demo capture let through, against every connection its lab really tried. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { prefixRange } from '../../../src/address-range.ts'
import { createReachReader, type StaticReach } from '../../../src/sources/nftables/reach.ts'
import { reaches } from '../../../src/sources/nftables/reach-parts.ts'
import { readRulesetDocument } from '../../../src/sources/nftables/ruleset-document.ts'
import { DEMO } from '../../replay-capture.ts'

const TRUTH = new URL('../../fixtures/lab-1/truth.jsonl', import.meta.url).pathname
const PROTOCOLS = new Map([
  ['tcp', 6],
  ['udp', 17],
])

type Flow = {
  readonly kind: string
  readonly gateway: string
  readonly interface: string
  readonly src: string
  readonly proto: string
  readonly dst: string
  readonly dport: number
  readonly expect: string
  readonly policy: string | null
}

// The lab's own lines, written by its program: shapes as its README says.
const FLOWS = readFileSync(TRUTH, 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line) as Flow)
  .filter(({ kind }) => kind === 'flow')

function reachOfSources(): (flow: Flow) => StaticReach {
  const readers = new Map(
    ['gw1', 'gw2'].map((gateway) => {
      const document = readRulesetDocument(readFileSync(join(DEMO, gateway, 'ruleset.json'), 'utf8'))
      if ('problem' in document) throw new Error(document.problem)
      return [gateway, createReachReader(document, [{ prefix: '10.8.0.0/24', interface: 'wg0' }])] as const
    }),
  )
  const known = new Map<string, StaticReach>()
  return ({ gateway, interface: name, src }) => {
    const key = `${gateway} ${src}`
    const bits = src.includes(':') ? 128 : 32
    const reach =
      known.get(key) ?? readers.get(gateway)?.({ interface: name, sources: [`${src}/${bits}`], notSources: [] })
    if (reach === undefined) throw new Error(gateway)
    known.set(key, reach)
    return reach
  }
}

describe('the rules of the demo capture', () => {
  const reachOf = reachOfSources()
  const judged = FLOWS.map((flow) => {
    const { range } = prefixRange(flow.dst) ?? { range: { low: 0, high: 0 } }
    return { flow, answer: reaches(reachOf(flow).forward, range, PROTOCOLS.get(flow.proto) ?? -1, flow.dport) }
  })

  test('there are flows of every kind', () => {
    expect(FLOWS.length).toBeGreaterThan(400)
    expect(new Set(FLOWS.map((flow) => flow.expect))).toEqual(new Set(['accept', 'drop', 'reject', 'none']))
  })

  test('every flow that was accepted is reachable, whatever policy says of it', () => {
    const accepted = judged.filter(({ flow }) => flow.expect === 'accept')
    expect(accepted.filter(({ answer }) => answer === 'no')).toEqual([])
    expect(accepted.some(({ flow }) => flow.policy === 'violation')).toBe(true)
  })

  test('every flow that rules dropped or rejected is not certainly reachable', () => {
    const denied = judged.filter(({ flow }) => ['drop', 'reject'].includes(flow.expect))
    expect(denied.filter(({ answer }) => answer === 'yes')).toEqual([])
  })

  test('nothing is left open', () => {
    expect(judged.filter(({ answer }) => answer === 'maybe')).toEqual([])
  })
})
