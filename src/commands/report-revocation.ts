/**
 * `peertrail report revocation --peer P`: did tunnel access with a key end, when, and can that be proved? Facts and judgement are the
 * reports' (src/reports/revocation/); here are the options, the files and the exit status.
 */
import { basename } from 'node:path'
import { AppError } from '../errors.ts'
import type { Inventory } from '../identity/inventory.ts'
import { isInterfaceName, isMachineName } from '../machine-names.ts'
import { judgeRevocation, type RevocationReport } from '../reports/revocation/revocation.ts'
import type { StoredFact } from '../reports/revocation/revocation-facts.ts'
import { gatherRevocations } from '../reports/revocation/revocation-gather.ts'
import { quoted } from '../safe-text.ts'
import { parseConf, type WireguardConf } from '../sources/wireguard/conf.ts'
import type { EventReader } from '../store/event-reader.ts'
import { inventoryAt, ledgerSpans } from '../store/ledger-reader.ts'
import type { Micros } from '../time.ts'
import { type AccessBegin, accessPlace, withAccess } from './access-log.ts'
import { accessWords } from './access-words.ts'
import { readInventoryArgument } from './inventory-argument.ts'
import { type SelectedPeers, selectPeers } from './peer-selector.ts'
import { readWhole } from './read-whole.ts'
import { openFoundReader, type ReaderOptions, reportDamage } from './reader-place.ts'
import { revocationJson } from './report-revocation-json.ts'
import { revocationText } from './report-revocation-print.ts'
import type { CommandContext } from './search.ts'
import { parseTimeArgument } from './time-argument.ts'

export type RevocationArguments = ReaderOptions & {
  /** PEER: a name, a key or its beginning, an e-mail, an address. */
  readonly peer: string
  /** Times as given; '' = none. */
  readonly since: string
  readonly compromisedAt: string
  readonly until: string
  /** File; '' = what the records carry. */
  readonly inventory: string
  /** GATEWAY=FILE each. */
  readonly conf: readonly string[]
  readonly isJson: boolean
}

type StoredConf = {
  readonly gateway: string
  readonly interface: string
  readonly file: string
  readonly conf: WireguardConf
}

/** Exit 0: proved for every key reported on. 1: not proved. Throws AppError. */
export async function runReportRevocation(args: RevocationArguments, context: CommandContext): Promise<number> {
  const { environment, terminal, stdout, now } = context
  const wanted = await readWanted(args, now)
  const reader = await openFoundReader(args, environment, terminal)
  try {
    const command = accessWords(['report', 'revocation'], args)
    const begin: AccessBegin = { action: 'report-generated', command, at: now, period: null, query: args.peer }
    return await withAccess(accessPlace(reader), begin, environment, terminal, async () => {
      const { reports, selected } = await gatherReports(reader, args.peer, wanted)
      terminal.out(
        args.isJson ? revocationJson(reports, selected) : revocationText(terminal, widthOf(stdout), reports, selected),
      )
      const isDamaged = reportDamage(reader, terminal)
      return !isDamaged && reports.length > 0 && reports.every(isProved) ? 0 : 1
    })
  } finally {
    reader.close()
  }
}

/** What is asked beside whose keys, read before any record is. */
export type RevocationWanted = {
  readonly since: Micros | null
  readonly compromisedAt: Micros | null
  readonly until: Micros | null
  readonly inventory: Inventory | null
  readonly confs: readonly StoredConf[]
}

type Given = Pick<RevocationArguments, 'peer' | 'since' | 'compromisedAt' | 'until' | 'inventory' | 'conf'>

/** Throws AppError `usage`, and those of a wrong inventory. */
export async function readWanted(args: Given, now: Micros): Promise<RevocationWanted> {
  if (args.peer === '')
    throw new AppError('usage', 'whose key was revoked? --peer is missing', {
      advice: 'Give a name, a public key or the beginning of one, an e-mail, or a tunnel address.',
    })
  const time = (text: string, option: string): Micros | null =>
    text === '' ? null : parseTimeArgument(text, now, option)
  return {
    since: time(args.since, '--since'),
    compromisedAt: time(args.compromisedAt, '--compromised-at'),
    until: time(args.until, '--until'),
    inventory: args.inventory === '' ? null : await readInventoryArgument(args.inventory),
    confs: await readConfs(args.conf),
  }
}

export type GatheredRevocations = { readonly reports: readonly RevocationReport[]; readonly selected: SelectedPeers }

/** Throws AppError `usage` for a peer that nobody knows, or a stored configuration of a machine that nobody knows. */
export async function gatherReports(
  reader: EventReader,
  peer: string,
  { inventory, confs, ...times }: RevocationWanted,
): Promise<GatheredRevocations> {
  const selected = await selectKeys(reader, peer, inventory)
  const facts = await gatherRevocations(reader, {
    keys: selected.keys,
    isExact: selected.by === 'key',
    ...times,
    inventory,
    stored: (gateway, publicKey) =>
      confs.filter((each) => each.gateway === gateway).map((each) => factOf(each, publicKey)),
  })
  const known = new Set(facts.flatMap(({ gateways }) => gateways.map(({ gateway }) => gateway)))
  const stray = confs.find(({ gateway }) => !known.has(gateway))
  if (stray !== undefined)
    throw new AppError('usage', `--conf: ${quoted(stray.gateway)} is neither declared nor in the records`, {
      advice: `Known: ${[...known].slice(0, 10).join(', ') || 'none'}.`,
    })
  return { reports: facts.map(judgeRevocation), selected }
}

function isProved({ verdict }: RevocationReport): boolean {
  return verdict === 'proved'
}

/** Lines of a report stay readable on a wide terminal, and as they are on paper in a pipe. */
const [WIDTH_MIN, WIDTH_DEFAULT, WIDTH_MAX] = [60, 100, 120]

/** Characters of a line of a report on this stream. */
export function widthOf({ isTTY, columns }: CommandContext['stdout']): number {
  if (isTTY !== true || columns === undefined || columns === 0) return WIDTH_DEFAULT
  return Math.min(WIDTH_MAX, Math.max(WIDTH_MIN, columns))
}

/** A key that was never seen is known to the inventory only. */
async function selectKeys(reader: EventReader, text: string, given: Inventory | null): Promise<SelectedPeers> {
  try {
    return await selectPeers(reader, text)
  } catch (error) {
    // Several that fit are listed; nobody at all may still be documented.
    if (!(error instanceof AppError) || error.code !== 'usage' || error.problems.length > 0) throw error
    const [span] = (await ledgerSpans(reader)).toSorted((a, b) => b.newest - a.newest)
    const inventory = given ?? (span === undefined ? null : await inventoryAt(reader, span.gateway, span.newest))
    const peers = (inventory?.peers ?? []).filter(
      (peer) => peer.name === text || peer.keys.some(({ publicKey }) => publicKey === text),
    )
    const [peer] = peers
    if (peer === undefined || peers.length > 1) throw error
    const isKey = peer.name !== text
    const keys = isKey ? [text] : peer.keys.map(({ publicKey }) => publicKey)
    return { by: isKey ? 'key' : 'name', label: peer.name, keys, emails: [] }
  }
}

async function readConfs(texts: readonly string[]): Promise<StoredConf[]> {
  const confs: StoredConf[] = []
  for (const text of texts) {
    const cut = text.indexOf('=')
    const [gateway, file] = [text.slice(0, Math.max(0, cut)), text.slice(cut + 1)]
    const name = basename(file).replace(/\.conf$/, '')
    if (!isMachineName(gateway) || !file.endsWith('.conf') || !isInterfaceName(name))
      throw new AppError('usage', `--conf: expected GATEWAY=FILE, found ${quoted(text)}`, {
        advice: 'The file keeps the name of its interface, such as --conf gw1=/etc/wireguard/wg0.conf.',
      })
    const read = await readWhole({ name: file, path: file, isGzip: false }, 'latin1')
    if ('problem' in read)
      throw new AppError('usage', `--conf: ${quoted(file)} cannot be read`, {
        advice: 'Copy the file from the gateway; its private keys are not looked at and may be taken out first.',
      })
    confs.push({ gateway, interface: name, file, conf: parseConf(read.text) })
  }
  return confs
}

function factOf({ file, interface: name, conf }: StoredConf, publicKey: string): StoredFact {
  const peer = conf.peers.find((each) => each.publicKey === publicKey)
  return {
    file,
    interface: name,
    holdsKey: peer !== undefined,
    line: peer?.line ?? 0,
    problems: conf.problems.length,
  }
}
