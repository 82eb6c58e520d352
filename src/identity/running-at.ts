/** What runs, out of a ledger: the other side of an inventory diff, where no snapshot lies at hand. */
import type { Micros } from '../time.ts'
import type { RunningInterface } from './inventory-diff.ts'
import type { Ledger } from './ledger.ts'

/**
 * The interfaces of a gateway as the ledger left them: one that goes on after the time in question shows what ran later. The ledger
 * keeps no handshakes; `handshakeOf` is asked for them, null = none known. Interfaces that are down do not run. Order: by name and key.
 */
export function runningAt(
  gateway: string,
  ledger: Pick<Ledger, 'interfaces'>,
  handshakeOf: (interfaceName: string, publicKey: string) => Micros | null,
): RunningInterface[] {
  return [...ledger.interfaces.values()]
    .filter(({ isUp }) => isUp)
    .map(({ name, publicKey, peers }) => ({
      gateway,
      interface: name,
      publicKey,
      peers: [...peers.values()]
        .map((peer) => ({
          publicKey: peer.publicKey,
          allowedIps: peer.row.allowedIps,
          lastHandshake: handshakeOf(name, peer.publicKey),
        }))
        .sort((a, b) => (a.publicKey < b.publicKey ? -1 : 1)),
    }))
    .sort((a, b) => (a.interface < b.interface ? -1 : 1))
}
