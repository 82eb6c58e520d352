/**
 * `peertrail inventory init PATH…`: writes a commented inventory from running peers and from names in stored configurations. PATH is
 * a capture directory (design 8.1), or a file with the output of `wg show all dump`. Prints the draft, or writes it to a new file;
 * an existing inventory holds what people wrote and is never overwritten.
 */
import { readFile, stat, writeFile } from 'node:fs/promises'
import { AppError } from '../errors.ts'
import { buildInventoryDraft, type DraftInput } from '../identity/inventory-init.ts'
import { quoted } from '../safe-text.ts'
import { parseConf } from '../sources/wireguard/conf.ts'
import { attempt, readGatewaySnapshots } from './gateway-snapshots.ts'
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
  const { paths, gateway: named } = args
  const { snapshots } = await readGatewaySnapshots({ paths, gateway: named, before: null }, terminal)
  const inputs: DraftInput[] = []
  for (const { gateway, snapshot, confs } of snapshots) {
    inputs.push({ gateway, snapshot, names: await namesIn(confs ?? args.confs) })
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
