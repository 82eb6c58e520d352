/** Facts and judgement of a revocation over made-up records: what was looked at is proved, what was not is not. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Fields } from '../../src/fields.ts'
import { emptyInventory, parseInventory } from '../../src/identity/inventory.ts'
import { judgeRevocation, type RevocationReport } from '../../src/reports/revocation.ts'
import { actionsOf } from '../../src/reports/revocation-actions.ts'
import { gatherRevocations, type RevocationQuestion } from '../../src/reports/revocation-gather.ts'
import { durationTexts, reasonText, upText, verdictText } from '../../src/reports/revocation-text.ts'
import type { EventReader } from '../../src/store/event-reader.ts'
import { openStoreReader } from '../../src/store/reader.ts'
import { MS, SECOND } from '../../src/time.ts'
import { ledgerDocuments } from '../commands/made-ledger.ts'
import { withStore } from '../commands/made-store.ts'
import { createNarrowReader } from '../commands/narrow-reader.ts'
import { createSnapshots } from '../identity/snapshots.ts'

const INVENTORY = `version: 1
people: [{ email: ann@example.com, name: Ann }]
gateways: [{ name: gw1, interfaces: [wg0] }, { name: gw2, interfaces: [wg0] }]
peers:
  - name: birch
    kind: device
    owner: ann@example.com
    gateway: gw1
    interface: wg0
    keys: [{ public_key: ${'K'.repeat(42)}E= }]
    allowed_ips: [10.8.0.7/32, 'fd08::7/128']
`
const KEY = `${'K'.repeat(42)}E=`
const START = 1_795_360_000

/** A second each, from START on: whether the key runs, null = no poll. */
type Seconds = readonly (boolean | null)[]

function ledgerOf(gateway: string, seconds: Seconds, inventory = INVENTORY): Fields[] {
  const snapshot = createSnapshots()
  const snapshots = seconds.flatMap((holds, i) =>
    holds === null
      ? []
      : [
          snapshot(START + i, {
            wg0: { other: ['10.8.0.1/32'], ...(holds ? { [KEY]: ['10.8.0.7/32', 'fd08::7/128'] } : {}) },
          }),
        ],
  )
  return ledgerDocuments(gateway, snapshots, inventory)
}

const seconds = (count: number, holds: (i: number) => boolean | null): Seconds =>
  Array.from({ length: count }, (_, i) => holds(i))

const QUESTION: RevocationQuestion = {
  keys: [KEY],
  isExact: true,
  since: null,
  compromisedAt: null,
  until: null,
  inventory: null,
  stored: () => [],
}

async function reportOf(
  documents: readonly Fields[],
  question: Partial<RevocationQuestion> = {},
  through: (reader: EventReader) => EventReader = (reader) => reader,
): Promise<RevocationReport> {
  return withStore(
    documents,
    async (dir) => {
      const reader = await openStoreReader(dir)
      try {
        const [facts] = await gatherRevocations(through(reader), { ...QUESTION, ...question })
        if (facts === undefined) throw new Error('no key')
        return judgeRevocation(facts)
      } finally {
        reader.close()
      }
    },
    { isOpen: true },
  )
}

const at = (second: number) => Math.round((START + second) * SECOND)
const removedAt10 = [
  ...ledgerOf(
    'gw1',
    seconds(60, (i) => i < 10),
  ),
  ...ledgerOf(
    'gw2',
    seconds(60, () => false),
  ),
]
const peer: Fields = {
  'wireguard.peer.public_key': KEY,
  'wireguard.peer.name': 'birch',
  'wireguard.interface.name': 'wg0',
}
let count = 0
function made(second: number, fields: Fields): Fields {
  return {
    '@timestamp': at(second),
    'event.id': `made${String(count++).padStart(6, '0')}`,
    'host.name': 'gw1',
    ...fields,
  }
}

test('what is proved is true: whatever polls are missing and wherever the key comes back', async () => {
  const world = fc.array(fc.boolean(), { minLength: 24, maxLength: 24 })
  const sparse = fc.array(fc.integer({ min: 0, max: 11 }), { minLength: 24, maxLength: 24 })
  await fc.assert(
    fc.asyncProperty(world, world, sparse, sparse, fc.nat(23), async (first, second, drop1, drop2, quiet) => {
      // From `quiet` on nobody has the key, so that proofs are not rare.
      const holds = [first, second].map((each) => each.map((value, i) => value && i < quiet))
      const polls = [drop1, drop2].map((drops, g) =>
        drops.map((drop, i) => (drop === 0 ? null : (holds[g]?.[i] ?? null))),
      )
      const report = await reportOf(polls.flatMap((each, g) => ledgerOf(`gw${g + 1}`, each)))
      const last = Math.max(...holds.map((each) => each.lastIndexOf(true)))
      if (report.verdict !== 'proved') return
      expect(report.ended).not.toBeNull()
      expect(report.lookedUntil).not.toBeNull()
      // Dense enough that the distance of polls is a second: no second after the end was left out.
      for (const each of holds)
        for (const [i, value] of each.entries())
          if (value && at(i) <= (report.lookedUntil ?? 0)) expect(at(i)).toBeLessThanOrEqual(report.ended?.to ?? 0)
      expect(at(last)).toBeLessThanOrEqual(report.ended?.to ?? 0)
      expect(at(last + 1)).toBeGreaterThan(report.ended?.from ?? 0)
    }),
    { numRuns: 12 },
  )
})

test('proved, with both gateways, the removal between two polls, and a dump that may be younger than its stamp', async () => {
  const report = await reportOf(removedAt10)
  expect(report.verdict).toBe('proved')
  expect(report.ended).toEqual({ from: at(9), to: at(10) + 500 * MS })
  expect(report.lookedUntil).toBe(at(59))
  expect(report.durations.prove).toMatchObject({ state: 'measured', connectionsEndedAt: null })
  expect(verdictText(report)).toMatch(
    /^Tunnel access with this key ended at .* ± 750 ms on gw1, gw2 and had not returned by /,
  )
})

test('on two gateways the last removal counts, and the time between is looked at on both', async () => {
  const both = [
    ...ledgerOf(
      'gw1',
      seconds(60, (i) => i < 10),
    ),
    ...ledgerOf(
      'gw2',
      seconds(60, (i) => i < 30),
    ),
  ]
  expect((await reportOf(both)).ended).toEqual({ from: at(29), to: at(30) + 500 * MS })
  const hole = [
    ...ledgerOf(
      'gw1',
      seconds(60, (i) => (i > 15 && i < 20 ? null : i < 10)),
    ),
    ...ledgerOf(
      'gw2',
      seconds(60, (i) => i < 30),
    ),
  ]
  expect((await reportOf(hole)).reasons).toMatchObject([{ kind: 'hole', gateway: 'gw1' }])
})

test('without an inventory nobody knows which gateways there are', async () => {
  const documents = ledgerOf(
    'gw1',
    seconds(30, (i) => i < 10),
    '',
  )
  expect((await reportOf(documents)).reasons.map(({ kind }) => kind)).toEqual(['no-inventory'])
  expect((await reportOf(documents, { inventory: parseInventory(INVENTORY, 'i') })).reasons).toMatchObject([
    { kind: 'no-polls', gateway: 'gw2' },
  ])
  expect((await reportOf([], { inventory: emptyInventory() })).reasons.map(({ kind }) => kind)).toContain('no-polls')
})

test('an undeclared gateway that had the key must be covered, too', async () => {
  const documents = [
    ...removedAt10,
    ...ledgerOf(
      'gw9',
      seconds(60, (i) => (i > 30 && i < 40 ? null : i < 8)),
    ),
  ]
  expect((await reportOf(documents)).reasons).toMatchObject([{ kind: 'hole', gateway: 'gw9' }])
})

test('a declared interface that was in no poll may run where nobody looks', async () => {
  const text = INVENTORY.replace('{ name: gw2, interfaces: [wg0] }', '{ name: gw2, interfaces: [wg0, wg7] }')
  const report = await reportOf(removedAt10, { inventory: parseInventory(text, 'i') })
  expect(report.reasons).toMatchObject([{ kind: 'interface-unseen', interface: 'wg7' }])
})

test('a gap that a coverage document states counts where polls do not show it', async () => {
  const gap = made(30, {
    'event.dataset': 'wireguard.coverage',
    'event.action': 'source-gap',
    'event.start': at(30),
    'event.end': at(40),
    'host.name': 'gw2',
    'wireguard.coverage.source': 'wireguard',
    'wireguard.coverage.reason': 'polls-missing',
  })
  const report = await reportOf([...removedAt10, gap])
  expect(report.reasons).toMatchObject([{ kind: 'hole', gateway: 'gw2', hole: { from: at(30), to: at(40) } }])
  expect(report.provedUntil).toBe(at(30))
  // Gaps of other sources are told and prove nothing about the key.
  const other = await reportOf([...removedAt10, { ...gap, 'wireguard.coverage.source': 'conntrack' }])
  expect(other.verdict).toBe('proved')
  expect(
    other.facts.coverage.find(({ machine, source }) => machine === 'gw2' && source === 'conntrack')?.gaps,
  ).toHaveLength(1)
})

const login = (second: number, ses: string) =>
  made(second, {
    ...peer,
    'event.dataset': 'wireguard.session',
    'event.action': 'host-login',
    'event.provider': 'auditd',
    'host.name': 'db1',
    'auditd.session': ses,
    'user.name': 'dba',
  })
const logout = (second: number, since: number, ses: string) => ({
  ...login(second, ses),
  'event.action': 'host-logout',
  'event.start': at(since),
})
const executed = (second: number, ses: string, command: string) =>
  made(second, {
    ...peer,
    'event.dataset': 'wireguard.audit',
    'event.action': 'executed',
    'event.provider': 'auditd',
    'host.name': 'db1',
    'auditd.session': ses,
    'process.pid': 4_000 + second,
    'process.name': command,
    'process.executable': `/usr/bin/${command}`,
    'process.args': [command, '-x'],
  })

test('login sessions that outlived the removal, and what was done in them after it', async () => {
  const documents = [
    ...removedAt10,
    login(1, '11'),
    logout(5, 1, '11'),
    login(2, '12'),
    executed(4, '12', 'id'),
    executed(20, '12', 'tar'),
    executed(21, '12', 'curl'),
    logout(30, 2, '12'),
    login(3, '13'),
    executed(22, '99', 'nothing-of-it'),
  ]
  const { sessions } = (await reportOf(documents)).facts
  expect(sessions.told.map(({ session, end, actCount }) => [session, end, actCount])).toEqual([
    ['12', at(30), 2],
    ['13', null, 0],
  ])
  expect(sessions.told[0]?.acts.map(({ process, text, pid }) => [process, text, pid])).toEqual([
    ['/usr/bin/tar', 'tar -x', 4020],
    ['/usr/bin/curl', 'curl -x', 4021],
  ])
})

const flow = (second: number, id: string, fields: Fields) =>
  made(second, {
    ...peer,
    'event.dataset': 'wireguard.flow',
    'event.action': 'flow-started',
    'event.start': at(second),
    'wireguard.peer.role': 'source',
    'wireguard.attribution.status': 'exact',
    'wireguard.flow.id': id,
    'network.transport': 'tcp',
    'source.ip': '10.8.0.7',
    'source.port': 40_000,
    'destination.ip': '10.20.0.10',
    'destination.port': 5432,
    ...fields,
  })

test('connections that outlived it: those open then, until when, and the prove duration waits for them', async () => {
  const ended = (second: number, start: number, id: string) =>
    flow(second, id, { 'event.action': 'flow-ended', 'event.start': at(start), 'event.end': at(second) })
  const documents = [...removedAt10, flow(1, 'a', {}), ended(5, 1, 'a'), flow(2, 'b', {}), ended(40, 2, 'b')]
  const closed = await reportOf(documents)
  expect(closed.facts.flows.told.map(({ id, end }) => [id, end])).toEqual([['b', at(40)]])
  expect(closed.durations.prove).toMatchObject({ state: 'measured', connectionsEndedAt: at(40) })
  expect(closed.durations.prove.range?.most).toBe(at(40) - at(9))
  const open = await reportOf([...documents, flow(3, 'c', { 'wireguard.peer.role': 'destination' })])
  expect(open.verdict).toBe('proved')
  expect(open.durations.prove.state).toBe('connections-open')
  expect(actionsOf(open).flatMap(({ words }) => (words?.[0] === 'conntrack' ? [words.join(' ')] : []))).toEqual([
    'conntrack -D -s 10.8.0.7',
    'conntrack -D -d 10.8.0.7',
    'conntrack -D -f ipv6 -s fd08::7',
    'conntrack -D -f ipv6 -d fd08::7',
  ])
})

test('outer flows to the listen port: without an answer, answered, not known; none before the removal and none attributed', async () => {
  const outer = (second: number, id: string, packets: number | null, port = 51_820) =>
    made(second, {
      'event.dataset': 'wireguard.session',
      'event.action': 'outer-flow',
      'event.start': at(second),
      'event.end': packets === null ? undefined : at(second + 1),
      'destination.port': port,
      'destination.packets': packets ?? undefined,
      'wireguard.flow.id': id,
      ...(id === 'o2' ? peer : {}),
    })
  const documents = [
    outer(5, 'o1', 0),
    outer(20, 'o2', 0),
    outer(21, 'o3', 4),
    outer(22, 'o4', null),
    outer(23, 'o5', 0, 53),
  ]
  const { facts } = await reportOf([...removedAt10, ...documents])
  expect(facts.outer).toEqual([{ gateway: 'gw1', unanswered: 1, answered: 1, undecided: 1 }])
})

test('detection is the first finding or its handling between compromise and removal; later ones detect nothing', async () => {
  const finding = (second: number, rule: string) =>
    made(second, {
      ...peer,
      'event.dataset': 'wireguard.finding',
      'event.kind': 'alert',
      'event.severity': 3,
      'rule.id': rule,
      'rule.name': `Rule ${rule}`,
    })
  const early = finding(2, 'early')
  const late = finding(10, 'late')
  const ack = made(6, {
    'event.dataset': 'wireguard.finding',
    'event.kind': 'event',
    'wireguard.finding.id': String(early['event.id']),
    'wireguard.finding.handled_by': 'Ann',
    'wireguard.finding.case': 'IR-7',
  })
  const documents = [...removedAt10, early, late, ack]
  const whole = await reportOf(documents, { compromisedAt: at(1) })
  expect(whole.durations.detect).toMatchObject({ state: 'measured', span: SECOND, first: { by: 'Rule early' } })
  expect(whole.durations.remove).toEqual({
    state: 'measured',
    since: 'detection',
    range: { least: 7 * SECOND, most: 8_500 * MS },
  })
  const after = await reportOf(documents, { compromisedAt: at(4) })
  expect(after.durations.detect).toMatchObject({ state: 'measured', first: { by: 'Ann', isAcknowledgement: true } })
  const none = await reportOf(documents, { compromisedAt: at(8) })
  expect(none.durations.detect).toMatchObject({ state: 'not-measured', first: null })
  expect(none.durations.remove.since).toBe('compromise')
  expect(durationTexts(none)[0]?.[1]).toMatch(/^not measured/)
})

test('the last of it: handshake, growth of counters, packet', async () => {
  const point = (second: number, bytes: number, handshake: number) =>
    made(second, {
      ...peer,
      'event.dataset': 'wireguard.peer',
      'wireguard.peer.rx.bytes': bytes,
      'wireguard.peer.last_handshake': at(handshake),
    })
  const line = made(8, {
    ...peer,
    'event.dataset': 'wireguard.firewall',
    'wireguard.peer.role': 'source',
    'wireguard.attribution.status': 'exact',
  })
  // Counters that begin anew are no growth.
  const documents = [point(0, 50, -20), point(2, 90, 1), point(4, 90, 1), point(6, 10, 5), line, flow(7, 'x', {})]
  const { last } = (await reportOf([...removedAt10, ...documents])).facts
  expect(last.handshake).toEqual({ at: at(5), gateway: 'gw1' })
  expect(last.counter).toEqual({ between: { from: at(0), to: at(2) }, gateway: 'gw1', bytes: 40 })
  expect(last.packet).toEqual({ at: at(8), gateway: 'gw1' })
  expect(last.connection).toEqual({ at: at(7), gateway: 'gw1' })
})

test('a cluster, which sends only what a question’s filter lets through, is asked the same and answers the same', async () => {
  const documents = [
    ...removedAt10,
    login(2, '12'),
    executed(20, '12', 'tar'),
    flow(2, 'b', {}),
    made(3, { ...peer, 'event.dataset': 'wireguard.finding', 'event.kind': 'alert', 'rule.id': 'r' }),
    made(4, { ...peer, 'event.dataset': 'wireguard.peer', 'wireguard.peer.rx.bytes': 5 }),
    made(5, { ...peer, 'event.dataset': 'wireguard.peer', 'wireguard.peer.rx.bytes': 9 }),
  ]
  const asked: boolean[] = []
  const narrowed = await reportOf(documents, {}, (reader) => {
    const narrow = createNarrowReader(reader)
    return {
      ...narrow,
      select(scope, sql, parameters) {
        asked.push(scope.filter !== undefined)
        return narrow.select(scope, sql, parameters)
      },
    }
  })
  expect(narrowed).toEqual(await reportOf(documents))
  expect(asked.length).toBeGreaterThan(10)
  expect(asked.every(Boolean)).toBe(true)
})

test('every reason is one sentence that names its gateway', async () => {
  const stored = { file: '/etc/wireguard/wg0.conf', interface: 'wg0', holdsKey: true, line: 4, problems: 0 }
  const report = await reportOf(removedAt10, { stored: () => [stored] })
  expect(report.reasons.map(reasonText)).toEqual([
    'gw1: /etc/wireguard/wg0.conf still holds the key (line 4): it returns when wg0 starts again',
    'gw2: /etc/wireguard/wg0.conf still holds the key (line 4): it returns when wg0 starts again',
  ])
  expect(verdictText(report)).toMatch(/^Not proved, because gw1: .*; gw2: .*\.$/)
})

test('an uncertainty is rounded up, never down', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 400_000 * SECOND }), (span) => {
      const [, number = '', unit = ''] = /^([\d.]+) (ms|s|min|h)$/.exec(upText(span)) ?? []
      const size = { ms: MS, s: SECOND, min: 60 * SECOND, h: 3_600 * SECOND }[unit] ?? Number.NaN
      expect(Math.round(Number(number) * size)).toBeGreaterThanOrEqual(span)
      expect(Number(number) * size).toBeLessThanOrEqual(span * 1.2 + size)
    }),
  )
})
