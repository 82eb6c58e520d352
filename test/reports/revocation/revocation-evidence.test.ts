/** What a revocation report tells beside its verdict: sessions, connections, findings, the last of the traffic, over made-up records. */
import { expect, test } from 'vitest'
import type { Fields } from '../../../src/fields.ts'
import { actionsOf } from '../../../src/reports/revocation/revocation-actions.ts'
import { durationTexts } from '../../../src/reports/revocation/revocation-text.ts'
import { MS, SECOND } from '../../../src/time.ts'
import { createNarrowReader } from '../../commands/narrow-reader.ts'

import { at, made, peer, removedAt10, reportOf, trackedByConntrack } from '../made-revocation.ts'

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
  const documents = [
    ...removedAt10,
    trackedByConntrack,
    flow(1, 'a', {}),
    ended(5, 1, 'a'),
    flow(2, 'b', {}),
    ended(40, 2, 'b'),
  ]
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
