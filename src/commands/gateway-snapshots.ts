/**
 * What runs, from files: of every path given the newest snapshot of each gateway in it. A path is a capture directory (design 8.1),
 * a wg.snapshots file, or the output of `wg show all dump`. Shared by the `inventory` commands.
 */
import { stat } from 'node:fs/promises'
import { AppError } from '../errors.ts'
import { isMachineName } from '../machine-names.ts'
import { quoted, safeText } from '../safe-text.ts'
import { findCapture } from '../sources/capture.ts'
import type { SnapshotRecord } from '../sources/wireguard/record.ts'
import type { Micros } from '../time.ts'
import { type LatestSnapshot, readLatestSnapshot } from './snapshot-file.ts'
import { counted, type Terminal } from './terminal.ts'
import { printTime } from './time-argument.ts'

export type SnapshotQuestion = {
  readonly paths: readonly string[]
  /** Name of the gateway a dump file comes from; '' = as its header says. In a capture the folder's name counts. */
  readonly gateway: string
  /** Nothing newer is taken; null = the newest. */
  readonly before: Micros | null
}

export type GatewaySnapshot = {
  readonly gateway: string
  readonly snapshot: SnapshotRecord
  /** Null for bare output of wg, which has no date. */
  readonly at: Micros | null
  /** Newer snapshots that were left out because rows of them could not be read. */
  readonly incompleteAfter: number
  /** Stored configurations that lie beside it in a capture; null for a dump file. */
  readonly confs: readonly string[] | null
}

export type FoundSnapshots = {
  /** One for each gateway of each path, in the order of the paths; a gateway may come from two paths. */
  readonly snapshots: readonly GatewaySnapshot[]
  /** Gateways whose snapshots are all newer than the time asked for. */
  readonly tooNew: readonly string[]
  /** inventory.yaml of the captures, in the order of the paths. */
  readonly inventories: readonly string[]
}

type Found = {
  readonly gateway: string
  readonly latest: LatestSnapshot
  readonly confs: readonly string[] | null
}

/**
 * Throws AppError: `cannot-read`; `not-a-capture` where a path holds no snapshot at all; `usage` where a dump names no gateway, and
 * where there is none at or before the time asked for. Lines that cannot be read are counted on stderr.
 */
export async function readGatewaySnapshots(
  question: SnapshotQuestion,
  terminal: Pick<Terminal, 'err'>,
): Promise<FoundSnapshots> {
  const found: Found[] = []
  const inventories: string[] = []
  for (const path of question.paths) {
    if (await attempt(path, async () => (await stat(path)).isDirectory())) {
      const capture = await captureSnapshots(path, question, terminal)
      found.push(...capture.found)
      if (capture.inventory !== null) inventories.push(capture.inventory)
    } else found.push(await dumpSnapshot(path, question, terminal))
  }
  const snapshots: GatewaySnapshot[] = []
  const tooNew = new Set<string>()
  for (const { gateway, latest, confs } of found) {
    const { snapshot, isDated, incompleteAfter } = latest
    if (snapshot === null) tooNew.add(gateway)
    else snapshots.push({ gateway, snapshot, at: isDated ? snapshot.at : null, incompleteAfter, confs })
  }
  if (snapshots.length === 0 && found.length > 0) throw allTooNew(found, question.before ?? 0)
  return { snapshots, tooNew: [...tooNew], inventories }
}

/** One for each host of a capture that has snapshots. */
async function captureSnapshots(
  directory: string,
  { before }: SnapshotQuestion,
  terminal: Pick<Terminal, 'err'>,
): Promise<{ readonly found: readonly Found[]; readonly inventory: string | null }> {
  const { hosts, inventory } = await findCapture(directory)
  const found: Found[] = []
  for (const { name, sources, confs } of hosts) {
    const files = sources.find(({ kind }) => kind === 'wireguard')?.files.map(({ path }) => path) ?? []
    if (files.length === 0) continue
    const latest = await readOne(files, before, terminal)
    if (hasAny(latest)) found.push({ gateway: name, latest, confs: confs.map(({ path }) => path) })
  }
  if (found.length > 0) return { found, inventory }
  throw new AppError('not-a-capture', `${quoted(directory, 200)} holds no snapshots of WireGuard peers`, {
    advice: 'Name a capture directory with HOST/wg.snapshots, or a file with the output of `wg show all dump`.',
  })
}

async function dumpSnapshot(
  path: string,
  { gateway: named, before }: SnapshotQuestion,
  terminal: Pick<Terminal, 'err'>,
): Promise<Found> {
  const latest = await readOne([path], before, terminal)
  const gateway = named === '' ? latest.host : named
  if (!hasAny(latest)) {
    throw new AppError('not-a-capture', `${quoted(path, 200)} holds no output of \`wg show all dump\``, {
      advice: 'Run `wg show all dump` on the gateway and save what it prints.',
    })
  }
  if (!isMachineName(gateway)) {
    throw new AppError('usage', `the gateway of ${quoted(path, 200)} is not known`, {
      advice: 'Name it with --gateway.',
    })
  }
  return { gateway, latest, confs: null }
}

async function readOne(
  files: readonly string[],
  before: Micros | null,
  terminal: Pick<Terminal, 'err'>,
): Promise<LatestSnapshot> {
  const newest = files.at(-1) ?? ''
  const latest = await attempt(newest, () => readLatestSnapshot(files, before))
  if (latest.unparsed > 0) {
    terminal.err(`${safeText(newest)}: ${counted(latest.unparsed, 'line')} could not be read\n`)
  }
  return latest
}

function hasAny({ snapshot, oldest }: LatestSnapshot): boolean {
  return snapshot !== null || oldest !== null
}

function allTooNew(found: readonly Found[], before: Micros): AppError {
  const oldest = found.reduce((at, { latest }) => Math.min(at, latest.oldest ?? at), Number.POSITIVE_INFINITY)
  return new AppError('usage', `no snapshot at or before ${printTime(before)}`, {
    advice: `The oldest one is of ${printTime(oldest)}.`,
  })
}

/** What `read` gives, or AppError `cannot-read` that names `path`. */
export async function attempt<Result>(path: string, read: () => Promise<Result>): Promise<Result> {
  try {
    return await read()
  } catch (cause) {
    const advice = 'Look whether it exists and may be read.'
    throw new AppError('cannot-read', `${quoted(path, 200)} cannot be read`, { advice, cause })
  }
}
