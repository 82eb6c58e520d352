/**
 * The ledger behind a pack: what the records say of the keys in it, and the polls around. Peers that have nothing to do with the incident are
 * left out of a record and counted; its hash is of the whole record, so that it can be held against the store.
 */
import { hash } from 'node:crypto'
import * as z from 'zod'
import { compareText } from '../../kql/text-match.ts'
import type { EventReader, Place } from '../../store/event-reader.ts'
import { ledgerSpans } from '../../store/ledger-reader.ts'
import {
  keyframeBefore,
  type LedgerAction,
  ledgerOf,
  ledgerSelection,
  readLedgerRows,
  type Stretch,
} from '../../store/ledger-rows.ts'
import { MINUTE, type Micros, toIso } from '../../time.ts'
import { readStays } from '../incident/incident-ledger.ts'
import type { IncidentScope } from '../incident/incident-scope.ts'
import type { Progress } from '../report-question.ts'
import type { EvidenceFile, EvidenceOutlet } from './evidence-outlet.ts'

export const LEDGER_FILE = 'ledger.ndjson'
/** Records of polls of one gateway: 5 s each, ten days of them. The rest is counted in the file. */
export const POLL_RECORDS_MAX = 172_800
/** Polls before and behind the period: an attribution rests on a poll on each side. */
const AROUND: Micros = 10 * MINUTE
const BATCH = 2_000
/** Sorts behind every id: those are base32hex. */
const BEHIND = '~'

const peerCells = z.tuple([z.string(), z.string(), z.array(z.string()), z.string(), z.number()])
const stateSchema = z.object({
  part: z.number().optional(),
  parts: z.number().optional(),
  period: z.number().nullable().optional(),
  interfaces: z.array(z.tuple([z.string(), z.string(), z.number()])),
  peers: z.array(peerCells),
  down: z.array(z.string()).optional(),
  removed: z.array(z.tuple([z.string(), z.string()])).optional(),
})

/** How many lines. Throws AppError `bad-store`. */
export async function writeLedger(
  reader: EventReader,
  scope: IncidentScope,
  outlet: EvidenceOutlet,
  progress: Progress,
): Promise<number> {
  const file = outlet.open(LEDGER_FILE)
  const { stays } = await readStays(reader, scope)
  await file.write(
    stays.map((stay) => line({ kind: 'stay', ...stay, came: times(stay.came), went: times(stay.went) })).join(''),
  )
  let rows = stays.length
  const gateways = new Set(stays.map(({ gateway }) => gateway))
  const spans = (await ledgerSpans(reader)).filter(
    ({ gateway }) => gateways.has(gateway) || scope.machines.includes(gateway),
  )
  for (const [i, { gateway }] of spans.entries()) {
    progress(LEDGER_FILE, i, spans.length)
    rows += await writeStates(reader, scope, gateway, file)
    rows += await writePolls(reader, scope, gateway, file)
  }
  progress(LEDGER_FILE, spans.length, spans.length)
  await file.end(rows)
  return rows
}

async function writeStates(
  reader: EventReader,
  { keys, period }: IncidentScope,
  gateway: string,
  file: EvidenceFile,
): Promise<number> {
  const since = (await keyframeBefore(reader, gateway, period.from)) ?? period.from
  const stretch = { since: Math.min(since, period.from), until: period.to - 1 }
  const wanted = new Set(keys)
  let rows = 0
  await inBatches(reader, gateway, ['ledger-keyframe', 'ledger-change'], stretch, async (records) => {
    const lines = records.flatMap(({ at, action, text }) => {
      const state = stateOf(text)
      if (state === null)
        return [line({ kind: 'unreadable', gateway, at: toIso(at), action, sha256: hash('sha256', text) })]
      const { peers, removed = [], ...rest } = state
      const own = peers.filter(([, key]) => wanted.has(key))
      const gone = removed.filter(([, key]) => wanted.has(key))
      const isAbout = action === 'ledger-keyframe' || own.length + gone.length + (rest.down ?? []).length > 0
      if (!isAbout) return []
      return [
        line({
          kind: action,
          gateway,
          at: toIso(at),
          ...rest,
          peers: own,
          ...(action === 'ledger-change' ? { removed: gone } : {}),
          peers_left_out: peers.length - own.length + removed.length - gone.length,
          sha256: hash('sha256', text),
        }),
      ]
    })
    rows += lines.length
    await file.write(lines.join(''))
    return true
  })
  return rows
}

async function writePolls(
  reader: EventReader,
  { period }: IncidentScope,
  gateway: string,
  file: EvidenceFile,
): Promise<number> {
  const stretch = { since: period.from - AROUND, until: period.to + AROUND }
  const total = await reader.count(ledgerSelection(ledgerOf(gateway, ['ledger-polls']), stretch))
  let rows = 0
  await inBatches(reader, gateway, ['ledger-polls'], stretch, async (records) => {
    const some = records.slice(0, POLL_RECORDS_MAX - rows)
    rows += some.length
    await file.write(some.map(({ at, text }) => line({ kind: 'polls', gateway, at: toIso(at), record: text })).join(''))
    return rows < POLL_RECORDS_MAX
  })
  if (rows >= total) return rows
  await file.write(line({ kind: 'polls-left-out', gateway, records: total - rows }))
  return rows + 1
}

type Record = Awaited<ReturnType<typeof readLedgerRows>>[number]

/** In order of time; ends when `take` says false. */
async function inBatches(
  reader: EventReader,
  gateway: string,
  actions: readonly LedgerAction[],
  stretch: Stretch,
  take: (records: readonly Record[]) => Promise<boolean>,
): Promise<void> {
  const selection = ledgerSelection(ledgerOf(gateway, actions), stretch)
  for (let after: Place | null = null; ; ) {
    const places: readonly Place[] = await reader.places(selection, 'oldest', BATCH, after)
    const [first, last] = [places[0], places.at(-1)]
    if (first === undefined || last === undefined) return
    const records = await readLedgerRows(reader, gateway, actions, { since: first.at, until: last.at })
    records.sort(
      (a, b) => a.at - b.at || compareText(a.action, b.action) || a.part - b.part || compareText(a.text, b.text),
    )
    if (!(await take(records)) || places.length < BATCH) return
    // All records of the last time were read, also those beyond the batch.
    after = { at: last.at, id: BEHIND }
  }
}

function stateOf(text: string) {
  try {
    return stateSchema.safeParse(JSON.parse(text)).data ?? null
  } catch {
    return null
  }
}

function times(between: { readonly from: Micros | null; readonly to: Micros } | null) {
  return between === null ? null : { from: between.from === null ? null : toIso(between.from), to: toIso(between.to) }
}

function line(value: object): string {
  return `${JSON.stringify(value)}\n`
}
