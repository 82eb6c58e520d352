/** Every row of a requirements report, complete, in files beside the page. */
import { type Micros, toIso } from '../../time.ts'
import { type RowValue, writeRows } from '../rows/row-lines.ts'
import type { RowOutlet } from '../rows/row-outlet.ts'
import { BARE_FILE, PREFIXES_FILE, REQUIREMENTS_FILE } from './requirement-sections.ts'
import type { RequirementsFacts } from './requirements-report.ts'

const WHERE = ['observer.name', 'wireguard.interface.name'] as const
const WHO = ['wireguard.peer.name', 'wireguard.peer.owner.name', 'wireguard.peer.owner.email'] as const

/** A file a table; one without rows is written all the same, so that nothing seems missing. */
export async function writeRequirementFiles(outlet: RowOutlet, facts: RequirementsFacts): Promise<void> {
  await writeRequirements(outlet, facts)
  await writePrefixes(outlet, facts)
  await writeBare(outlet, facts)
}

async function writeRequirements(outlet: RowOutlet, { found }: RequirementsFacts): Promise<void> {
  await writeRows(
    outlet,
    REQUIREMENTS_FILE,
    [
      'requirement',
      'texts',
      'peers',
      'owners',
      'peers_without_owner',
      'prefixes',
      'running',
      'resources',
      'resources_used',
      'last_use',
      'last_try',
      'last_reached',
      'expires',
      'decision',
    ],
    found.rows.map((row) => ({
      requirement: row.id,
      texts: row.texts,
      peers: row.peers,
      owners: row.owners,
      peers_without_owner: row.withoutOwner,
      prefixes: row.prefixes,
      running: row.running,
      resources: row.grants.map(({ resource }) => resource),
      resources_used: row.grants.flatMap(({ resource, lastUse }) => (lastUse === null ? [] : [resource])),
      last_use: time(row.lastUse),
      last_try: time(row.lastTry),
      last_reached: time(row.lastReached),
      expires: time(row.expires),
      decision: null,
    })),
  )
}

async function writePrefixes(outlet: RowOutlet, { found }: RequirementsFacts): Promise<void> {
  await writeRows(
    outlet,
    PREFIXES_FILE,
    [
      'requirement',
      'text',
      ...WHERE,
      ...WHO,
      'wireguard.peer.prefix',
      'of',
      'running',
      'last_use',
      'last_try',
      'last_reached',
      'expires',
    ],
    found.prefixes.map((each) => ({
      requirement: each.id,
      text: each.text,
      ...placed(each),
      'wireguard.peer.prefix': known(each.prefix),
      of: each.isOwn ? 'prefix' : 'peer',
      running: each.isRunning,
      last_use: time(each.lastUse),
      last_try: time(each.lastTry),
      last_reached: time(each.lastReached),
      expires: time(each.expires),
    })),
  )
}

async function writeBare(outlet: RowOutlet, { bare }: RequirementsFacts): Promise<void> {
  await writeRows(
    outlet,
    BARE_FILE,
    [
      ...WHERE,
      'wireguard.peer.public_key',
      ...WHO,
      'wireguard.peer.prefix',
      'documented',
      'running',
      'last_use',
      'last_try',
      'last_reached',
      'wireguard.peer.last_handshake',
      'mend',
      'decision',
    ],
    bare.map((each) => ({
      ...placed(each),
      'wireguard.peer.public_key': known(each.publicKey),
      'wireguard.peer.prefix': known(each.prefix),
      documented: each.isDocumented,
      running: each.isRunning,
      last_use: time(each.lastUse),
      last_try: time(each.lastTry),
      last_reached: time(each.lastReached),
      'wireguard.peer.last_handshake': time(each.lastHandshake),
      mend: each.mend,
      decision: null,
    })),
  )
}

type Placed = {
  readonly gateway: string
  readonly interface: string
  readonly peer: string
  readonly ownerName: string
  readonly ownerEmail: string
}

function placed({ gateway, interface: name, peer, ownerName, ownerEmail }: Placed) {
  return {
    'observer.name': gateway,
    'wireguard.interface.name': name,
    'wireguard.peer.name': known(peer),
    'wireguard.peer.owner.name': known(ownerName),
    'wireguard.peer.owner.email': known(ownerEmail),
  }
}

/** Nothing is no text. */
function known(text: string): RowValue {
  return text === '' ? null : text
}

function time(at: Micros | null): RowValue {
  return at === null ? null : toIso(at)
}
