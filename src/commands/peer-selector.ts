/**
 * PEER on the command line (design 9): a name, a key or its unique start, an e-mail, or an address, looked for in what was
 * recorded. A person has several peers and a device several keys over time; they belong together. Two different peers that both
 * fit are listed, and the command ends.
 */
import { canonicalAddress } from '../address.ts'
import { AppError, type Problem } from '../errors.ts'
import type { FieldName } from '../fields.ts'
import type { Query } from '../kql/ast.ts'
import { equals, exists, hasAddress, holdsInOrder, startsWith } from '../kql/build.ts'
import { allOf, anyOf, negate } from '../kql/combine.ts'
import { WILDCARDS_MAX } from '../kql/literal.ts'
import { compareText } from '../kql/text-match.ts'
import { quoted } from '../safe-text.ts'
import { ALL_TIME, type EventReader } from '../store/event-reader.ts'

/** What a PEER argument stands for. */
export type SelectedPeers = {
  /** What it was found as. */
  readonly by: 'name' | 'key' | 'e-mail' | 'address'
  /** For headings: `ivy (MacBook Air)`, `ivy@example.com`. */
  readonly label: string
  /** Public keys, oldest first: those documents have in `wireguard.peer.public_key`. */
  readonly keys: readonly string[]
  /** Of the people who own them, as documents have them, sorted. */
  readonly emails: readonly string[]
}

export type KnownPeer = {
  readonly key: string
  readonly name: string
  readonly device: string
  readonly email: string
  readonly owner: string
  readonly gateway: string
  readonly interface: string
}

/** Shorter beginnings of a key are names or mistakes. */
const KEY_START_MIN = 4
const LISTED_MAX = 12

/** What tells known peers apart, in the order of KnownPeer. */
const IDENTITY: readonly FieldName[] = [
  'wireguard.peer.public_key',
  'wireguard.peer.name',
  'wireguard.peer.device',
  'wireguard.peer.owner.email',
  'wireguard.peer.owner.name',
  'host.name',
  'wireguard.interface.name',
]

/** Throws AppError `usage` when nobody or several different peers fit. */
export async function selectPeers(reader: EventReader, text: string): Promise<SelectedPeers> {
  const address = canonicalAddress(text)
  const found =
    address === null ? matching(await knownPeers(reader, maybeCalled(text)), text) : await holdersOf(reader, address)
  // The newest one that has a name: a key may have been documented later, or given to another device.
  const shown = found.peers.findLast(({ name }) => name !== '') ?? found.peers[0]
  if (shown === undefined) {
    throw new AppError('usage', `no peer in ${reader.name} is called ${quoted(text)}`, {
      advice:
        'Give a name, a public key or the beginning of one, an e-mail, or a tunnel address; `peertrail peers` lists them.',
    })
  }
  const keys = [...new Set(found.peers.map(({ key }) => key))]
  const different = new Set(found.peers.map((peer) => (found.by === 'e-mail' ? peer.email : identityOf(peer))))
  // One key is one peer, whatever it was called over time and wherever it was seen.
  if (keys.length > 1 && different.size > 1) throw ambiguous(text, found.peers)
  const emails = [...new Set(found.peers.map(({ email }) => email))].filter((email) => email !== '').sort(compareText)
  return { by: found.by, label: labelOf(shown, found.by), keys, emails }
}

/**
 * Every peer that documents name, once for each name and owner it ever had, oldest first. `narrower`: only in documents of that query.
 * What audited hosts tell, and findings about it, name peers too, but its host is no gateway, and its client address may be a gateway's
 * own.
 */
export async function knownPeers(reader: EventReader, narrower: Query): Promise<KnownPeer[]> {
  const query = allOf([
    exists('wireguard.peer.public_key'),
    negate(equals('event.provider', ['auditd'])),
    negate(equals('event.dataset', ['wireguard.finding'])),
    narrower,
  ])
  const groups = await reader.groups({ datasets: null, ...ALL_TIME, query }, IDENTITY)
  return groups
    .map(({ values, oldest }) => ({ oldest, texts: values.map((value) => (typeof value === 'string' ? value : '')) }))
    .sort((a, b) => a.oldest - b.oldest || compareText(placeOf(a.texts), placeOf(b.texts)))
    .map(({ texts }) => {
      const [key = '', name = '', device = '', email = '', owner = '', gateway = '', tunnel = ''] = texts
      return { key, name, device, email, owner, gateway, interface: tunnel }
    })
}

/** Key and gateway before the rest. */
function placeOf([key, name, device, email, owner, gateway, tunnel]: readonly string[]): string {
  return [key, gateway, name, device, email, owner, tunnel].join('\0')
}

/** Documents of every peer that `matching` may choose, and of some more: KQL folds the case of ASCII letters only. */
export function maybeCalled(text: string): Query {
  // Without a text everybody who is not documented fits.
  if (text === '') return allOf([])
  // `k` and, before its dot, `i` may stand in small letters for a letter that is no ASCII: the Kelvin sign, the dotted capital I.
  const pieces = text
    .toLowerCase()
    .split(/[^\0-\x7f]+|k|i(?=\u0307)/)
    .slice(0, WILDCARDS_MAX)
  return anyOf([
    startsWith('wireguard.peer.public_key', text),
    holdsInOrder('wireguard.peer.name', pieces),
    holdsInOrder('wireguard.peer.owner.email', pieces),
    holdsInOrder('wireguard.peer.owner.name', pieces),
  ])
}

type Found = { readonly by: SelectedPeers['by']; readonly peers: readonly KnownPeer[] }

/** Exact names before keys before people before beginnings: what is written in full is meant. */
function matching(peers: readonly KnownPeer[], text: string): Found {
  const same = (value: string) => value.toLowerCase() === text.toLowerCase()
  const by = (kind: Found['by'], fits: (peer: KnownPeer) => boolean): Found => ({ by: kind, peers: peers.filter(fits) })
  const tries: Found[] = [
    by('name', (peer) => peer.name === text),
    by('key', (peer) => peer.key === text),
    by('e-mail', (peer) => peer.email !== '' && same(peer.email)),
    by('name', (peer) => peer.name !== '' && same(peer.name)),
    by('e-mail', (peer) => peer.owner !== '' && same(peer.owner)),
    by('key', (peer) => text.length >= KEY_START_MIN && peer.key.startsWith(text)),
  ]
  return tries.find((each) => each.peers.length > 0) ?? { by: 'name', peers: [] }
}

/** Peers that the documents prove to have held a tunnel address. */
async function holdersOf(reader: EventReader, address: string): Promise<Found> {
  const held = (side: 'source' | 'destination') =>
    allOf([equals('wireguard.peer.role', [side]), hasAddress(`${side}.ip`, address)])
  const query = allOf([equals('wireguard.attribution.status', ['exact']), anyOf([held('source'), held('destination')])])
  return { by: 'address', peers: await knownPeers(reader, query) }
}

/** The device where one is documented: its keys change. */
function identityOf({ name, key, gateway }: KnownPeer): string {
  return name === '' ? key : `${gateway}\0${name}`
}

function labelOf({ name, device, email, owner, key }: KnownPeer, by: Found['by']): string {
  if (by === 'e-mail') return owner === '' ? email : `${owner} <${email}>`
  if (name === '') return key
  return device === '' ? name : `${name} (${device})`
}

function ambiguous(text: string, peers: readonly KnownPeer[]): AppError {
  const lines = new Map<string, Problem>()
  for (const { key, gateway, interface: tunnel, name, email } of peers) {
    const message = `${key.slice(0, 8)}… on ${gateway} ${tunnel}${email === '' ? '' : `, ${email}`}`
    lines.set(`${name} ${message}`, { file: name || '(not documented)', line: 0, column: 0, message })
  }
  const more = lines.size - LISTED_MAX
  return new AppError(
    'usage',
    `${quoted(text)} fits ${lines.size} peers${more > 0 ? `, ${LISTED_MAX} of them:` : ':'}`,
    {
      problems: [...lines.values()].slice(0, LISTED_MAX),
      advice: 'Name one of them by its name or the beginning of its key.',
    },
  )
}
