/**
 * Stored, and not running: a peer that was removed with `wg set … remove` and still stands in the file comes back with the next
 * restart of the interface. A revocation is over only when the file says so too.
 */
import type { ConfPeer } from '../sources/wireguard/conf.ts'
import type { MachineView, PostureCheck, PostureResult, PostureView, StoredConf } from './check.ts'
import { NO_POLL, NO_STORED } from './not-known.ts'
import { isGateway } from './posture-view.ts'
import { hasEndedByInventory } from './revoked-by-inventory.ts'
import { aboutPeer, peerText, prefixesText } from './shown-peer.ts'
import { storedPairs, unreadLines, unstoredInterfaces } from './stored-confs.ts'
import { VALID_ACCOUNTS } from './techniques.ts'

export const storedNotRunning: PostureCheck = {
  id: 'peer-back-after-reboot',
  title: 'Stored peer that does not run',
  description:
    'The peer was removed at run time, or never loaded, and stands in the stored configuration: the next restart of the interface lets it in again.',
  severity: 2,
  attack: [VALID_ACCOUNTS],
  origin: 'posture',
  area: 'Running, stored, documented',
  knownGaps: [
    'With SaveConfig = true wg-quick writes what runs when the interface goes down in order; a crash or power cut does not.',
    'Hooks (PostUp) may add or remove peers: they are not read.',
  ],
  look: (machine, view) => {
    if (!isGateway(machine, view)) return []
    if (machine.stored === null) return [{ kind: 'not-checked', reason: NO_STORED }]
    if (machine.wireguard === null) return [{ kind: 'not-checked', reason: NO_POLL }]
    const pairs = storedPairs(machine)
    const results = pairs.flatMap(({ interface: name, stored, rows }): PostureResult[] => {
      const running = new Set(rows.map((row) => row.publicKey))
      const found = stored.conf.peers
        .filter(({ publicKey }) => !running.has(publicKey))
        .map((peer) => backAfterReboot(machine, view, name, stored, peer))
      // A peer that is not found may stand in such a line.
      const unread = unreadLines(stored)
      return unread === '' ? found : [...found, { kind: 'not-checked', reason: unread }]
    })
    const unstored = unstoredInterfaces(machine)
    if (unstored !== '') results.push({ kind: 'not-checked', reason: unstored })
    if (results.length > 0 || pairs.length === 0) return results
    return [{ kind: 'passed', text: 'No peer comes back with a restart that does not run.' }]
  },
}

function backAfterReboot(
  machine: MachineView,
  view: PostureView,
  interfaceName: string,
  { file }: StoredConf,
  peer: ConfPeer,
): PostureResult {
  const { publicKey, allowedIps, line } = peer
  const documented = view.inventory?.peerByKey(machine.host, interfaceName, publicKey) ?? null
  const why = view.inventory === null ? '' : hasEndedByInventory(view.inventory, documented, publicKey, machine.at)
  const name = peerText(documented?.name ?? peer.name, publicKey)
  return {
    kind: 'finding',
    subject: `${interfaceName}\0${publicKey}`,
    severity: why === '' ? 2 : 3,
    text: `${capital(name)} does not run on ${interfaceName} and stands in ${file}: it is back after a restart${why === '' ? '' : `, though ${why}`}.`,
    evidence: [`${file}:${line}: peer ${publicKey}, allowed ips ${prefixesText(allowedIps)}`],
    mend: [`# take [Peer] at line ${line} out of ${file}${why === '' ? ', or let it in again' : ''}`],
    about: {
      ...aboutPeer(machine, view, { interface: interfaceName, publicKey }),
      'wireguard.peer.allowed_ips': allowedIps.length === 0 ? undefined : [...allowedIps],
    },
    exception: null,
  }
}

function capital(text: string): string {
  return text.startsWith('key ') ? `K${text.slice(1)}` : text
}
