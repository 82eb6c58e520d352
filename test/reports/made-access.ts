/** Records for access reports, made up: a gateway, a documented host with resources, keys of people, a site and nobody. */
import { hash } from 'node:crypto'
import type { Fields } from '../../src/fields.ts'
import { SECOND } from '../../src/time.ts'
import { ledgerDocuments } from '../commands/made-ledger.ts'
import { createSnapshots } from '../identity/snapshots.ts'

export const ANN = `${'A'.repeat(42)}E=`
export const BOB = `${'B'.repeat(42)}E=`
export const SITE = `${'S'.repeat(42)}E=`
export const STRANGER = `${'X'.repeat(42)}E=`
const START = 1_795_360_000

export const INVENTORY = `version: 1
people:
  - { email: ann@example.com, name: Ann Example, groups: [dba] }
  - { email: bob@example.com, name: Bob Example }
gateways: [{ name: gw1, interfaces: [wg0] }]
hosts:
  - { name: db1, addresses: [10.20.0.10], sources: [auditd] }
  - { name: web1, addresses: [10.20.0.20] }
peers:
  - name: ann-laptop
    kind: device
    owner: ann@example.com
    device: ThinkPad
    gateway: gw1
    interface: wg0
    keys: [{ public_key: ${ANN} }]
    allowed_ips: [10.8.0.2/32]
  - name: bob-laptop
    kind: device
    owner: bob@example.com
    gateway: gw1
    interface: wg0
    keys: [{ public_key: ${BOB} }]
    allowed_ips: [10.8.0.3/32]
  - name: branch
    kind: site
    owner: bob@example.com
    gateway: gw1
    interface: wg0
    keys: [{ public_key: ${SITE} }]
    allowed_ips: [192.168.5.0/24]
resources:
  - { name: customer-db, addresses: [10.20.0.10], ports: [tcp/5432], owner: data-team, classification: restricted }
  - { name: payroll, addresses: [10.20.0.99], ports: [tcp/443], owner: hr, classification: confidential }
`

/** Seconds after the begin of the records. */
export const at = (second: number) => Math.round((START + second) * SECOND)

const HOLDERS: { readonly [key: string]: Fields } = {
  [ANN]: {
    'wireguard.peer.name': 'ann-laptop',
    'wireguard.peer.kind': 'device',
    'wireguard.peer.device': 'ThinkPad',
    'wireguard.peer.groups': ['dba'],
    'wireguard.peer.owner.name': 'Ann Example',
    'wireguard.peer.owner.email': 'ann@example.com',
  },
  [BOB]: {
    'wireguard.peer.name': 'bob-laptop',
    'wireguard.peer.kind': 'device',
    'wireguard.peer.owner.name': 'Bob Example',
    'wireguard.peer.owner.email': 'bob@example.com',
  },
  [SITE]: {
    'wireguard.peer.name': 'branch',
    'wireguard.peer.kind': 'site',
    'wireguard.peer.owner.name': 'Bob Example',
    'wireguard.peer.owner.email': 'bob@example.com',
  },
  [STRANGER]: {},
}

export function peerOf(key: string): Fields {
  return {
    ...HOLDERS[key],
    'wireguard.peer.public_key': key,
    'wireguard.peer.role': 'source',
    'wireguard.interface.name': 'wg0',
    'wireguard.attribution.status': 'exact',
    'wireguard.attribution.method': 'interface',
  }
}

/** The same document has the same id. */
export function made(second: number, fields: Fields): Fields {
  const id = hash('sha256', JSON.stringify([second, fields]), 'hex').slice(0, 24)
  return { '@timestamp': at(second), 'event.id': id, 'host.name': 'gw1', ...fields }
}

const DB: Fields = {
  'destination.ip': '10.20.0.10',
  'destination.port': 5432,
  'network.transport': 'tcp',
  'wireguard.resource.name': 'customer-db',
  'wireguard.resource.owner': 'data-team',
  'wireguard.resource.classification': 'restricted',
  'wireguard.policy.result': 'allowed',
}

/** A connection from its begin to its end, a second later; two documents. */
export function flow(second: number, key: string, fields: Fields = {}): Fields[] {
  const id = hash('sha256', JSON.stringify([second, key, fields]), 'hex').slice(0, 24)
  const both: Fields = {
    'event.dataset': 'wireguard.flow',
    'event.start': at(second),
    'source.ip': '10.8.0.2',
    'source.port': 40_000 + second,
    ...DB,
    'wireguard.flow.id': id,
    'wireguard.flow.outcome': 'connected',
    'wireguard.flow.verdict': 'accepted',
    ...(key === '' ? {} : peerOf(key)),
    ...fields,
  }
  return [
    made(second, { ...both, 'event.action': 'flow-started' }),
    made(second + 1, {
      ...both,
      'event.action': 'flow-ended',
      'event.end': at(second + 1),
      'source.bytes': 100,
      'destination.bytes': 1000,
      'wireguard.flow.delta.source.bytes': 100,
      'wireguard.flow.delta.destination.bytes': 1000,
    }),
  ]
}

export function denied(second: number, key: string, fields: Fields = {}): Fields {
  return made(second, {
    'event.dataset': 'wireguard.firewall',
    'event.action': 'firewall-drop',
    'event.type': ['connection', 'denied'],
    'source.ip': '10.8.0.3',
    'source.port': 50_000 + second,
    ...DB,
    'wireguard.flow.outcome': 'denied',
    'wireguard.flow.verdict': 'dropped',
    'rule.name': 'wg-deny: ',
    'rule.ruleset': 'inet filter forward',
    ...peerOf(key),
    ...fields,
  })
}

export function login(second: number, key: string, ses: string, fields: Fields = {}): Fields {
  return made(second, {
    ...peerOf(key),
    'event.dataset': 'wireguard.session',
    'event.action': 'host-login',
    'event.outcome': 'success',
    'host.name': 'db1',
    'auditd.session': ses,
    'user.name': 'dba',
    'user.id': '1001',
    'source.ip': '10.8.0.2',
    'process.executable': '/usr/sbin/sshd',
    'wireguard.attribution.method': 'server-tuple',
    ...fields,
  })
}

export function executed(
  second: number,
  key: string,
  ses: string,
  args: readonly string[],
  fields: Fields = {},
): Fields {
  return made(second, {
    ...peerOf(key),
    'event.dataset': 'wireguard.audit',
    'event.action': 'executed',
    'event.category': ['process'],
    'event.outcome': 'success',
    'host.name': 'db1',
    'auditd.session': ses,
    'auditd.user.audit.id': '1001',
    'auditd.user.audit.name': 'dba',
    'user.id': '1001',
    'user.name': 'dba',
    'process.args': args,
    'process.executable': `/usr/bin/${args[0]}`,
    'process.pid': 4000 + Math.floor(second),
    ...fields,
  })
}

/** The polls that carry the inventory into the records. */
export function ledger(inventory = INVENTORY): Fields[] {
  const snapshot = createSnapshots()
  const snapshots = [0, 1, 2, 60].map((second) =>
    snapshot(START + second, { wg0: { [ANN]: ['10.8.0.2/32'], [BOB]: ['10.8.0.3/32'], [SITE]: ['192.168.5.0/24'] } }),
  )
  return ledgerDocuments('gw1', snapshots, inventory)
}
