/** Logins and what forgers, reboots and wrong clocks make of them: an answer stays true or is none. */
import { describe, expect, test } from 'vitest'
import { SECOND } from '../../../src/time.ts'
import { type AuditLog, createAuditLog, type Task } from './audit-log.ts'
import { documentsOf } from './pipeline-run.ts'
import { ALICE_IP, answerOf, at, BOB_IP, DB1, documentOf, flow, runLab } from './small-lab.ts'
import { accept, closeSession, openSession, pam, run } from './sshd.ts'

const FROM_ALICE = { ip: ALICE_IP, port: 40001 }
const FROM_BOB = { ip: BOB_IP, port: 40002 }

/** A login from its accept to its end, with one command; the command's record. */
function visit(log: AuditLog, seconds: number, client: { ip: string; port: number }, pid: number, ses: number) {
  accept(log, at(seconds), client)
  const { task } = openSession(log, at(seconds + 0.2), client.ip, { pid, ses })
  const command = run(log, at(seconds + 1), task, pid + 20, 'id')
  closeSession(log, at(seconds + 5), client.ip, task)
  return command
}

describe('what others write', () => {
  test('a message in a session from another process changes nothing', () => {
    const log = createAuditLog()
    accept(log, at(10), FROM_ALICE)
    const { task } = openSession(log, at(10.2), ALICE_IP, { pid: 950, ses: 3 })
    pam(log, at(12), 'USER_START', 'session_open', { ...task, pid: 999 }, 'dba', BOB_IP)
    const command = run(log, at(13), task, 970, 'id')
    const flows = [
      [flow(FROM_ALICE, DB1), 10],
      [flow(FROM_BOB, DB1), 10],
    ] as const
    expect(answerOf(documentOf(runLab({ flows, logs: { db1: log } }), 'db1', command))).toBe('exact server-tuple alice')
  })

  test('in a session older than the log, root’s word about its client is not believed', () => {
    const log = createAuditLog()
    const root: Task = { pid: 999, auid: 1001, ses: 3, uid: 0 }
    pam(log, at(12), 'USER_START', 'session_open', root, 'dba', BOB_IP)
    const command = run(log, at(13), root, 970, 'id')
    const lab = runLab({ flows: [[flow(FROM_BOB, DB1), 10]], logs: { db1: log } })
    expect(answerOf(documentOf(lab, 'db1', command))).toBe('unknown login-not-seen')
  })

  test('a new login id keeps the peer behind the old one', () => {
    const log = createAuditLog()
    accept(log, at(10), FROM_ALICE)
    const { task } = openSession(log, at(10.2), ALICE_IP, { pid: 950, ses: 3 })
    const root: Task = { ...task, pid: 980, ppid: 970, uid: 0, comm: 'bash', exe: '/usr/bin/bash' }
    log.login(at(12), root, 0, 4, true, task)
    const command = run(log, at(13), { ...root, auid: 0, ses: 4 }, 990, 'id')
    const lab = runLab({ flows: [[flow(FROM_ALICE, DB1), 10]], logs: { db1: log } })
    expect(answerOf(documentOf(lab, 'db1', command))).toBe('exact server-tuple alice')
  })

  test('a new login id that claims another client belongs to neither for sure', () => {
    const log = createAuditLog()
    accept(log, at(10), FROM_ALICE)
    const { task } = openSession(log, at(10.2), ALICE_IP, { pid: 950, ses: 3 })
    const root: Task = { ...task, pid: 980, ppid: 970, uid: 0, comm: 'python3', exe: '/usr/bin/python3' }
    const born: Task = { ...root, auid: 0, ses: 4 }
    log.login(at(12), root, 0, 4, true, task)
    pam(log, at(12.1), 'USER_START', 'session_open', born, 'dba', BOB_IP)
    const command = run(log, at(13), born, 990, 'id')
    const flows = [
      [flow(FROM_ALICE, DB1), 10],
      [flow(FROM_BOB, DB1), 11],
    ] as const
    expect(answerOf(documentOf(runLab({ flows, logs: { db1: log } }), 'db1', command))).toMatch(/^ambiguous /)
  })

  test('a session that no server of the host opened is nobody’s, whatever it claims', () => {
    const log = createAuditLog()
    visit(log, 10, FROM_ALICE, 950, 3)
    accept(log, at(20), FROM_BOB)
    const container: Task = { pid: 2000, ppid: 1999, comm: 'sshd', exe: '/usr/sbin/sshd' }
    const born: Task = { ...container, auid: 1001, ses: 4 }
    log.login(at(21), container, 1001, 4)
    pam(log, at(21.1), 'USER_START', 'session_open', born, 'dba', BOB_IP)
    const command = run(log, at(22), born, 2010, 'id')
    const flows = [
      [flow(FROM_ALICE, DB1), 10],
      [flow(FROM_BOB, DB1), 20],
    ] as const
    expect(answerOf(documentOf(runLab({ flows, logs: { db1: log } }), 'db1', command))).toBe('unknown no-flow')
  })

  test('sessions of two boots have nothing to do with each other', () => {
    const log = createAuditLog()
    visit(log, 10, FROM_ALICE, 950, 3)
    log.reboot(at(100))
    for (let i = 0; i < 5; i++) run(log, at(101 + i), { pid: 10 + i, auid: 1001, ses: 2, uid: 1001 }, 20 + i, 'id')
    const command = run(log, at(110), { pid: 950, auid: 1001, ses: 3, uid: 1001 }, 960, 'id')
    const lab = runLab({ flows: [[flow(FROM_ALICE, DB1), 10]], logs: { db1: log }, until: 200 })
    expect(answerOf(documentOf(lab, 'db1', command))).toBe('unknown login-not-seen')
  })
})

describe('clocks', () => {
  test.each([
    ['ahead', 180],
    ['behind', -4],
  ])('a host whose clock is %s: measured by connections, said on logins', (_, seconds) => {
    const log = createAuditLog(seconds * SECOND)
    const flows = Array.from(
      { length: 6 },
      (__, i) => [flow({ ip: ALICE_IP, port: 40010 + i }, DB1), 10 + 20 * i] as const,
    )
    const commands = flows.map(([tracked], i) => visit(log, 10.02 + 20 * i, tracked.client, 950 + 40 * i, 3 + i))
    const lab = runLab({ flows, logs: { db1: log }, until: 400 })
    expect(answerOf(documentOf(lab, 'db1', commands.at(-1) ?? { at: 0, serial: 0 }))).toBe('exact server-tuple alice')
    const logins = documentsOf(lab.events, 'wireguard.session', 'host-login')
    const said = logins.at(-1)?.['wireguard.host.clock_offset'] ?? 0
    expect(Math.abs(said - seconds * 1000)).toBeLessThan(1000)
  })

  test('clocks that agree are not mentioned', () => {
    const log = createAuditLog()
    visit(log, 10, FROM_ALICE, 950, 3)
    const lab = runLab({ flows: [[flow(FROM_ALICE, DB1), 10]], logs: { db1: log } })
    const [login] = documentsOf(lab.events, 'wireguard.session', 'host-login')
    expect(login?.['wireguard.host.clock_offset']).toBeUndefined()
  })
})
