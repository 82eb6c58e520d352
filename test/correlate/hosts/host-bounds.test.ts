/** What a log can do to the desks over months, or on purpose: they stay bounded, can be saved, and wait for no end that never comes. */
import { expect, test } from 'vitest'
import { createHostDesks, type SavedHostDesks } from '../../../src/correlate/hosts/host-desks.ts'
import { WAITING_MAX } from '../../../src/correlate/hosts/undecided.ts'
import type { Event } from '../../../src/event.ts'
import { parseInventory } from '../../../src/identity/inventory.ts'
import type { AuditEvent } from '../../../src/sources/auditd/record.ts'
import { MINUTE, type Micros, SECOND } from '../../../src/time.ts'
import { type AuditLog, createAuditLog, type Task } from './audit-log.ts'
import { documentsOf } from './pipeline-run.ts'
import { ALICE_IP, at, INVENTORY } from './small-lab.ts'
import { accept, LISTENER, openSession, pam, run } from './sshd.ts'

const CONSOLE: Task = { pid: 700, ppid: 1, comm: 'login', exe: '/usr/bin/login' }

function openDesk(saved?: SavedHostDesks, host = 'db1') {
  const events: Event[] = []
  const desks = createHostDesks(
    {
      hosts: new Map([[host, 'sessions' as const]]),
      inventory: parseInventory(INVENTORY, 'inventory.yaml'),
      hasFlows: true,
      isOwnAddress: () => false,
      changed: () => undefined,
    },
    (event) => events.push(event),
    saved,
  )
  return { desks, events }
}

/** How deep a serializer recurses: each object is gone into where it is met first. */
function depthOf(saved: SavedHostDesks): number {
  const seen = new Set<unknown>()
  const open: Iterator<unknown>[] = [[saved].values()]
  let depth = 0
  for (let last = open.at(-1); last !== undefined; last = open.at(-1)) {
    const { value, done } = last.next()
    if (done === true) open.pop()
    else if (typeof value === 'object' && value !== null && !seen.has(value)) {
      seen.add(value)
      open.push(partsOf(value).values())
      depth = Math.max(depth, open.length)
    }
  }
  return depth
}

function partsOf(value: object): readonly unknown[] {
  if (value instanceof Map) return [...value].flat()
  return value instanceof Set ? [...value] : Object.values(value)
}

/** Recursion of the serializer takes some hundred bytes of stack a step. */
const DEPTH_MAX = 300

function auditEvents(log: AuditLog): readonly AuditEvent[] {
  return log.items().flatMap((item) => (item.kind === 'audit' ? [item] : []))
}

/** Sessions born one inside the other, all at once. */
function nested(count: number, isOldestFirst: boolean): AuditLog {
  const log = createAuditLog()
  for (let i = 0; i < count; i++) {
    const ses = isOldestFirst ? i + 2 : count + 1 - i
    const task: Task = { pid: 2000 + ses, ppid: 1999 + ses, comm: 'bash', exe: '/usr/bin/bash' }
    log.login(at(10 + i / 1000), task, 0, ses, true, { pid: 1999 + ses, auid: 0, ses: ses - 1 })
    run(log, at(10 + i / 1000), { ...task, auid: 0, ses }, 9000, 'id')
  }
  return log
}

test.each([true, false])(
  'sessions born in each other without end are all told, and can be saved: oldest first %s',
  (isOldestFirst) => {
    const COUNT = 500
    const { desks, events } = openDesk()
    for (const event of auditEvents(nested(COUNT, isOldestFirst))) desks.take('db1', event)
    expect(depthOf(desks.save())).toBeLessThan(DEPTH_MAX)
    desks.tick(at(30), at(30))
    expect(depthOf(desks.save())).toBeLessThan(DEPTH_MAX)
    for (let seconds = 31; seconds < 400; seconds += 10) desks.tick(at(seconds), at(seconds))
    const told = documentsOf(events, 'wireguard.audit')
    expect(told.length).toBe(2 * COUNT)
    expect(new Set(told.map((fields) => fields['wireguard.attribution.status']))).toEqual(new Set(['unknown']))
  },
)

test('a session that claims to be born in itself is told', () => {
  const log = createAuditLog()
  log.login(at(10), { pid: 950 }, 0, 7, true, { pid: 950, auid: 0, ses: 7 })
  const { desks, events } = openDesk()
  for (const event of auditEvents(log)) desks.take('db1', event)
  desks.tick(at(20), at(20))
  expect(documentsOf(events, 'wireguard.audit').map((fields) => fields['wireguard.attribution.reason'])).toEqual([
    'login-not-seen',
  ])
})

test('servers that were started in each other’s logins for years can be saved, and each login is still told', () => {
  const { desks, events } = openDesk()
  const log = createAuditLog()
  const COUNT = 500
  const PERIOD: Micros = 30 * SECOND
  for (let i = 0; i < COUNT; i++) {
    const ses = i + 2
    const child: Task = { pid: 950 + i, ppid: 100, auid: 1001, ses: ses - 1 }
    log.login(at(10) + i * PERIOD, child, 1001, ses, true, child)
    pam(log, at(11) + i * PERIOD, 'USER_START', 'session_open', { ...child, ses }, 'dba', ALICE_IP)
  }
  for (const event of auditEvents(log)) {
    desks.tick(event.arrival - SECOND, event.arrival - SECOND)
    desks.take('db1', event)
  }
  expect(depthOf(desks.save())).toBeLessThan(DEPTH_MAX)
  desks.end()
  const reasons = documentsOf(events, 'wireguard.audit').map((fields) => fields['wireguard.attribution.reason'])
  // The first was born in a session that is older than the log.
  expect(reasons.slice(0, 2)).toEqual(['several-logins', 'several-logins'])
  expect(new Set(reasons)).toEqual(new Set(['several-logins']))
  expect(reasons.length).toBe(2 * COUNT)
})

test('logins of a server that was started on the console wait for minutes at most', () => {
  const log = createAuditLog()
  const task: Task = { ...CONSOLE, auid: 0, ses: 2 }
  log.login(at(1), CONSOLE, 0, 2)
  log.message(
    at(1.1),
    'USER_START',
    task,
    'op=PAM:session_open grantors=pam_unix acct="root" exe="/usr/bin/login" hostname=? addr=? terminal=tty1 res=success',
  )
  const child: Task = { ...LISTENER, pid: 950, ppid: LISTENER.pid, auid: 0, ses: 2 }
  log.login(at(60), child, 1001, 3, true, task)
  pam(log, at(60.1), 'USER_START', 'session_open', { ...child, auid: 1001, ses: 3 }, 'dba', ALICE_IP)
  const { desks, events } = openDesk()
  for (const event of auditEvents(log)) desks.take('db1', event)
  for (let now = at(60); now <= at(60) + 5 * MINUTE; now += SECOND) desks.tick(now, now)
  expect(documentsOf(events, 'wireguard.audit').map((fields) => fields['wireguard.attribution.reason'])).toEqual([
    'several-logins',
    'several-logins',
  ])
})

test('machines beyond those that one log may be of are told too', () => {
  const { desks, events } = openDesk()
  const MACHINES = 300
  for (let i = 0; i < MACHINES; i++) {
    const log = createAuditLog()
    // A session that nothing is known of but that it is there.
    run(log, at(10), { pid: 950, auid: 1001, ses: 3 }, 960, 'id')
    for (const event of auditEvents(log)) desks.take('db1', { ...event, node: `machine${i}` })
  }
  for (let seconds = 11; seconds < 300; seconds++) desks.tick(at(seconds), at(seconds))
  expect(documentsOf(events, 'wireguard.audit').length).toBe(MACHINES)
})

test('what had to be answered before its time is counted, also over a restart', () => {
  const log = createAuditLog()
  accept(log, at(10), { ip: ALICE_IP, port: 40001 })
  openSession(log, at(10.2), ALICE_IP, { pid: 950, ses: 3 })
  run(log, at(11), { ...LISTENER, pid: 950, auid: 1001, ses: 3 }, 960, 'id')
  const { desks } = openDesk()
  const [last, ...before] = auditEvents(log).toReversed()
  for (const event of before.toReversed()) desks.take('db1', event)
  if (last !== undefined) for (let i = 0; i < WAITING_MAX; i++) desks.take('db1', { ...last, serial: last.serial + i })
  const [waiting] = desks.limits()
  expect(waiting?.count).toBeGreaterThan(0)
  expect(openDesk(desks.save()).desks.limits()[0]).toEqual(waiting)
})

test('what waits of a host that is read no more is told yet', () => {
  const log = createAuditLog()
  openSession(log, at(10), ALICE_IP, { pid: 950, ses: 3 })
  const { desks } = openDesk()
  for (const event of auditEvents(log)) desks.take('db1', event)
  const other = openDesk(desks.save(), 'app1')
  for (let seconds = 11; seconds < 300; seconds++) other.desks.tick(at(seconds), at(seconds))
  expect(documentsOf(other.events, 'wireguard.audit').map((fields) => fields['host.name'])).toEqual(
    Array(4).fill('db1'),
  )
})

test('a process that speaks for another client before anybody looked leaves nothing waiting', () => {
  const log = createAuditLog()
  accept(log, at(10), { ip: '10.8.0.9', port: 40009 })
  for (const [i, ip] of [ALICE_IP, '10.8.0.3'].entries())
    pam(log, at(11 + i / 10), 'USER_ACCT', 'accounting', { pid: 950 }, 'dba', ip)
  const { desks, events } = openDesk()
  for (const event of auditEvents(log)) desks.take('db1', event)
  for (let seconds = 10; seconds < 300; seconds++) desks.tick(at(seconds), at(seconds))
  expect(documentsOf(events, 'wireguard.audit')).toHaveLength(2)
})
