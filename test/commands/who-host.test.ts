/** `who` for flows that an audited host took: who logged in over them, and that a host's clock changes nothing about the flow. */
import { expect, test } from 'vitest'
import type { Fields } from '../../src/fields.ts'
import { MINUTE, type Micros, SECOND, toIso } from '../../src/time.ts'
import { createSnapshots } from '../identity/snapshots.ts'
import { who, whoJson } from './asking.ts'
import { ledgerDocuments } from './made-ledger.ts'
import { micros, withStore } from './made-store.ts'

const START = micros('2026-11-20T10:00:00Z')
const KEY = `${'a'.repeat(42)}A=`
const snapshot = createSnapshots()
const LEDGER = ledgerDocuments(
  'gw1',
  Array.from({ length: 30 }, (_, second) => snapshot(START / SECOND + second, { wg0: { [KEY]: ['10.8.0.2/32'] } })),
)

function flow(after: Micros, id: string, fields: Fields): Fields {
  return {
    '@timestamp': START + after,
    'event.id': id,
    'event.dataset': 'wireguard.flow',
    'event.provider': 'conntrack',
    'event.start': START + SECOND,
    'host.name': 'gw1',
    'network.transport': 'tcp',
    'source.ip': '10.8.0.2',
    'source.port': 40_000,
    'source.nat.ip': '203.0.113.7',
    'source.nat.port': 50_000,
    'destination.ip': '10.20.0.1',
    'destination.port': 22,
    'wireguard.flow.id': 'one',
    'wireguard.flow.state': 'open',
    'wireguard.interface.name': 'wg0',
    'wireguard.attribution.status': 'exact',
    'wireguard.peer.public_key': KEY,
    'wireguard.peer.role': 'source',
    ...fields,
  }
}

const ACCEPTED: Fields = {
  'event.provider': 'auditd',
  'event.reason': 'host-accepted',
  'wireguard.host.name': 'db1',
  'wireguard.host.process.name': 'sshd',
  'wireguard.host.process.pid': 812,
}
const LOGGED_IN: Fields = {
  ...ACCEPTED,
  'event.reason': 'host-login',
  'wireguard.host.login_session': '350',
  'wireguard.host.user.name': 'dba',
}
const ADDRESS = '203.0.113.7:50000'
const at = toIso(START + 6 * SECOND)

test('a login over it is named, with account, session and process', async () => {
  const documents = [flow(SECOND, 'a', {}), flow(SECOND, 'b', ACCEPTED), flow(2 * SECOND, 'c', LOGGED_IN)]
  await withStore([...LEDGER, ...documents], async (dir) => {
    const { printed } = await who(dir, ADDRESS, { at })
    expect(printed).toContain('  host       dba logged in over it: login session 350, sshd (pid 812) on db1\n')
    const { flows } = await whoJson(dir, ADDRESS, { at })
    expect(flows[0].host).toEqual({ name: 'db1', process: 'sshd', pid: 812, session: '350', user: 'dba' })
  })
})

test('without a login the process is, and without an audit log nothing is said', async () => {
  await withStore([...LEDGER, flow(SECOND, 'a', {}), flow(SECOND, 'b', ACCEPTED)], async (dir) => {
    const { printed } = await who(dir, ADDRESS, { at })
    expect(printed).toContain('  host       taken by sshd (pid 812) on db1; no login over it was seen\n')
    const { flows } = await whoJson(dir, ADDRESS, { at })
    expect(flows[0].host).toEqual({ name: 'db1', process: 'sshd', pid: 812, session: null, user: null })
  })
  await withStore([...LEDGER, flow(SECOND, 'a', {})], async (dir) => {
    expect((await who(dir, ADDRESS, { at })).printed).not.toContain('  host')
    expect((await whoJson(dir, ADDRESS, { at })).flows[0].host).toBeNull()
  })
})

test('a host whose clock is ahead does not open a flow again', async () => {
  const ended = { 'wireguard.flow.state': 'ended', 'event.end': START + 10 * SECOND }
  const documents = [flow(SECOND, 'a', {}), flow(10 * SECOND, 'b', ended), flow(4 * MINUTE, 'c', LOGGED_IN)]
  await withStore([...LEDGER, ...documents], async (dir) => {
    const { flows } = await whoJson(dir, ADDRESS, { at })
    expect(flows[0]).toMatchObject({ state: 'ended', host: { session: '350' } })
  })
})
