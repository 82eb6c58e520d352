/**
 * `peertrail demo`, and what the program does without a command: replays the shipped capture into a store and tells what is in it.
 * The capture is real (made in a lab, with every secret taken out); nothing of what is told is written down anywhere else.
 */
import { join } from 'node:path'
import { AppError } from '../errors.ts'
import { safeText } from '../safe-text.ts'
import { ALL_TIME, type EventReader } from '../store/event-reader.ts'
import { ledgerSpans } from '../store/ledger-reader.ts'
import { openStoreReader, type StoreReader } from '../store/reader.ts'
import { DAY, type Micros } from '../time.ts'
import { readLogin, readRefusals } from './demo-login.ts'
import { readPeerRows } from './demo-peers.ts'
import { type DemoResult, type Moment, printDemo } from './demo-print.ts'
import { type Handover, readStory } from './demo-story.ts'
import { readInput, replayInto } from './replay.ts'
import { DEFAULT_STORE, type Environment, findSink } from './store-place.ts'
import type { Terminal } from './terminal.ts'
import { answerWho } from './who.ts'
import { headline } from './who-headline.ts'
import { parseAddressPort } from './who-question.ts'

export type DemoArguments = {
  /** '' = ./peertrail-data. */
  readonly store: string
}

/** Below the package's root, beside `src` and `dist`. */
const CAPTURE = join(import.meta.dirname, '..', '..', 'pipelines', 'demo')
const MOMENT_LEAD: Micros = 8_000_000

/** Exit 0. Throws AppError when the store holds anything else than the demo: real records are not mixed with it. */
export async function runDemo(args: DemoArguments, environment: Environment, terminal: Terminal): Promise<number> {
  const { npm_lifecycle_event: script = '' } = environment
  // Never the store of the system's pipeline: that is somebody's real one.
  const dir = args.store === '' ? DEFAULT_STORE : args.store
  const found = await findSink({ store: '', pipeline: '' }, environment)
  const input = await readInput(CAPTURE, '')
  await refuseOtherStore(
    dir,
    input.capture.hosts.map(({ name }) => name),
  )
  const nowhere = { add: () => {}, addLedger: null, drain: async () => {} }
  const { result } = await replayInto(input, nowhere, dir, terminal)
  const store = await openStoreReader(dir)
  try {
    const story = await readStory(store)
    const audited = input.capture.hosts.filter(({ name }) =>
      result.sources.every((source) => source.host !== name || source.name === 'auditd'),
    )
    const demo: DemoResult = {
      story,
      peers: await readPeerRows(store),
      login: await readLogin(store),
      refusals: await readRefusals(store),
      moments: story.handover === null ? [] : await momentsOf(store, story.handover),
      lines: result.sources.reduce((sum, { tally }) => sum + tally.lines, 0),
      documents: [...result.documents.values()].reduce((sum, count) => sum + count, 0),
      gateways: input.capture.hosts.length - audited.length,
      hosts: audited.length,
      store: dir,
      storeOption: 'dir' in found && found.dir === dir ? '' : ` --store ${dir}`,
      // What stands in front of a command depends on how this one was started.
      program: script === 'start' ? 'npm start --' : 'peertrail',
    }
    terminal.out(printDemo(terminal, demo))
    return 0
  } finally {
    store.close()
  }
}

/** Before, between the two polls of the removal, with nobody there, after: what `who` answers at each. */
async function momentsOf(store: EventReader, { address, from, before, at }: Handover): Promise<Moment[]> {
  const spans = (await ledgerSpans(store)).filter(({ gateway }) => gateway === from.gateway)
  const moments: Moment[] = []
  for (const [when, moment] of [
    ['before', from.before - MOMENT_LEAD],
    ['during', (from.before + from.at) / 2],
    ['between', (from.at + before) / 2],
    ['after', at + MOMENT_LEAD],
  ] as const) {
    const exact = Math.round(moment)
    const question = {
      ...parseAddressPort(address),
      moment: { from: exact, to: exact },
      isTimeGiven: true,
      within: 0,
      gateway: from.gateway,
    }
    const answer = await answerWho(store, question, spans)
    moments.push({ at: exact, when, status: answer.status, sentence: headline(answer) })
  }
  return moments
}

async function refuseOtherStore(dir: string, hosts: readonly string[]): Promise<void> {
  let store: StoreReader
  try {
    store = await openStoreReader(dir)
  } catch (error) {
    if (error instanceof AppError && error.code === 'no-store') return
    throw error
  }
  try {
    const segments = store.segments()
    const oldest = Math.min(...segments.map((segment) => segment.oldest))
    const newest = Math.max(...segments.map((segment) => segment.newest))
    const { rows } = await store.select(
      { datasets: null, ...ALL_TIME, columns: ['host.name'] },
      'SELECT DISTINCT "host.name" FROM events',
    )
    const others = rows.filter(([host]) => host !== null && !hosts.includes(String(host)))
    if (others.length === 0 && (segments.length === 0 || newest - oldest < DAY)) return
  } finally {
    store.close()
  }
  throw new AppError('usage', `the store ${safeText(dir)} holds other records than the demo's`, {
    advice:
      'Run `peertrail demo --store DIR` with a directory of its own; `peertrail search` shows what this one holds.',
  })
}
