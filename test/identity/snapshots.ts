/** Snapshots as the decoder makes them, written short: time in seconds, interfaces, peers and their AllowedIPs. */
import type { PeerRow, SnapshotRecord } from '../../src/sources/wireguard/record.ts'
import { SECOND } from '../../src/time.ts'

export type Shown = {
  readonly [interfaceName: string]: { readonly [publicKey: string]: readonly string[] | Partial<PeerRow> }
}

const FILE = { name: 'wg.snapshots', identity: '00000000000000' }

/** Like the decoder's row cache: what repeats is the same object. */
export function createSnapshots() {
  const rows = new Map<string, PeerRow>()

  function rowOf(interfaceName: string, publicKey: string, more: Partial<PeerRow>): PeerRow {
    const row: PeerRow = {
      interface: interfaceName,
      publicKey,
      hasPresharedKey: false,
      endpointIp: '',
      endpointPort: 0,
      allowedIps: [],
      latestHandshakeAt: 0,
      received: 0,
      sent: 0,
      keepalive: 0,
      ...more,
    }
    const text = JSON.stringify(row)
    const known = rows.get(text)
    if (known === undefined) rows.set(text, row)
    return known ?? row
  }

  return (seconds: number, shown: Shown, isComplete = true): SnapshotRecord => {
    const at = Math.round(seconds * SECOND)
    const peers: PeerRow[] = []
    for (const [name, holders] of Object.entries(shown)) {
      for (const [key, what] of Object.entries(holders)) {
        // An array is the short form; Array.isArray does not narrow readonly arrays.
        const more = Array.isArray(what)
          ? { allowedIps: (what as readonly string[]).toSorted() }
          : (what as Partial<PeerRow>)
        peers.push(rowOf(name, key, more))
      }
    }
    const interfaces = Object.keys(shown).map((name) => ({
      interface: name,
      publicKey: `${name}-key`,
      listenPort: 51820,
      fwmark: '',
    }))
    return { kind: 'snapshot', arrival: at, at, interfaces, peers, isComplete, file: FILE, offset: 0 }
  }
}
