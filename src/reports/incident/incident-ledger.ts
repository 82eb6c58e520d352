/** What the polls show of the incident's keys: on which interface each ran, from when to when, with the uncertainty of both ends. */
import { DUMP_DURATION_MAX } from '../../identity/poll-clock.ts'
import { compareText } from '../../kql/text-match.ts'
import type { EventReader } from '../../store/event-reader.ts'
import { ledgerSpans } from '../../store/ledger-reader.ts'
import type { Micros } from '../../time.ts'
import type { Between } from '../revocation/revocation-facts.ts'
import { readHistories } from '../revocation/revocation-gateways.ts'
import { pollsNear } from '../revocation/revocation-ledger.ts'
import { type IncidentScope, isOfSubject } from './incident-scope.ts'

/** Stays of keys on interfaces that are told; the rest is counted. */
export const STAYS_MAX = 200
/** Keys whose polls are looked at. */
export const LEDGER_KEYS_MAX = 200

export type Stay = {
  readonly publicKey: string
  readonly gateway: string
  readonly interface: string
  /** AllowedIPs as the last poll of the stay showed them. */
  readonly allowedIps: readonly string[]
  /** When it came, between two polls; `from` null = it was there at the first poll there is. */
  readonly came: { readonly from: Micros | null; readonly to: Micros }
  /** When it went; null = it was there at the end of the period, or at the last poll before. */
  readonly went: Between | null
  /** How it went; null = it did not. */
  readonly end: 'removed' | 'interface-down' | null
}

/** Stays that overlap the period, by gateway, key and time. Throws AppError `bad-store`. */
export async function readStays(reader: EventReader, scope: IncidentScope): Promise<{ stays: Stay[]; total: number }> {
  const { keys, period } = scope
  const asked = keys.slice(0, LEDGER_KEYS_MAX)
  if (asked.length === 0) return { stays: [], total: 0 }
  const histories = await readHistories(reader, await ledgerSpans(reader), asked, period.to)
  const found = histories
    .flatMap(({ span, history }) => history.appearances.map((each) => ({ gateway: span.gateway, ...each })))
    .filter(({ since, until }) => since < period.to && (until === null || until >= period.from))
    .filter(({ publicKey, since, until }) => isOfSubject(scope, publicKey, since, until ?? period.to))
    .sort((a, b) => compareText(a.gateway, b.gateway) || compareText(a.publicKey, b.publicKey) || a.since - b.since)
  const stays: Stay[] = []
  for (const each of found.slice(0, STAYS_MAX)) {
    const { before } = await pollsNear(reader, each.gateway, each.since)
    const lastWith = each.until === null ? null : (await pollsNear(reader, each.gateway, each.until)).before
    stays.push({
      publicKey: each.publicKey,
      gateway: each.gateway,
      interface: each.interface,
      allowedIps: each.allowedIps,
      came: { from: before, to: each.since + (before === null ? 0 : DUMP_DURATION_MAX) },
      went: each.until === null ? null : { from: lastWith ?? each.since, to: each.until + DUMP_DURATION_MAX },
      end: each.end,
    })
  }
  return { stays, total: found.length }
}
