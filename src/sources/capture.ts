/**
 * A capture directory (design 8.1): which files are there, which source each belongs to, and in what order rotated ones are
 * read. Only looks at names and kinds of files; symbolic links are never followed, because a capture may come from anyone.
 *
 *   DIR/gw1/kern.log.2.gz  DIR/gw1/kern.log.1  DIR/gw1/kern.log   oldest first
 */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError } from '../errors.ts'
import { inRotationOrder, rotationRank } from './rotated-names.ts'

export type SourceKind =
  | 'nftables'
  | 'journal'
  | 'ulogd'
  | 'conntrack'
  | 'conntrack-dump'
  | 'wireguard'
  | 'ruleset'
  | 'ruleset-dump'
  | 'hostfacts'
  | 'audit'
  | 'journal-audit'

export type CaptureFile = { readonly name: string; readonly path: string; readonly isGzip: boolean }

/** One source of one host: its files, oldest first. */
export type CaptureSource = { readonly host: string; readonly kind: SourceKind; readonly files: readonly CaptureFile[] }

export type CaptureHost = {
  readonly name: string
  readonly sources: readonly CaptureSource[]
  /** `conntrack.stderr`, where it lies. */
  readonly conntrackStderr: CaptureFile | null
  /** Stored WireGuard configurations, `<interface>.conf`. */
  readonly confs: readonly CaptureFile[]
}

export type Capture = {
  readonly hosts: readonly CaptureHost[]
  /** Paths of the two optional files at the top, null when absent. */
  readonly inventory: string | null
  readonly pipeline: string | null
  /** Path of `SHA256SUMS` at the top, null when absent (see capture-sums.ts). */
  readonly sums: string | null
  /** Everything that is not read, relative to the directory, with why. */
  readonly ignored: readonly { readonly name: string; readonly why: string }[]
}

/**
 * Names of a family: the live file, then how rotated ones are called. Alternatives hold the same records as another family of
 * the host: reading both would tell every packet, every command, twice.
 */
const FAMILIES: readonly { readonly kind: SourceKind; readonly base: string; readonly insteadOf?: SourceKind }[] = [
  { kind: 'nftables', base: 'kern.log' },
  { kind: 'nftables', base: 'messages', insteadOf: 'nftables' },
  { kind: 'nftables', base: 'syslog', insteadOf: 'nftables' },
  { kind: 'journal', base: 'journal.json', insteadOf: 'nftables' },
  { kind: 'ulogd', base: 'ulogd.json' },
  { kind: 'conntrack', base: 'conntrack.log' },
  { kind: 'conntrack-dump', base: 'conntrack.snapshots' },
  { kind: 'wireguard', base: 'wg.snapshots' },
  { kind: 'ruleset', base: 'ruleset.json' },
  { kind: 'ruleset-dump', base: 'ruleset.snapshots' },
  { kind: 'hostfacts', base: 'hostfacts.snapshots' },
  { kind: 'hostfacts', base: 'hostfacts.json', insteadOf: 'hostfacts' },
  { kind: 'audit', base: 'audit.log' },
  { kind: 'journal-audit', base: 'journal.json', insteadOf: 'audit' },
]
const CONF = /^[a-zA-Z0-9_=+.-]{1,15}\.conf$/

/** Throws AppError `not-a-capture` when the directory cannot be listed or holds nothing that is read. */
export async function findCapture(directory: string): Promise<Capture> {
  const ignored: { name: string; why: string }[] = []
  const hosts: CaptureHost[] = []
  let inventory: string | null = null
  let pipeline: string | null = null
  let sums: string | null = null
  for (const entry of await list(directory)) {
    // Such a name cannot be given back to the system, so its folder cannot be opened.
    if (entry.name.includes('\ufffd')) ignored.push({ name: entry.name, why: 'its name is not UTF-8' })
    else if (entry.isDirectory()) hosts.push(await findHost(directory, entry.name, ignored))
    else if (entry.isFile() && entry.name === 'inventory.yaml') inventory = join(directory, entry.name)
    else if (entry.isFile() && entry.name === 'pipeline.yaml') pipeline = join(directory, entry.name)
    else if (entry.isFile() && entry.name === 'SHA256SUMS') sums = join(directory, entry.name)
    else ignored.push({ name: entry.name, why: entry.isFile() ? 'not part of a capture' : 'no regular file' })
  }
  if (hosts.every((host) => host.sources.length === 0)) {
    throw new AppError(
      'not-a-capture',
      `${directory} holds no capture: no folder of a host with kern.log, conntrack.log, wg.snapshots or audit.log in it`,
      {
        advice:
          'A capture has one folder per host, named after it: DIR/gw1/kern.log, DIR/gw1/conntrack.log, DIR/gw1/wg.snapshots.',
      },
    )
  }
  return {
    hosts: hosts.filter((host) => host.sources.length > 0 || host.confs.length > 0),
    inventory,
    pipeline,
    sums,
    ignored,
  }
}

async function list(directory: string) {
  try {
    const entries = await readdir(directory, { withFileTypes: true })
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1))
  } catch (cause) {
    const advice = 'Give the directory of a capture: one folder per host, named after it.'
    throw new AppError('not-a-capture', `cannot read ${directory} as a capture directory`, { cause, advice })
  }
}

async function findHost(
  directory: string,
  host: string,
  ignored: { name: string; why: string }[],
): Promise<CaptureHost> {
  const families = new Map<string, { file: CaptureFile; rank: string }[]>()
  const confs: CaptureFile[] = []
  let conntrackStderr: CaptureFile | null = null
  for (const entry of await list(join(directory, host))) {
    const ignore = (why: string) => ignored.push({ name: `${host}/${entry.name}`, why })
    const place = placeOf(entry.name)
    const file = { name: entry.name, path: join(directory, host, entry.name), isGzip: entry.name.endsWith('.gz') }
    if (!entry.isFile()) ignore('no regular file')
    else if (place !== null) {
      const family = families.get(place.base) ?? []
      families.set(place.base, [...family, { file, rank: place.rank }])
    } else if (entry.name === 'conntrack.stderr') conntrackStderr = file
    else if (CONF.test(entry.name)) confs.push(file)
    else ignore('not part of a capture')
  }
  const sources = sourcesOf(host, families, ignored)
  return { name: host, sources, conntrackStderr, confs }
}

type Family = readonly { readonly file: CaptureFile; readonly rank: string }[]

function sourcesOf(
  host: string,
  families: ReadonlyMap<string, Family>,
  ignored: { name: string; why: string }[],
): CaptureSource[] {
  const sources: CaptureSource[] = []
  const byBase = new Map<string, readonly CaptureFile[]>()
  for (const { kind, base, insteadOf } of FAMILIES) {
    const family = families.get(base)
    if (family === undefined || sources.some((source) => source.kind === insteadOf)) continue
    const files = byBase.get(base) ?? inOrder(host, family, ignored)
    byBase.set(base, files)
    sources.push({ host, kind, files })
  }
  const packetLog = sources.find((source) => source.kind === 'nftables')?.files.at(-1)?.name
  for (const base of new Set(FAMILIES.map((family) => family.base))) {
    if (byBase.has(base)) continue
    for (const { file } of families.get(base) ?? [])
      ignored.push({ name: `${host}/${file.name}`, why: `${packetLog} is read: one packet log a host` })
  }
  return sources
}

/** Family and age of a file. */
function placeOf(name: string): { base: string; rank: string } | null {
  for (const { base } of FAMILIES) {
    const rank = rotationRank(base, name)
    if (rank !== null) return { base, rank }
  }
  return null
}

function inOrder(host: string, family: Family, ignored: { name: string; why: string }[]): CaptureFile[] {
  const ranked = family.map(({ file, rank }) => ({ file, rank, isGzip: file.isGzip }))
  const inOrder = inRotationOrder(ranked, (extra, kept) =>
    ignored.push({ name: `${host}/${extra.file.name}`, why: `the same rotation as ${kept.file.name}` }),
  )
  return inOrder.map(({ file }) => file)
}
