/**
 * Keyed pseudonyms: `person-7k3f9q2m` for a person, wherever she is named. Each is HMAC-SHA-256 of a text and its kind under the secret,
 * so that whoever has the secret gets the same ones in every report, and who has not can neither compute nor undo them. An e-mail and
 * the name that inventories give it alone are one person.
 *
 * What is known (personal-texts.ts) is found in free text; what only its shape gives away (shaped-texts.ts) is replaced too. Times,
 * resources, hosts and what was done stay: pseudonym-note.ts says so in the report.
 */
import { createHmac } from 'node:crypto'
import { canonicalAddress } from '../../address.ts'
import { createPrefixIndex } from '../../identity/prefix-index.ts'
import { compareText } from '../../kql/text-match.ts'
import { type AskedText, withAskedTexts } from './asked-texts.ts'
import { createKnownTexts, type KnownText } from './known-texts.ts'
import { PERSONAL_KINDS, type PersonalKind, SYSTEM_ACCOUNTS } from './personal-fields.ts'
import type { PersonalTexts } from './personal-texts.ts'
import { deriveKey } from './pseudonym-keys.ts'
import { findShapes, type ShapedText } from './shaped-texts.ts'

export type Pseudonyms = {
  /** Free text with everybody in it replaced; the same text when there is nobody. */
  text(text: string): string
  /** The text of a place where names are expected: weak ones count there as a whole too (known-texts.ts). */
  named(text: string): string
  /** The value of a field that names somebody of this kind, known or not. */
  value(kind: PersonalKind, text: string): string
  /** What was replaced so far, by pseudonym, sorted. */
  used(): UsedPseudonym[]
}

export type UsedPseudonym = {
  readonly pseudonym: string
  readonly kind: PersonalKind
  /** As they stood there, sorted: a name and an e-mail, an address in two spellings. At most SPELLINGS_MAX. */
  readonly texts: readonly string[]
}

/** Characters of a pseudonym behind its kind: 40 bits. */
const DIGITS = 8
/** Added at a time to tell two apart that begin alike. */
const MORE_DIGITS = 2
/** Of one pseudonym in the mapping. */
const SPELLINGS_MAX = 16
/** Text within hex within percent signs … is looked into this deep. */
const DEPTH_MAX = 3
/** What parts a name in file names, addresses and URLs: `ann_lee.pdf`. */
const JOINTS = ['_', '.', '-', '+']
/** Characters of a key that were typed for it (peer-selector.ts). */
const KEY_START_MIN = 4
/** No i, l, o, u: nobody reads one for another. */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'

type Named = { readonly kind: PersonalKind; readonly text: string }
type Given = { readonly pseudonym: string; readonly kind: PersonalKind; readonly shown: Set<string> }
type Replacement = { readonly start: number; readonly end: number; readonly by: string }

/**
 * `secret`: 32 bytes of `keygen --pseudonyms`. `asked`: whom the report was asked about, as it was typed: somebody of whom nothing is
 * recorded, or the beginning of a key. Cost grows with the number of texts.
 */
export function createPseudonyms(
  secret: Buffer,
  recorded: PersonalTexts,
  asked: readonly AskedText[] = [],
): Pseudonyms {
  const people = withAskedTexts(recorded, asked)
  const names = createNames(secret, people)
  const keys = [...(people.texts.get('key') ?? [])].sort(compareText)
  const known = createKnownTexts([...knownTexts(people), ...askedBeginnings(asked, keys)])
  const kindOfAddress = createAddressKinds(people)

  function nameOf(kind: PersonalKind, text: string, shown: string): string {
    if (kind === 'account' && SYSTEM_ACCOUNTS.has(text.toLowerCase())) return shown
    return names.of(kind, text, shown)
  }

  function shapedBy(shaped: ShapedText, shown: string, depth: number): string {
    const { shape, text } = shaped
    if (shape === 'email') return nameOf('person', text, shown)
    if (shape === 'key') return nameOf('key', text, shown)
    if (shape === 'cut-key') {
      const key = keyBeginning(keys, text)
      return key === null ? shown : nameOf('key', key, shown)
    }
    if (shape === 'address') {
      const kind = kindOfAddress(text)
      if (kind !== null) return nameOf(kind, text, shown)
      // `fd08::2:443` is an address by itself, and more often one with its port.
      const [, head = '', port = ''] = /^(.+):(\d{1,5})$/.exec(shown) ?? []
      const address = port === '' ? null : canonicalAddress(head)
      const kindOfHead = address === null ? null : kindOfAddress(address)
      return address === null || kindOfHead === null ? shown : `${nameOf(kindOfHead, address, head)}:${port}`
    }
    if (shape === 'home') {
      const entry = known.whole(text)
      return entry === null ? nameOf('account', text, shown) : nameOf(entry.kind, entry.text, shown)
    }
    const replaced = depth >= DEPTH_MAX ? text : replace(text, depth + 1)
    if (replaced === text) return shown
    return shape === 'hex' ? Buffer.from(replaced, 'utf8').toString('hex').toUpperCase() : encodeURIComponent(replaced)
  }

  function replace(text: string, depth: number): string {
    const found: Replacement[] = known
      .findIn(text)
      .map(({ start, end, what }) => ({ start, end, by: nameOf(what.kind, what.text, text.slice(start, end)) }))
    for (const shaped of findShapes(text)) {
      const shown = text.slice(shaped.start, shaped.end)
      const by = shapedBy(shaped, shown, depth)
      if (by !== shown) found.push({ start: shaped.start, end: shaped.end, by })
    }
    return applied(text, found)
  }

  const freeText = (text: string) => replace(text, 0)

  return {
    text: freeText,
    named(text) {
      const entry = known.whole(text)
      return entry === null ? freeText(text) : nameOf(entry.kind, entry.text, text)
    },
    value(kind, text) {
      if (text === '') return text
      if (kind === 'address' || kind === 'endpoint') {
        const address = canonicalAddress(text)
        return address === null ? freeText(text) : nameOf(kindOfAddress(address) ?? kind, address, text)
      }
      if (kind === 'key' && text.endsWith('…')) return freeText(text)
      return nameOf(kind, text, text)
    },
    used: () => names.used(),
  }
}

/** The longest of those that begin first, and so on; the rest of what they cover is gone with them. */
function applied(text: string, found: Replacement[]): string {
  if (found.length === 0) return text
  found.sort((a, b) => a.start - b.start || b.end - a.end)
  let result = ''
  let at = 0
  for (const { start, end, by } of found) {
    if (end <= at) continue
    // One that only begins within another stands for the rest that it has: no part of a name is left.
    result += start >= at ? `${text.slice(at, start)}${by}` : `-${by}`
    at = end
  }
  return result + text.slice(at)
}

function* knownTexts(people: PersonalTexts): Generator<KnownText<Named>> {
  for (const kind of PERSONAL_KINDS) {
    // Addresses and keys have a shape: they are found by it, in any spelling.
    if (kind === 'address' || kind === 'endpoint' || kind === 'key') continue
    for (const text of [...(people.texts.get(kind) ?? [])].sort(compareText)) {
      if (kind === 'account' && SYSTEM_ACCOUNTS.has(text.toLowerCase())) continue
      yield { text, what: { kind, text } }
      const local = kind === 'person' ? localPart(text) : ''
      if (local !== '') yield { text: local, what: { kind, text } }
      if (kind !== 'person' || !/\S\s+\S/.test(text)) continue
      for (const joint of JOINTS) yield { text: text.trim().replaceAll(/\s+/g, joint), what: { kind, text } }
    }
  }
}

/** `release-manager-27` names a person without the rest of her address; `info` or `ann` may be anything. */
function localPart(email: string): string {
  const local = email.slice(0, Math.max(0, email.lastIndexOf('@')))
  return local.length >= 6 && /[\p{L}].*[._\d-]|[._-].*\p{L}/u.test(local) ? local : ''
}

/** Of keys that begin like what was asked for. */
function askedBeginnings(asked: readonly AskedText[], keys: readonly string[]): KnownText<Named>[] {
  return asked.flatMap(({ text }) => {
    const key = text.length >= KEY_START_MIN ? keyBeginning(keys, text) : null
    return key === null ? [] : [{ text, what: { kind: 'key', text: key } }]
  })
}

/** By the prefixes peers held: a tunnel's, else an endpoint that was seen; null for an address of nobody. */
function createAddressKinds({ tunnels, fixed, texts }: PersonalTexts): (address: string) => PersonalKind | null {
  const index = createPrefixIndex(tunnels.map((prefix) => [prefix, prefix] as const))
  const servers = createPrefixIndex(fixed.map((prefix) => [prefix, prefix] as const))
  const endpoints = new Set(texts.get('endpoint'))
  const isOne = (prefix: string) => prefix.endsWith(prefix.includes(':') ? '/128' : '/32')
  return (address) => {
    const [longest] = index.covering(address)
    // What lies behind a site may be a server that everybody may know; what a peer alone holds is the peer's.
    if (longest !== undefined && (isOne(longest) || servers.covering(address).length === 0)) return 'address'
    return endpoints.has(address) ? 'endpoint' : null
  }
}

/** The only key that begins so; null when none does, or several. `keys` are sorted. */
function keyBeginning(keys: readonly string[], beginning: string): string | null {
  let [low, high] = [0, keys.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (compareText(keys[middle] ?? '', beginning) < 0) low = middle + 1
    else high = middle
  }
  const [first, second] = [keys[low], keys[low + 1]]
  if (first === undefined || !first.startsWith(beginning)) return null
  return second?.startsWith(beginning) === true ? beginning : first
}

function createNames(secret: Buffer, people: PersonalTexts) {
  const key = deriveKey(secret, 'names')
  const emailOfName = onlyEmails(people)
  /** Identity by pseudonym. */
  const taken = new Map<string, string>()
  const given = new Map<string, Given>()

  function identityOf(kind: PersonalKind, text: string): string {
    if (kind !== 'person') return `${kind}\0${text.normalize('NFC')}`
    const email = emailOfName.get(text) ?? text
    return `person\0${email.includes('@') ? email.toLowerCase() : email.normalize('NFC')}`
  }

  function make(kind: PersonalKind, identity: string): string {
    const digits = base32(createHmac('sha256', key).update(identity).digest())
    for (let length = DIGITS; length <= digits.length; length += MORE_DIGITS) {
      const pseudonym = `${kind}-${digits.slice(0, length)}`
      if (!taken.has(pseudonym) || taken.get(pseudonym) === identity) return pseudonym
    }
    throw new Error(`two texts have one HMAC-SHA-256: ${kind}`)
  }

  function entryOf(kind: PersonalKind, text: string): Given {
    const identity = identityOf(kind, text)
    const found = given.get(identity)
    if (found !== undefined) return found
    const pseudonym = make(kind, identity)
    taken.set(pseudonym, identity)
    const entry: Given = { pseudonym, kind, shown: new Set() }
    given.set(identity, entry)
    return entry
  }

  // In one order, so that those that begin alike are told apart the same way whatever the report shows first.
  for (const kind of PERSONAL_KINDS)
    for (const text of [...(people.texts.get(kind) ?? [])].sort(compareText)) entryOf(kind, text)

  return {
    of(kind: PersonalKind, text: string, shown: string): string {
      const entry = entryOf(kind, text)
      if (entry.shown.size < SPELLINGS_MAX) entry.shown.add(text).add(shown)
      return entry.pseudonym
    },
    used: () =>
      [...given.values()]
        .filter(({ shown }) => shown.size > 0)
        .map(({ pseudonym, kind, shown }): UsedPseudonym => ({ pseudonym, kind, texts: [...shown].sort(compareText) }))
        .sort((a, b) => compareText(a.pseudonym, b.pseudonym)),
  }
}

/** Names that all inventories give one e-mail alone. */
function onlyEmails({ people }: PersonalTexts): Map<string, string> {
  const emails = new Map<string, string>()
  const shared = new Set<string>()
  for (const { name, email } of people) {
    const before = emails.get(name)
    if (before !== undefined && before !== email.toLowerCase()) shared.add(name)
    emails.set(name, email.toLowerCase())
  }
  for (const name of shared) emails.delete(name)
  return emails
}

function base32(bytes: Buffer): string {
  let [digits, rest, bits] = ['', 0, 0]
  for (const byte of bytes) {
    rest = (rest << 8) | byte
    for (bits += 8; bits >= 5; bits -= 5) digits += ALPHABET.charAt((rest >> (bits - 5)) & 31)
    rest &= (1 << bits) - 1
  }
  return digits
}
