/** The judgement of an exposure: rules beside policy beside use, and keys by how much would be open. */
import { describe, expect, test } from 'vitest'
import { createPeerReach } from '../../../src/posture/reach-peers.ts'
import { regionsOf } from '../../../src/posture/reach-regions.ts'
import { type ExposedKey, type Exposure, judgeExposure, unusedGrants } from '../../../src/reports/exposure/exposure.ts'
import type { ExposureFacts, UsedPlace } from '../../../src/reports/exposure/exposure-facts.ts'
import { rankExposures } from '../../../src/reports/exposure/exposure-rank.ts'
import { spaceShare } from '../../../src/reports/exposure/exposure-space.ts'
import { AT, ELM, IVY, OAK } from '../../posture/made-gateway.ts'
import { allow, madeRuleset, reachInventory } from '../../posture/made-reach.ts'
import type { Rule } from '../../sources/nftables/rulesets.ts'

const NOTHING: ExposureFacts = {
  places: [],
  denied: [],
  logins: [],
  rights: [],
  isCut: false,
  recorded: new Set(['gw1']),
}
const [IVYS, OAKS, ELMS] = ['10.8.0.2', '10.8.0.3', '10.8.0.4']
const KEYS: readonly ExposedKey[] = [
  { gateway: 'gw1', interface: 'wg0', publicKey: IVY, allowedIps: [`${IVYS}/32`], isRunning: true },
  { gateway: 'gw1', interface: 'wg0', publicKey: OAK, allowedIps: [`${OAKS}/32`], isRunning: true },
  { gateway: 'gw1', interface: 'wg0', publicKey: ELM, allowedIps: [`${ELMS}/32`], isRunning: true },
]

function used(resource: string, change: Partial<UsedPlace> = {}): UsedPlace {
  const numbers = { attempts: 2, connected: 1, sent: 10, received: 30, first: AT - 9, last: AT - 3 }
  return {
    publicKey: IVY,
    gateway: 'gw1',
    resource,
    ip: '172.16.0.1',
    transport: 'tcp',
    port: 443,
    ...numbers,
    ...change,
  }
}

function exposuresBy(rules: readonly Rule[] | null, facts: Partial<ExposureFacts> = {}, policy = 'drop'): Exposure[] {
  const inventory = reachInventory()
  const known =
    rules === null
      ? null
      : { at: null, place: 'ruleset.json', reach: createPeerReach(madeRuleset(rules, policy), KEYS) }
  const { regions } = regionsOf(inventory.resources)
  return KEYS.map((key) =>
    judgeExposure({ key, at: AT, inventory, regions, rules: known, facts: { ...NOTHING, ...facts } }),
  )
}

function told({ resources }: Exposure): string[] {
  return resources.map(
    ({ resource, byRules, isDocumented, used: use, denied }) =>
      `${resource.name} ${byRules} ${isDocumented ? 'granted' : '-'} ${use === null ? '-' : `${use.connected}/${use.attempts}`} ${denied}`,
  )
}

describe('one key', () => {
  test('reached and granted, reached and not granted, granted and closed, used', () => {
    const [ivy] = exposuresBy([allow(IVYS, '172.16.0.9', 22)], {
      places: [used('books'), used('books', { attempts: 1, connected: 0 }), used('uncatalogued', { ip: '192.0.2.7' })],
      denied: [{ publicKey: IVY, gateway: 'gw1', resource: 'vault', lines: 3, destinations: 1 }],
    })
    if (ivy === undefined) throw new Error('nobody')
    // The most sensitive first.
    expect(told(ivy)).toEqual(['vault yes - - 3', 'books no granted 1/3 0'])
    expect(ivy.uncatalogued.map(({ ip }) => ip)).toEqual(['192.0.2.7'])
    expect(unusedGrants(ivy)).toEqual([])
    expect(ivy.peer).toMatchObject({ name: 'ivy', groups: ['staff'], owner: { email: 'ivy@example.com' } })
  })

  test('a grant nobody answered is unused', () => {
    const [ivy] = exposuresBy([], { places: [used('books', { connected: 0 })] })
    expect(ivy === undefined ? [] : unusedGrants(ivy).map(({ resource }) => resource.name)).toEqual(['books'])
  })

  test('where no connection tracking is recorded no grant is unused', () => {
    const [ivy] = exposuresBy([], { recorded: new Set(['gw2']) })
    expect(ivy === undefined ? null : [ivy.isUseKnown, unusedGrants(ivy)]).toEqual([false, []])
  })

  test('without rules no reach is stated, and never nothing', () => {
    const [ivy] = exposuresBy(null)
    expect(ivy?.access).toBeNull()
    expect(ivy === undefined ? [] : told(ivy)).toEqual(['books unknown granted - 0'])
  })

  test('what another key or another gateway did is not its own', () => {
    const [ivy] = exposuresBy([], { places: [used('vault', { publicKey: OAK }), used('vault', { gateway: 'gw2' })] })
    expect(ivy === undefined ? [] : told(ivy)).toEqual(['books no granted - 0'])
  })

  test('a key that does not run reaches nothing, and its rules are no question', () => {
    const inventory = reachInventory()
    const key: ExposedKey = { gateway: 'gw1', interface: 'wg0', publicKey: IVY, allowedIps: [], isRunning: false }
    const rules = { at: null, place: '', reach: createPeerReach(madeRuleset([], 'accept'), []) }
    const exposure = judgeExposure({ key, at: AT, inventory, regions: [], rules, facts: NOTHING })
    expect(exposure.access).toBeNull()
  })
})

describe('all keys', () => {
  const names = (exposures: readonly Exposure[]) => rankExposures(exposures).map(({ exposure }) => exposure.peer.name)

  test('restricted resources come first, then their number', () => {
    const mail = [allow(OAKS, '172.16.0.7', 25), allow(OAKS, '172.16.0.1', 443)]
    const ranked = exposuresBy([...mail, allow(ELMS, '172.16.0.9', 22), allow(IVYS, '172.16.0.1', 443)])
    expect(names(ranked)).toEqual(['elm', 'oak', 'ivy'])
    expect(
      rankExposures(ranked).map(({ counts, overreach }) => [counts?.restricted, counts?.resources, overreach]),
    ).toEqual([
      [1, 1, 1],
      [0, 2, 2],
      [0, 1, 0],
    ])
  })

  test('then addresses beyond the catalogue', () => {
    const ranked = rankExposures(
      exposuresBy([allow(IVYS, { prefix: { addr: '192.0.2.0', len: 24 } }, 22), allow(ELMS, '198.51.100.1', 22)]),
    )
    expect(ranked.map(({ exposure, counts }) => [exposure.peer.name, counts?.space])).toEqual([
      ['ivy', 256 / 2 ** 32],
      ['elm', 1 / 2 ** 32],
      ['oak', 0],
    ])
  })

  test('what is not known comes last', () => {
    expect(rankExposures(exposuresBy(null)).map(({ counts }) => counts)).toEqual([null, null, null])
  })
})

test('shares of an address family', () => {
  expect([0, 1, 0.9, 1 / 256, 2 ** -32].map(spaceShare)).toEqual(['-', 'all', 'most', '1/256', 'few'])
})
