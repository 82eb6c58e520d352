/**
 * `peertrail inventory init PATH…`: writes a commented inventory from running peers and from names in stored configurations. PATH is
 * a capture directory (design 8.1), or a file with the output of `wg show all dump`. Prints the draft, or writes it to a new file;
 * an existing inventory holds what people wrote and is never overwritten.
 */
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError } from '../errors.ts'
import { buildInventoryDraft, type DraftInput } from '../identity/inventory-init.ts'
import { isMachineName } from '../machine-names.ts'
import { quoted, safeText } from '../safe-text.ts'
import { parseConf } from '../sources/wireguard/conf.ts'
import { type LatestSnapshot, readLatestSnapshot } from './snapshot-file.ts'
import { counted, type Terminal } from './terminal.ts'

export type InventoryInitArgs = {
  readonly paths: readonly string[]
  /** Name of the gateway a dump file comes from; '' = as its header says. */
  readonly gateway: string
  /** Stored configurations that name peers of dump files. Captures bring their own. */
  readonly confs: readonly string[]
  /** File to write, '' = print. */
  readonly output: string
}

const CONF_BYTES_MAX = 64 * 1024 * 1024

/** Throws AppError for what cannot be read or written. */
export async function runInventoryInit(args: InventoryInitArgs, terminal: Terminal): Promise<number> {
  const inputs: DraftInput[] = []
  for (const path of args.paths) {
    const isCapture = await attempt(path, async () => (await stat(path)).isDirectory())
    inputs.push(...(isCapture ? await captureInputs(path, terminal) : [await dumpInput(path, args, terminal)]))
  }
  const draft = buildInventoryDraft(inputs)
  if (args.output === '') terminal.out(draft.text)
  else await writeNew(args.output, draft.text)
  terminal.err(
    `${counted(draft.peers, 'peer')} of ${counted(draft.gateways, 'gateway')}, ${draft.named} named by comments, ` +
      `${draft.ownersMissing} without owner, ${draft.leftOut} left out\n`,
  )
  return 0
}

/** One input for each host of a capture that has snapshots. */
async function captureInputs(directory: string, terminal: Terminal): Promise<DraftInput[]> {
  const inputs: DraftInput[] = []
  const entries = await attempt(directory, () => readdir(directory, { withFileTypes: true }))
  for (const host of entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort()) {
    const folder = join(directory, host)
    const files = (await attempt(folder, () => readdir(folder))).sort()
    const dump = ['wg.snapshots', 'wg.snapshots.gz'].find((name) => files.includes(name))
    if (dump === undefined) continue
    const confs = files.filter((name) => name.endsWith('.conf')).map((name) => join(folder, name))
    const { snapshot } = await readSnapshots(join(folder, dump), terminal)
    if (snapshot !== null) inputs.push({ gateway: host, snapshot, names: await namesIn(confs) })
  }
  if (inputs.length > 0) return inputs
  throw new AppError('not-a-capture', `${quoted(directory, 200)} holds no snapshots of WireGuard peers`, {
    advice: 'Name a capture directory with HOST/wg.snapshots, or a file with the output of `wg show all dump`.',
  })
}

async function dumpInput(path: string, args: InventoryInitArgs, terminal: Terminal): Promise<DraftInput> {
  const { snapshot, host } = await readSnapshots(path, terminal)
  const gateway = args.gateway === '' ? host : args.gateway
  if (snapshot === null) {
    throw new AppError('not-a-capture', `${quoted(path, 200)} holds no output of \`wg show all dump\``, {
      advice: 'Run `wg show all dump` on the gateway and save what it prints.',
    })
  }
  if (!isMachineName(gateway)) {
    throw new AppError('usage', `the gateway of ${quoted(path, 200)} is not known`, {
      advice: 'Name it with --gateway.',
    })
  }
  return { gateway, snapshot, names: await namesIn(args.confs) }
}

async function readSnapshots(path: string, terminal: Terminal): Promise<LatestSnapshot> {
  const latest = await attempt(path, () => readLatestSnapshot(path))
  if (latest.unparsed > 0) {
    terminal.err(`${safeText(path)}: ${counted(latest.unparsed, 'line')} could not be read\n`)
  }
  return latest
}

/** Names by public key; of several files the first that names a key. */
async function namesIn(confs: readonly string[]): Promise<Map<string, string>> {
  const names = new Map<string, string>()
  for (const conf of confs) {
    const text = await attempt(conf, async () => {
      const { size } = await stat(conf)
      return size > CONF_BYTES_MAX ? '' : readFile(conf, 'utf8')
    })
    for (const { publicKey, name } of parseConf(text).peers) {
      if (name !== '' && !names.has(publicKey)) names.set(publicKey, name)
    }
  }
  return names
}

async function writeNew(path: string, text: string): Promise<void> {
  try {
    await writeFile(path, text, { flag: 'wx' })
  } catch (cause) {
    const advice = 'Name a file that does not exist yet, in a directory you may write to.'
    throw new AppError('cannot-write', `${quoted(path, 200)} cannot be written`, { advice, cause })
  }
}

async function attempt<Result>(path: string, read: () => Promise<Result>): Promise<Result> {
  try {
    return await read()
  } catch (cause) {
    const advice = 'Look whether it exists and may be read.'
    throw new AppError('cannot-read', `${quoted(path, 200)} cannot be read`, { advice, cause })
  }
}
