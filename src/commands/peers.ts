/** `peertrail peers`: the ledger as of a time against the inventory, with what each peer did in the day before. */
import { AppError } from '../errors.ts'
import type { Micros } from '../time.ts'
import { peerTotals } from './peer-totals.ts'
import { peersCsv, peersJson, peersText } from './peers-print.ts'
import { PEERS_WITHIN, toPeersResult } from './peers-rows.ts'
import { type Environment, openFoundStore, reportDamage, type StoreOptions } from './store-place.ts'
import { readStoredGateways } from './stored-gateways.ts'
import type { Terminal } from './terminal.ts'
import { parseTimeArgument } from './time-argument.ts'

export type PeersArguments = StoreOptions & {
  /** As given; '' = the newest poll in the store. */
  readonly at: string
  /** '' = all. */
  readonly gateway: string
  readonly isJson: boolean
  readonly isCsv: boolean
}

/** Exit 0, also with differences: they are told; 1 where part of the store could not be read. Throws AppError. */
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
  const store = await openFoundStore(args, environment, terminal)
  try {
    const stored = await readStoredGateways(store, asked, args.gateway)
    const totals = await peerTotals(store, { since: stored.at - PEERS_WITHIN, until: stored.at })
    const result = toPeersResult(stored, asked !== null, totals, args.gateway)
    for (const note of stored.notes) terminal.err(`${note}\n`)
    if (args.isJson) terminal.out(peersJson(result))
    else if (args.isCsv) terminal.out(peersCsv(result))
    else terminal.out(peersText(terminal, result))
    return reportDamage(store, terminal) ? 1 : 0
  } finally {
    store.close()
  }
}
