/** What stands, as posture's checks look at it, so that a review says the same as `posture` does, with the same mends. */
import type { MachineView, PeerCourse, PostureView } from '../../posture/check.ts'
import { createPostureView, unknownMachine } from '../../posture/posture-view.ts'
import type { KeySigns } from './key-signs.ts'
import type { Standing, StandingGateway } from './standing-gateways.ts'

/** Each gateway is judged as of its last poll. Rules, files and host facts are in no store, so checks of them have nothing to look at. */
export function standingView({ gateways, inventory, at }: Standing, signs: KeySigns): PostureView {
  const machines = gateways.map((each) => machineOf(each, signs))
  const known = new Set(machines.map(({ host }) => host))
  for (const { name } of inventory?.gateways ?? []) if (!known.has(name)) machines.push(unknownMachine(name, at))
  return createPostureView(machines, inventory)
}

function machineOf({ gateway, poll, running }: StandingGateway, signs: KeySigns): MachineView {
  const keys = running.flatMap((tunnel) => tunnel.peers.map((peer) => ({ interface: tunnel.interface, peer })))
  return {
    host: gateway,
    at: poll,
    wireguard: {
      kind: 'snapshot',
      arrival: poll,
      at: poll,
      interfaces: running.map(({ interface: name, publicKey }) => ({
        interface: name,
        publicKey,
        listenPort: 0,
        fwmark: '',
      })),
      peers: keys.map(({ interface: name, peer }) => ({
        interface: name,
        publicKey: peer.publicKey,
        hasPresharedKey: false,
        endpointIp: '',
        endpointPort: 0,
        allowedIps: peer.allowedIps,
        latestHandshakeAt: signs.of(gateway, name, peer.publicKey)?.lastHandshake ?? 0,
        received: 0,
        sent: 0,
        keepalive: 0,
      })),
      isComplete: true,
      file: { name: 'ledger', identity: '' },
      offset: 0,
    },
    peers: keys.flatMap(({ interface: name, peer }): PeerCourse[] => {
      const sign = signs.of(gateway, name, peer.publicKey)
      if (sign === null) return []
      return [
        {
          interface: name,
          publicKey: peer.publicKey,
          firstAt: sign.firstSeen,
          lastAt: sign.lastSeen,
          received: 0,
          sent: 0,
          receivedStale: 0,
          sentStale: 0,
          staleFrom: null,
          grewStaleFrom: null,
          grewStaleUntil: null,
          lastHandshake: sign.lastHandshake,
        },
      ]
    }),
    stored: null,
    ruleset: null,
    facts: null,
    kernels: [],
  }
}
