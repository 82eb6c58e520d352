/**
 * Goal: a gateway that was saved anywhere, read back and created anew tells what it would have told uncut. Method: random small
 * worlds, cut before every move and before some.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { forgetting, play } from './gateway-cuts.ts'
import { moves as someMoves, world } from './gateway-worlds.ts'

describe('a small world', () => {
  test('tells the same when it is cut before every move', () => {
    fc.assert(
      fc.property(someMoves, (moves) => {
        expect(play(world, moves, () => true)).toEqual(play(world, moves))
      }),
      { numRuns: 40 },
    )
  })

  test('tells the same when it is cut before some', () => {
    fc.assert(
      fc.property(someMoves, fc.integer({ min: 5, max: 50 }), (moves, k) => {
        expect(play(world, moves, (index) => index % k === k - 1)).toEqual(play(world, moves))
      }),
      { numRuns: 100 },
    )
  })

  test.each([
    'gateway.ledger.polls.polls',
    'gateway.ledger.polls.distances',
    'gateway.ledger.polls.repeats',
    'gateway.ledger.interfaces',
    'gateway.flows',
    'gateway.scope',
    'gateway.lines.waiting',
    'gateway.steps.waiting',
    'peers.sessions.sessions',
    'peers.metrics.minute',
    'peers.seen',
    'peers.newest',
    'journal.keyframeDay',
    'journal.polls',
    'journal.late',
    'poll',
  ])('would miss %s', (path) => {
    const worlds = fc.sample(someMoves, { numRuns: 400, seed: 7 })
    const isMissed = worlds.some((moves) => {
      const half = moves.length >> 1
      const cut = play(world, moves, (index) => index === half, forgetting(world, path))
      return cut.join('\n') !== play(world, moves).join('\n')
    })
    expect(isMissed).toBe(true)
  })
})
