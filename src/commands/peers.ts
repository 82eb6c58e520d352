/** `peertrail peers`: the ledger as of a time against the inventory, with what each peer did in the day before. */
import { AppError } from '../errors.ts'
import type { Micros } from '../time.ts'
import { peerTotals } from './peer-totals.ts'
import { peersCsv, peersJson, peersText } from './peers-print.ts'
import { PEERS_WITHIN, toPeersResult } from './peers-rows.ts'
import { openFoundReader, type ReaderOptions, reportDamage } from './reader-place.ts'
import type { Environment } from './store-place.ts'
import { readStoredGateways } from './stored-gateways.ts'
import type { Terminal } from './terminal.ts'
import { parseTimeArgument } from './time-argument.ts'

export type PeersArguments = ReaderOptions & {
  /** As given; '' = the newest poll there is. */
  readonly at: string
  /** '' = all. */
  readonly gateway: string
  readonly isJson: boolean
  readonly isCsv: boolean
}

/** Exit 0, also with differences: they are told; 1 where part of what was recorded could not be read. Throws AppError. */
export async function runPeers(
  args: PeersArguments,
  now: Micros,
  environment: Environment,
  terminal: Terminal,
): Promise<number> {
  if (args.isJson && args.isCsv) {
    throw new AppError('usage', '--json and --csv are two answers to one question', { advice: 'Give one of them.' })
  }
  const asked = args.at === '' ? null : parseTimeArgument(args.at, now)
  const reader = await openFoundReader(args, environment, terminal)
  try {
    const stored = await readStoredGateways(reader, asked, args.gateway)
    const totals = await peerTotals(reader, { since: stored.at - PEERS_WITHIN, until: stored.at })
    const result = toPeersResult(stored, asked !== null, totals, args.gateway)
    for (const note of stored.notes) terminal.err(`${note}\n`)
    if (args.isJson) terminal.out(peersJson(result))
    else if (args.isCsv) terminal.out(peersCsv(result))
    else terminal.out(peersText(terminal, result))
    return reportDamage(reader, terminal) ? 1 : 0
  } finally {
    reader.close()
  }
}
