/** Stored configurations as the checks want them, wherever they come from. */
import { factOf, type HostFacts, isKnown } from '../sources/hostfacts/facts.ts'
import type { PeerRow } from '../sources/wireguard/record.ts'
import type { MachineView, StoredConf } from './check.ts'

/** Those that host facts brought along; null where they do not say. */
export function storedOfFacts(facts: HostFacts | null): ReadonlyMap<string, StoredConf> | null {
  if (facts === null) return null
  const stored = factOf(facts.stored)
  if (!isKnown(stored)) return null
  return new Map(stored.map((each) => [each.interface, { file: each.file, conf: each.conf }]))
}

/** An interface that runs, with the file it comes from after the next reboot. */
export type StoredPair = {
  readonly interface: string
  readonly stored: StoredConf
  readonly rows: readonly PeerRow[]
}

/** Interfaces that are known on both sides, by name. */
export function storedPairs({ wireguard, stored }: MachineView): StoredPair[] {
  if (wireguard === null || stored === null) return []
  const rows = Map.groupBy(wireguard.peers, (row) => row.interface)
  return wireguard.interfaces.flatMap(({ interface: name }) => {
    const own = stored.get(name)
    return own === undefined ? [] : [{ interface: name, stored: own, rows: rows.get(name) ?? [] }]
  })
}

/** `wg0.conf` has lines wg would refuse: what is missing in it may stand in one of them. '' for a file that is read whole. */
export function unreadLines({ file, conf }: StoredConf): string {
  const [first, ...more] = conf.problems
  if (first === undefined) return ''
  const others = more.length === 0 ? '' : `, and ${more.length} more`
  return `${file} has lines that wg would refuse, so it is not known what it sets: line ${first.line}, ${first.message}${others}.`
}

/** Interfaces that run and have no file: said, because another program may keep them. */
export function unstoredInterfaces({ wireguard, stored }: MachineView): string {
  if (wireguard === null || stored === null) return ''
  const names = wireguard.interfaces.map(({ interface: name }) => name).filter((name) => !stored.has(name))
  if (names.length === 0) return ''
  return `No stored configuration of ${names.join(', ')} is known: what NetworkManager, systemd-networkd or a script keeps is not read.`
}
