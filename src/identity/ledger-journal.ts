/**
 * The ledger as documents of `peertrail.ledger` (design 10), from which it is rebuilt elsewhere and later (ledger-restore.ts): all
 * peers once a day, every change of who holds what, every poll. Counters and handshakes are not in it, and no secret ever was.
 *
 *   ledger-inventory  the inventory's text, in parts; `wireguard.attribution.inventory` is its hash
 *   ledger-keyframe   all interfaces and peers, in parts: {"part","parts","period","interfaces","peers"}
 *   ledger-change     what differs from the poll before: {"interfaces","down","peers","removed"}
 *   ledger-polls      times of polls, as differences: {"polls","late"}
 */
import { createFacet, type Event, type Facet } from '../event.ts'
import { createHashedIds } from '../event-id.ts'
import type { PeerRow, SnapshotRecord } from '../sources/wireguard/record.ts'
import { DAY, type Micros, SECOND } from '../time.ts'
import type { Ledger, LedgerChange } from './ledger.ts'

/** The inventory whose names stand in the documents made beside these; hash '' = none. */
export type InventoryVersion = { readonly hash: string; readonly text: string }

export type LedgerJournal = {
  /** `changes` is what the ledger answered to this very snapshot. */
  observe(snapshot: SnapshotRecord, changes: readonly LedgerChange[]): void
  /** Writes the polls that wait. */
  flush(): void
  save(): SavedLedgerJournal
}

export type SavedLedgerJournal = {
  /** Whose names stand in the documents since the newest keyframe. */
  readonly inventory: string
  readonly keyframeDay: number
  readonly polls: readonly Micros[]
  readonly late: readonly (readonly [newest: Micros, at: Micros])[]
}

/** [name, public key, listen port] */
export type InterfaceCells = readonly [string, string, number]
/** [interface, public key, AllowedIPs, endpoint address or '', endpoint port] */
export type PeerCells = readonly [string, string, readonly string[], string, number]

/** Polls wait this long for others, in event time: a row each would be most of the store of a quiet gateway. */
const POLLS_WAIT: Micros = 5 * SECOND
const POLLS_MAX = 256
/** Peers of one part of a keyframe, characters of one part of an inventory: a line stays below a MiB. */
const PART_PEERS = 2_000
const PART_CHARACTERS = 131_072

export function createLedgerJournal(
  options: {
    readonly gateway: string
    readonly ledger: Ledger
    /** Configured period of polls, null when it is measured. */
    readonly period: Micros | null
    readonly inventory: InventoryVersion
  },
  emit: (event: Event) => void,
  saved?: SavedLedgerJournal,
): LedgerJournal {
  const { gateway, ledger, period, inventory } = options
  const idOf = createHashedIds()
  const facets = new Map<string, Facet>()
  // Another inventory is written down at once, with a keyframe as ever: documents name it from now on.
  let keyframeDay = saved?.inventory === inventory.hash ? saved.keyframeDay : Number.NaN
  let polls: Micros[] = saved === undefined ? [] : [...saved.polls]
  /** Polls that came with an older stamp, each after the newest then. */
  let late: (readonly [newest: Micros, at: Micros])[] = saved === undefined ? [] : [...saved.late]

  function write(action: string, at: Micros, part: number, text: string): void {
    let facet = facets.get(action)
    if (facet === undefined) {
      facet = createFacet({
        'event.kind': 'event',
        'event.action': action,
        'event.dataset': 'peertrail.ledger',
        'event.module': 'wireguard',
        'event.provider': 'peertrail',
        'host.name': gateway,
        'wireguard.attribution.inventory': inventory.hash || undefined,
      })
      facets.set(action, facet)
    }
    emit({
      dataset: 'peertrail.ledger',
      own: {
        '@timestamp': at,
        'event.id': idOf(at, 'ledger', gateway, inventory.hash, action, part, polls[0] ?? ''),
        'event.sequence': part,
        'event.original': text,
      },
      facets: [facet],
    })
  }

  function writeKeyframe(snapshot: SnapshotRecord): void {
    const { at } = snapshot
    if (inventory.hash !== '') {
      for (let start = 0, part = 0; start < inventory.text.length; start += PART_CHARACTERS, part++)
        write('ledger-inventory', at, part, inventory.text.slice(start, start + PART_CHARACTERS))
    }
    const interfaces = snapshot.interfaces.map(({ interface: name, publicKey, listenPort }) => [
      name,
      publicKey,
      listenPort,
    ])
    const parts = Math.max(1, Math.ceil(snapshot.peers.length / PART_PEERS))
    for (let part = 0; part < parts; part++) {
      const peers = snapshot.peers.slice(part * PART_PEERS, (part + 1) * PART_PEERS).map(toCells)
      write('ledger-keyframe', at, part, JSON.stringify({ part, parts, period, interfaces, peers }))
    }
  }

  function flush(): void {
    const [first] = polls
    if (first === undefined && late.length === 0) return
    const differences = polls.map((at, i) => at - (polls[i - 1] ?? 0))
    const at = polls.at(-1) ?? ledger.polls.newest
    write('ledger-polls', at, 0, JSON.stringify({ polls: differences, late }))
    polls = []
    late = []
  }

  return {
    observe(snapshot, changes) {
      if (!snapshot.isComplete) return
      const { at } = snapshot
      if (at !== ledger.polls.newest) {
        late.push([ledger.polls.newest, at])
        if (late.length >= POLLS_MAX) flush()
        return
      }
      const day = Math.floor(at / DAY)
      if (day !== keyframeDay) {
        keyframeDay = day
        writeKeyframe(snapshot)
      } else {
        const text = changeText(changes)
        if (text !== '') write('ledger-change', at, 0, text)
      }
      polls.push(at)
      if (polls.length >= POLLS_MAX || at - (polls[0] ?? at) >= POLLS_WAIT) flush()
    },
    flush,
    save: () => ({ inventory: inventory.hash, keyframeDay, polls, late }),
  }
}

/** '' when nobody holds anything else than before. */
function changeText(changes: readonly LedgerChange[]): string {
  const interfaces: InterfaceCells[] = []
  const down: string[] = []
  const peers: PeerCells[] = []
  const removed: (readonly [string, string])[] = []
  for (const change of changes) {
    switch (change.what) {
      case 'interface-up':
        interfaces.push([change.interface.name, change.interface.publicKey, change.interface.listenPort])
        break
      case 'interface-down':
        down.push(change.interface.name)
        break
      case 'peer-removed':
        removed.push([change.peer.interface, change.peer.publicKey])
        break
      case 'peer-added':
      case 'allowed-ips-changed':
      case 'endpoint-changed':
        peers.push(toCells(change.peer.row))
        break
      case 'row-changed':
        break
      default:
        change satisfies never
    }
  }
  if (interfaces.length + down.length + peers.length + removed.length === 0) return ''
  return JSON.stringify({ interfaces, down, peers, removed })
}

function toCells({ interface: name, publicKey, allowedIps, endpointIp, endpointPort }: PeerRow): PeerCells {
  return [name, publicKey, allowedIps, endpointIp, endpointPort]
}
