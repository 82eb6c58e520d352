/**
 * `peertrail report exposure --peer P | --all`: if this key leaked today, what would be open? What rules let it reach, what is documented
 * for it, and what it did reach. Facts and judgement are the reports' (src/reports/exposure/).
 */
import { AppError } from '../errors.ts'
import type { Inventory } from '../identity/inventory.ts'
import { createPeerReach } from '../posture/reach-peers.ts'
import { type Region, regionsOf } from '../posture/reach-regions.ts'
import { type ExposedKey, type Exposure, judgeExposure, type KnownRules } from '../reports/exposure/exposure.ts'
import { type ExposurePeriod, readExposureFacts } from '../reports/exposure/exposure-facts.ts'
import { rankExposures } from '../reports/exposure/exposure-rank.ts'
import { safeText } from '../safe-text.ts'
import type { EventReader } from '../store/event-reader.ts'
import { DAY, type Micros } from '../time.ts'
import { type AccessBegin, accessPlace, withAccess } from './access-log.ts'
import { accessWords } from './access-words.ts'
import { journalsBeside, newestRulesets } from './newest-rulesets.ts'
import { selectPeers } from './peer-selector.ts'
import { findReader, openFoundReader, type ReaderOptions, reportDamage } from './reader-place.ts'
import { exposureJson, rankedJson } from './report-exposure-json.ts'
import { exposureText } from './report-exposure-print.ts'
import { rankedText } from './report-exposure-rank-print.ts'
import { widthOf } from './report-revocation.ts'
import type { CommandContext } from './search.ts'
import type { Environment } from './store-place.ts'
import { readStoredGateways, type StoredGateways } from './stored-gateways.ts'
import type { Terminal } from './terminal.ts'
import { parseTimeArgument } from './time-argument.ts'

export type ExposureArguments = ReaderOptions & {
  /** PEER: a name, a key or its beginning, an e-mail, an address; '' with `isAll`. */
  readonly peer: string
  readonly isAll: boolean
  /** Times as given; '' = 30 days before the end; the newest poll. */
  readonly since: string
  readonly until: string
  /** GATEWAY=FILE each. */
  readonly rules: readonly string[]
  /** Capture directory; '' = none. */
  readonly capture: string
  readonly isJson: boolean
}

/** What a report says of the time it looked at, and of what it had to do without. */
export type ExposureFrame = {
  readonly at: Micros
  readonly isTimeGiven: boolean
  readonly period: ExposurePeriod
  /** When the oldest document happened; null = there is none. */
  readonly recordedSince: Micros | null
  /** `ivy (MacBook Air)`; '' = all. */
  readonly label: string
  /** Fit for a terminal. */
  readonly notes: readonly string[]
}

/** How far back what a key did is looked for. */
const PERIOD_DEFAULT: Micros = 30 * DAY

/** Exit 0; 1 where part of what was recorded could not be read. Throws AppError. */
export async function runReportExposure(args: ExposureArguments, context: CommandContext): Promise<number> {
  const { environment, terminal, stdout, now } = context
  const wanted = readWanted(args, now)
  const reader = await openFoundReader(args, environment, terminal)
  try {
    const command = accessWords(['report', 'exposure'], args)
    const begin: AccessBegin = { action: 'report-generated', command, at: now, period: null, query: args.peer }
    return await withAccess(accessPlace(reader), begin, environment, terminal, async () => {
      const { frame, exposures } = await gatherExposures(reader, args, wanted, environment)
      print(args, { terminal, width: widthOf(stdout) }, frame, exposures)
      return reportDamage(reader, terminal) ? 1 : 0
    })
  } finally {
    reader.close()
  }
}

type ExposureWanted = { readonly asked: Micros | null; readonly given: Micros | null }

/** Throws AppError `usage`. */
export function readWanted(args: Given, now: Micros): ExposureWanted {
  if ((args.peer === '') !== args.isAll)
    throw new AppError(
      'usage',
      args.isAll ? '--peer and --all are two questions' : 'whose exposure? --peer is missing',
      {
        advice: 'Give --peer with a name, a public key, an e-mail or a tunnel address, or --all.',
      },
    )
  return {
    asked: args.until === '' ? null : parseTimeArgument(args.until, now, '--until'),
    given: args.since === '' ? null : parseTimeArgument(args.since, now, '--since'),
  }
}

type Given = ReaderOptions & Omit<ExposureArguments, 'isJson'>

export type GatheredExposures = { readonly frame: ExposureFrame; readonly exposures: readonly Exposure[] }

/** Throws AppError. */
export async function gatherExposures(
  reader: EventReader,
  args: Given,
  { asked, given }: ExposureWanted,
  environment: Environment,
): Promise<GatheredExposures> {
  const stored = await readStoredGateways(reader, asked, '')
  const period = { since: given ?? stored.at - PERIOD_DEFAULT, until: stored.at }
  if (period.since > period.until)
    throw new AppError('usage', '--since begins after the time reported on', { advice: 'Give an earlier beginning.' })
  const selected = args.isAll ? null : await selectPeers(reader, args.peer)
  const keys = keysOf(stored, selected?.keys ?? null)
  const found = await exposuresOf(reader, args, environment, { stored, period, keys })
  const frame: ExposureFrame = {
    at: stored.at,
    isTimeGiven: asked !== null,
    period,
    recordedSince: (await reader.bounds(null))?.oldestEvent ?? null,
    label: selected?.label ?? '',
    notes: [...stored.notes, ...found.notes.map((note) => safeText(note))],
  }
  return { frame, exposures: found.exposures }
}

function print(
  { isAll, isJson }: ExposureArguments,
  { terminal, width }: { readonly terminal: Terminal; readonly width: number },
  frame: ExposureFrame,
  exposures: readonly Exposure[],
): void {
  if (isAll) {
    const ranked = rankExposures(exposures)
    terminal.out(isJson ? rankedJson(frame, ranked) : rankedText(terminal, width, frame, ranked))
  } else terminal.out(isJson ? exposureJson(frame, exposures) : exposureText(terminal, width, frame, exposures))
}

/** Running keys; of a peer none of whose keys runs, the newest one, where it is documented. `wanted` null = all that run. */
function keysOf({ gateways }: StoredGateways, wanted: readonly string[] | null): ExposedKey[] {
  const running = gateways.flatMap(({ name, running: tunnels }) =>
    tunnels.flatMap(({ interface: tunnel, peers }) =>
      peers.flatMap(({ publicKey, allowedIps }): ExposedKey[] =>
        wanted === null || wanted.includes(publicKey)
          ? [{ gateway: name, interface: tunnel, publicKey, allowedIps, isRunning: true }]
          : [],
      ),
    ),
  )
  const newest = wanted?.at(-1)
  if (running.length > 0 || newest === undefined) return running
  const places = gateways.map(({ name, inventory }) => ({ name, peer: inventory.peerByKey(name, '', newest) }))
  const { name, peer } = places.find((each) => each.peer?.gateway === each.name) ??
    places[0] ?? { name: '', peer: null }
  return [
    {
      gateway: peer?.gateway ?? name,
      interface: peer?.interface ?? '',
      publicKey: newest,
      allowedIps: [],
      isRunning: false,
    },
  ]
}

type Gathering = {
  readonly stored: StoredGateways
  readonly period: ExposurePeriod
  readonly keys: readonly ExposedKey[]
}

async function exposuresOf(
  reader: EventReader,
  args: Given,
  environment: Environment,
  { stored, period, keys }: Gathering,
): Promise<{ readonly exposures: readonly Exposure[]; readonly notes: readonly string[] }> {
  const { at, gateways } = stored
  const place = await findReader(args, environment)
  const journals = 'dir' in place ? journalsBeside(place.dir) : ''
  const { byGateway, notes } = await newestRulesets({ files: args.rules, capture: args.capture, journals }, at)
  const facts = await readExposureFacts(reader, args.isAll ? null : keys.map(({ publicKey }) => publicKey), period)
  const rules = new Map<string, KnownRules>()
  for (const { name, running } of gateways) {
    const found = byGateway.get(name)
    if (found === undefined) continue
    const peers = running.flatMap(({ interface: tunnel, peers: own }) =>
      own.map((peer) => ({ ...peer, interface: tunnel })),
    )
    rules.set(name, { at: found.at, place: found.place, reach: createPeerReach(found.document, peers) })
  }
  const tooLong: string[] = []
  const catalogues = new Map<string, readonly Region[]>()
  const regionsFor = (inventory: Inventory): readonly Region[] => {
    const known = catalogues.get(inventory.hash)
    if (known !== undefined) return known
    const { regions, isWhole } = regionsOf(inventory.resources)
    if (!isWhole)
      tooLong.push(`The catalogue has more than is compared with rules: of its last resources no reach is stated.`)
    catalogues.set(inventory.hash, regions)
    return regions
  }
  const cut = facts.isCut ? ['More services were used than are told.'] : []
  const exposures = keys.flatMap((key): Exposure[] => {
    const inventory = (gateways.find(({ name }) => name === key.gateway) ?? gateways[0])?.inventory
    if (inventory === undefined) return []
    const known = rules.get(key.gateway) ?? null
    return [judgeExposure({ key, at, inventory, regions: regionsFor(inventory), rules: known, facts })]
  })
  return { exposures, notes: [...notes, ...cut, ...tooLong, ...unread(keys, rules), ...unrecorded(exposures)] }
}

/** Gateways of which nobody knows what their keys used. */
function unrecorded(exposures: readonly Exposure[]): string[] {
  const names = [...new Set(exposures.flatMap(({ isUseKnown, peer }) => (isUseKnown ? [] : [peer.gateway])))]
  if (names.length === 0) return []
  return [
    `connection tracking of ${names.join(', ')} is not recorded in the period: what keys were used for there is not known, and no grant counts as unused`,
  ]
}

/** Gateways whose rules are not known: said once, not only with each key. */
function unread(keys: readonly ExposedKey[], rules: ReadonlyMap<string, KnownRules>): string[] {
  const running = keys.filter(({ isRunning, gateway }) => isRunning && !rules.has(gateway))
  const names = [...new Set(running.map(({ gateway }) => gateway))]
  if (names.length === 0) return []
  return [
    `rules of ${names.join(', ')} are not known, so no reach is stated: name them with --rules GATEWAY=FILE (the output of nft -j -a list ruleset) or --capture DIR`,
  ]
}
