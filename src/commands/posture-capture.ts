/** What posture knows of the machines of a capture directory (design 8.1). Each is judged at its end, which is its newest poll. */
import type { Inventory } from '../identity/inventory.ts'
import type { KernelSighting, MachineView, StoredConf } from '../posture/check.ts'
import { createPeerCourses } from '../posture/peer-courses.ts'
import { unknownMachine } from '../posture/posture-view.ts'
import { withKernel } from '../posture/seen-kernels.ts'
import { storedOfFacts } from '../posture/stored-confs.ts'
import { type Capture, type CaptureFile, type CaptureHost, findCapture } from '../sources/capture.ts'
import { createHostFactsDecoder, type HostFactsRecord } from '../sources/hostfacts/decoder.ts'
import { type HostFacts, isKnown } from '../sources/hostfacts/facts.ts'
import { type RulesetDocument, readRulesetDocument } from '../sources/nftables/ruleset-document.ts'
import { splitRulesetDumps } from '../sources/nftables/ruleset-history.ts'
import { parseConf } from '../sources/wireguard/conf.ts'
import type { SnapshotRecord } from '../sources/wireguard/record.ts'
import type { Micros } from '../time.ts'
import { attempt } from './gateway-snapshots.ts'
import type { Gathered } from './posture-gathered.ts'
import { readWhole } from './read-whole.ts'
import { eachLine, eachSnapshot } from './snapshot-file.ts'
import { counted } from './terminal.ts'

/** `inventory` of the capture unless another one is given. Throws AppError for what cannot be read. */
export async function gatherCapture(
  directory: string,
  openInventory: (ofCapture: string | null) => Promise<Inventory | null>,
  now: Micros,
): Promise<Gathered> {
  const capture = await findCapture(directory)
  const inventory = await openInventory(capture.inventory)
  const notes: string[] = []
  const read: ReadHost[] = []
  for (const host of capture.hosts) read.push(await readHost(host, notes))
  const end = newestOf(read, now)
  const machines = read.filter(saysAnything).map((each) => toMachine(each, each.polled?.at ?? end))
  const known = new Set(machines.map(({ host }) => host))
  const documented = (inventory?.gateways ?? []).filter(({ name }) => !known.has(name))
  const silent = silentHosts(capture, new Set([...known, ...documented.map(({ name }) => name)]))
  if (silent !== '') notes.push(silent)
  return {
    place: `capture ${directory}`,
    machines: [...machines, ...documented.map(({ name }) => unknownMachine(name, end))],
    inventory,
    notes,
  }
}

type ReadHost = {
  readonly host: string
  readonly polled: SnapshotRecord | null
  readonly peers: MachineView['peers']
  readonly stored: ReadonlyMap<string, StoredConf> | null
  readonly ruleset: RulesetDocument | null
  readonly facts: HostFactsRecord | null
  readonly kernels: readonly KernelSighting[]
}

async function readHost(host: CaptureHost, notes: string[]): Promise<ReadHost> {
  const { polled, peers } = await readPolls(host, notes)
  const facts = host.sources.find(({ kind }) => kind === 'hostfacts')?.files ?? []
  const known = await readFacts(host.name, facts, polled?.at ?? null, notes)
  const stored = await readConfs(host, notes)
  return {
    host: host.name,
    polled,
    peers,
    stored: stored ?? storedOfFacts(known.newest?.facts ?? null),
    ruleset: await readNewestRuleset(host, notes),
    facts: known.newest,
    kernels: known.kernels,
  }
}

/** Snapshots with rows that cannot be read are left out: a peer that is missing in one proves nothing. */
async function readPolls(
  { name, sources }: CaptureHost,
  notes: string[],
): Promise<{ readonly polled: SnapshotRecord | null; readonly peers: MachineView['peers'] }> {
  const files = sources.find(({ kind }) => kind === 'wireguard')?.files.map(({ path }) => path) ?? []
  const courses = createPeerCourses()
  let newest: SnapshotRecord | null = null
  let incomplete = 0
  if (files.length === 0) return { polled: null, peers: [] }
  const { unparsed } = await attempt(files.at(-1) ?? '', () =>
    eachSnapshot(files, (snapshot) => {
      if (!snapshot.isComplete) incomplete++
      else if (snapshot.at >= (newest?.at ?? snapshot.at)) {
        newest = snapshot
        courses.observe(snapshot.at, snapshot.peers)
      }
    }),
  )
  if (unparsed > 0) notes.push(`${name}: ${counted(unparsed, 'line')} of wg.snapshots could not be read`)
  if (incomplete > 0) notes.push(`${name}: left out because of such lines: ${counted(incomplete, 'snapshot')}`)
  return { polled: newest, peers: courses.all() }
}

/** Null where none lies there: that is not known, and not nothing stored. */
async function readConfs({ confs }: CaptureHost, notes: string[]): Promise<ReadonlyMap<string, StoredConf> | null> {
  if (confs.length === 0) return null
  const stored = new Map<string, StoredConf>()
  for (const file of confs) {
    const read = await readWhole(file, 'latin1')
    if ('problem' in read) notes.push(`${file.name} cannot be read`)
    else stored.set(file.name.replace(/\.conf$/, ''), { file: file.name, conf: parseConf(read.text) })
  }
  return stored.size === 0 ? null : stored
}

/** The last dump; else the undated one. */
async function readNewestRuleset(host: CaptureHost, notes: string[]): Promise<RulesetDocument | null> {
  let newest: { readonly at: Micros; readonly document: RulesetDocument } | null = null
  for (const source of host.sources) {
    if (source.kind !== 'ruleset' && source.kind !== 'ruleset-dump') continue
    for (const file of source.files) {
      const read = await readWhole(file, 'utf8')
      const dumps =
        'problem' in read
          ? []
          : source.kind === 'ruleset'
            ? [{ at: null, text: read.text }]
            : splitRulesetDumps(read.text)
      if ('problem' in read) notes.push(`${host.name}: ${file.name} cannot be read`)
      for (const dump of dumps) {
        const document = readRulesetDocument(dump.text)
        const at = dump.at ?? Number.NEGATIVE_INFINITY
        if ('problem' in document) notes.push(`${host.name}: ${file.name} ${document.problem}`)
        else if (newest === null || at >= newest.at) newest = { at, document }
      }
    }
  }
  return newest === null ? null : newest.document
}

/** The newest facts, and every kernel that was seen on the way. `referenceAt`: time of a dump that has none. */
async function readFacts(
  host: string,
  files: readonly CaptureFile[],
  referenceAt: Micros | null,
  notes: string[],
): Promise<{ readonly newest: HostFactsRecord | null; readonly kernels: readonly KernelSighting[] }> {
  let newest: HostFactsRecord | null = null
  let kernels: readonly KernelSighting[] = []
  let refused = 0
  const take = (record: HostFactsRecord) => {
    if (record.at < (newest?.at ?? record.at)) return
    newest = record
    const { release } = record.facts.kernel
    if (isKnown(release)) kernels = withKernel(kernels, release, record.at)
  }
  const decoder = createHostFactsDecoder({ referenceAt }, (item) => {
    if (item.kind === 'hostfacts') take(item)
    else refused++
  })
  for (const [i, { name, path }] of files.entries()) {
    await attempt(path, () => eachLine(path, (line) => decoder.push(line, { name, identity: String(i) })))
  }
  decoder.end()
  if (refused > 0) notes.push(`${host}: ${counted(refused, 'dump')} of host facts could not be read`)
  return { newest, kernels }
}

function saysAnything({ polled, stored, ruleset, facts }: ReadHost): boolean {
  return polled !== null || stored !== null || ruleset !== null || facts !== null
}

/** Newest poll of all, else newest facts: what has no time of its own is judged by it. */
function newestOf(read: readonly ReadHost[], now: Micros): Micros {
  const polls = read.flatMap(({ polled }) => (polled === null ? [] : [polled.at]))
  const facts = read.flatMap(({ facts: own }) => (own === null ? [] : [own.at]))
  const times = polls.length > 0 ? polls : facts
  return times.length === 0 ? now : times.reduce((newest, at) => Math.max(newest, at))
}

function toMachine({ host, polled, peers, stored, ruleset, facts, kernels }: ReadHost, at: Micros): MachineView {
  const known: HostFacts | null = facts === null ? null : facts.facts
  return { host, at, wireguard: polled, peers, stored, ruleset, facts: known, kernels }
}

function silentHosts({ hosts }: Capture, known: ReadonlySet<string>): string {
  const names = hosts.map(({ name }) => name).filter((name) => !known.has(name))
  return names.length === 0 ? '' : `${names.join(', ')}: nothing there that posture looks at`
}
