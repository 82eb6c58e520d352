/** What posture knows of this machine, as it is now. Changes nothing, and says what it may not see. */

import type { Inventory } from '../identity/inventory.ts'
import { type Clock, createSystemClock } from '../live/clock.ts'
import { gatherHostfacts } from '../live/hostfacts/hostfacts.ts'
import { SEARCH_PATHS } from '../live/hostfacts/private-keys.ts'
import type { PeerCourse } from '../posture/check.ts'
import { createPeerCourses } from '../posture/peer-courses.ts'
import { withKernel } from '../posture/seen-kernels.ts'
import { storedOfFacts } from '../posture/stored-confs.ts'
import { type Fact, isKnown } from '../sources/hostfacts/facts.ts'
import { type RulesetDocument, readRulesetDocument } from '../sources/nftables/ruleset-document.ts'
import { createSnapshotDecoder } from '../sources/wireguard/decoder.ts'
import type { SnapshotRecord } from '../sources/wireguard/record.ts'
import { type Micros, toIso } from '../time.ts'
import { askProgram } from './machine-programs.ts'
import type { Gathered } from './posture-gathered.ts'

export type LivePlace = {
  /** Top of the file system; `/` when not given. */
  readonly root?: string
  readonly clock?: Clock
  /** Where private keys are searched for; none = where people keep them. */
  readonly search: readonly string[]
  readonly progress?: (files: number, folder: string) => void
}

/** Seconds, where there is much to search a few minutes. Never rejects but for what `openInventory` throws. */
export async function gatherLive(
  place: LivePlace,
  openInventory: (ofCapture: string | null) => Promise<Inventory | null>,
): Promise<Gathered> {
  const clock = place.clock ?? createSystemClock()
  const inventory = await openInventory(null)
  const { progress } = place
  const facts = await gatherHostfacts({
    ...(place.root === undefined ? {} : { root: place.root }),
    clock,
    search: {
      paths: place.search.length === 0 ? SEARCH_PATHS : place.search,
      ...(progress === undefined ? {} : { progress }),
    },
  })
  const { programs } = facts
  const at = clock.now()
  const [dump, rules] = await Promise.all([
    askProgram('wg', programs['wg'] ?? '', ['show', 'all', 'dump'], clock),
    askProgram('nft', programs['nft'] ?? '', ['-j', '-a', 'list', 'ruleset'], clock),
  ])
  const { hostname, system } = facts.machine
  const own = isKnown(hostname) ? hostname : 'this machine'
  const host = documentedName(own, inventory)
  const notes: string[] = []
  const wireguard = isKnown(dump) ? snapshotOf(dump, at) : null
  if (!isKnown(dump)) notes.push(`peers are not known: ${dump.problem}`)
  const ruleset = isKnown(rules) ? documentOf(rules, notes) : null
  if (!isKnown(rules)) notes.push(`rules are not known: ${rules.problem}`)
  if (inventory !== null && !inventory.gateways.some(({ name }) => name === host)) {
    const names = inventory.gateways.map(({ name }) => name).slice(0, 5)
    notes.push(`this machine is called ${own}; the inventory documents ${names.join(', ') || 'no gateway'}`)
  }
  const { release } = facts.kernel
  return {
    place: isKnown(system) ? `this machine, ${system}` : 'this machine',
    machines: [
      {
        host,
        at,
        wireguard,
        peers: coursesOf(wireguard),
        stored: storedOfFacts(facts),
        ruleset,
        facts,
        kernels: isKnown(release) ? withKernel([], release, at) : [],
      },
    ],
    inventory,
    notes,
  }
}

/** A machine that calls itself gw1.example.com is the gateway gw1 where only that one is documented. */
function documentedName(own: string, inventory: Inventory | null): string {
  const names = new Set(inventory?.gateways.map(({ name }) => name))
  const [short = own] = own.split('.')
  return !names.has(own) && names.has(short) ? short : own
}

/** Null where a row could not be read: a peer that is missing then proves nothing. Secrets do not get past the decoder. */
function snapshotOf(dump: string, at: Micros): SnapshotRecord | null {
  let found: SnapshotRecord | null = null
  const decoder = createSnapshotDecoder({}, (item) => {
    if (item.kind === 'snapshot' && item.isComplete) found = item
  })
  const file = { name: 'wg show all dump', identity: '' }
  let offset = 0
  for (const text of [`# ${toIso(at)}`, ...dump.split('\n').filter((line) => line !== '')]) {
    decoder.push({ text, offset, flaw: '' }, file)
    offset += text.length + 1
  }
  decoder.end()
  return found
}

function documentOf(text: Fact<string> & string, notes: string[]): RulesetDocument | null {
  const document = readRulesetDocument(text)
  if (!('problem' in document)) return document
  notes.push(`rules are not known: what nft prints ${document.problem}`)
  return null
}

/** One look shows when peers were last heard, and nothing of what goes on. */
function coursesOf(snapshot: SnapshotRecord | null): PeerCourse[] {
  const courses = createPeerCourses()
  if (snapshot !== null) courses.observe(snapshot.at, snapshot.peers)
  return courses.all()
}
