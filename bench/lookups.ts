/**
 * Parts by themselves, in one process: the ledger's look-up and the trie under it with 10,000 prefixes, the community id, and
 * the packet parser. Each loop runs once to be compiled, then for a fixed number of turns. Run by main.ts as a child of its
 * own, so that what one part leaves in the heap does not slow the next measurement; prints one JSON array.
 */
import { readFileSync } from 'node:fs'
import { type AddressBits, addressBits } from '../src/address.ts'
import { createAddressBook } from '../src/identity/address-book.ts'
import { communityId } from '../src/identity/community-id.ts'
import { createLedger } from '../src/identity/ledger.ts'
import { COVERING_MAX, createPrefixTrie } from '../src/identity/prefix-trie.ts'
import { parsePacket } from '../src/sources/nftables/packet.ts'
import type { PeerRow } from '../src/sources/wireguard/record.ts'
import { SECOND } from '../src/time.ts'
import { createLcg } from './lcg.ts'
import { createPeers, WG_INTERFACE } from './site.ts'

export type PartResult = {
  readonly work: string
  readonly unit: string
  readonly units: number
  readonly seconds: number
  readonly cpuSeconds: number
}

/** Each with one IPv4 and one IPv6 prefix: the 10,000 of the budget. */
const LEDGER_PEERS = 5_000
const POLLS = 4
const ADDRESSES = 4_096

function measureParts(packetLog: string): PartResult[] {
  const peers = createPeers(LEDGER_PEERS)
  const draw = createLcg(3)
  const asked = Array.from({ length: ADDRESSES }, (_, i) => {
    const peer = peers[draw(peers.length)]
    const bits = peer === undefined ? null : addressBits(i % 10 === 0 ? peer.v6 : peer.v4)
    if (bits === null) throw new Error('a peer without an address')
    return bits
  })
  const results = [
    timed('ledger look-up, 10 k prefixes', 'look-ups', 4_000_000, ledgerTurn(peers, asked)),
    timed('prefix trie alone', 'look-ups', 8_000_000, trieTurn(peers, asked)),
    timed('community id', 'ids', 500_000, communityTurn(peers)),
  ]
  return packetLog === ''
    ? results
    : [...results, timed('packet parser alone', 'lines', 500_000, parserTurn(packetLog))]
}

/** A turn returns a number that depends on the work, so that the compiler cannot leave the work out. */
type Turn = (i: number) => number

function ledgerTurn(peers: ReturnType<typeof createPeers>, asked: readonly AddressBits[]): Turn {
  const ledger = createLedger(5 * SECOND)
  const file = { name: 'wg.snapshots', identity: '0'.repeat(14) }
  const rows = peers.map(peerRow)
  const gateway = { interface: WG_INTERFACE, publicKey: 'A'.repeat(44), listenPort: 51_820, fwmark: '' }
  for (let poll = 0; poll < POLLS; poll++) {
    const at = poll * 5 * SECOND
    ledger.observe({
      kind: 'snapshot',
      arrival: at,
      at,
      interfaces: [gateway],
      peers: rows,
      isComplete: true,
      file,
      offset: 0,
    })
  }
  return (i) => {
    const bits = asked[i % ADDRESSES]
    const entry = bits === undefined ? null : ledger.holding(WG_INTERFACE, bits, 5 * SECOND, 10 * SECOND).entry
    if (entry === null) throw new Error('the ledger does not know its own peer')
    return entry.number
  }
}

function trieTurn(peers: ReturnType<typeof createPeers>, asked: readonly AddressBits[]): Turn {
  const trie = createPrefixTrie()
  for (const peer of peers) for (const prefix of [`${peer.v4}/32`, `${peer.v6}/128`]) trie.slotOf(prefix)
  const slots = new Int32Array(COVERING_MAX)
  return (i) => {
    const bits = asked[i % ADDRESSES]
    return bits === undefined ? 0 : trie.covering(bits, slots)
  }
}

function communityTurn(peers: ReturnType<typeof createPeers>): Turn {
  const book = createAddressBook()
  const known = peers.map((peer) => book.of(peer.v4))
  const server = book.of('172.30.51.138')
  return (i) => {
    const source = known[i % known.length]
    if (source === undefined || source === null || server === null) throw new Error('an address that is none')
    return communityId(6, source, i & 0xffff, server, 443).length
  }
}

function parserTurn(packetLog: string): Turn {
  const lines = readFileSync(packetLog, 'latin1').slice(0, 4_000_000).split('\n').slice(0, 10_000)
  const prefix = lines.map((line) => line.indexOf('] ') + 2)
  return (i) => {
    const packet = parsePacket(lines[i % lines.length] ?? '', prefix[i % lines.length] ?? 0)
    if (packet === null || packet === 'malformed') throw new Error(`not a packet line: ${lines[i % lines.length]}`)
    return packet.sport
  }
}

function peerRow(peer: ReturnType<typeof createPeers>[number]): PeerRow {
  return {
    interface: WG_INTERFACE,
    publicKey: peer.publicKey,
    hasPresharedKey: false,
    endpointIp: '',
    endpointPort: 0,
    allowedIps: [`${peer.v4}/32`, `${peer.v6}/128`],
    latestHandshakeAt: 0,
    received: 0,
    sent: 0,
    keepalive: 0,
  }
}

function timed(work: string, unit: string, turns: number, turn: Turn): PartResult {
  let sum = 0
  for (let i = 0; i < turns / 10; i++) sum += turn(i)
  const cpu = process.cpuUsage()
  const started = performance.now()
  for (let i = 0; i < turns; i++) sum += turn(i)
  const seconds = (performance.now() - started) / 1000
  const { user, system } = process.cpuUsage(cpu)
  if (sum === 0) throw new Error(`${work}: nothing was done`)
  return { work, unit, units: turns, seconds, cpuSeconds: (user + system) / 1e6 }
}

process.stdout.write(JSON.stringify(measureParts(process.argv[2] ?? '')))
