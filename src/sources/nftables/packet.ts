/**
 * The text of one packet log message (formats.md 1.2) to a Packet:
 * `fx-wg fwd IN=fxwg0 OUT=fxwg0 MAC= SRC=10.9.0.2 DST=10.9.0.3 LEN=60 TOS=0x00 PREC=0x00 TTL=63 ID=16614 DF PROTO=TCP …`
 * Authority: net/netfilter/nf_log_syslog.c and nf_log.c of Linux 6.18; before 5.13 the same text came from nf_log_ipv4.c and its like.
 *
 * The grammar is read by position, never as a bag of keys: LEN, ID, SEQ, MACSRC occur twice with different meaning, and
 * interface names and prefixes may look like any token. Syslog headers, stamps and trust are not read here. What the log
 * cannot know (verdict, identity) is not guessed.
 */
import { readLink } from './packet-link.ts'
import type { Head, PacketMemory } from './packet-memory.ts'
import { readNetwork } from './packet-network.ts'
import { CUT } from './packet-scan.ts'
import type { Packet } from './record.ts'

/**
 * Bytes of a message whose buffer ran over: nf_log.c keeps 1019 with the closing NUL, and the first two are the level,
 * which printk takes off. A whole line of just this length would be taken for a cut one, which costs nothing but the flag.
 */
const MESSAGE_BYTES_MAX = 1016

/** NF_LOG_PREFIXLEN of the kernel, without the closing NUL. */
const PREFIX_BYTES_MAX = 127

const BLANK = 32
const CAPITAL_I = 73
const BACKSLASH = 92
const NUMBER_SIGN = 35
/** Both escapes write four characters for a byte. */
const ESCAPE_CHARACTERS = 4

/** Behind OUT=: what a device without link header has. */
const EMPTY_LINK = ' MAC= '

const NO_PREFIXES: readonly string[] = []

/** Log prefixes as parsePacket wants them. */
export function longestFirst(prefixes: readonly string[]): readonly string[] {
  return prefixes.toSorted((a, b) => b.length - a.length)
}

/**
 * `text` is a latin1 line, `from` where the kernel's message begins. `prefixes`, longest first, are the log prefixes of
 * the ruleset: one that stands at `from` with `IN=` behind it is taken as it is, so that an interface called `IN=x` is
 * read right; otherwise the header is the last place that looks like one.
 *
 * null: some other kernel message. `malformed`: a packet line whose addresses or ports cannot be trusted. A line that ends
 * early is a Packet with `isTruncated`, holding the tokens that were closed before the cut; `family` is not 0 exactly when
 * both addresses were read. `memory`, made for the same prefixes, makes it faster and changes nothing.
 */
export function parsePacket(
  text: string,
  from: number,
  prefixes: readonly string[] = NO_PREFIXES,
  memory: PacketMemory | null = null,
): Packet | 'malformed' | null {
  if (text.length - from >= MESSAGE_BYTES_MAX) return parseOverflow(text, from, prefixes)
  return parseMessage(text, from, prefixes, memory)
}

/** The last token of a line cut by the buffer may be half a token even where the grammar allows an end: leave it out. */
function parseOverflow(text: string, from: number, prefixes: readonly string[]): Packet | 'malformed' | null {
  const packet = parseMessage(text.slice(0, text.lastIndexOf(' ') + 1), from, prefixes, null)
  if (packet !== null && packet !== 'malformed') packet.isTruncated = true
  return packet
}

function parseMessage(
  text: string,
  from: number,
  prefixes: readonly string[],
  memory: PacketMemory | null,
): Packet | 'malformed' | null {
  const head = memory?.findHead(text, from) ?? readHead(text, from, prefixes, memory)
  if (head === null || head === 'malformed') return head
  const packet = emptyPacket()
  packet.prefix = head.prefix
  packet.in = head.in
  packet.out = head.out
  const end = from + head.text.length
  let at = head.text.endsWith(EMPTY_LINK) ? end : readLink(text, end, packet)
  if (at >= 0) at = readNetwork(text, at, packet, memory)
  if (at >= 0) return packet
  if (at !== CUT) return 'malformed'
  packet.isTruncated = true
  return packet
}

function readHead(
  text: string,
  from: number,
  prefixes: readonly string[],
  memory: PacketMemory | null,
): Head | 'malformed' | null {
  let start = knownHeader(text, from, prefixes)
  let out = start < 0 ? -1 : outAfter(text, start)
  const isKnown = out >= 0
  if (!isKnown) {
    out = lastOut(text, from)
    if (out < 0) return null
    start = inBefore(text, from, out - 5)
  }
  // Two lines that a writer put into one (formats.md 1.5.1) would otherwise give one packet with a long prefix.
  if (start - from > PREFIX_BYTES_MAX && unescapedLength(text, from, start) > PREFIX_BYTES_MAX) return 'malformed'
  const outEnd = tokenEnd(text, out)
  const end = text.startsWith(EMPTY_LINK, outEnd) ? outEnd + EMPTY_LINK.length : outEnd + 1
  const head: Head = {
    text: text.slice(from, end),
    prefix: text.slice(from, start),
    in: text.slice(start + 3, out - 5),
    out: text.slice(out, outEnd),
    isKnown,
  }
  memory?.addHead(text, from, head)
  return head
}

/** Where `IN=` follows a known prefix, -1 when none fits. */
function knownHeader(text: string, from: number, prefixes: readonly string[]): number {
  for (const prefix of prefixes) {
    const end = from + prefix.length
    if (text.startsWith(prefix, from) && text.startsWith('IN=', end)) return end
  }
  return -1
}

/** Where the value of `OUT=` begins when it belongs to the `IN=` at `start`, -1 when the two are no header. */
function outAfter(text: string, start: number): number {
  const inEnd = tokenEnd(text, start + 3)
  if (!text.startsWith(' OUT=', inEnd)) return -1
  return text.charCodeAt(tokenEnd(text, inEnd + 5)) === BLANK ? inEnd + 5 : -1
}

/** Where the value of the last `IN=… OUT=… ` begins (that of OUT). Each character is looked at a bounded number of times. */
function lastOut(text: string, from: number): number {
  let found = -1
  for (let at = text.indexOf('OUT=', from); at >= 0; at = text.indexOf('OUT=', at + 4)) {
    if (at <= from || text.charCodeAt(at - 1) !== BLANK) continue
    if (text.charCodeAt(tokenEnd(text, at + 4)) !== BLANK) continue
    if (inBefore(text, from, at - 1) >= 0) found = at + 4
  }
  return found
}

/** Where the last `IN=` of the run of non-blank characters before `end` begins, -1 when it holds none. */
function inBefore(text: string, from: number, end: number): number {
  for (let i = end - 1; i >= from && !isSpace(text.charCodeAt(i)); i--) {
    if (text.charCodeAt(i) === CAPITAL_I && i + 3 <= end && text.startsWith('IN=', i)) return i
  }
  return -1
}

/** Bytes of a prefix before a transport escaped it, `\\x0a` (dmesg) or `#012` (rsyslog): the fewest it can have been. */
function unescapedLength(text: string, from: number, end: number): number {
  let length = end - from
  for (let i = from; i < end; i++) {
    const code = text.charCodeAt(i)
    if (code === BACKSLASH || code === NUMBER_SIGN) length -= ESCAPE_CHARACTERS - 1
  }
  return length
}

/** End of the run of non-blank characters at `at`. */
function tokenEnd(text: string, at: number): number {
  let i = at
  while (i < text.length && !isSpace(text.charCodeAt(i))) i++
  return i
}

/** What an interface name cannot hold: isspace() of the kernel, which counts 0xa0. */
function isSpace(code: number): boolean {
  return code === BLANK || (code >= 9 && code <= 13) || code === 0xa0
}

/** A packet of which nothing is known: the one shape that all readers fill. */
export function emptyPacket(): Packet {
  return {
    prefix: '',
    in: '',
    out: '',
    physIn: '',
    physOut: '',
    macSource: '',
    macDestination: '',
    etherType: '',
    vlanId: -1,
    family: 0,
    src: '',
    dst: '',
    length: -1,
    dscp: -1,
    ttl: -1,
    ipId: -1,
    dontFragment: false,
    moreFragments: false,
    fragmentOffset: -1,
    fragmentId: '',
    flowLabel: -1,
    protocol: -1,
    sport: -1,
    dport: -1,
    udpLength: -1,
    tcpSeq: -1,
    tcpAck: -1,
    tcpWindow: -1,
    tcpFlags: '',
    icmpType: -1,
    icmpCode: -1,
    icmpId: -1,
    icmpSeq: -1,
    quoted: '',
    spi: '',
    uid: -1,
    gid: -1,
    mark: '',
    isTruncated: false,
  }
}
