/**
 * What `doctor` and `init` know of this machine, gathered in one place: host facts (src/live/hostfacts.ts) and what decides whether
 * peertrail sees everything here: interfaces, ruleset, logs, who may read them, running daemons. Changes nothing; what this process
 * may not see is said in its place. `root` is `/`, or the top of a copy in tests.
 */
import { readdirSync, readlinkSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import { type Clock, createSystemClock } from '../live/clock.ts'
import { gatherHostfacts } from '../live/hostfacts/hostfacts.ts'
import { problemOf, readFact } from '../live/hostfacts/read-fact.ts'
import { type Fact, type HostFacts, isKnown } from '../sources/hostfacts/facts.ts'
import { directoriesAbove, type LogFile, logFile, type Rotation, rotations } from './machine-logs.ts'
import { askProgram, programVersions } from './machine-programs.ts'
import { daemonReader, type Reader } from './machine-reader.ts'
import { linkNames, type WireguardFacts, wireguardFacts } from './machine-wireguard.ts'

export type JournalFacts = {
  /** `volatile`: in memory, gone at the next boot. `none`: no journal is kept. */
  readonly kept: 'persistent' | 'volatile' | 'none'
  /** Groups of the machine's journal files, whose members may read it. */
  readonly gids: readonly number[]
}

export type DiskFacts = { readonly path: string; readonly freeBytes: number; readonly totalBytes: number }

export type MachineFacts = {
  readonly host: HostFacts
  /** Whose packages and paths: by ID and ID_LIKE of os-release. */
  readonly family: 'debian' | 'redhat' | 'other'
  /** This process may ask the kernel over netlink (CAP_NET_ADMIN). */
  readonly isNetAdmin: boolean
  readonly isRoot: boolean
  /** Who will read the logs: the daemon's user, as it is or as it will be. */
  readonly reader: Reader
  readonly wireguard: WireguardFacts
  /** Other links than WireGuard's and lo, sorted. */
  readonly links: readonly string[]
  /** `nft -j -a list ruleset`. */
  readonly ruleset: Fact<string>
  /** Network namespaces besides this one: names of /run/netns, and how many processes are seen in others. */
  readonly namespaces: readonly string[]
  /** Files that may hold the kernel's messages or NFLOG packets, by path. */
  readonly logs: Readonly<Record<string, Fact<LogFile>>>
  readonly rotations: readonly Rotation[]
  readonly journal: JournalFacts
  /** Settings of auditd.conf by name; none where it cannot be read. */
  readonly auditdConf: ReadonlyMap<string, string>
  readonly auditLog: Fact<LogFile>
  /** JSON files that ulogd.conf names. */
  readonly ulogdFiles: readonly string[]
  /** Names (comm) of running programs, sorted. */
  readonly processes: readonly string[]
  /** False where /proc hides other people's processes from this one (hidepid): then nothing follows from what is not in the list. */
  readonly seesProcesses: boolean
  readonly disk: Fact<DiskFacts>
  readonly versions: Readonly<Record<string, string>>
  /** Files of ours that exist already. */
  readonly ownFiles: readonly string[]
}

/** Where the kernel's messages lie on Debian (kern.log, syslog) and Red Hat (messages). */
const KERNEL_LOGS = ['/var/log/kern.log', '/var/log/messages', '/var/log/syslog']
const ULOGD_JSON = '/var/log/ulog/ulogd.json'
const AUDIT_LOG = '/var/log/audit/audit.log'
export const STATE_DIRECTORY = '/var/lib/peertrail'
const OWN_FILES = ['/etc/peertrail/pipeline.yaml', '/etc/peertrail/inventory.yaml']
/** CAP_NET_ADMIN, include/uapi/linux/capability.h. */
const CAP_NET_ADMIN = 12n
/** Processes looked at. */
const PROCESSES_MAX = 20_000

const FAMILIES = {
  debian: ['debian', 'ubuntu', 'raspbian', 'linuxmint'],
  redhat: ['rhel', 'fedora', 'centos', 'rocky', 'almalinux', 'ol', 'amzn'],
} as const

export type FactsPlace = { readonly root?: string; readonly clock?: Clock; readonly uid?: number }

/** Some seconds at most. Never rejects. */
export async function gatherMachineFacts(place: FactsPlace = {}): Promise<MachineFacts> {
  const root = place.root ?? '/'
  const clock = place.clock ?? createSystemClock()
  const uid = place.uid ?? process.getuid?.() ?? 0
  const auditdConf = settingsOf(readFact(join(root, 'etc/audit/auditd.conf')))
  const auditPath = auditdConf.get('log_file') ?? AUDIT_LOG
  const ulogdFiles = ulogdOutputs(root)
  const host = await gatherHostfacts({ root, clock, logs: [auditPath] })
  const [wireguard, ruleset, versions] = await Promise.all([
    wireguardFacts(root, host.programs, clock),
    askProgram('nft', host.programs['nft'] ?? '', ['-j', '-a', 'list', 'ruleset'], clock),
    programVersions(host.programs, clock),
  ])
  const logs = [...new Set([...KERNEL_LOGS, ULOGD_JSON, ...ulogdFiles])]
  return {
    host,
    family: familyOf(root),
    isNetAdmin: isNetAdmin(root),
    isRoot: uid === 0,
    reader: daemonReader(root),
    wireguard,
    links: linkNames(root).filter((name) => name !== 'lo' && !wireguard.names.includes(name)),
    ruleset,
    namespaces: namespaceNames(root),
    logs: Object.fromEntries(logs.map((path) => [path, logFile(root, path)])),
    rotations: rotations(root),
    journal: journalFacts(root),
    auditdConf,
    auditLog: logFile(root, auditPath),
    ulogdFiles,
    processes: processNames(root),
    seesProcesses: isKnown(readFact(join(root, 'proc/1/comm'))),
    disk: diskFacts(root, STATE_DIRECTORY),
    versions,
    ownFiles: OWN_FILES.filter((path) => isKnown(logFile(root, path))),
  }
}

function familyOf(root: string): MachineFacts['family'] {
  const own = readFact(join(root, 'etc/os-release'))
  const text = isKnown(own) ? own : readFact(join(root, 'usr/lib/os-release'))
  const ids = isKnown(text)
    ? [...text.matchAll(/^ID(?:_LIKE)?=["']?([^"'\n]*)/gm)].flatMap(([, id = '']) => id.split(' '))
    : []
  const isOf = (names: readonly string[]) => ids.some((id) => names.includes(id))
  return isOf(FAMILIES.debian) ? 'debian' : isOf(FAMILIES.redhat) ? 'redhat' : 'other'
}

/** `CapEff:	000001ffffffffff` of proc(5). */
function isNetAdmin(root: string): boolean {
  const status = readFact(join(root, 'proc/self/status'))
  const [, hex = '0'] = (isKnown(status) && /^CapEff:\s*([0-9a-f]+)$/m.exec(status)) || []
  return ((BigInt(`0x${hex}`) >> CAP_NET_ADMIN) & 1n) === 1n
}

/** Named ones, and `PID 4711` for one process each of those without a name; other people's processes show to root alone. */
function namespaceNames(root: string): string[] {
  const named = namesIn(join(root, 'run/netns')).sort()
  const own = namespaceOf(root, 'self')
  const others = new Map<string, string>()
  for (const pid of processIds(root)) {
    const id = namespaceOf(root, pid)
    if (id !== '' && id !== own && !others.has(id)) others.set(id, `PID ${pid}`)
  }
  // A named namespace with a process in it would be told of twice; names say more.
  return named.length >= others.size ? named : [...named, ...[...others.values()].slice(named.length)]
}

function namespaceOf(root: string, pid: string): string {
  try {
    return readlinkSync(join(root, 'proc', pid, 'ns/net'))
  } catch {
    // Ended meanwhile, or somebody else's.
    return ''
  }
}

function processNames(root: string): string[] {
  const names = processIds(root).map((pid) => readFact(join(root, 'proc', pid, 'comm')))
  return [...new Set(names.filter(isKnown).map((name) => name.trim()))].sort()
}

function processIds(root: string): string[] {
  return namesIn(join(root, 'proc'))
    .filter((name) => /^\d+$/.test(name))
    .slice(0, PROCESSES_MAX)
}

function journalFacts(root: string): JournalFacts {
  for (const [kept, path] of [
    ['persistent', 'var/log/journal'],
    ['volatile', 'run/log/journal'],
  ] as const) {
    const files = namesIn(join(root, path)).flatMap((machine) =>
      namesIn(join(root, path, machine))
        .filter((name) => name === 'system.journal')
        .map((name) => logFile(root, `/${path}/${machine}/${name}`)),
    )
    if (files.length > 0) return { kept, gids: [...new Set(files.filter(isKnown).map(({ gid }) => gid))] }
  }
  return { kept: 'none', gids: [] }
}

function namesIn(path: string): string[] {
  try {
    return readdirSync(path)
  } catch {
    // Not there, or not for us: nothing is in it as far as we know.
    return []
  }
}

/** `name = value` lines. */
function settingsOf(text: Fact<string>): Map<string, string> {
  const pairs = isKnown(text) ? [...text.matchAll(/^\s*(\w+)\s*=\s*(.*?)\s*$/gm)] : []
  return new Map(pairs.map(([, name = '', value = '']) => [name.toLowerCase(), value]))
}

/** `file="/var/log/ulog/ulogd.json"` of ulogd.conf, comments left out. */
function ulogdOutputs(root: string): string[] {
  const text = readFact(join(root, 'etc/ulogd.conf'))
  if (!isKnown(text)) return []
  return [...text.matchAll(/^\s*file\s*=\s*"?(\/[^"\n]+\.json)"?\s*$/gm)].map(([, path = '']) => path)
}

/** Of the file system that will hold `path`, which need not be there yet. */
function diskFacts(root: string, path: string): Fact<DiskFacts> {
  const candidates = [path, ...directoriesAbove(path).reverse()]
  let problem = 'no such directory'
  for (const each of candidates) {
    try {
      const { bavail, blocks, bsize } = statfsSync(join(root, each))
      return { path, freeBytes: bavail * bsize, totalBytes: blocks * bsize }
    } catch (error) {
      problem = problemOf(error)
    }
  }
  return { problem }
}
