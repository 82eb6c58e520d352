/** Running, and not stored: a peer that was added with `wg set` and stands in no file is gone after the next restart of the interface. */
import { removePeer, saveInterface } from '../identity/inventory-diff-mend.ts'
import type { PeerRow } from '../sources/wireguard/record.ts'
import type { MachineView, PostureCheck, PostureResult, PostureView } from './check.ts'
import { NO_POLL, NO_STORED } from './not-known.ts'
import { isGateway } from './posture-view.ts'
import { hasEndedByInventory } from './revoked-by-inventory.ts'
import { aboutPeer, keyText, peerName, rowText } from './shown-peer.ts'
import { storedPairs, unreadLines, unstoredInterfaces } from './stored-confs.ts'
import { ACCOUNT_MANIPULATION } from './techniques.ts'

export const runningNotStored: PostureCheck = {
  id: 'peer-not-stored',
  title: 'Running peer that is not stored',
  description:
    'The peer was added at run time only: it is gone after a restart, and whoever reviews the stored configuration does not see it.',
  severity: 2,
  attack: [ACCOUNT_MANIPULATION],
  origin: 'posture',
  area: 'Running, stored, documented',
  knownGaps: [
    'With SaveConfig = true wg-quick writes what runs when the interface goes down in order.',
    'Hooks (PostUp) may add peers: they are not read.',
  ],
  look: (machine, view) => {
    if (!isGateway(machine, view)) return []
    if (machine.stored === null) return [{ kind: 'not-checked', reason: NO_STORED }]
    if (machine.wireguard === null) return [{ kind: 'not-checked', reason: NO_POLL }]
    const pairs = storedPairs(machine)
    const results = pairs.flatMap(({ interface: name, stored, rows }): PostureResult[] => {
      const unread = unreadLines(stored)
      if (unread !== '') return [{ kind: 'not-checked', reason: unread }]
      const known = new Set(stored.conf.peers.map(({ publicKey }) => publicKey))
      return rows
        .filter(({ publicKey }) => !known.has(publicKey))
        .map((row) => notStored(machine, view, row, stored.file, name))
    })
    const unstored = unstoredInterfaces(machine)
    if (unstored !== '') results.push({ kind: 'not-checked', reason: unstored })
    if (results.length > 0 || pairs.length === 0) return results
    return [{ kind: 'passed', text: 'Every peer that runs is stored.' }]
  },
}

function notStored(
  machine: MachineView,
  view: PostureView,
  row: PeerRow,
  file: string,
  interfaceName: string,
): PostureResult {
  const name = peerName(machine, view, interfaceName, row.publicKey)
  const who = name === '' ? `Key ${keyText(row.publicKey)}` : `"${name}"`
  return {
    kind: 'finding',
    subject: `${interfaceName}\0${row.publicKey}`,
    text: `${who} runs on ${interfaceName} and does not stand in ${file}: it is gone after a restart.`,
    evidence: [rowText(row)],
    mend: mendOf(machine, view, row, file),
    about: aboutPeer(machine, view, { interface: interfaceName, publicKey: row.publicKey }),
    exception: null,
  }
}

/** What should not run is not made to last. */
function mendOf(machine: MachineView, { inventory }: PostureView, row: PeerRow, file: string): string[] {
  const documented = inventory?.peerByKey(machine.host, row.interface, row.publicKey) ?? null
  const why = inventory === null ? '' : hasEndedByInventory(inventory, documented, row.publicKey, machine.at)
  if (why !== '') return [removePeer(row.interface, row.publicKey), `# do not store it: ${why}`]
  return [
    `# add its [Peer] to ${file}; where all that runs is meant, this writes it there and drops the comments`,
    saveInterface(row.interface),
  ]
}
