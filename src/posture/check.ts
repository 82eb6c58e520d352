/**
 * The contract of a posture check: it looks at what is known of one machine at one time, and says what is in order, what is not
 * and what its sources cannot show. Pure: no clock, no I/O. A new check is a file beside the others and a line in checks.ts.
 */

import type { Fields } from '../fields.ts'
import type { FindingKind, Severity } from '../finding-document.ts'
import type { Inventory } from '../identity/inventory.ts'
import type { Difference } from '../identity/inventory-diff.ts'
import type { HostFacts } from '../sources/hostfacts/facts.ts'
import type { RulesetDocument } from '../sources/nftables/ruleset-document.ts'
import type { WireguardConf } from '../sources/wireguard/conf.ts'
import type { PeerRow, SnapshotRecord } from '../sources/wireguard/record.ts'
import type { Micros } from '../time.ts'

/** A machine as far as its sources show it at `at`. Null: that source is not there, which is no answer, and never a pass. */
export type MachineView = {
  readonly host: string
  readonly at: Micros
  /** The newest complete `wg show all dump`. */
  readonly wireguard: SnapshotRecord | null
  /** What peers did over the time that is known; [] without polls. */
  readonly peers: readonly PeerCourse[]
  /** Stored configuration by interface name, without private keys. */
  readonly stored: ReadonlyMap<string, StoredConf> | null
  /** The newest ruleset. */
  readonly ruleset: RulesetDocument | null
  readonly facts: HostFacts | null
  /** Kernels that were seen running, oldest first: the newest is the one that runs. [] without host facts. */
  readonly kernels: readonly KernelSighting[]
}

export type StoredConf = { readonly file: string; readonly conf: WireguardConf }

/** One key on one interface, from the first poll known to the last. */
export type PeerCourse = {
  readonly interface: string
  readonly publicKey: string
  readonly firstAt: Micros
  readonly lastAt: Micros
  /** Bytes from and to the peer over that time, resets of the counters added up. */
  readonly received: number
  readonly sent: number
  /** Of them what was counted since the newest handshake became stale (STALE_HANDSHAKE in peer-courses.ts). */
  readonly receivedStale: number
  readonly sentStale: number
  /** First poll that showed no session any more; null = the newest handshake is not stale. */
  readonly staleFrom: Micros | null
  /** First and last poll that showed more received than the poll before, since it became stale; null = none did. */
  readonly grewStaleFrom: Micros | null
  readonly grewStaleUntil: Micros | null
  /** Over the whole time, restarts of the interface included; null = never. */
  readonly lastHandshake: Micros | null
}

export type KernelSighting = { readonly release: string; readonly since: Micros; readonly until: Micros }

export type PostureView = {
  /** Sorted by name. */
  readonly machines: readonly MachineView[]
  /** Null: none was given; nothing is documented then, and nothing is compared with it. */
  readonly inventory: Inventory | null
  /** What runs on this machine against what the inventory documents; worked out once. [] without inventory. Made by createPostureView. */
  readonly differences: (host: string) => readonly Difference[]
  /** A key as it runs in the machine's poll, null = it does not, or there is no poll. */
  readonly rowOf: (host: string, interfaceName: string, publicKey: string) => PeerRow | null
}

/** `subject` tells apart what one check says of one machine: an interface, a key, a file. */
export type PostureResult =
  | {
      readonly kind: 'finding'
      readonly subject: string
      /** Where it differs from the check's. */
      readonly severity?: Severity
      /** One sentence: what is the case. */
      readonly text: string
      /** What shows it, a line each: rows of the dump, lines of a file. No secret. */
      readonly evidence: readonly string[]
      /** Shell lines as root, or lines for a file; one that begins with # is for people. */
      readonly mend: readonly string[]
      /** `wireguard.interface.name`, `wireguard.peer.*` and the like, as far as it is about them. */
      readonly about: Fields
      /** The inventory accepts it. Checks leave it null: runChecks looks it up by check id and `wireguard.peer.name` of `about`. */
      readonly exception: { readonly reason: string; readonly approvedBy: string; readonly until: Micros | null } | null
    }
  | { readonly kind: 'passed'; readonly text: string }
  | { readonly kind: 'not-checked'; readonly reason: string }

/** What a check is, without how it looks. */
export type PostureKind = FindingKind & {
  readonly origin: 'posture'
  /** Title of the part of the screen it stands in. */
  readonly area: PostureArea
  readonly knownGaps: readonly string[]
}

export type PostureCheck = PostureKind & {
  /** Of one machine. A check that looks at several (a documented gateway of which nothing is known) is asked once with each. */
  readonly look: (machine: MachineView, view: PostureView) => readonly PostureResult[]
}

/** In the order of the screen. */
export const POSTURE_AREAS = [
  'Running, stored, documented',
  'Peers',
  'Reach',
  'Private keys',
  'Kernel',
  'Logging rules',
  'Connection tracking',
  'Audit',
  'Sensors',
  'Clock',
  'Exceptions',
] as const

export type PostureArea = (typeof POSTURE_AREAS)[number]
