/**
 * A stored WireGuard configuration (<if>.conf) to what may be said about it: port, addresses, peers, and names from comments.
 *
 *   [Peer]
 *   # Name = alice
 *   PublicKey = 9JMC…pn4=
 *   AllowedIPs = 10.8.0.2/32, fd08::2/128
 *
 * Authority: wireguard-tools src/config.c and src/wg-quick/linux.bash, as tried out in formats.md 4.3. Values of PrivateKey
 * and PresharedKey are dropped here, unread. What wg would refuse is reported and the rest is still read: files are a source
 * of names, the dump says what runs. Hooks are shell code and never looked at.
 */
import { canonicalAddress } from '../../address.ts'
import { createConfComments } from './conf-comments.ts'
import { allowedPrefix, isKey, parsePort } from './dump.ts'

export type ConfPeer = {
  readonly publicKey: string
  /** Canonical, sorted; what this peer still holds after later peers took theirs. */
  readonly allowedIps: readonly string[]
  readonly hasPresharedKey: boolean
  /** From comments, '' when none names the peer. Text that a person wrote: not trusted. */
  readonly name: string
  /** Of its last `[Peer]`, from 1. */
  readonly line: number
}

/** Fixed words only: a line of such a file may hold a secret. */
export type ConfProblem = { readonly line: number; readonly message: string }

export type WireguardConf = {
  /** -1 when the file sets none: the kernel then picks one. */
  readonly listenPort: number
  /** wg-quick's Address: canonical address/length with its host bits. */
  readonly addresses: readonly string[]
  readonly hasPrivateKey: boolean
  /** In order of first mention. */
  readonly peers: readonly ConfPeer[]
  readonly problems: readonly ConfProblem[]
}

/** Problems kept of one file. */
export const CONF_PROBLEMS_MAX = 100

/** wg-quick keys of [Interface] that say nothing about identity. */
const IGNORED_INTERFACE_KEYS = new Set([
  'fwmark',
  'dns',
  'mtu',
  'table',
  'preup',
  'postup',
  'predown',
  'postdown',
  'saveconfig',
])
const IGNORED_PEER_KEYS = new Set(['endpoint', 'persistentkeepalive'])

/** One `[Peer]` section while it is read. */
type PeerSection = {
  publicKey: string
  hasPresharedKey: boolean
  /** In order; `remove` for the `-10.0.0.1/32` of wireguard-tools 1.0.20250521. */
  readonly entries: { readonly prefix: string; readonly sign: '' | '+' | '-' }[]
  name: string
  readonly line: number
}

type Draft = {
  section: 'none' | 'interface' | 'peer' | 'unknown'
  listenPort: number
  hasPrivateKey: boolean
  readonly addresses: string[]
  readonly sections: PeerSection[]
  readonly problems: ConfProblem[]
}

export function parseConf(text: string): WireguardConf {
  const draft: Draft = {
    section: 'none',
    listenPort: -1,
    hasPrivateKey: false,
    addresses: [],
    sections: [],
    problems: [],
  }
  const comments = createConfComments()
  let number = 0
  // The empty line at the end tells the comments that nothing more follows.
  for (const raw of [...text.split('\n'), '']) {
    number++
    const hash = raw.indexOf('#')
    const content = hash < 0 ? raw : raw.slice(0, hash)
    const squeezed = squeeze(content, number, draft)
    const isPeerStart = squeezed.toLowerCase() === '[peer]'
    if (squeezed !== '') readLine(squeezed, content, number, draft)
    const name = comments.read(
      hash < 0 ? null : raw.slice(hash),
      squeezed === '' ? 'nothing' : isPeerStart ? 'peer' : 'setting',
    )
    const current = draft.section === 'peer' ? draft.sections.at(-1) : undefined
    if (current !== undefined && name !== '') current.name = name
  }
  return {
    listenPort: draft.listenPort,
    addresses: draft.addresses,
    hasPrivateKey: draft.hasPrivateKey,
    peers: settlePeers(draft.sections, draft.problems),
    problems: draft.problems,
  }
}

/** wg removes all white space, also inside keys and values. A byte order mark it would refuse is reported and passed over. */
function squeeze(content: string, number: number, draft: Draft): string {
  const squeezed = content.replace(/\s+/g, '')
  if (number === 1 && (content.startsWith('\ufeff') || content.startsWith('\u00ef\u00bb\u00bf'))) {
    report(draft.problems, number, 'starts with a byte order mark, which wg refuses')
    return squeezed.replace(/^\u00ef\u00bb\u00bf/, '')
  }
  return squeezed
}

function readLine(squeezed: string, content: string, number: number, draft: Draft): void {
  if (squeezed.startsWith('[')) {
    startSection(squeezed.toLowerCase(), number, draft)
    return
  }
  const equals = squeezed.indexOf('=')
  const key = equals < 0 ? '' : squeezed.slice(0, equals).toLowerCase()
  const value = squeezed.slice(equals + 1)
  if (draft.section === 'interface')
    readInterfaceKey(key, value, content.slice(content.indexOf('=') + 1), number, draft)
  else if (draft.section === 'peer') readPeerKey(key, value, number, draft)
  else if (draft.section === 'none') report(draft.problems, number, 'a setting before any section, which wg refuses')
}

function startSection(squeezed: string, number: number, draft: Draft): void {
  if (squeezed === '[interface]') draft.section = 'interface'
  else if (squeezed === '[peer]') {
    draft.section = 'peer'
    draft.sections.push({ publicKey: '', hasPresharedKey: false, entries: [], name: '', line: number })
  } else {
    draft.section = 'unknown'
    report(draft.problems, number, 'an unknown section, expected [Interface] or [Peer]')
  }
}

/** `loose` is the value with its white space: wg-quick also takes blanks between addresses. */
function readInterfaceKey(key: string, value: string, loose: string, number: number, draft: Draft): void {
  if (key === 'privatekey') draft.hasPrivateKey = value !== ''
  else if (key === 'listenport') {
    const port = parsePort(value)
    if (port < 0) report(draft.problems, number, 'ListenPort is no port, expected 0 to 65535')
    else draft.listenPort = port
  } else if (key === 'address') {
    for (const entry of loose.split(/[\s,]+/)) {
      if (entry === '') continue
      const address = interfaceAddress(entry)
      if (address === null) report(draft.problems, number, 'Address is no address, expected address/length')
      else draft.addresses.push(address)
    }
  } else if (!IGNORED_INTERFACE_KEYS.has(key)) report(draft.problems, number, 'an unknown setting in [Interface]')
}

function readPeerKey(key: string, value: string, number: number, draft: Draft): void {
  const section = draft.sections.at(-1)
  if (section === undefined) return
  if (key === 'presharedkey') section.hasPresharedKey = value !== ''
  else if (key === 'publickey') {
    if (isKey(value)) section.publicKey = value
    else report(draft.problems, number, 'PublicKey is no key, expected 44 base64 characters')
  } else if (key === 'allowedips') readAllowedIps(value, number, section, draft)
  else if (!IGNORED_PEER_KEYS.has(key)) report(draft.problems, number, 'an unknown setting in [Peer]')
}

function readAllowedIps(value: string, number: number, section: PeerSection, draft: Draft): void {
  if (value === '') report(draft.problems, number, 'AllowedIPs is empty, which older versions of wg refuse')
  for (const entry of value === '' ? [] : value.split(',')) {
    const sign = entry.startsWith('+') ? '+' : entry.startsWith('-') ? '-' : ''
    const prefix = allowedPrefix(entry.slice(sign.length))
    if (prefix === null) report(draft.problems, number, 'AllowedIPs holds something that is no prefix')
    else section.entries.push({ prefix, sign })
  }
}

function interfaceAddress(text: string): string | null {
  const [host = '', length] = text.split('/', 2)
  const address = canonicalAddress(host)
  const prefix = allowedPrefix(text)
  // An IPv4-mapped address has two possible lengths: of the IPv6 form it was written in, or of IPv4.
  const isMapped = address !== null && text.includes(':') && !address.includes(':')
  return address === null || prefix === null || isMapped
    ? null
    : `${address}/${length ?? (address.includes(':') ? 128 : 32)}`
}

/** Cryptokey routing: a later section of the same key replaces its list, a prefix belongs to whoever named it last. */
function settlePeers(sections: readonly PeerSection[], problems: ConfProblem[]): ConfPeer[] {
  const peers = new Map<string, { section: PeerSection; held: Set<string>; name: string; hasPresharedKey: boolean }>()
  const holders = new Map<string, Set<string>>()
  for (const section of sections) {
    if (section.publicKey === '') {
      report(problems, section.line, 'a [Peer] without PublicKey, which wg refuses')
      continue
    }
    const known = peers.get(section.publicKey)
    const held = known?.held ?? new Set<string>()
    if (section.entries.every((entry) => entry.sign === '')) held.clear()
    for (const { prefix, sign } of section.entries) {
      const holder = holders.get(prefix)
      if (sign === '-') held.delete(prefix)
      else {
        if (holder !== held) holder?.delete(prefix)
        held.add(prefix)
        holders.set(prefix, held)
      }
    }
    const hasPresharedKey = section.hasPresharedKey || (known?.hasPresharedKey ?? false)
    peers.set(section.publicKey, { section, held, name: section.name || (known?.name ?? ''), hasPresharedKey })
  }
  return [...peers].map(([publicKey, { section, held, name, hasPresharedKey }]) => {
    return { publicKey, allowedIps: [...held].sort(), hasPresharedKey, name, line: section.line }
  })
}

function report(problems: ConfProblem[], line: number, message: string): void {
  if (problems.length < CONF_PROBLEMS_MAX) problems.push({ line, message })
}
