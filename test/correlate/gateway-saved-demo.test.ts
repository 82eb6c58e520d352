/**
 * Goal: a gateway that was saved anywhere, read back and created anew tells what it would have told uncut. Method: a real
 * gateway's capture, cut between its records; and cut so that something is forgotten, which must show.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { SOURCES } from '../../src/catalog.ts'
import { loadRulesets } from '../../src/commands/capture-rulesets.ts'
import { openCaptureSource } from '../../src/commands/capture-source.ts'
import { parseInventory } from '../../src/identity/inventory.ts'
import { findCapture } from '../../src/sources/capture.ts'
import { mergeByArrival } from '../../src/sources/merge.ts'
import { MS, SECOND } from '../../src/time.ts'
import { DEMO } from '../replay-capture.ts'
import { forgetting, type Move, play, type World } from './gateway-cuts.ts'

const GRID = 100 * MS

/** Records by arrival with the ticks between them, as the pipeline gets them; and what else it is given. */
async function demo(): Promise<{ world: World; moves: Move[] }> {
  const capture = await findCapture(DEMO)
  const host = capture.hosts.find(({ name }) => name === 'gw1')
  if (host === undefined) throw new Error('the demo has no gw1')
  const histories = [await loadRulesets(host), await loadRulesets(host)]
  const sources = await Promise.all(
    host.sources.flatMap((source) => {
      const entry = SOURCES.find(({ kind }) => kind === source.kind)
      const options = { zone: 'UTC', referenceAt: Date.UTC(2026, 10, 22) * MS, prefixes: histories[0]?.prefixes ?? [] }
      return entry === undefined ? [] : [openCaptureSource(source, entry, options)]
    }),
  )
  const moves: Move[] = []
  let tickedAt = 0
  await mergeByArrival(sources, {
    head: () => {},
    item(_, item) {
      const at = Math.floor((item.arrival - SECOND) / GRID) * GRID
      if (at > tickedAt) moves.push({ what: 'tick', at })
      tickedAt = Math.max(at, tickedAt)
      moves.push({ what: 'item', item })
    },
    finished: () => {},
    pause: async () => {},
  })
  const text = await readFile(join(DEMO, 'inventory.yaml'), 'utf8')
  const inventories = [parseInventory(text, 'inventory.yaml'), parseInventory(text, 'inventory.yaml')]
  return {
    world: {
      inventory: inTurn(inventories),
      rulesets: inTurn(histories.map(({ history }) => history)),
      poll: null,
    },
    moves,
  }
}

/** After a cut nothing is the same object. */
function inTurn<T>(items: readonly T[]): () => T {
  let turn = 0
  return () => {
    const item = items[turn++ % items.length]
    if (item === undefined) throw new Error('nothing to take in turn')
    return item
  }
}

describe('the demo gateway', () => {
  let world: World
  let moves: readonly Move[] = []
  let whole: readonly string[] = []
  beforeAll(async () => {
    ;({ world, moves } = await demo())
    whole = play(world, moves)
  })

  test.each([41, 97, 211])('tells the same when it is cut before every %ith move', (k) => {
    expect(play(world, moves, (index) => index % k === k >> 1)).toEqual(whole)
  })

  test('tells the same when it is cut before random moves', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(moves.length - 1), { minLength: 1, maxLength: 8 }), (cuts) => {
        expect(play(world, moves, (index) => cuts.includes(index))).toEqual(whole)
      }),
      { numRuns: 6 },
    )
  })

  test.each([
    'gateway.ledger.polls.distances',
    'gateway.witnesses',
    'gateway.flows',
    'gateway.scope',
    'peers.sessions.sessions',
    'peers.metrics.moved',
    'journal.polls',
    'finding.documents',
  ])('would miss %s', (path) => {
    expect(play(world, moves, (index) => index % 61 === 60, forgetting(world, path))).not.toEqual(whole)
  })
})
