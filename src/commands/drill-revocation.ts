/**
 * `peertrail drill revocation --peer P`: a staged revocation on this machine with a stopwatch. It only looks: somebody else removes the
 * peer, as in earnest. What it proves is about this machine; `report revocation` is about every declared gateway.
 */
import { accessSync, constants } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { canonicalAddress } from '../address.ts'
import { parsePipeline } from '../config.ts'
import { AppError } from '../errors.ts'
import { emptyInventory, type Inventory, parseInventory } from '../identity/inventory.ts'
import type { Clock } from '../live/clock.ts'
import { quoted, safeText } from '../safe-text.ts'
import type { PeerRow } from '../sources/wireguard/record.ts'
import { type Micros, MS, SECOND } from '../time.ts'
import { lookAt, type Machine, ownAddresses, readRunning } from './drill-look.ts'
import { type DrillRecord, drillJson, drillText, eventText, liveLine } from './drill-print.ts'
import { createDrill, type Drill } from './drill-stages.ts'
import { shortKey } from './peer-facts.ts'
import { readWhole } from './read-whole.ts'
import { widthOf } from './report-revocation.ts'
import type { CommandContext } from './search.ts'
import { paint } from './terminal.ts'
import { parseTimeArgument, parseWithin } from './time-argument.ts'

export type DrillArguments = {
  /** A key or its beginning, a tunnel address, or a name of the inventory. */
  readonly peer: string
  readonly inventory: string
  /** Its inventory names peers; '' = none. */
  readonly pipeline: string
  /** Spans as given; '' = 15 min and 1 s. */
  readonly timeout: string
  readonly every: string
  readonly compromisedAt: string
  readonly isJson: boolean
}

/** What a drill needs of its machine. */
export type DrillDeps = {
  readonly clock: Clock
  /** `/`, or where a test keeps its files. */
  readonly root: string
  readonly host: string
  /** Aborted when the drill is to end: Ctrl-C. */
  readonly stop: AbortSignal
}

const TIMEOUT_DEFAULT: Micros = 15 * 60 * SECOND
const EVERY_DEFAULT: Micros = SECOND
/** A program started more often takes the machine's time from what is watched. */
const EVERY_MIN: Micros = 50 * MS
const KEY_START_MIN = 4
/** Notes of one kind kept for the record. */
const NOTES_MAX = 100
const FOLDERS = ['usr/local/sbin', 'usr/local/bin', 'usr/sbin', 'usr/bin', 'sbin', 'bin']
/** Back to the first column, and the rest of the line away (ECMA-48). */
const REDRAW = '\r\u001b[K'

/** Exit 0: proved on this machine. 1: not proved in time, or stopped. Throws AppError `usage`, `refused` where wg cannot tell. */
export async function runDrillRevocation(
  args: DrillArguments,
  context: CommandContext,
  deps: DrillDeps,
): Promise<number> {
  const { terminal, environment, now } = context
  const timeout = args.timeout === '' ? TIMEOUT_DEFAULT : parseWithin(args.timeout, '--timeout')
  const every = Math.max(EVERY_MIN, args.every === '' ? EVERY_DEFAULT : parseWithin(args.every, '--every'))
  const compromisedAt =
    args.compromisedAt === '' ? null : parseTimeArgument(args.compromisedAt, now, '--compromised-at')
  const find = (name: string) => programIn(name, environment['PATH'] ?? '', deps.root)
  const machine: Machine = { wg: find('wg'), conntrack: find('conntrack'), root: deps.root, clock: deps.clock }
  const running = await readRunning(machine)
  if ('problem' in running)
    throw new AppError('refused', `wg show all dump: ${running.problem}`, {
      advice: 'A drill needs wireguard-tools and the right to ask the kernel: run it as root on the gateway.',
    })
  const target = choose(args.peer, running.peers, await readInventory(args))
  const startedAt = deps.clock.now()
  terminal.err(
    `${paint(terminal, 'dim', `watching ${target.name === '' ? 'key' : safeText(target.name)} ${shortKey(target.publicKey)} on ${safeText(deps.host)}; remove it now, as in earnest`)}\n`,
  )
  const drill = createDrill()
  const notes = await watch(drill, target, machine, { ...context, ...deps, every, end: startedAt + timeout })
  const record: DrillRecord = {
    ...notes,
    publicKey: target.publicKey,
    name: target.name,
    host: deps.host,
    compromisedAt,
    startedAt,
    endedAt: deps.clock.now(),
    isProved: drill.isOver,
    end: drill.isOver ? '' : deps.stop.aborted ? 'stopped' : 'timeout',
  }
  terminal.out(
    args.isJson ? drillJson(drill, record) : `\n${drillText(terminal, widthOf(context.stdout), drill, record)}`,
  )
  return drill.isOver ? 0 : 1
}

type Watching = CommandContext & DrillDeps & { readonly every: Micros; readonly end: Micros }

async function watch(
  drill: Drill,
  { publicKey, addresses, interfaces: seen }: Target,
  machine: Machine,
  { terminal, clock, stop, every, end }: Watching,
): Promise<Pick<DrillRecord, 'cameBack' | 'blind'>> {
  const cameBack: Micros[] = []
  const blind: { at: Micros; problem: string }[] = []
  const interfaces = new Set(seen)
  const isLive = terminal.isInteractive && terminal.color
  for (;;) {
    const began = clock.now()
    const look = await lookAt(machine, { publicKey, addresses, interfaces })
    if (!('problem' in look.running)) for (const name of look.running) interfaces.add(name)
    for (const event of drill.take(look)) {
      if (event.kind === 'came-back' && cameBack.length < NOTES_MAX) cameBack.push(event.at)
      if (event.kind === 'blind' && blind.length < NOTES_MAX) blind.push({ at: event.at, problem: event.problem })
      terminal.err(
        `${isLive ? REDRAW : ''}${eventText(terminal, event, { armed: drill.reached.get('armed')?.to ?? null, addresses })}\n`,
      )
    }
    if (drill.isOver || stop.aborted || clock.now() >= end) break
    if (isLive) terminal.err(`${REDRAW}${liveLine(drill, clock.now())}`)
    await pauseFor(clock, Math.max(0, began + every - clock.now()), stop)
  }
  if (isLive) terminal.err(REDRAW)
  return { cameBack, blind }
}

function pauseFor(clock: Clock, span: Micros, stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (stop.aborted) return resolve()
    const done = () => {
      cancel()
      stop.removeEventListener('abort', done)
      resolve()
    }
    const cancel = clock.after(span / MS, done)
    stop.addEventListener('abort', done)
  })
}

type Target = {
  readonly publicKey: string
  readonly name: string
  readonly addresses: readonly string[]
  readonly interfaces: readonly string[]
}

/** Throws AppError `usage` where nobody or several fit. */
function choose(text: string, running: readonly PeerRow[], inventory: Inventory): Target {
  if (text === '')
    throw new AppError('usage', 'whose key is revoked? --peer is missing', {
      advice: 'Give a public key or its beginning, a tunnel address, or a name of the inventory.',
    })
  const address = canonicalAddress(text)
  const named = inventory.peers
    .filter(({ name }) => name === text)
    .flatMap(({ keys }) => keys.map((key) => key.publicKey))
  const fits = running.filter(
    (peer) =>
      named.includes(peer.publicKey) ||
      peer.publicKey === text ||
      (text.length >= KEY_START_MIN && peer.publicKey.startsWith(text)) ||
      (address !== null && ownAddresses([peer]).includes(address)),
  )
  const keys = [...new Set(fits.map(({ publicKey }) => publicKey))]
  const [publicKey] = keys
  if (publicKey === undefined || keys.length > 1)
    throw new AppError(
      'usage',
      `${quoted(text)} fits ${keys.length === 0 ? 'no running peer' : `${keys.length} running peers`} of this machine${keys.length === 0 ? '' : `: ${keys.slice(0, 8).map(shortKey).join(', ')}`}`,
      { advice: 'A drill begins while the key still runs: name it as `wg show` has it, or its name with --inventory.' },
    )
  const name = inventory.peers.find((peer) => peer.keys.some((key) => key.publicKey === publicKey))?.name ?? ''
  return { publicKey, name, addresses: ownAddresses(fits), interfaces: fits.map((peer) => peer.interface) }
}

async function readInventory({ inventory, pipeline }: DrillArguments): Promise<Inventory> {
  if (inventory !== '') return parseInventory(await readText(inventory), inventory)
  if (pipeline === '') return emptyInventory()
  const named = parsePipeline(await readText(pipeline), basename(pipeline)).inventory
  if (named === '') return emptyInventory()
  const file = resolve(dirname(pipeline), named)
  return parseInventory(await readText(file), named)
}

async function readText(file: string): Promise<string> {
  const read = await readWhole({ name: file, path: file, isGzip: false }, 'utf8')
  if ('text' in read) return read.text
  throw new AppError('usage', `${quoted(file)} cannot be read`, { advice: 'Check the name and who may read it.' })
}

/** A user's PATH may lack sbin, where wg is. '' = not found. */
function programIn(name: string, path: string, root: string): string {
  const folders = [
    ...path.split(':').filter((folder) => folder.startsWith('/')),
    ...FOLDERS.map((each) => join(root, each)),
  ]
  for (const folder of folders) {
    try {
      accessSync(join(folder, name), constants.X_OK)
      return join(folder, name)
    } catch {
      // Not there.
    }
  }
  return ''
}
