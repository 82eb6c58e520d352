/** Who changed WireGuard or the firewall, by the audit log, and how that narrows what the polls leave open (design 5.2). */
import { describe, expect, test } from 'vitest'
import { changeOf, isLiveChange } from '../../../src/correlate/hosts/change-evidence.ts'
import { MINUTE, SECOND } from '../../../src/time.ts'
import { createAuditLog, type Task } from './audit-log.ts'
import { madeCall, madePath } from './made-audit.ts'
import { conntrackRecord, documentsOf, poll, type Run, runPipeline, T0 } from './pipeline-run.ts'
import { ALICE, ALICE_IP, answerOf, at, BOB, BOB_IP, DB1, flow, INVENTORY } from './small-lab.ts'
import { run } from './sshd.ts'

/** As the kernel prints -100. */
const AT_FDCWD = 'ffffff9c'
const ROOT: Task = { pid: 4000, ppid: 3999, auid: 1001, ses: 8, uid: 0 }

describe('commands', () => {
  const changeBy = (...args: string[]) => changeOf(madeCall('execve', { args }))
  test.each([
    [['wg', 'set', 'wg0', 'peer', 'KEY', 'remove'], 'wireguard'],
    [['/usr/bin/wg', 'syncconf', 'wg0', '/dev/stdin'], 'wireguard'],
    [['wg', 'show', 'all', 'dump'], ''],
    [['wg'], ''],
    [['wg', 'genkey'], ''],
    [['/bin/bash', '/usr/bin/wg-quick', 'up', 'wg0'], 'wireguard'],
    [['wg-quick', 'strip', 'wg0'], ''],
    [['nft', '-f', '/etc/nftables.conf'], 'nftables'],
    [['nft', '-j', '-a', 'list', 'ruleset'], ''],
    [['nft', '-c', '-f', '/etc/nftables.conf'], ''],
    [['iptables', '-A', 'FORWARD', '-j', 'DROP'], 'nftables'],
    [['iptables', '-nvL'], ''],
    [['ip6tables-restore'], 'nftables'],
    [['cat', '/etc/wireguard/wg0.conf'], ''],
    [['echo', 'wg', 'set'], ''],
  ])('%j is a change of %j', (args, change) => {
    expect(changeBy(...args)).toBe(change)
  })

  test('one that failed to start changed nothing', () => {
    expect(changeOf(madeCall('execve', { args: ['wg', 'set', 'wg0'], isSuccess: false, exit: '-13' }))).toBe('')
  })

  test('only a program that runs now narrows polls', () => {
    expect(isLiveChange(madeCall('execve', { args: ['wg', 'set', 'wg0'] }))).toBe(true)
    expect(isLiveChange(madeCall('execve', { args: ['nft', '-f', 'x'] }))).toBe(false)
  })
})

describe('files below /etc/wireguard', () => {
  const paths = [madePath('wg0.conf', 'NORMAL')]
  const cwd = '/etc/wireguard'
  test.each([
    ['openat', { a0: AT_FDCWD, a2: '241' }, 'wireguard'],
    // Below a directory nobody knows.
    ['openat', { a0: '5', a2: '241' }, ''],
    ['openat', { a0: AT_FDCWD, a2: '80000' }, ''],
    ['open', { a1: '1' }, 'wireguard'],
    ['open', { a1: '0' }, ''],
    ['unlinkat', { a0: AT_FDCWD }, 'wireguard'],
    ['chmod', {}, 'wireguard'],
    ['stat', {}, ''],
  ])('%s %j', (name, more, change) => {
    expect(changeOf(madeCall(name, { cwd, paths, ...more }))).toBe(change)
  })

  test('a neighbour of the directory is none of it', () => {
    const beside = [madePath('/etc/wireguard-backup/wg0.conf', 'NORMAL')]
    expect(changeOf(madeCall('unlink', { paths: beside }))).toBe('')
    expect(changeOf(madeCall('unlink', { cwd, paths: [madePath('../hosts', 'NORMAL')] }))).toBe('')
  })
})

/** Polls a minute apart; the address goes from Alice's key to Bob's between them, at 30 s by `wg set` where that is recorded. */
function handover(isAudited: boolean, before: number, after: number): Run {
  const log = createAuditLog()
  run(log, at(1), ROOT, 4009, 'true')
  if (isAudited) {
    run(log, at(30), ROOT, 4010, 'wg', 'set', 'wg0', 'peer', ALICE, 'remove')
    run(log, at(30.1), ROOT, 4011, 'wg', 'set', 'wg0', 'peer', BOB, 'allowed-ips', `${ALICE_IP}/32`)
  }
  run(log, at(170), ROOT, 4012, 'true')
  const older = new Map([
    [ALICE, ALICE_IP],
    [BOB, BOB_IP],
  ])
  const newer = new Map([[BOB, ALICE_IP]])
  const snapshots = [-120, -60, 0, 60, 120, 180].map((seconds) =>
    poll(T0 + seconds * SECOND, seconds <= 0 ? older : newer),
  )
  const records = [
    conntrackRecord(at(before), 'new', flow({ ip: ALICE_IP, port: 40001 }, DB1)),
    conntrackRecord(at(after), 'new', flow({ ip: ALICE_IP, port: 40002 }, DB1)),
  ]
  return runPipeline({
    inventory: INVENTORY,
    sources: [
      { host: 'gw1', name: 'conntrack', items: records },
      { host: 'gw1', name: 'wireguard', items: snapshots },
      { host: 'gw1', name: 'auditd', items: log.items() },
    ],
  })
}

describe('polls a minute apart', () => {
  const answers = ({ events }: Run) => documentsOf(events, 'wireguard.flow', 'flow-started').map(answerOf)

  test('leave both flows open without an audit log', () => {
    expect(answers(handover(false, 29 - 1, 32))).toEqual([
      'ambiguous prefix holder-changing alice|bob',
      'ambiguous prefix holder-changing alice|bob',
    ])
  })

  test('with one, a second before the command the old key holds it, and two seconds behind it the new one', () => {
    expect(answers(handover(true, 29 - 1, 33))).toEqual(['exact prefix alice', 'exact prefix bob'])
  })

  test('while the command runs nobody knows', () => {
    const [during] = answers(handover(true, 30.05, 33))
    expect(during).toMatch(/^ambiguous /)
  })

  test('the change names its evidence', () => {
    const { events } = handover(true, 28, 33)
    const evidence = documentsOf(events, 'wireguard.audit').filter(
      (fields) => fields['wireguard.change.target'] === 'wireguard',
    )
    expect(evidence.map((fields) => fields['process.args']?.slice(0, 2))).toEqual([
      ['wg', 'set'],
      ['wg', 'set'],
    ])
    const ids = evidence.map((fields) => fields['event.id'])
    for (const action of ['peer-removed', 'allowed-ips-changed']) {
      const [change] = documentsOf(events, 'wireguard.session', action)
      expect(change?.['wireguard.change.evidence_ids'], action).toEqual(ids)
      const moment = change?.['@timestamp'] ?? 0
      expect(moment).toBeGreaterThan(T0)
      expect(moment).toBeLessThanOrEqual(T0 + MINUTE)
    }
  })

  test('a change nobody is seen to make has no evidence', () => {
    const [removed] = documentsOf(handover(false, 28, 33).events, 'wireguard.session', 'peer-removed')
    expect(removed).toBeDefined()
    expect(removed?.['wireguard.change.evidence_ids']).toBeUndefined()
  })
})

test('the kernel’s own record of a change of rules is evidence', () => {
  const log = createAuditLog()
  log.netfilter(at(5), ROOT, 'filter')
  const { events } = runPipeline({
    inventory: INVENTORY,
    sources: [{ host: 'gw1', name: 'auditd', items: log.items() }],
  })
  const [document] = documentsOf(events, 'wireguard.audit')
  expect(document?.['wireguard.change.target']).toBe('nftables')
})
