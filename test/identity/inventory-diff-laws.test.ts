/** What holds in every inventory diff, whatever runs and whatever is documented. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { type Inventory, parseInventory } from '../../src/identity/inventory.ts'
import {
  DIFFERENCE_KINDS,
  type Difference,
  diffInventory,
  type RunningInterface,
} from '../../src/identity/inventory-diff.ts'
import { buildInventoryDraft } from '../../src/identity/inventory-init.ts'
import { safeText } from '../../src/safe-text.ts'
import { inventoryOf, key, keyOf, NOW, peer, peerText } from './small-inventory.ts'
import { createSnapshots } from './snapshots.ts'

/** Small worlds in which much goes wrong: few keys and prefixes, all places. No prefix is documented twice on one interface. */
const letters = ['a', 'b', 'c', 'd', 'e']
const prefixes = ['10.8.0.2/32', '10.8.0.0/24', '0.0.0.0/0', 'fd08::2/128', '192.168.7.0/24', '10.9.0.9/32']
const dates = fc.constantFrom('', 'until: 2026-11-01', 'since: 2026-12-01', 'since: 2026-01-01, until: 2027-01-01')
const worlds = fc.record({
  documented: fc.uniqueArray(
    fc.record({
      letter: fc.constantFrom(...letters),
      gateway: fc.constantFrom('gw1', 'gw2'),
      dates,
      owner: fc.constantFrom('', 'alice@example.com', 'bob@example.com'),
      expires: fc.constantFrom('null', '2026-11-01', '2027-01-01'),
      rotate: fc.constantFrom('', '90d'),
    }),
    { selector: ({ letter }) => letter },
  ),
  holders: fc.array(fc.nat(9), { minLength: prefixes.length, maxLength: prefixes.length }),
  running: fc.uniqueArray(fc.record({ letter: fc.constantFrom(...letters), place: fc.nat(2) }), {
    selector: ({ letter, place }) => `${letter}${place}`,
  }),
  runningHolders: fc.array(fc.nat(9), { minLength: prefixes.length, maxLength: prefixes.length }),
})
type World = typeof worlds extends fc.Arbitrary<infer W> ? W : never

function build(world: World): { inventory: Inventory; running: RunningInterface[] } {
  const peers = world.documented.map((each, i) => {
    const own = prefixes.filter((_, j) => world.holders[j] === i).map((prefix) => `"${prefix}"`)
    return peerText(`peer "${each.letter}"\u202e`, {
      owner: each.owner,
      gateway: each.gateway,
      keys: `[${key(keyOf(each.letter), each.dates)}]`,
      allowed_ips: `[${own.join(', ')}]`,
      expires: each.expires,
      rotate_every: each.rotate,
    })
  })
  const places = ['gw1 wg0', 'gw2 wg0', 'gw2 wg9']
  const running = places.map((place, i): RunningInterface => {
    const [gateway = '', name = ''] = place.split(' ')
    const rows = world.running.filter((each) => each.place === i)
    const peerRows = rows.map((each, k) =>
      peer(keyOf(each.letter), ...prefixes.filter((_, j) => world.runningHolders[j] === k)),
    )
    return { gateway, interface: name, publicKey: '', peers: peerRows }
  })
  return { inventory: inventoryOf(peers.join('\n')), running }
}

describe('in any world', () => {
  test('the order of what runs does not show, and the most severe comes first', () => {
    fc.assert(
      fc.property(worlds, (world) => {
        const { inventory, running } = build(world)
        const found = diffInventory(running, inventory, NOW)
        const turned = running.toReversed().map((each) => ({ ...each, peers: each.peers.toReversed() }))
        expect(diffInventory(turned, inventory, NOW)).toEqual(found)
        const ranks = found.map(({ kind }) => DIFFERENCE_KINDS.indexOf(kind))
        expect(ranks).toEqual(ranks.toSorted((a, b) => a - b))
        expect(new Set(found.map((each) => `${each.kind} ${each.gateway} ${each.interface} ${each.text}`)).size).toBe(
          found.length,
        )
      }),
    )
  })

  test('sentences are fit for a terminal, lines are YAML', () => {
    fc.assert(
      fc.property(worlds, (world) => {
        const { inventory, running } = build(world)
        for (const { text, mend } of diffInventory(running, inventory, NOW)) {
          expect(safeText(text)).toBe(text)
          expect(text).toMatch(/^[^\n]+\.$/)
          if (mend.inventory !== '') expect(parse(mend.inventory)).toBeTypeOf('object')
        }
      }),
    )
  })

  test('after every command is run, nothing is left that a command could mend', () => {
    fc.assert(
      fc.property(worlds, fc.integer(), (world, seed) => {
        const { inventory, running } = build(world)
        const commands = diffInventory(running, inventory, NOW).filter(({ mend }) => mend.command.startsWith('wg set '))
        const shuffled = commands
          .map((each, i) => ({ each, rank: Math.imul(seed ^ (i * 0x9e3779b9), 0x85ebca6b) }))
          .sort((x, y) => x.rank - y.rank)
        let model = running
        for (const { each } of shuffled) model = applied(model, each.gateway, each.mend.command)
        const isMendable = ({ mend }: Difference) => mend.command.startsWith('wg set ')
        expect(diffInventory(model, inventory, NOW).filter(isMendable)).toEqual([])
      }),
      { numRuns: 300 },
    )
  })

  test('a draft of what runs differs from it in nothing but owners', () => {
    const snapshotOf = createSnapshots()
    fc.assert(
      fc.property(worlds, (world) => {
        const { running } = build(world)
        const inputs = ['gw1', 'gw2'].map((gateway) => {
          const shown = running
            .filter((each) => each.gateway === gateway)
            .map((each) => [
              each.interface,
              Object.fromEntries(each.peers.map((row) => [row.publicKey, row.allowedIps])),
            ])
          return { gateway, snapshot: snapshotOf(1, Object.fromEntries(shown)), names: new Map() }
        })
        const inventory = parseInventory(buildInventoryDraft(inputs).text, 'draft')
        const kinds = diffInventory(running, inventory, NOW).map(({ kind }) => kind)
        expect(kinds.every((kind) => kind === 'no-owner')).toBe(true)
        expect(kinds).toHaveLength(running.flatMap(({ peers }) => peers).length)
      }),
    )
  })
})

/** `wg set` on the model: the whole list is replaced, and what another peer of the interface held is moved. */
function applied(model: readonly RunningInterface[], gateway: string, command: string): RunningInterface[] {
  const [, , name, , publicKey = '', verb, list = ''] = command.split(' ')
  return model.map((each) => {
    if (each.gateway !== gateway || each.interface !== name) return each
    const others = each.peers.filter((row) => row.publicKey !== publicKey)
    if (verb === 'remove') return { ...each, peers: others }
    const taken = list === "''" ? [] : list.split(',')
    const kept = others.map((row) => ({
      ...row,
      allowedIps: row.allowedIps.filter((prefix) => !taken.includes(prefix)),
    }))
    return { ...each, peers: [...kept, peer(publicKey, ...taken)] }
  })
}
