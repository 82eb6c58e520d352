/**
 * `peertrail inventory diff [PATH…]`: what runs against what is documented. PATH is a capture directory, whose inventory.yaml is used
 * unless another one is named, a wg.snapshots file, or the output of `wg show all dump`; without one the ledger of the store is
 * compared, and the inventory of its time. The newest snapshot of each gateway counts; its own time decides about dates, because
 * what was right then may be wrong now. Changes nothing.
 */
import { AppError } from '../errors.ts'
import { type Inventory, parseInventory } from '../identity/inventory.ts'
import { type Difference, diffInventory, type RunningInterface } from '../identity/inventory-diff.ts'
import { suggestion } from '../nearest.ts'
import { quoted, safeText } from '../safe-text.ts'
import type { Micros } from '../time.ts'
import { type GatewaySnapshot, readGatewaySnapshots } from './gateway-snapshots.ts'
import { diffCsv, diffJson, diffText } from './inventory-diff-print.ts'
import { readWhole } from './read-whole.ts'
import { openFoundReader, reportDamage } from './reader-place.ts'
import type { Environment } from './store-place.ts'
import { readStoredGateways } from './stored-gateways.ts'
import { counted, type Terminal } from './terminal.ts'
import { parseTimeArgument, printTime } from './time-argument.ts'

export type InventoryDiffArgs = {
  readonly paths: readonly string[]
  /** File; '' = the one of the capture. */
  readonly inventory: string
  /** Compare only this gateway; also names the gateway of a dump file. '' = all, as their headers say. */
  readonly gateway: string
  /** Time as given; null = each snapshot's own. */
  readonly at: string | null
  readonly isJson: boolean
  readonly isCsv: boolean
  /** Where to look without paths; '' or absent = not given (see store-place.ts). */
  readonly store?: string
  readonly pipeline?: string
}

/** What runs, wherever it was read from. */
export type Running = {
  readonly gateways: readonly RunningGateway[]
  readonly interfaces: readonly RunningInterface[]
  /** What is to be said about it, a line each; not yet fit for a terminal. */
  readonly notes: readonly string[]
}

/** A gateway that was looked at, also when no interface runs on it. Each stands once. */
export type RunningGateway = {
  readonly name: string
  /** When it ran like this; null = nothing says so. */
  readonly at: Micros | null
}

/** What is printed. */
export type DiffResult = {
  /** The time asked for, else the newest of the gateways' times. */
  readonly at: Micros
  readonly inventory: Inventory
  readonly gateways: readonly ComparedGateway[]
  /** Excused ones too. */
  readonly differences: readonly Difference[]
}

export type ComparedGateway = {
  readonly name: string
  /** The time its dates were judged by. */
  readonly at: Micros
  /** False: documented, and no snapshot of it is there. */
  readonly isObserved: boolean
  /** Time of the snapshot; null where it has none. */
  readonly snapshotAt: Micros | null
  readonly interfaces: number
  readonly peers: number
}

/**
 * Exit 0: no difference, or only excused ones; 1: differences. Throws AppError for arguments that make no sense together and for
 * what cannot be read. `now` is the time of the machine: offsets count from it, and a dump without a date is taken for now.
 */
export async function runInventoryDiff(
  args: InventoryDiffArgs,
  now: Micros,
  terminal: Terminal,
  environment: Environment = {},
): Promise<number> {
  if (args.isJson && args.isCsv) {
    throw new AppError('usage', '--json and --csv are two answers to one question', { advice: 'Give one of them.' })
  }
  const asked = args.at === null ? null : parseTimeArgument(args.at, now)
  const { running, inventory } =
    args.paths.length > 0
      ? await fromFiles(args, asked, now, terminal)
      : await fromStore(args, asked, environment, terminal)
  const result = compareRunning(running, inventory, { asked, now, gateway: args.gateway })
  for (const note of running.notes) terminal.err(`${safeText(note)}\n`)
  if (args.isJson) terminal.out(diffJson(result))
  else if (args.isCsv) terminal.out(diffCsv(result))
  else terminal.out(diffText(terminal, result))
  return result.differences.some(({ exception }) => exception === null) ? 1 : 0
}

/**
 * `asked`: the time that decides, null = each gateway's own, or `now` where it has none. `gateway`: only this one, '' = all.
 * Throws AppError `usage` for a gateway that neither runs nor is documented.
 */
export function compareRunning(
  running: Running,
  inventory: Inventory,
  { asked, now, gateway }: { readonly asked: Micros | null; readonly now: Micros; readonly gateway: string },
): DiffResult {
  const seen = new Map(running.gateways.map((each) => [each.name, each]))
  const names = new Set([...seen.keys(), ...inventory.gateways.map(({ name }) => name)])
  if (gateway !== '' && !names.has(gateway)) {
    throw new AppError(
      'usage',
      `gateway ${quoted(gateway)} neither runs nor is documented${suggestion(gateway, names)}`,
      {
        advice: `Known: ${[...names].sort().slice(0, 10).join(', ')}${names.size > 10 ? ', …' : ''}.`,
      },
    )
  }
  const dated = running.gateways.map((each) => each.at ?? now)
  const at = asked ?? dated.reduce((newest, each) => Math.max(newest, each), dated[0] ?? now)
  const interfaces = Map.groupBy(running.interfaces, (each) => each.gateway)
  const gateways = (gateway === '' ? [...names].sort() : [gateway]).map((name): ComparedGateway => {
    const own = seen.get(name)
    const rows = interfaces.get(name) ?? []
    return {
      name,
      at: asked ?? (own === undefined ? at : (own.at ?? now)),
      isObserved: own !== undefined,
      snapshotAt: own?.at ?? null,
      interfaces: rows.length,
      peers: rows.reduce((sum, { peers }) => sum + peers.length, 0),
    }
  })
  const differences = diffInventory(running.interfaces, inventory, at, {
    gateways: gateways.map(({ name }) => name),
    observed: [...seen.keys()],
    times: new Map(gateways.map((each) => [each.name, each.at])),
  })
  return { at, inventory, gateways, differences }
}

type Sides = { readonly running: Running; readonly inventory: Inventory }

async function fromFiles(
  args: InventoryDiffArgs,
  asked: Micros | null,
  now: Micros,
  terminal: Terminal,
): Promise<Sides> {
  const { running, inventories } = await runningFromFiles(args, asked, now, terminal)
  return { running, inventory: await loadInventory(args.inventory, inventories) }
}

/** All gateways are read, whichever is asked for: a key may run elsewhere than documented. */
async function fromStore(
  args: InventoryDiffArgs,
  asked: Micros | null,
  environment: Environment,
  terminal: Terminal,
): Promise<Sides> {
  const { store: named = '', pipeline = '' } = args
  const reader = await openFoundReader({ store: named, pipeline }, environment, terminal)
  try {
    const { gateways, notes } = await readStoredGateways(reader, asked, '')
    reportDamage(reader, terminal)
    const newest = gateways.toSorted((a, b) => b.poll - a.poll).find(({ inventory }) => inventory.hash !== '')
    return {
      running: {
        gateways: gateways.map(({ name, poll }) => ({ name, at: poll })),
        interfaces: gateways.flatMap((each) => each.running),
        notes,
      },
      inventory:
        args.inventory === '' && newest !== undefined ? newest.inventory : await loadInventory(args.inventory, []),
    }
  } finally {
    reader.close()
  }
}

async function runningFromFiles(
  { paths, gateway }: InventoryDiffArgs,
  asked: Micros | null,
  now: Micros,
  terminal: Terminal,
): Promise<{ readonly running: Running; readonly inventories: readonly string[] }> {
  const found = await readGatewaySnapshots({ paths, gateway, before: asked }, terminal)
  const isWanted = (name: string) => gateway === '' || name === gateway
  const { newest, notes } = newestOfEach(found.snapshots.filter((each) => isWanted(each.gateway)))
  for (const name of found.tooNew.filter(isWanted)) {
    if (!newest.has(name)) notes.push(`${name}: no snapshot at or before ${printTime(asked ?? now)}`)
  }
  const gateways: RunningGateway[] = []
  const interfaces: RunningInterface[] = []
  for (const [name, each] of newest) {
    mustBeComplete(each)
    gateways.push({ name, at: each.at })
    interfaces.push(...runningInterfaces(each))
    if (each.at === null) {
      const when = asked === null ? `runs now, ${printTime(now)}` : `ran at ${printTime(asked)}`
      notes.push(`${name}: the dump has no date and is taken for what ${when}`)
    }
    if (each.incompleteAfter > 0) {
      notes.push(
        `${name}: left out because of rows that cannot be read: ${counted(each.incompleteAfter, 'newer snapshot')}`,
      )
    }
  }
  return { running: { gateways, interfaces, notes }, inventories: found.inventories }
}

/** A dump without a date is the newest: somebody took it just now. Of two the later path counts. */
function newestOfEach(snapshots: readonly GatewaySnapshot[]): {
  readonly newest: ReadonlyMap<string, GatewaySnapshot>
  readonly notes: string[]
} {
  const newest = new Map<string, GatewaySnapshot>()
  const several = new Set<string>()
  for (const each of snapshots) {
    const other = newest.get(each.gateway)
    if (other !== undefined) several.add(each.gateway)
    const time = (one: GatewaySnapshot) => one.at ?? Number.POSITIVE_INFINITY
    if (other === undefined || time(each) >= time(other)) newest.set(each.gateway, each)
  }
  return { newest, notes: [...several].map((name) => `${name}: given more than once; the newest snapshot is compared`) }
}

/** A row that could not be read may be the peer that seems to be missing. */
function mustBeComplete({ gateway, snapshot }: GatewaySnapshot): void {
  if (snapshot.isComplete) return
  throw new AppError('cannot-read', `gateway ${quoted(gateway)} has no snapshot of which every row can be read`, {
    advice: 'Take it again with `wg show all dump`, or leave the gateway out with --gateway.',
  })
}

function runningInterfaces({ gateway, snapshot }: GatewaySnapshot): RunningInterface[] {
  const peers = Map.groupBy(snapshot.peers, (row) => row.interface)
  return snapshot.interfaces.map(({ interface: name, publicKey }) => ({
    gateway,
    interface: name,
    publicKey,
    peers: (peers.get(name) ?? []).map((row) => ({
      publicKey: row.publicKey,
      allowedIps: row.allowedIps,
      lastHandshake: row.latestHandshakeAt === 0 ? null : row.latestHandshakeAt,
    })),
  }))
}

async function loadInventory(named: string, ofCaptures: readonly string[]): Promise<Inventory> {
  const [only, ...more] = new Set(ofCaptures)
  if (named === '' && (only === undefined || more.length > 0)) {
    const what = only === undefined ? 'no inventory is named' : 'the captures bring more than one inventory'
    throw new AppError('usage', what, { advice: 'Name the one to compare with: --inventory FILE.' })
  }
  const path = named === '' ? (only ?? '') : named
  const read = await readWhole({ name: path, path, isGzip: false }, 'utf8')
  if ('text' in read) return parseInventory(read.text, path)
  throw new AppError('cannot-read', `${quoted(path, 200)} cannot be read: ${read.problem}`, {
    advice: 'Look whether it exists and may be read.',
  })
}
