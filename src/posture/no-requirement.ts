/** Access that nobody can say the reason for: a peer, or an entry of its AllowedIPs, without a requirement in the inventory. */
import type { InventoryPeer } from '../identity/inventory-entries.ts'
import type { MachineView, PostureCheck, PostureResult, PostureView } from './check.ts'
import { NO_INVENTORY, NO_POLL } from './not-known.ts'
import { isGateway } from './posture-view.ts'
import { aboutPeer, prefixesText } from './shown-peer.ts'

const NOWHERE =
  'The inventory names no requirement for any peer, so there is nothing to hold them against: `requirement:` of a peer, or of an entry of allowed_ips.'

export const noRequirement: PostureCheck = {
  id: 'no-requirement',
  title: 'Access without a requirement',
  description:
    'The inventory says that the access may be, and not what it is for: a review cannot tell whether it is still needed.',
  severity: 1,
  attack: [],
  origin: 'posture',
  area: 'Peers',
  knownGaps: ['Whether a requirement still stands is not asked: peertrail does not know its source.'],
  look: (machine, view) => {
    if (!isGateway(machine, view)) return []
    const { inventory } = view
    if (inventory === null) return [{ kind: 'not-checked', reason: NO_INVENTORY }]
    if (machine.wireguard === null) return [{ kind: 'not-checked', reason: NO_POLL }]
    if (!inventory.peers.some(hasAny)) return [{ kind: 'not-checked', reason: NOWHERE }]
    const running = runningPeers(machine, inventory.peers)
    const found = running.flatMap(({ peer, publicKey }) => without(peer, publicKey, machine, view))
    if (found.length > 0) return found
    return running.length === 0 ? [] : [{ kind: 'passed', text: 'Every documented peer that runs has a requirement.' }]
  },
}

function hasAny(peer: InventoryPeer): boolean {
  return peer.requirement !== '' || peer.allowedIps.some(({ requirement }) => requirement !== '')
}

/** Documented peers of this machine with the key they run with; each once. */
function runningPeers(
  { host, wireguard }: MachineView,
  peers: readonly InventoryPeer[],
): { readonly peer: InventoryPeer; readonly publicKey: string }[] {
  const keys = new Set(wireguard?.peers.map((row) => `${row.interface}\0${row.publicKey}`))
  return peers.flatMap((peer) => {
    if (peer.gateway !== host) return []
    const key = peer.keys.find(({ publicKey }) => keys.has(`${peer.interface}\0${publicKey}`))
    return key === undefined ? [] : [{ peer, publicKey: key.publicKey }]
  })
}

/** An entry of AllowedIPs stands for what its peer stands for, unless it says otherwise. */
function without(peer: InventoryPeer, publicKey: string, machine: MachineView, view: PostureView): PostureResult[] {
  if (peer.requirement !== '') return []
  const bare = peer.allowedIps.filter(({ requirement }) => requirement === '').map(({ prefix }) => prefix)
  if (bare.length === 0 && peer.allowedIps.length > 0) return []
  const isPart = bare.length < peer.allowedIps.length
  const text = isPart
    ? `"${peer.name}" holds ${prefixesText(bare)} without a requirement.`
    : `"${peer.name}" has no requirement.`
  return [
    {
      kind: 'finding',
      subject: `${peer.interface}\0${peer.name}`,
      text,
      evidence: [`inventory: ${peer.name}, allowed_ips ${prefixesText(bare)}, no requirement`],
      mend: [
        isPart
          ? `# in the inventory: allowed_ips: [{ prefix: ${JSON.stringify(bare[0] ?? '')}, requirement: REQUIREMENT }]`
          : '# in the inventory: requirement: REQUIREMENT',
      ],
      about: aboutPeer(machine, view, { interface: peer.interface, publicKey }),
      exception: null,
    },
  ]
}
