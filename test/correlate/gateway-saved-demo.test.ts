/**
 * Goal: a gateway that was saved anywhere, read back and created anew tells what it would have told uncut. Method: the demo
 * capture's gateway, cut between records; random small worlds, cut between all of them.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { SOURCES } from '../../src/catalog.ts'
import { loadRulesets } from '../../src/commands/capture-rulesets.ts'
import { openCaptureSource } from '../../src/commands/capture-source.ts'
import { parseInventory } from '../../src/identity/inventory.ts'
import { findCapture } from '../../src/sources/capture.ts'
import { mergeByArrival } from '../../src/sources/merge.ts'
import { MS, SECOND } from '../../src/time.ts'
import { DEMO } from '../replay-capture.ts'
import { type Move, play, type World } from './gateway-cuts.ts'

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
  const [first, second] = histories
  if (first === undefined || second === undefined) throw new Error('no rulesets')
  const turn = <T>(a: T, b: T) => {
    let isFirst = false
    return () => {
      isFirst = !isFirst
      return isFirst ? a : b
    }
  }
  return {
    world: {
      inventory: turn(inventories[0], inventories[1]) as World['inventory'],
      rulesets: turn(first.history, second.history),
      poll: null,
    },
    moves,
  }
}

describe('the demo gateway', () => {
  let world: World
  let moves: Move[] = []
  let whole: string[] = []
  beforeAll(async () => {
    ;({ world, moves } = await demo())
    whole = play(world, moves)
    console.log(moves.length, whole.length)
  })

  test.each([97, 211])('cut before every %ith move', (k) => {
    const t = performance.now()
    expect(play(world, moves, (index) => index % k === 0)).toEqual(whole)
    console.log(k, performance.now() - t)
  })
})
