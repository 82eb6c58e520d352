/** AllowedIPs that run against those that are stored: after a restart the stored ones hold. */
import type { ConfPeer } from '../sources/wireguard/conf.ts'
import type { PeerRow } from '../sources/wireguard/record.ts'
import type { MachineView, PostureCheck, PostureResult, PostureView } from './check.ts'
import { NO_POLL, NO_STORED } from './not-known.ts'
import { isGateway } from './posture-view.ts'
import { aboutPeer, keyText, peerName, prefixesText, rowText } from './shown-peer.ts'
import { storedPairs, unreadLines, unstoredInterfaces } from './stored-confs.ts'
import { ACCOUNT_MANIPULATION } from './techniques.ts'

export const storedPrefixes: PostureCheck = {
  id: 'prefix-not-as-stored',
  title: 'AllowedIPs that run are not those that are stored',
  description:
    'The AllowedIPs of a peer were changed at run time only, or in the file only: a restart changes what the key may send from.',
  severity: 2,
  attack: [ACCOUNT_MANIPULATION],
  origin: 'posture',
  area: 'Running, stored, documented',
  knownGaps: ['Hooks (PostUp) may change AllowedIPs: they are not read.'],
  look: (machine, view) => {
    if (!isGateway(machine, view)) return []
    if (machine.stored === null) return [{ kind: 'not-checked', reason: NO_STORED }]
    if (machine.wireguard === null) return [{ kind: 'not-checked', reason: NO_POLL }]
    const pairs = storedPairs(machine)
    const results = pairs.flatMap(({ stored, rows }): PostureResult[] => {
      const unread = unreadLines(stored)
      if (unread !== '') return [{ kind: 'not-checked', reason: unread }]
      const known = new Map(stored.conf.peers.map((peer) => [peer.publicKey, peer]))
      return rows.flatMap((row) => {
        const peer = known.get(row.publicKey)
        return peer === undefined ? [] : differing(machine, view, row, peer, stored.file)
      })
    })
    const unstored = unstoredInterfaces(machine)
    if (unstored !== '') results.push({ kind: 'not-checked', reason: unstored })
    if (results.length > 0 || pairs.length === 0) return results
    return [{ kind: 'passed', text: 'Every peer runs with the AllowedIPs that are stored.' }]
  },
}

function differing(
  machine: MachineView,
  view: PostureView,
  row: PeerRow,
  peer: ConfPeer,
  file: string,
): PostureResult[] {
  const [running, stored] = [new Set(row.allowedIps), new Set(peer.allowedIps)]
  const gone = row.allowedIps.filter((prefix) => !stored.has(prefix))
  const back = peer.allowedIps.filter((prefix) => !running.has(prefix))
  if (gone.length === 0 && back.length === 0) return []
  const name = peerName(machine, view, row.interface, row.publicKey)
  const who = name === '' ? `Key ${keyText(row.publicKey)}` : `"${name}"`
  const changes = [
    ...(gone.length === 0 ? [] : [`${prefixesText(gone)} runs and is not stored`]),
    ...(back.length === 0 ? [] : [`${prefixesText(back)} is stored and does not run`]),
  ]
  return [
    {
      kind: 'finding',
      subject: `${row.interface}\0${row.publicKey}`,
      // What a restart opens wide.
      severity: back.some((prefix) => prefix.endsWith('/0')) ? 3 : 2,
      text: `${who}: ${changes.join(', ')}. A restart of ${row.interface} changes it.`,
      evidence: [rowText(row), `${file}:${peer.line}: allowed ips ${prefixesText(peer.allowedIps)}`],
      mend: [`# correct AllowedIPs of [Peer] at line ${peer.line} of ${file}, or what runs, whichever is wrong`],
      about: aboutPeer(machine, view, { interface: row.interface, publicKey: row.publicKey }),
      exception: null,
    },
  ]
}
