/**
 * A peer reaches another peer. Most tunnels are there to reach servers; who gets from device to device goes on from one that was taken.
 * Peers that are documented as servers or sites are there to be reached: as far as the policy allows it, nothing is said.
 */
import { type Event, fieldOf } from '../event.ts'
import type { Severity, Technique } from '../finding-document.ts'
import type { Inventory } from '../identity/inventory.ts'
import { quoteText } from '../kql/print-query.ts'
import { DAY, MINUTE, type Micros } from '../time.ts'
import type { DetectionAbout, DetectionKind } from './catalogue/detection.ts'
import { isConnected, senderOf, targetPortOf } from './catalogue/peer-traffic.ts'
import { aboutPeer, createThreshold, type Found, peerName } from './catalogue/thresholds.ts'
import {
  ADMIN_SHARES,
  REMOTE_DESKTOP,
  REMOTE_MANAGEMENT,
  REMOTE_SERVICES,
  SSH,
  VNC,
} from './catalogue/traffic-techniques.ts'

/** A finding gathers what comes within this time of the first connection. */
const WINDOW: Micros = MINUTE
const SUPPRESSION: Micros = DAY

type Control = { readonly name: string; readonly technique: Technique }

/** TCP ports through which a machine is controlled. */
const CONTROLS: ReadonlyMap<number, Control> = new Map([
  [22, { name: 'SSH', technique: SSH }],
  [23, { name: 'Telnet', technique: REMOTE_SERVICES }],
  [135, { name: 'RPC', technique: REMOTE_SERVICES }],
  [139, { name: 'SMB', technique: ADMIN_SHARES }],
  [445, { name: 'SMB', technique: ADMIN_SHARES }],
  [3389, { name: 'RDP', technique: REMOTE_DESKTOP }],
  [5900, { name: 'VNC', technique: VNC }],
  [5901, { name: 'VNC', technique: VNC }],
  [5985, { name: 'WinRM', technique: REMOTE_MANAGEMENT }],
  [5986, { name: 'WinRM', technique: REMOTE_MANAGEMENT }],
])
const OTHER = 'other'

const ABOUT: DetectionAbout = {
  id: 'lateral-movement',
  title: 'Connection from peer to peer',
  severity: 2,
  origin: 'detection',
  description:
    'One key reached another key through the tunnel, and no documented policy for a server or site explains it. With a service that ' +
    'controls machines (SSH, RDP, SMB, VNC, WinRM) this is how an attacker goes on from a device that was taken.',
  runbook: [
    'Who logged in there? `peertrail timeline PEER` of the target; audit events of its host, where it is audited.',
    'Do both owners know of it? A documented service: kind `server` for the target, a resource with its address and a policy for who may reach it.',
    'Nobody needs peers to reach each other: a rule that drops what comes from the interface and goes to it.',
  ],
  attack: [REMOTE_SERVICES, REMOTE_DESKTOP, ADMIN_SHARES, SSH, VNC, REMOTE_MANAGEMENT],
  limits: { threshold: 'one connection', window: '60 s from the first' },
  suppression: SUPPRESSION,
  baseline: 0,
  query:
    'event.dataset : "wireguard.flow" and wireguard.target_peer.public_key : * and wireguard.flow.outcome : "connected" and ' +
    'wireguard.peer.role : "source" and wireguard.attribution.status : "exact"',
  knownGaps: [
    'Peers on different gateways are seen as peers of each other only where one gateway knows both addresses.',
    'Control through another port (SSH on 2222) is told as another connection, with low severity; without an inventory not at all.',
    'Echo requests do not count. What is not answered does not count: see port-scan and host-sweep.',
    'Documents that are not certainly of the key are left out.',
  ],
}

export const lateralMovement: DetectionKind = {
  about: ABOUT,
  reads: [],
  wants: () => false,
  tallies: [
    {
      reads: ['wireguard.flow'],
      span: MINUTE,
      keyOf: (event) => {
        const target = fieldOf(event, 'wireguard.target_peer.public_key')
        if (target === undefined || !isConnected(event) || targetPortOf(event) === undefined) return null
        const key = senderOf(event)
        if (key === null || key === target) return null
        // What is allowed and what is not are told apart: the one does not hide the other.
        return `${key} ${target} ${controlOf(event)?.name ?? OTHER} ${fieldOf(event, 'wireguard.policy.result') ?? 'no-policy'}`
      },
      distinctOf: (event) => fieldOf(event, 'wireguard.flow.id'),
    },
  ],
  open: ({ emit, inventory, saved }) =>
    createThreshold(
      {
        about: ABOUT,
        measure: 'distinct',
        threshold: 1,
        window: WINDOW,
        inventory,
        describe: (found) => describe(found, inventory),
      },
      emit,
      saved,
    ),
}

function controlOf(event: Event): Control | undefined {
  return fieldOf(event, 'network.transport') === 'tcp' ? CONTROLS.get(targetPortOf(event) ?? -1) : undefined
}

function describe({ first, subject, distinct }: Found, inventory: Inventory) {
  const [key = '', target = '', control = OTHER, policy] = subject.split(' ')
  const severity = severityOf(first, { target, control, isAllowed: policy === 'allowed' }, inventory)
  if (severity === null) return null
  const name = first['wireguard.target_peer.name'] ?? `key ${target.slice(0, 8)}…`
  const service =
    control === OTHER
      ? `${first['network.transport'] ?? ''}/${first['destination.nat.port'] ?? first['destination.port'] ?? ''}`
      : control
  return {
    severity,
    summary:
      `${peerName(first)} reached the peer ${name} with ${service}` +
      `${policy === 'violation' ? ', against the documented policy' : ''}: ` +
      `${distinct.length} ${distinct.length === 1 ? 'connection' : 'connections'} within a minute`,
    query: `wireguard.peer.public_key : ${quoteText(key)} and wireguard.target_peer.public_key : ${quoteText(target)}`,
    about: {
      ...aboutPeer(first),
      'wireguard.policy.result': first['wireguard.policy.result'],
      'wireguard.target_peer.public_key': target,
      'wireguard.target_peer.name': first['wireguard.target_peer.name'],
      'wireguard.target_peer.owner.name': first['wireguard.target_peer.owner.name'],
      'wireguard.target_peer.owner.email': first['wireguard.target_peer.owner.email'],
    },
  }
}

type Reach = { readonly target: string; readonly control: string; readonly isAllowed: boolean }

/** Null: a documented service, or nothing that anybody could judge. */
function severityOf(first: Found['first'], reach: Reach, inventory: Inventory): Severity | null {
  const { target, control, isAllowed } = reach
  const isControl = control !== OTHER
  if (inventory.peers.length === 0) return isControl ? 2 : null
  const gateway = first['observer.name'] ?? ''
  const peer = inventory.peerByKey(gateway, first['wireguard.interface.name'] ?? '', target)
  if (isAllowed) return peer?.kind === 'device' ? 1 : null
  return isControl ? 3 : 1
}
