/**
 * `peertrail who ADDRESS[:PORT]`: which key was behind an address at a time, how sure that is and why. The ledger of that time is
 * rebuilt from what was recorded and asked by the code that attributed the documents of then, so both give the same answer.
 */
import { AppError } from '../errors.ts'
import { emptyInventory } from '../identity/inventory.ts'
import type { EventReader } from '../store/event-reader.ts'
import { type LedgerSpan, ledgerAt } from '../store/ledger-reader.ts'
import { DAY, type Micros, SECOND } from '../time.ts'
import { type AccessBegin, accessPlace, withAccess } from './access-log.ts'
import { accessWords } from './access-words.ts'
import { type LedgerWindow, readLedgerWindow } from './ledger-window.ts'
import { openFoundReader, type ReaderOptions, reportDamage } from './reader-place.ts'
import type { Environment } from './store-place.ts'
import { gatewaySpans } from './stored-gateways.ts'
import type { Terminal } from './terminal.ts'
import { parseWithin } from './time-argument.ts'
import type { EndpointAnswer, FlowAnswer, HolderAnswer, Status, WhoAnswer } from './who-answer.ts'
import { attributorOf, type GatewayLedgers, isAbout, momentOf } from './who-claims.ts'
import { readEndpoints } from './who-endpoints.ts'
import { readFlows } from './who-flows.ts'
import { readGaps } from './who-gaps.ts'
import { holdersOn } from './who-holder.ts'
import { whoJson } from './who-json.ts'
import { readAddressLines } from './who-lines.ts'
import { isOwn, placesOf, readOwnAddresses } from './who-places.ts'
import { whoText } from './who-print.ts'
import { parseAddressPort, parseMoment, type Question } from './who-question.ts'

export type WhoArguments = ReaderOptions & {
  /** ADDRESS, ADDRESS:PORT or [ADDRESS]:PORT. */
  readonly address: string
  /** As given; '' = the newest poll there is. */
  readonly at: string
  /** As given; '' = 2 s. */
  readonly within: string
  /** '' = all. */
  readonly gateway: string
  readonly isJson: boolean
}

type Asked = {
  readonly place: ReturnType<typeof parseAddressPort>
  readonly within: Micros
  readonly moment: ReturnType<typeof parseMoment> | null
}

/** A flow's times come from other clocks than the one that stamped what is asked about. */
const WITHIN_DEFAULT: Micros = 2 * SECOND

/** Exit 0: one key, proven. 1: not exact, or nothing found. Throws AppError. `now` is the machine's time, for offsets. */
export async function runWho(
  args: WhoArguments,
  now: Micros,
  environment: Environment,
  terminal: Terminal,
): Promise<number> {
  const place = parseAddressPort(args.address)
  const within = args.within === '' ? WITHIN_DEFAULT : parseWithin(args.within)
  const moment = args.at === '' ? null : parseMoment(args.at, now)
  const reader = await openFoundReader(args, environment, terminal)
  try {
    const { address, ...options } = args
    const begin: AccessBegin = {
      action: 'who',
      command: accessWords(['who', address], options),
      at: now,
      period: moment,
      query: address,
    }
    return await withAccess(accessPlace(reader), begin, environment, terminal, () =>
      printWho(reader, args, { place, within, moment }, terminal),
    )
  } finally {
    reader.close()
  }
}

async function printWho(
  reader: EventReader,
  args: WhoArguments,
  { place, within, moment }: Asked,
  terminal: Terminal,
): Promise<number> {
  const spans = await gatewaySpans(reader, args.gateway)
  const newest = spans.reduce((latest, span) => Math.max(latest, span.newest), Number.NEGATIVE_INFINITY)
  if (moment === null && spans.length === 0) {
    throw new AppError('usage', `${reader.name} holds no poll of a gateway, so there is no newest one to take`, {
      advice: 'Name a time with --at; `peertrail search` shows what there is.',
    })
  }
  const answer = await answerWho(
    reader,
    {
      ...place,
      moment: moment ?? { from: newest, to: newest },
      isTimeGiven: moment !== null,
      within,
      gateway: args.gateway,
    },
    spans,
  )
  terminal.out(args.isJson ? whoJson(answer) : whoText(terminal, answer))
  const isDamaged = reportDamage(reader, terminal)
  return answer.status === 'exact' && !isDamaged ? 0 : 1
}

/** `spans` are those of the gateways to be asked, as `ledgerSpans` gives them. */
export async function answerWho(
  reader: EventReader,
  question: Question,
  spans: readonly LedgerSpan[],
): Promise<WhoAnswer> {
  const owns = await readOwnAddresses(reader, question)
  const gateways: GatewayLedgers[] = []
  for (const { gateway, newest } of spans) {
    const { from, to } = question.moment
    const view = await ledgerAt(reader, gateway, from)
    if (view === null) continue
    const window: LedgerWindow = (await readLedgerWindow(
      reader,
      gateway,
      from - DAY,
      to + DAY,
      isAbout(question.address),
    )) ?? {
      gateway,
      ledger: view.ledger,
      until: () => null,
    }
    gateways.push({
      view,
      window,
      attributor: attributorOf(view),
      isOwnAddress: owns.some((own) => isOwn(own, { view })),
      moment: momentOf(question, view.ledger, newest),
    })
  }
  const lines = await readAddressLines(reader, question)
  const inventories = new Map(gateways.map(({ view }) => [view.gateway, view.inventory]))
  const nothing = emptyInventory()
  const { flows, count } = await readFlows(reader, question, (gateway) => inventories.get(gateway) ?? nothing)
  const holders: HolderAnswer[] = []
  for (const gateway of gateways) holders.push(...(await holdersOn(reader, gateway, question, lines)))
  holders.sort((a, b) => rank(a.claim.status) - rank(b.claim.status))
  const endpoints = await readEndpoints(reader, question, gateways)
  const places = placesOf(question, gateways, owns, holders, endpoints.length > 0)
  return {
    question,
    ...verdict(flows, count, holders, endpoints, places.length > 0),
    flows,
    flowCount: count,
    holders,
    endpoints,
    places,
    rule: lines[0]?.rule ?? null,
    gaps: await readGaps(reader, question, concerned(question, spans, flows, holders)),
    spans,
  }
}

function rank(status: Status): number {
  return ['exact', 'ambiguous', 'unknown'].indexOf(status)
}

/** The best role the address has, and whether it names one key for certain. */
function verdict(
  flows: readonly FlowAnswer[],
  flowCount: number,
  holders: readonly HolderAnswer[],
  endpoints: readonly EndpointAnswer[],
  hasPlaces: boolean,
): Pick<WhoAnswer, 'role' | 'status'> {
  if (flowCount > 0) return { role: 'flow', status: flowCount === 1 ? (flows[0]?.status ?? 'unknown') : 'ambiguous' }
  const likely = holders.filter(({ claim }) => claim.status !== 'unknown')
  if (likely.length > 0) return { role: 'tunnel', status: only(likely.map(({ claim }) => claim.status)) }
  const then = endpoints.filter(({ isThen }) => isThen)
  if (then.length > 0) return { role: 'endpoint', status: only(then.map(({ status }) => status)) }
  if (holders.length > 0) return { role: 'tunnel', status: 'unknown' }
  if (endpoints.length > 0) return { role: 'endpoint', status: 'unknown' }
  return { role: hasPlaces ? 'place' : '', status: 'unknown' }
}

/** Several answers are no exact one, however sure each of them is. */
function only(statuses: readonly Status[]): Status {
  const [first, ...more] = statuses
  return more.length > 0 ? 'ambiguous' : (first ?? 'unknown')
}

/** Gateways whose gaps bear on the answer: those it names, else all that were asked. */
function concerned(
  { gateway }: Question,
  spans: readonly LedgerSpan[],
  flows: readonly FlowAnswer[],
  holders: readonly HolderAnswer[],
): string[] {
  if (gateway !== '') return [gateway]
  const named = flows.length > 0 ? flows : holders.filter(({ claim }) => claim.status !== 'unknown')
  return [...new Set((named.length > 0 ? named : spans).map((each) => each.gateway))]
}
