/**
 * What a drill looks at on this machine: `wg show all dump` (its secrets are taken out by sources/wireguard before anything else sees a
 * row), `conntrack -L`, and the stored configurations. Nothing is changed.
 */

import type { Clock } from '../live/clock.ts'
import { runCommand } from '../live/collectors/run-command.ts'
import { safeText } from '../safe-text.ts'
import { createSnapshotDecoder } from '../sources/wireguard/decoder.ts'
import type { PeerRow, SnapshotRecord } from '../sources/wireguard/record.ts'
import { readStoredConfs } from '../sources/wireguard/stored-confs.ts'
import { type Micros, toIso } from '../time.ts'
import type { Look } from './drill-stages.ts'

/** A dump that takes longer is no stopwatch any more. */
const TIMEOUT_MS = 10_000
const BYTES_MAX = 64 * 1024 * 1024
/** Addresses of a key whose entries are counted. */
const ADDRESSES_MAX = 16
const SAID_MAX = 200
const FILE = { name: 'wg show all dump', identity: '00000000000000' }

export type Machine = {
  /** Full paths; '' = not installed. */
  readonly wg: string
  readonly conntrack: string
  /** `/`, or where a test keeps its /etc/wireguard. */
  readonly root: string
  readonly clock: Clock
}

/** One dump. */
export type Running = { readonly peers: readonly PeerRow[]; readonly interfaces: readonly string[] }

/** What `wg` writes of an interface that it may not or cannot ask; it goes on with the next one, and its exit status may be 0. */
const UNREADABLE = 'Unable to access interface'

/** What runs now, or why that is not known. Never rejects. */
export async function readRunning({ wg, clock }: Machine): Promise<Running | { readonly problem: string }> {
  if (wg === '') return { problem: 'wg is not installed' }
  const { stdout, stderr, problem } = await runCommand(
    [wg, 'show', 'all', 'dump'],
    { timeoutMs: TIMEOUT_MS, bytesMax: BYTES_MAX },
    clock,
  ).done
  // What wg says on stderr is a message of its own; rows stand on stdout only.
  if (problem !== '')
    return { problem: safeText(`${problem} ${stderr.split('\n', 1).join('')}`.trim().slice(0, SAID_MAX)) }
  if (stderr.includes(UNREADABLE))
    return { problem: safeText(stderr.trim().split('\n', 1).join('').slice(0, SAID_MAX)) }
  return decodeDump(stdout.toString('latin1'), clock.now())
}

function decodeDump(text: string, at: Micros): Running | { readonly problem: string } {
  const found: SnapshotRecord[] = []
  let unread = 0
  const decoder = createSnapshotDecoder({}, (item) => {
    if (item.kind === 'snapshot') found.push(item)
    else unread++
  })
  decoder.push({ text: `# ${toIso(at)} drill`, offset: 0, flaw: '' }, FILE)
  for (const line of text.split('\n')) if (line !== '') decoder.push({ text: line, offset: 0, flaw: '' }, FILE)
  decoder.end()
  const [snapshot] = found
  if (snapshot === undefined || !snapshot.isComplete || unread > 0)
    return { problem: 'a row of wg’s output could not be read' }
  return { peers: snapshot.peers, interfaces: snapshot.interfaces.map((each) => each.interface) }
}

export type Watched = {
  readonly publicKey: string
  /** Tunnel addresses that were the key's when it was armed. */
  readonly addresses: readonly string[]
  /** Where it was seen. */
  readonly interfaces: ReadonlySet<string>
}

/** One look at a key. Never rejects. */
export async function lookAt(machine: Machine, { publicKey, addresses, interfaces }: Watched): Promise<Look> {
  const began = machine.clock.now()
  const dump = await readRunning(machine)
  const ended = machine.clock.now()
  const running = 'problem' in dump ? dump : whereRunning(dump, publicKey, interfaces)
  return {
    began,
    ended,
    running,
    entries: await countEntries(machine, addresses.slice(0, ADDRESSES_MAX)),
    stored: storedIn(machine.root, publicKey),
  }
}

/** An interface that goes takes its keys along and brings them back: that is no removal. */
function whereRunning(
  { peers, interfaces }: Running,
  publicKey: string,
  known: ReadonlySet<string>,
): readonly string[] | { readonly problem: string } {
  const found = peers.filter((peer) => peer.publicKey === publicKey).map((peer) => peer.interface)
  const [missing] = [...known].filter((name) => !interfaces.includes(name))
  if (found.length > 0 || missing === undefined) return found
  return { problem: `${safeText(missing)} is not there: an interface that went down brings its keys back` }
}

function storedIn(root: string, publicKey: string): readonly string[] | { readonly problem: string } {
  const files = readStoredConfs(root)
  if ('problem' in files) return files
  return files.filter(({ conf }) => conf.peers.some((peer) => peer.publicKey === publicKey)).map(({ file }) => file)
}

async function countEntries(
  { conntrack, clock }: Machine,
  addresses: readonly string[],
): Promise<number | { readonly problem: string }> {
  if (conntrack === '') return { problem: 'conntrack is not installed' }
  if (addresses.length === 0) return { problem: 'the key has no address of its own' }
  let count = 0
  for (const address of addresses) {
    const family = address.includes(':') ? ['-f', 'ipv6'] : []
    const { stdout, problem } = await runCommand(
      [conntrack, '-L', ...family, '-s', address],
      { timeoutMs: TIMEOUT_MS, bytesMax: BYTES_MAX },
      clock,
    ).done
    if (problem !== '') return { problem: `conntrack: ${problem}` }
    count += stdout
      .toString('latin1')
      .split('\n')
      .filter((line) => line.includes('src=')).length
  }
  return count
}

/** Tunnel addresses a key has for itself: prefixes of one address. */
export function ownAddresses(peers: readonly PeerRow[]): string[] {
  return [
    ...new Set(
      peers.flatMap(({ allowedIps }) =>
        allowedIps.flatMap((prefix) => {
          const [address = '', length] = prefix.split('/')
          return length === (address.includes(':') ? '128' : '32') ? [address] : []
        }),
      ),
    ),
  ]
}
