/** Posture in the pipeline: when it judges, what it tells again, what it keeps over a restart. */
import { describe, expect, test } from 'vitest'
import { type Event, flatten } from '../../src/event.ts'
import {
  createPostureDesk,
  type PostureDesk,
  type PostureDeskOptions,
  type SavedPostureDesk,
  SNAPSHOT_AGE_MAX,
} from '../../src/posture/posture-desk.ts'
import type { HostFacts } from '../../src/sources/hostfacts/facts.ts'
import { readRulesetDocument } from '../../src/sources/nftables/ruleset-document.ts'
import type { PeerRow } from '../../src/sources/wireguard/record.ts'
import { DAY, HOUR, MINUTE, type Micros, SECOND } from '../../src/time.ts'
import { madeMachine } from '../commands/made-machine.ts'
import { AT, changedInventory, INVENTORY, IVY, madeInventory, NEW, row, rows, snapshot } from './made-gateway.ts'

const GW1 = { name: 'gw1', hasSnapshots: true, hasRuleset: false }
const FACTS: HostFacts = madeMachine().host
const UNKNOWN = [...rows(), row(NEW, ['10.8.0.9/32'])]
/** Checks of peers; others may find something in the made facts. */
const OWN = ['unknown-peer', 'idle-peer-growing', 'key-not-running', 'no-snapshot']

function desk(options: Partial<PostureDeskOptions> = {}, saved?: SavedPostureDesk) {
  const events: Event[] = []
  const made = createPostureDesk(
    { inventory: madeInventory(), hosts: [GW1], ...options },
    (event) => events.push(event),
    saved,
  )
  const told = () =>
    events.splice(0).flatMap((event) => {
      const { 'rule.id': id = '', '@timestamp': at = 0 } = flatten(event)
      return OWN.includes(id) ? [`${id} ${(at - AT) / HOUR}`] : []
    })
  return { desk: made, told }
}

function poll(made: PostureDesk, at: Micros, peers: readonly PeerRow[] = UNKNOWN): void {
  made.snapshot('gw1', snapshot(peers, { at, arrival: at }))
}

describe('when it judges', () => {
  test('at facts, not at polls', () => {
    const { desk: made, told } = desk()
    poll(made, AT)
    expect(told()).toEqual([])
    made.facts('gw1', AT, FACTS)
    expect(told()).toEqual(['unknown-peer 0'])
  })

  test('facts before the first poll wait for it', () => {
    const { desk: made, told } = desk()
    made.facts('gw1', AT, FACTS)
    expect(told()).toEqual([])
    poll(made, AT + HOUR / 2)
    expect(told()).toEqual(['unknown-peer 0.5'])
    poll(made, AT + HOUR)
    expect(told()).toEqual([])
  })

  test('and for the first ruleset where one comes', () => {
    const { desk: made, told } = desk({ hosts: [{ ...GW1, hasRuleset: true }] })
    made.facts('gw1', AT, FACTS)
    poll(made, AT)
    expect(told()).toEqual([])
    const document = readRulesetDocument('{"nftables": []}')
    if ('problem' in document) throw new Error(document.problem)
    made.ruleset('gw1', AT, document)
    expect(told()).toEqual(['unknown-peer 0'])
  })

  test('what did not come by the next facts is judged as not known', () => {
    const { desk: made, told } = desk()
    made.facts('gw1', AT, FACTS)
    made.facts('gw1', AT + HOUR, FACTS)
    expect(told()).toEqual(['no-snapshot 1'])
  })

  test('an old poll says nothing of now', () => {
    const { desk: made, told } = desk()
    poll(made, AT)
    made.facts('gw1', AT + SNAPSHOT_AGE_MAX + SECOND, FACTS)
    expect(told()).toEqual([`no-snapshot ${(SNAPSHOT_AGE_MAX + SECOND) / HOUR}`])
  })

  test('a poll with rows that could not be read is left out', () => {
    const { desk: made, told } = desk()
    poll(made, AT, rows())
    made.snapshot('gw1', snapshot([], { at: AT + SECOND, isComplete: false }))
    made.facts('gw1', AT + MINUTE, FACTS)
    expect(told()).toEqual([])
  })

  test('polls show what grows without a session', () => {
    const { desk: made, told } = desk()
    const growing = (seconds: number) =>
      poll(made, AT + seconds * SECOND, [
        row(IVY, ['10.8.0.2/32'], { latestHandshakeAt: AT, received: 1_000 + seconds * 30 }),
        ...rows().slice(1),
      ])
    for (const seconds of [0, 180, 200, 205, 210, 215, 220, 225]) growing(seconds)
    made.facts('gw1', AT + 225 * SECOND, FACTS)
    expect(told()).toEqual([`idle-peer-growing ${(225 * SECOND) / HOUR}`])
  })
})

describe('what it tells again', () => {
  /** Facts every hour, each with a poll of the moment before. */
  function hours(made: PostureDesk, from: number, to: number, peers: readonly PeerRow[] = UNKNOWN): void {
    for (let hour = from; hour <= to; hour++) {
      poll(made, AT + hour * HOUR - SECOND, peers)
      made.facts('gw1', AT + hour * HOUR, FACTS)
    }
  }

  test('the same about the same only after a day', () => {
    const { desk: made, told } = desk()
    hours(made, 0, 49)
    expect(told()).toEqual(['unknown-peer 0', 'unknown-peer 24', 'unknown-peer 48'])
  })

  test('at once when it was away in between', () => {
    const { desk: made, told } = desk()
    hours(made, 0, 2)
    hours(made, 3, 3, rows())
    hours(made, 4, 5)
    expect(told()).toEqual(['unknown-peer 0', 'unknown-peer 4'])
  })

  test('not when it could not be looked at in between', () => {
    const { desk: made, told } = desk()
    hours(made, 0, 0)
    made.facts('gw1', AT + 2 * HOUR, FACTS)
    hours(made, 3, 3)
    expect(told().filter((each) => each.startsWith('unknown'))).toEqual(['unknown-peer 0'])
  })

  test('another subject is another finding', () => {
    const { desk: made, told } = desk()
    hours(made, 0, 0)
    hours(made, 1, 1, [...UNKNOWN, row(NEW.replace('N', 'M'), ['10.8.0.10/32'])])
    expect(told()).toEqual(['unknown-peer 0', 'unknown-peer 1'])
  })

  test('at once when its exception is over', () => {
    const line = '  - { check: key-not-running, peer: ivy, reason: trial, approved_by: c, until: 2026-11-22T16:30:00Z }'
    const { desk: made, told } = desk({ inventory: madeInventory(`${INVENTORY}exceptions:\n${line}\n`) })
    hours(made, 0, 3, rows().slice(1))
    expect(told()).toEqual(['key-not-running 0', 'key-not-running 2'])
  })

  test('a restart tells nothing again', () => {
    const first = desk()
    hours(first.desk, 0, 2)
    expect(first.told()).toEqual(['unknown-peer 0'])
    const second = desk({}, structuredClone(first.desk.save()))
    hours(second.desk, 3, 25)
    expect(second.told()).toEqual(['unknown-peer 24'])
  })

  test('in one go or in two: the same documents', () => {
    const whole = desk()
    hours(whole.desk, 0, 30)
    const first = desk()
    hours(first.desk, 0, 10)
    const second = desk({}, structuredClone(first.desk.save()))
    hours(second.desk, 11, 30)
    expect([...first.told(), ...second.told()]).toEqual(whole.told())
  })
})

describe('machines', () => {
  test('a key that runs on another gateway is known there', () => {
    const inventory = changedInventory(
      'interfaces: [wg0] }',
      'interfaces: [wg0] }\n  - { name: gw2, interfaces: [wg0] }',
    )
    const events: Event[] = []
    const made = createPostureDesk({ inventory, hosts: [GW1, { ...GW1, name: 'gw2' }] }, (event) => events.push(event))
    poll(made, AT, rows().slice(1))
    made.snapshot('gw2', snapshot([row(IVY, ['10.8.0.2/32'])]))
    made.facts('gw1', AT, FACTS)
    const texts = events.map((event) => flatten(event)['wireguard.finding.summary'])
    expect(texts).toContain('Key IIIIIIII… of "ivy" is documented and does not run; it runs on gw2 wg0.')
    expect(new Set(events.map((event) => flatten(event)['host.name']))).toEqual(new Set(['gw1']))
  })

  test('an empty inventory documents nothing, and nothing is compared with it', async () => {
    const { emptyInventory } = await import('../../src/identity/inventory.ts')
    const { desk: made, told } = desk({ inventory: emptyInventory() })
    poll(made, AT)
    made.facts('gw1', AT + DAY / 24, FACTS)
    expect(told()).toEqual([])
  })
})
