/** How a login on a host is joined to the peer behind it, case by case (design 6): every answer and every reason. */
import { describe, expect, test } from 'vitest'
import { type AuditLog, createAuditLog, type Task } from './audit-log.ts'
import { documentsOf, firewallLine } from './pipeline-run.ts'
import {
  ALICE_IP,
  APP1,
  answerOf,
  at,
  BOB_IP,
  DB1,
  documentOf,
  flow,
  INVENTORY,
  MASK,
  runLab,
  WEB1,
} from './small-lab.ts'
import { accept, closeSession, failLogin, LISTENER, openSession, reexec, run } from './sshd.ts'

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

/** Three of Bob's logins, so that the clock of db1 is measured and its gateway known to masquerade. */
function visitsThroughMask() {
  const log = createAuditLog()
  const flows = [1, 2, 3].map((i) => {
    const tracked = flow({ ip: BOB_IP, port: 40100 + i }, DB1, { ip: MASK, port: 41000 + i })
    visit(log, 10 * i, tracked.seen, 950 + i, 3 + i)
    return [tracked, 10 * i, 10 * i + 6] as const
  })
  return { log, flows }
}

/** A record that bounds the time of what stands before it. */
function idle(log: AuditLog, seconds: number): void {
  log.message(
    at(seconds),
    'SERVICE_START',
    { pid: 1 },
    'unit=cron comm="systemd" exe="/usr/lib/systemd/systemd" res=success',
  )
}

describe('exact', () => {
  test('by client address and port, from the accept to the end of the session', () => {
    const log = createAuditLog()
    const accepted = accept(log, at(10), FROM_ALICE)
    const { task, written } = openSession(log, at(10.3), ALICE_IP, { pid: 950, ses: 3 })
    const command = run(log, at(11), task, 970, 'cat', '/etc/hosts')
    const after = run(log, at(60), { ...task, ppid: 1 }, 990, 'sleep', '9')
    const lab = runLab({ flows: [[flow(FROM_ALICE, DB1), 9.99]], logs: { db1: log } })
    for (const each of [accepted, ...written, command, after])
      expect(answerOf(documentOf(lab, 'db1', each))).toBe('exact server-tuple alice')
    const [login] = documentsOf(lab.events, 'wireguard.session', 'host-login')
    expect(login).toMatchObject({ 'auditd.session': '3', 'source.ip': ALICE_IP, 'user.name': 'dba' })
  })

  test('by address and time where accepts are not recorded', () => {
    const log = createAuditLog()
    const { task } = openSession(log, at(10.3), ALICE_IP, { pid: 950, ses: 3 })
    const command = run(log, at(11), task, 970, 'id')
    const lab = runLab({ flows: [[flow(FROM_ALICE, DB1), 10]], logs: { db1: log } })
    expect(answerOf(documentOf(lab, 'db1', command))).toBe('exact client-address alice')
  })

  test("by Red Hat's CRYPTO_SESSION, which names the port", () => {
    const log = createAuditLog()
    const child: Task = { ...LISTENER, pid: 950, ppid: LISTENER.pid }
    const seen = { ip: MASK, port: 41000 }
    const other = { ip: MASK, port: 41001 }
    log.message(
      at(10.1),
      'CRYPTO_SESSION',
      child,
      `op=start direction=from-server cipher=c ksize=256 mac=m pfs=p spid=950 suid=74 rport=${seen.port} laddr=${DB1.ip} lport=22 exe="/usr/sbin/sshd" hostname=? addr=${MASK} terminal=? res=success`,
    )
    const { task } = openSession(log, at(10.3), MASK, { pid: 950, ses: 3 })
    const command = run(log, at(11), task, 970, 'id')
    const flows = [
      [flow(FROM_ALICE, DB1, seen), 10],
      [flow(FROM_BOB, DB1, other), 10],
    ] as const
    expect(answerOf(documentOf(runLab({ flows, logs: { db1: log } }), 'db1', command))).toBe('exact server-tuple alice')
  })

  test('for several at once behind one address, by the order of accepts and pids', () => {
    const log = createAuditLog()
    accept(log, at(10), { ip: MASK, port: 41000 })
    accept(log, at(10.5), { ip: MASK, port: 41001 })
    // The later connection logs in first.
    const second = openSession(log, at(12), MASK, { pid: 960, ses: 3 })
    const first = openSession(log, at(14), MASK, { pid: 950, ses: 4 })
    const flows = [
      [flow(FROM_ALICE, DB1, { ip: MASK, port: 41000 }), 10],
      [flow(FROM_BOB, DB1, { ip: MASK, port: 41001 }), 10.5],
    ] as const
    const lab = runLab({ flows, logs: { db1: log } })
    for (const [{ written }, whose] of [
      [first, 'alice'],
      [second, 'bob'],
    ] as const)
      expect(answerOf(documentOf(lab, 'db1', written[3] ?? { at: 0, serial: 0 }))).toBe(`exact server-tuple ${whose}`)
  })

  test('the order holds across the wrap of pids', () => {
    const log = createAuditLog()
    accept(log, at(10), { ip: MASK, port: 41000 })
    accept(log, at(10.5), { ip: MASK, port: 41001 })
    const second = openSession(log, at(12), MASK, { pid: 310, ses: 3 })
    const first = openSession(log, at(14), MASK, { pid: 4_194_300, ses: 4 })
    const flows = [
      [flow(FROM_ALICE, DB1, { ip: MASK, port: 41000 }), 10],
      [flow(FROM_BOB, DB1, { ip: MASK, port: 41001 }), 10.5],
    ] as const
    const lab = runLab({ flows, logs: { db1: log } })
    expect(answerOf(documentOf(lab, 'db1', first.written[3] ?? { at: 0, serial: 0 }))).toBe('exact server-tuple alice')
    expect(answerOf(documentOf(lab, 'db1', second.written[3] ?? { at: 0, serial: 0 }))).toBe('exact server-tuple bob')
  })

  test('a pid that comes again is another login', () => {
    const log = createAuditLog()
    visit(log, 10, { ip: MASK, port: 41000 }, 950, 3)
    const command = visit(log, 40, { ip: MASK, port: 41001 }, 950, 4)
    const flows = [
      [flow(FROM_ALICE, DB1, { ip: MASK, port: 41000 }), 10, 16],
      [flow(FROM_BOB, DB1, { ip: MASK, port: 41001 }), 40],
    ] as const
    expect(answerOf(documentOf(runLab({ flows, logs: { db1: log } }), 'db1', command))).toBe('exact server-tuple bob')
  })

  test('a connection that never says a word takes none away, where programs outside of sessions are recorded', () => {
    const log = createAuditLog()
    accept(log, at(10), { ip: MASK, port: 41000 })
    reexec(log, at(10), 950)
    accept(log, at(11), { ip: MASK, port: 41001 })
    reexec(log, at(11), 960)
    const { written } = openSession(log, at(12), MASK, { pid: 960, ses: 3 })
    const flows = [
      [flow(FROM_ALICE, DB1, { ip: MASK, port: 41000 }), 10],
      [flow(FROM_BOB, DB1, { ip: MASK, port: 41001 }), 11],
    ] as const
    const lab = runLab({ flows, logs: { db1: log } })
    expect(answerOf(documentOf(lab, 'db1', written[3] ?? { at: 0, serial: 0 }))).toBe('exact server-tuple bob')
  })

  test('by the line of the firewall where conntrack was not seen', () => {
    const log = createAuditLog()
    const command = visit(log, 10, FROM_ALICE, 950, 3)
    const lab = runLab({ lines: [firewallLine(at(10), flow(FROM_ALICE, DB1))], logs: { db1: log } })
    expect(answerOf(documentOf(lab, 'db1', command))).toBe('exact server-tuple alice')
  })

  test('by the line of the firewall and time alone behind a gateway that gives ports anew, where clocks are measured', () => {
    const { log, flows } = visitsThroughMask()
    const accepted = accept(log, at(60), { ip: MASK, port: 41009 })
    idle(log, 60.1)
    const lab = runLab({ flows, lines: [firewallLine(at(60), flow(FROM_ALICE, DB1))], logs: { db1: log } })
    expect(answerOf(documentOf(lab, 'db1', accepted))).toBe('exact client-address alice')
  })

  test('an accept that is known only by its place in a quiet log', () => {
    const log = createAuditLog()
    log.message(
      at(1),
      'SERVICE_START',
      { pid: 1 },
      'unit=cron comm="systemd" exe="/usr/lib/systemd/systemd" res=success',
    )
    // It waited for ten minutes: its stamp is its entry.
    const accepted = accept(log, at(600), FROM_ALICE, at(0.5))
    const lab = runLab({ flows: [[flow(FROM_ALICE, DB1), 599.9]], logs: { db1: log }, until: 700 })
    expect(answerOf(documentOf(lab, 'db1', accepted))).toBe('exact server-tuple alice')
  })
})

describe('through other hosts', () => {
  test('a chain of two hops keeps its way', () => {
    const [db1, app1, web1] = [createAuditLog(), createAuditLog(), createAuditLog()]
    accept(db1, at(10), FROM_ALICE)
    const first = openSession(db1, at(10.3), ALICE_IP, { pid: 950, ses: 3 })
    const ssh: Task = { ...first.task, pid: 970, ppid: 950, uid: 1001, comm: 'ssh', exe: '/usr/bin/ssh' }
    db1.call(at(20), ssh, 'connect', { exit: -115, socket: APP1 })
    accept(app1, at(20.05), { ip: DB1.ip, port: 50000 })
    const second = openSession(app1, at(20.5), DB1.ip, { pid: 500, ses: 7 })
    app1.call(at(30), { ...ssh, pid: 520, ppid: 500, ses: 7 }, 'connect', { socket: WEB1 })
    const command = visit(web1, 30.02, { ip: APP1.ip, port: 51000 }, 300, 2)
    const lab = runLab({ flows: [[flow(FROM_ALICE, DB1), 10]], logs: { db1, app1, web1 } })
    const [, , , opened] = second.written
    expect(answerOf(documentOf(lab, 'app1', opened ?? { at: 0, serial: 0 }))).toBe('exact via-host alice')
    const document = documentOf(lab, 'web1', command)
    expect(answerOf(document)).toBe('exact via-host alice')
    expect(document?.['wireguard.attribution.hops']).toEqual(['db1/3', 'app1/7'])
    expect(document?.['related.hosts']).toEqual(expect.arrayContaining(['db1', 'app1', 'web1']))
  })

  test('the flow of the first host stays with the process and login that took it there', () => {
    const [db1, app1] = [createAuditLog(), createAuditLog()]
    accept(db1, at(10), FROM_ALICE)
    const first = openSession(db1, at(10.3), ALICE_IP, { pid: 950, ses: 3 })
    const ssh: Task = { ...first.task, pid: 970, ppid: 950, uid: 1001, comm: 'ssh', exe: '/usr/bin/ssh' }
    db1.call(at(20), ssh, 'connect', { exit: -115, socket: APP1 })
    const command = visit(app1, 20.05, { ip: DB1.ip, port: 50000 }, 500, 7)
    const lab = runLab({ flows: [[flow(FROM_ALICE, DB1), 10, 40]], logs: { db1, app1 } })
    expect(answerOf(documentOf(lab, 'app1', command))).toBe('exact via-host alice')
    const told = documentsOf(lab.events, 'wireguard.flow').map((fields) => [
      fields['event.action'],
      fields['event.reason'],
      fields['wireguard.host.name'],
      fields['wireguard.host.login_session'],
    ])
    expect(told).toEqual([
      ['flow-started', undefined, undefined, undefined],
      ['flow-progress', 'host-accepted', 'db1', undefined],
      ['flow-progress', 'host-login', 'db1', '3'],
      ['flow-ended', undefined, 'db1', '3'],
    ])
  })

  test('a connection of a process outside of logins ends the trail at its host', () => {
    const [db1, app1] = [createAuditLog(), createAuditLog()]
    db1.call(at(20), { pid: 600, comm: 'backup', exe: '/usr/bin/backup' }, 'connect', { socket: APP1 })
    const command = visit(app1, 20.02, { ip: DB1.ip, port: 50000 }, 500, 7)
    const document = documentOf(runLab({ logs: { db1, app1 } }), 'app1', command)
    expect(answerOf(document)).toBe('unknown via-host trail-ends')
    expect(document?.['wireguard.attribution.hops']).toEqual(['db1/'])
  })

  test('the trail ends where no connection of a login fits', () => {
    const [db1, app1] = [createAuditLog(), createAuditLog()]
    visit(db1, 10, FROM_ALICE, 950, 3)
    const command = visit(app1, 20, { ip: DB1.ip, port: 50000 }, 500, 7)
    const lab = runLab({ flows: [[flow(FROM_ALICE, DB1), 10]], logs: { db1, app1 } })
    expect(answerOf(documentOf(lab, 'app1', command))).toBe('unknown via-host trail-ends')
  })

  test('two logins that connect at once are both candidates', () => {
    const [db1, app1] = [createAuditLog(), createAuditLog()]
    for (const [client, pid, ses] of [
      [FROM_ALICE, 950, 3],
      [FROM_BOB, 960, 4],
    ] as const) {
      accept(db1, at(ses * 3), client)
      const { task } = openSession(db1, at(ses * 3 + 0.2), client.ip, { pid, ses })
      db1.call(at(20), { ...task, pid: pid + 5, comm: 'ssh', exe: '/usr/bin/ssh' }, 'connect', { socket: APP1 })
    }
    const command = visit(app1, 20.05, { ip: DB1.ip, port: 50000 }, 500, 7)
    const flows = [
      [flow(FROM_ALICE, DB1), 9],
      [flow(FROM_BOB, DB1), 12],
    ] as const
    const lab = runLab({ flows, logs: { db1, app1 } })
    expect(answerOf(documentOf(lab, 'app1', command))).toBe('ambiguous client-address several-logins alice|bob')
  })
})

describe('not exact', () => {
  test('no-flow: nothing recorded fits', () => {
    const log = createAuditLog()
    const command = visit(log, 10, FROM_ALICE, 950, 3)
    expect(answerOf(documentOf(runLab({ logs: { db1: log } }), 'db1', command))).toBe('unknown no-flow')
  })

  test('several-flows: two peers behind one address, and no accept', () => {
    const log = createAuditLog()
    const { written } = openSession(log, at(12), MASK, { pid: 950, ses: 3 })
    const flows = [
      [flow(FROM_ALICE, DB1, { ip: MASK, port: 41000 }), 10],
      [flow(FROM_BOB, DB1, { ip: MASK, port: 41001 }), 11],
    ] as const
    const lab = runLab({ flows, logs: { db1: log } })
    expect(answerOf(documentOf(lab, 'db1', written[3] ?? { at: 0, serial: 0 }))).toBe(
      'ambiguous client-address several-flows alice|bob',
    )
  })

  test('several-flows: two connections behind a gateway that gives ports anew, and one line', () => {
    const { log, flows } = visitsThroughMask()
    const both = [41008, 41009].map((port) => accept(log, at(60), { ip: MASK, port }))
    // Time passes in small steps: all connections of a moment are known before the first is answered.
    for (let seconds = 60.1; seconds < 80; seconds++) idle(log, seconds)
    const lines = [firewallLine(at(60), flow(FROM_ALICE, DB1))]
    const lab = runLab({ flows, lines, logs: { db1: log }, cutEvery: 1 })
    for (const each of both)
      expect(answerOf(documentOf(lab, 'db1', each))).toBe('ambiguous client-address several-flows alice')
  })

  test('several-logins: one of two connections behind one address logs in, the other one is silent', () => {
    const log = createAuditLog()
    accept(log, at(10), { ip: MASK, port: 41000 })
    accept(log, at(11), { ip: MASK, port: 41001 })
    const { written } = openSession(log, at(12), MASK, { pid: 950, ses: 3 })
    const flows = [
      [flow(FROM_ALICE, DB1, { ip: MASK, port: 41000 }), 10],
      [flow(FROM_BOB, DB1, { ip: MASK, port: 41001 }), 11],
    ] as const
    const lab = runLab({ flows, logs: { db1: log } })
    expect(answerOf(documentOf(lab, 'db1', written[3] ?? { at: 0, serial: 0 }))).toBe(
      'ambiguous client-address several-logins alice|bob',
    )
  })

  test('a lost accept leaves nobody with the connection of another', () => {
    const log = createAuditLog()
    accept(log, at(10), { ip: MASK, port: 41000 })
    // Bob's accept is lost, and Alice says nothing.
    const { written } = openSession(log, at(12), MASK, { pid: 950, ses: 3 })
    const flows = [
      [flow(FROM_ALICE, DB1, { ip: MASK, port: 41000 }), 10],
      [flow(FROM_BOB, DB1, { ip: MASK, port: 41001 }), 11],
    ] as const
    const lab = runLab({ flows, logs: { db1: log } })
    expect(answerOf(documentOf(lab, 'db1', written[3] ?? { at: 0, serial: 0 }))).toMatch(/^ambiguous .* alice\|bob$/)
  })

  test('client-is-no-peer: somebody else began the flow, towards a peer', () => {
    const log = createAuditLog()
    const command = visit(log, 10, { ip: '192.168.7.7', port: 40009 }, 950, 3)
    const inventory = INVENTORY.replace(DB1.ip, ALICE_IP)
    const lab = runLab({
      flows: [[flow({ ip: '192.168.7.7', port: 40009 }, { ip: ALICE_IP, port: 22 }), 10]],
      logs: { db1: log },
      inventory,
    })
    expect(answerOf(documentOf(lab, 'db1', command))).toBe('unknown client-is-no-peer')
  })

  test('host-addresses-unknown: nothing says that the flow ended on this host', () => {
    const log = createAuditLog()
    const command = visit(log, 10, FROM_ALICE, 950, 3)
    const lab = runLab({ flows: [[flow(FROM_ALICE, { ip: '172.16.0.77', port: 22 }), 10]], logs: { box9: log } })
    expect(answerOf(documentOf(lab, 'box9', command))).toBe('ambiguous client-address host-addresses-unknown alice')
  })

  test('login-not-seen: the session is older than the log', () => {
    const log = createAuditLog()
    const command = run(log, at(10), { pid: 700, auid: 1001, ses: 9, uid: 1001 }, 970, 'id')
    expect(answerOf(documentOf(runLab({ logs: { db1: log } }), 'db1', command))).toBe('unknown login-not-seen')
  })

  test('no-client-address: the login is there, who opened it is not', () => {
    const log = createAuditLog()
    log.login(at(10), { pid: 700, ppid: 600, comm: 'login', exe: '/usr/bin/login' }, 1001, 9)
    const command = run(log, at(11), { pid: 700, auid: 1001, ses: 9, uid: 1001 }, 970, 'id')
    expect(answerOf(documentOf(runLab({ logs: { db1: log } }), 'db1', command))).toBe('unknown no-client-address')
  })

  test('a session of cron is nobody’s, and counted', () => {
    const log = createAuditLog()
    const cron: Task = { pid: 700, ppid: 600, comm: 'cron', exe: '/usr/sbin/cron' }
    const task: Task = { ...cron, auid: 0, ses: 9 }
    log.login(at(10), cron, 0, 9)
    log.message(
      at(10),
      'USER_START',
      task,
      'op=PAM:session_open acct="root" exe="/usr/sbin/cron" hostname=? addr=? terminal=cron res=success',
    )
    const command = run(log, at(11), task, 970, 'id')
    const lab = runLab({ logs: { db1: log } })
    expect(documentOf(lab, 'db1', command)).toBeUndefined()
    expect(lab.pipeline.desks.outOfScope('db1')).toBe(log.lines.length)
  })

  test('a failed login is told once, with the name that was tried', () => {
    const log = createAuditLog()
    accept(log, at(10), FROM_ALICE)
    failLogin(log, at(12), ALICE_IP, 950, 'oracle')
    failLogin(log, at(13), ALICE_IP, 950, 'oracle')
    const lab = runLab({ flows: [[flow(FROM_ALICE, DB1), 10]], logs: { db1: log } })
    const failed = documentsOf(lab.events, 'wireguard.session', 'host-login-failed')
    expect(failed.map((fields) => [fields['user.name'], answerOf(fields)])).toEqual([
      ['oracle', 'exact server-tuple alice'],
    ])
  })
})
