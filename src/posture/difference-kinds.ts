/** What each kind of difference between gateway and inventory means as a posture check: its severity, and what is said where there is none. */
import type { Severity, Technique } from '../finding-document.ts'
import type { Difference, DifferenceKind } from '../identity/inventory-diff.ts'
import type { MachineView } from './check.ts'
import { ACCOUNT_MANIPULATION, EXTERNAL_REMOTE_SERVICES, VALID_ACCOUNTS } from './techniques.ts'

export type DifferenceCheck = {
  readonly title: string
  readonly description: string
  readonly severity: Severity
  /** Where the difference itself is worse, or less, than its kind. */
  readonly severityOf?: (difference: Difference, machine: MachineView) => Severity
  readonly attack: readonly Technique[]
  /** Said where there is none of them. */
  readonly passed: string
  readonly knownGaps: readonly string[]
}

const BETWEEN_POLLS = 'What was changed and undone between two polls is not seen.'

export const DIFFERENCE_TABLE: Readonly<Record<DifferenceKind, DifferenceCheck>> = {
  'unknown-peer': {
    title: 'Key that nobody documented',
    description: 'A key is accepted on the gateway and stands in no entry of the inventory: who holds it is not known.',
    severity: 3,
    attack: [EXTERNAL_REMOTE_SERVICES, ACCOUNT_MANIPULATION],
    passed: 'Every key that runs is documented.',
    knownGaps: [BETWEEN_POLLS],
  },
  'unknown-interface': {
    title: 'Interface that nobody documented',
    description: 'A WireGuard interface runs on the gateway that the inventory does not name: nothing watches it.',
    severity: 3,
    attack: [EXTERNAL_REMOTE_SERVICES],
    passed: 'Every interface that runs is documented.',
    knownGaps: ['Interfaces in other network namespaces show only where polls go there.'],
  },
  'key-outside-dates': {
    title: 'Key runs outside its documented dates',
    description:
      'The inventory says that the key ended, or has not begun: a rotation or revocation that was not carried out.',
    severity: 3,
    attack: [VALID_ACCOUNTS],
    passed: 'No key runs outside its documented dates.',
    knownGaps: ['Keys documented without dates never end.'],
  },
  'peer-expired': {
    title: 'Expired peer still runs',
    description: 'The peer was to be looked at again by a day that is over, and nobody did.',
    severity: 2,
    attack: [VALID_ACCOUNTS],
    passed: 'No expired peer runs.',
    knownGaps: ['Peers documented without an end never expire.'],
  },
  'owner-left': {
    title: 'Key of somebody who left',
    description: 'The person who answers for the peer left by the inventory, and the key is still accepted.',
    severity: 3,
    attack: [VALID_ACCOUNTS],
    passed: 'No key of somebody who left runs.',
    knownGaps: ['Only what the inventory says of people: it is not compared with a directory.'],
  },
  'key-elsewhere': {
    title: 'Key runs where it is not documented',
    description: 'The key is documented for another gateway or interface: a move nobody wrote down, or a copied key.',
    severity: 2,
    attack: [VALID_ACCOUNTS, ACCOUNT_MANIPULATION],
    passed: 'Every key runs where it is documented.',
    knownGaps: [BETWEEN_POLLS],
  },
  'prefix-undocumented': {
    title: 'AllowedIPs wider than documented',
    description:
      'The key may send from, and receives packets for, addresses that are not documented for it: a typing error, a widening, or an address taken from another peer.',
    severity: 2,
    // Every address, or one that is somebody else's.
    severityOf: ({ prefix, documented }) => (prefix.endsWith('/0') || documented !== '' ? 3 : 2),
    attack: [ACCOUNT_MANIPULATION],
    passed: 'No peer runs with AllowedIPs that are not documented.',
    knownGaps: [BETWEEN_POLLS],
  },
  'prefix-expired': {
    title: 'Expired AllowedIPs still run',
    description: 'An entry of AllowedIPs was documented up to a day that is over.',
    severity: 2,
    attack: [VALID_ACCOUNTS],
    passed: 'No expired AllowedIPs run.',
    knownGaps: ['Entries documented without an end never expire.'],
  },
  'no-owner': {
    title: 'Peer without an owner',
    description: 'The key is accepted, and nobody answers for it: there is nobody to ask when it does something.',
    severity: 2,
    attack: [],
    passed: 'Every peer that runs has an owner.',
    knownGaps: ['Whether the person exists is not asked anywhere else.'],
  },
  'rotation-overdue': {
    title: 'Key rotation overdue',
    description: 'The key is older than the inventory allows for this peer.',
    severity: 2,
    attack: [VALID_ACCOUNTS],
    passed: 'No rotation is overdue.',
    knownGaps: ['Only peers with rotate_every, and keys with a documented start.'],
  },
  'key-not-running': {
    title: 'Documented key does not run',
    description:
      'The inventory says that the key is accepted, and it is not: an entry to end, or access that was lost.',
    severity: 1,
    attack: [],
    passed: 'Every documented key runs.',
    knownGaps: [],
  },
  'prefix-not-running': {
    title: 'Documented AllowedIPs do not run',
    description:
      'The peer runs without an address that is documented for it; where another key holds it, its packets go there.',
    severity: 1,
    // WireGuard gives a prefix to one key only: who has it gets what is meant for the other.
    severityOf: ({ interface: interfaceName, prefix }, { wireguard }) =>
      wireguard?.peers.some((row) => row.interface === interfaceName && row.allowedIps.includes(prefix)) ? 2 : 1,
    attack: [],
    passed: 'Every documented prefix runs.',
    knownGaps: [],
  },
  'interface-not-running': {
    title: 'Documented interface does not run',
    description: 'The inventory names an interface of this gateway that is not up. Nothing is said of its peers.',
    severity: 2,
    attack: [],
    passed: 'Every documented interface runs.',
    knownGaps: [],
  },
  'no-snapshot': {
    title: 'Gateway that nobody looked at',
    description: 'The inventory documents the gateway, and there is no poll of it: nothing can be said of its peers.',
    severity: 2,
    attack: [],
    passed: 'There is a poll of it.',
    knownGaps: [],
  },
}
