/**
 * Gathers host facts (sources/hostfacts/facts.ts), for the hourly dump of the daemon and for `doctor`. Reads
 * /proc, looks at files and asks the programs that are there; changes nothing, and needs no rights: what it may not see it says.
 */

import { type Fact, type HostFacts, isKnown, type KeySearchFact } from '../../sources/hostfacts/facts.ts'
import { readStoredConfs } from '../../sources/wireguard/stored-confs.ts'
import { DAY } from '../../time.ts'
import type { Clock } from '../clock.ts'
import { createSystemClock } from '../clock.ts'
import type { CollectorDeps } from '../collectors/collector.ts'
import {
  createDumpCollector,
  type DumpCollector,
  type DumpOptions,
  type Gathered,
} from '../collectors/dump-collector.ts'
import { directoryFacts, fileFact } from './file-facts.ts'
import { kernelLine, moduleFacts, sysctlFacts, udpSockets } from './kernel-facts.ts'
import { kernelFacts } from './kernel-packages.ts'
import { knownKeys } from './known-keys.ts'
import { linkFacts, packetSockets } from './link-facts.ts'
import { type KeySearchOptions, SEARCH_PATHS, searchPrivateKeys } from './private-keys.ts'
import { auditFacts, chronyClock, programFacts, systemdClock } from './program-facts.ts'
import { problemOf, readFact } from './read-fact.ts'

/** How often the daemon searches for keys: it reads every file in the folders where people keep copies. */
const SEARCH_EVERY = DAY
const NOT_SEARCHED = 'no search for keys was made'

export type HostfactsSources = {
  /** Top of the file system; `/` when not given. */
  readonly root?: string
  /** Logs that are read, for their modes. */
  readonly logs?: readonly string[]
  readonly clock?: Clock
  /** Searches for private keys, which takes minutes where there is much to read; without it none is made. */
  readonly search?: Pick<KeySearchOptions, 'paths' | 'limits' | 'progress' | 'isEnded'>
}

/** Takes up to some seconds where a program does not answer. Never rejects. */
export async function gatherHostfacts(sources: HostfactsSources = {}): Promise<HostFacts> {
  const root = sources.root ?? '/'
  const clock = sources.clock ?? createSystemClock()
  const programs = programFacts(root)
  const [audit, systemd, chrony, kernels] = await Promise.all([
    auditFacts(programs, clock),
    systemdClock(programs, clock),
    chronyClock(programs, clock),
    kernelFacts(root, programs, clock),
  ])
  const links = linkFacts(root)
  const stored = readStoredConfs(root)
  const { search } = sources
  const release = osRelease(root)
  return {
    version: 1,
    machine: {
      system: ofRelease(release, 'PRETTY_NAME'),
      distribution: ofRelease(release, 'ID'),
      hostname: kernelLine(root, 'proc/sys/kernel/hostname'),
    },
    kernel: {
      release: kernelLine(root, 'proc/sys/kernel/osrelease'),
      version: kernelLine(root, 'proc/sys/kernel/version'),
      bootId: kernelLine(root, 'proc/sys/kernel/random/boot_id'),
      modules: moduleFacts(root),
    },
    sysctls: sysctlFacts(root),
    programs,
    files: [...directoryFacts(root, '/etc/wireguard'), ...(sources.logs ?? []).map((path) => fileFact(root, path))],
    audit,
    clock: { systemd, chrony },
    udpSockets: udpSockets(root),
    kernels,
    links,
    packetSockets: packetSockets(root, links),
    stored,
    privateKeys:
      search === undefined
        ? { problem: NOT_SEARCHED }
        : await searchPrivateKeys({ ...search, root, known: await knownKeys(programs, stored, clock), clock }),
  }
}

/**
 * Facts as dated dumps of one line of JSON each, at the start and by period. Where there are many files the search for keys takes minutes:
 * nothing else waits for it, and what it found goes out when it is over.
 */
export function createHostfactsCollector(
  options: DumpOptions & {
    readonly logs: readonly string[]
    readonly root?: string
    /** Where private keys are searched for; SEARCH_PATHS when not given. */
    readonly search?: readonly string[]
  },
  deps: CollectorDeps,
): DumpCollector {
  const clock = { now: deps.now, after: deps.after ?? createSystemClock().after }
  const sources = { logs: options.logs, clock, ...(options.root === undefined ? {} : { root: options.root }) }
  let searched: Fact<KeySearchFact> = { problem: 'the search for keys is not over yet' }
  let searchedAt = Number.NEGATIVE_INFINITY
  let isSearching = false
  let isStopped = false
  const isEnded = () => isStopped
  const gatherAll = async () => {
    const found = { ...(await gatherHostfacts(sources)), privateKeys: searched }
    // Not before: facts that take long have passed their time when they are there.
    if (!isStopped && !isSearching && clock.now() - searchedAt >= SEARCH_EVERY) void searchAside()
    return found
  }
  const searchAside = async () => {
    isSearching = true
    searchedAt = clock.now()
    const found = await searchKeys(sources, { paths: options.search ?? SEARCH_PATHS, isEnded })
    isSearching = false
    if (isStopped) return
    searched = found
    collector.runNow()
  }
  const gather = () => {
    const facts = gatherAll().then((found) => ({
      body: Buffer.from(`${JSON.stringify(found)}\n`, 'utf8'),
      problem: '',
      // Programs may take seconds to answer: records of the time before them would come too late for everything that went on.
      at: clock.now(),
    }))
    let stop = () => {}
    const stopped = new Promise<Gathered>((resolve) => {
      stop = () => resolve({ body: null, problem: '' })
    })
    // A program that does not answer is not waited for at the end; its own limit, or our exit, ends it.
    return { done: Promise.race([facts, stopped]), stop }
  }
  const collector = createDumpCollector(options, [], gather, deps)
  return {
    ...collector,
    start() {
      isStopped = false
      collector.start()
    },
    stop() {
      // Also where nothing is being gathered: the search would keep the process from ending.
      isStopped = true
      return collector.stop()
    },
  }
}

async function searchKeys(
  { root = '/', clock = createSystemClock() }: HostfactsSources,
  search: NonNullable<HostfactsSources['search']>,
): Promise<Fact<KeySearchFact>> {
  try {
    const known = await knownKeys(programFacts(root), readStoredConfs(root), clock)
    return await searchPrivateKeys({ ...search, root, known, clock })
  } catch (error) {
    return { problem: `the search for keys failed: ${problemOf(error)}` }
  }
}

/** os-release(5): `ID=debian`, `PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"`. */
function osRelease(root: string): Fact<string> {
  const own = readFact(`${root}/etc/os-release`)
  return isKnown(own) ? own : readFact(`${root}/usr/lib/os-release`)
}

function ofRelease(text: Fact<string>, name: string): Fact<string> {
  if (!isKnown(text)) return text
  const line = text.split('\n').find((each) => each.startsWith(`${name}=`))
  if (line === undefined) return { problem: `os-release has no ${name}` }
  return line.slice(name.length + 1).replace(/^(["'])(.*)\1$/, '$2')
}
