/** What a host's log adds to the flow that reached it: the process and the login that took it (design 4.1, 6). */
import { describe, expect, test } from 'vitest'
import type { Fields } from '../../../src/fields.ts'
import { createAuditLog } from './audit-log.ts'
import { conntrackRecord, documentsOf, poll, type Run, runPipeline, T0 } from './pipeline-run.ts'
import { ALICE_IP, answerOf, at, DB1, documentOf, flow, HOLDERS, INVENTORY, runLab } from './small-lab.ts'
import { accept, openSession } from './sshd.ts'

const CLIENT = { ip: ALICE_IP, port: 40001 }
const TRACKED = flow(CLIENT, DB1)

/** An accept and a login over one flow, which ends at `end`. */
function story(end?: number): Run {
  const log = createAuditLog()
  accept(log, at(10.01), CLIENT)
  openSession(log, at(10.3), ALICE_IP, { pid: 950, ses: 3 })
  return runLab({ flows: [end === undefined ? [TRACKED, 10] : [TRACKED, 10, end]], logs: { db1: log } })
}

function hostPart(fields: Fields | undefined): Fields {
  return Object.fromEntries(Object.entries(fields ?? {}).filter(([name]) => name.startsWith('wireguard.host.')))
}

describe('flow documents', () => {
  test('flow-progress says at once which process took it, and then who logged in over it', () => {
    const progress = documentsOf(story().events, 'wireguard.flow', 'flow-progress')
    expect(progress.map((fields) => fields['event.reason'])).toEqual(['host-accepted', 'host-login'])
    const [accepted, login] = progress
    expect(hostPart(accepted)).toEqual({
      'wireguard.host.name': 'db1',
      'wireguard.host.process.name': 'sshd',
      'wireguard.host.process.executable': '/usr/sbin/sshd',
      'wireguard.host.process.pid': 900,
    })
    expect(hostPart(login)).toEqual({
      'wireguard.host.name': 'db1',
      'wireguard.host.process.name': 'sshd',
      'wireguard.host.process.executable': '/usr/sbin/sshd',
      'wireguard.host.process.pid': 950,
      'wireguard.host.login_session': '3',
      'wireguard.host.user.name': 'dba',
    })
    for (const fields of progress) {
      expect(fields['wireguard.flow.evidence']).toEqual(['conntrack', 'auditd'])
      expect(fields['source.bytes']).toBeUndefined()
    }
    const [started] = documentsOf(story().events, 'wireguard.flow', 'flow-started')
    expect(login?.['wireguard.flow.id']).toBe(started?.['wireguard.flow.id'])
  })

  test('the end of the flow carries the login too', () => {
    const [ended] = documentsOf(story(60).events, 'wireguard.flow', 'flow-ended')
    expect(hostPart(ended)).toMatchObject({ 'wireguard.host.login_session': '3', 'wireguard.host.user.name': 'dba' })
    expect(ended?.['wireguard.flow.evidence']).toContain('auditd')
  })

  test('a flow that ended before its login was known is told by progress behind its end', () => {
    const { events } = story(10.2)
    const actions = documentsOf(events, 'wireguard.flow').map((fields) => [
      fields['event.action'],
      fields['event.reason'],
      fields['wireguard.host.login_session'],
    ])
    expect(actions).toContainEqual(['flow-progress', 'host-accepted', undefined])
    expect(actions.filter(([action]) => action === 'flow-ended')).toHaveLength(1)
    expect(documentsOf(events, 'wireguard.session', 'host-login')).toHaveLength(1)
  })

  test('documents of the host name the flow', () => {
    const run = story()
    const [started] = documentsOf(run.events, 'wireguard.flow', 'flow-started')
    const ofHost = documentsOf(run.events, 'wireguard.audit')
    expect(ofHost.length).toBeGreaterThan(3)
    for (const fields of ofHost) expect(fields['wireguard.flow.id']).toBe(started?.['wireguard.flow.id'])
  })
})

test('a gateway that is audited itself joins its own flows', () => {
  const log = createAuditLog()
  const gateway = { ip: '10.8.0.1', port: 22 }
  const accepted = accept(log, at(10.01), CLIENT)
  const run = runPipeline({
    inventory: INVENTORY.replace('hosts:\n', `hosts:\n  - { name: gw1, addresses: [${gateway.ip}] }\n`),
    sources: [
      { host: 'gw1', name: 'conntrack', items: [conntrackRecord(at(10), 'new', flow(CLIENT, gateway))] },
      { host: 'gw1', name: 'wireguard', items: [0, 5, 10, 15, 20].map((seconds) => poll(T0 + seconds * 1e6, HOLDERS)) },
      { host: 'gw1', name: 'auditd', items: log.items() },
    ],
  })
  expect(answerOf(documentOf(run, 'gw1', accepted))).toBe('exact server-tuple alice')
  const [progress] = documentsOf(run.events, 'wireguard.flow', 'flow-progress')
  expect(progress).toMatchObject({ 'event.reason': 'host-accepted', 'wireguard.host.name': 'gw1' })
})
