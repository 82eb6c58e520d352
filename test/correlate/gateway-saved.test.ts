/**
 * Goal: a gateway that was saved anywhere, read back and created anew tells what it would have told uncut. Method: random small
 * worlds, cut between all moves and between some.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { play } from './gateway-cuts.ts'
import { moves as someMoves, world } from './gateway-worlds.ts'

describe('a small world', () => {
  test('tells the same when it is cut before every move, or before some', () => {
    const counts = new Map<string, number>()
    fc.assert(
      fc.property(someMoves, fc.integer({ min: 2, max: 9 }), (moves, k) => {
        const whole = play(world, moves)
        for (const each of whole) {
          const key = each.startsWith('{"@')
            ? (JSON.parse(each).event.action ?? 'metric') +
              ' ' +
              (JSON.parse(each).wireguard?.attribution?.reason ?? '')
            : each.startsWith('{')
              ? 'end'
              : (each.split(' ')[0] ?? '')
          counts.set(key, (counts.get(key) ?? 0) + 1)
        }
        expect(play(world, moves, () => true)).toEqual(whole)
        expect(play(world, moves, (index) => index % k === 0)).toEqual(whole)
      }),
      { numRuns: 200 },
    )
    console.log(counts)
  })
})
