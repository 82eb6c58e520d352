/**
 * Finds private and preshared keys in the bytes of a file, and says only that they are there (design 2.7):
 *
 *   PrivateKey = 2BJt…V7Vg=                   a setting: of wg and wg-quick, of systemd-networkd, of NetworkManager, of YAML and JSON
 *   2BJt…V7Vg= <tab> 9JMC…pn4= <tab> 51820    a row of `wg show wg0 dump`
 *   2BJt…V7Vg=                                a file with nothing else, as `wg genkey >privatekey` makes it
 *
 * 32 bytes in base64 are a private, a preshared or a public key, or no key at all: they look alike. Certain is what a setting
 * names, and what has its public key (X25519, RFC 7748) beside it or among the public keys of this machine. A lone key looks like a
 * private one when it has the three bits that `wg genkey` clears and the one it sets (one in 16 public keys has them too) and its
 * file is called like one or lies beside configurations.
 */
import { createPrivateKey, createPublicKey } from 'node:crypto'

export type KeyTrace = {
  readonly kind: 'private-key' | 'preshared-key'
  readonly form: 'setting' | 'dump' | 'key'
  readonly isCertain: boolean
  /** What `known` says of its public key, '' = nothing. */
  readonly holder: string
}

export type KeySurroundings = {
  /** The file's own name, without its folder. */
  readonly name: string
  /** It lies in a folder with configurations of WireGuard or files called like keys. */
  readonly isBesideConf: boolean
  /** Whose a public key is, for people: `wg0`, `a peer of wg0`. */
  readonly known: ReadonlyMap<string, string>
  /** Keys of which the public one may still be worked out, some tenths of a millisecond each; below 0 = there were more. */
  readonly tries?: { left: number }
}

/** Keys tried in one file with all that is in it: a file made of keys would hold up everything else of the process for minutes. */
export const TRIES_MAX = 1_000

/** Traces told of one file; a file of a key server may have thousands. */
export const TRACES_MAX = 100

const KEY = '[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]='
const LONE_KEY = new RegExp(`^\\s*(${KEY})\\s*$`)
/** Any key; the look-behind keeps long runs of base64 from being tried at every digit. */
const ANY_KEY = new RegExp(`(?<![A-Za-z0-9+/])${KEY}`)
/** `PrivateKey = …`, `private-key=…`, `"private_key": "…"`, also behind a comment sign: a key in a comment is a key. */
const SETTING = new RegExp(
  `(?<![A-Za-z])(?:wg[_-]?|wireguard[_-]?)?(private|preshared|pre[_-]shared)[ _-]?key["']?[ \\t]*[:=][ \\t]*["']?(${KEY})`,
  'gi',
)
const PRIVATE_NAME = /(?:^|[._-])(?:priv|private|private[._-]?key|privkey|key|wgkey)(?:[._-]|$)|private[._-]?key/i
const PRESHARED_NAME = /psk|preshared|pre[._-]shared/i
const PUBLIC_NAME = /pub(?:lic)?(?:[._-]?key)?(?:[._-]|$)|public/i

/** DER of a PKCS #8 X25519 private key up to its 32 bytes (RFC 8410). */
const PKCS8_HEAD = Buffer.from('302e020100300506032b656e04220420', 'hex')

/** Never throws; nothing of the text is in the result. Each kind, form and holder once. */
export function findKeyTraces(bytes: Buffer, surroundings: KeySurroundings): KeyTrace[] {
  const text = plainText(bytes)
  if (!ANY_KEY.test(text)) return []
  const found = new Map<string, KeyTrace>()
  const tried: Tried = { ...surroundings, publicOf: createTries(surroundings.tries ?? { left: TRIES_MAX }) }
  const add = (trace: KeyTrace) => {
    if (found.size < TRACES_MAX) found.set(`${trace.kind} ${trace.form} ${trace.isCertain} ${trace.holder}`, trace)
  }
  for (const [, word = '', key = ''] of text.matchAll(SETTING)) addSetting(word, key, tried, add)
  if (text.includes('\t')) for (const line of text.split('\n')) addRow(line, tried, add)
  const lone = LONE_KEY.exec(text)?.[1]
  if (lone !== undefined) addLone(lone, tried, add)
  return [...found.values()]
}

/** Latin1, without a byte order mark; of UTF-16 the bytes that are not NUL, which is all of what is looked for. */
function plainText(bytes: Buffer): string {
  const text = bytes.toString('latin1')
  const isWide = /^(?:\xff\xfe|\xfe\xff|[^\0]\0[^\0]\0|\0[^\0]\0[^\0])/.test(text)
  return (isWide ? text.replaceAll('\0', '') : text).replace(/^(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff)/, '')
}

/** Whether a file of this name makes its folder one where keys are kept. */
export function isKeyPlace(name: string): boolean {
  return name.endsWith('.conf') || PRIVATE_NAME.test(name) || PRESHARED_NAME.test(name)
}

/** The X25519 public key of a private one in base64, '' when it is none. */
export function publicKeyOf(privateKey: string): string {
  try {
    const key = Buffer.concat([PKCS8_HEAD, Buffer.from(privateKey, 'base64')])
    const der = createPublicKey(createPrivateKey({ key, format: 'der', type: 'pkcs8' })).export({
      format: 'der',
      type: 'spki',
    })
    // RFC 8410: the last 32 bytes are the key.
    return der.subarray(-32).toString('base64')
  } catch {
    // Not 32 bytes.
    return ''
  }
}

type Add = (trace: KeyTrace) => void
type Tried = KeySurroundings & { readonly publicOf: (privateKey: string) => string }

/** Public keys as far as the tries go, '' behind them. Dumps repeat the same key every second: those cost nothing. */
function createTries(tries: { left: number }): (privateKey: string) => string {
  const known = new Map<string, string>()
  return (privateKey) => {
    const before = known.get(privateKey)
    if (before !== undefined) return before
    if (tries.left <= 0) {
      tries.left = -1
      return ''
    }
    tries.left--
    const publicKey = publicKeyOf(privateKey)
    known.set(privateKey, publicKey)
    return publicKey
  }
}

function addSetting(word: string, key: string, { known, publicOf }: Tried, add: Add): void {
  if (isPlaceholder(key)) return
  const isPrivate = word.toLowerCase() === 'private'
  const holder = isPrivate ? (known.get(publicOf(key)) ?? '') : ''
  add({ kind: isPrivate ? 'private-key' : 'preshared-key', form: 'setting', isCertain: true, holder })
}

/**
 * `wg show all dump` has the interface's name before each row, `wg show wg0 dump` has not: 5 and 9 columns, or 4 and 8. What stands
 * where the private key does is one when the public key behind it belongs to it.
 */
function addRow(line: string, { known, publicOf }: Tried, add: Add): void {
  const columns = line.trimEnd().split('\t')
  const first = columns.length === 5 || columns.length === 9 ? 1 : columns.length === 4 || columns.length === 8 ? 0 : -1
  if (first < 0) return
  const [one = '', two = ''] = columns.slice(first)
  if (!isKey(one) || !isKey(two) || isPlaceholder(one) || isPlaceholder(two)) return
  if (columns.length >= 8) add({ kind: 'preshared-key', form: 'dump', isCertain: true, holder: known.get(one) ?? '' })
  else if (publicOf(one) === two)
    add({ kind: 'private-key', form: 'dump', isCertain: true, holder: known.get(two) ?? '' })
}

function addLone(key: string, { name, isBesideConf, known, publicOf }: Tried, add: Add): void {
  if (isPlaceholder(key) || known.has(key)) return
  const holder = known.get(publicOf(key)) ?? ''
  if (holder !== '') add({ kind: 'private-key', form: 'key', isCertain: true, holder })
  else if (PRESHARED_NAME.test(name)) add({ kind: 'preshared-key', form: 'key', isCertain: false, holder: '' })
  else if (!PUBLIC_NAME.test(name) && isClamped(key) && (isBesideConf || PRIVATE_NAME.test(name)))
    add({ kind: 'private-key', form: 'key', isCertain: false, holder: '' })
}

function isKey(text: string): boolean {
  return text.length === 44 && ANY_KEY.test(text)
}

/** All bytes alike, as in examples: nobody's key. */
function isPlaceholder(key: string): boolean {
  return new Set(Buffer.from(key, 'base64')).size === 1
}

/** RFC 7748 section 5, as `wg genkey` writes keys. */
function isClamped(key: string): boolean {
  const bytes = Buffer.from(key, 'base64')
  return ((bytes[0] ?? 1) & 7) === 0 && ((bytes[31] ?? 0) & 0xc0) === 0x40
}
