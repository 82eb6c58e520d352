/**
 * One gateway's part of the pipeline (ledger, flows, lines, peers, journal, finding), played from a list of moves, and cut: after
 * some moves everything is saved, read back, and created anew with the same inventory and rulesets as other objects.
 */
import { createGateway, type SavedGateway } from '../../src/correlate/gateway.ts'
import type { Item } from '../../src/correlate/intake.ts'
import { narrowPolls } from '../../src/correlate/narrowed-polls.ts'
import { createPeerEvents, type SavedPeerEvents } from '../../src/correlate/peer-events.ts'
import { createDetections, type SavedDetections } from '../../src/detections/catalogue/catalogue.ts'
import type { Event } from '../../src/event.ts'
import { printEvent } from '../../src/event-json.ts'
import { createAddressBook } from '../../src/identity/address-book.ts'
import type { Inventory } from '../../src/identity/inventory.ts'
import { createLedgerJournal, type SavedLedgerJournal } from '../../src/identity/ledger-journal.ts'
import type { RulesetHistory } from '../../src/sources/nftables/ruleset-history.ts'
import type { SnapshotRecord } from '../../src/sources/wireguard/record.ts'
import type { Micros } from '../../src/time.ts'
import { restored } from '../restored.ts'

export type Move =
  | { readonly what: 'item'; readonly item: Item }
  | { readonly what: 'tick'; readonly at: Micros }
  | {
      readonly what: 'dump'
      readonly startedAt: Micros
      readonly at: Micros
      readonly rowsV4: number
      readonly rowsV6: number
    }
  /** A program that changes peers ran. */
  | { readonly what: 'note'; readonly from: Micros; readonly to: Micros; readonly id: string }
  | { readonly what: 'finish-ledger' }

/** Made anew for every part of a run. */
export type World = {
  readonly inventory: () => Inventory
  readonly rulesets: () => RulesetHistory
  /** Null = measured. */
  readonly poll: Micros | null
}

export type SavedCore = {
  readonly gateway: SavedGateway
  readonly peers: SavedPeerEvents
  readonly journal: SavedLedgerJournal
  readonly finding: SavedDetections
  readonly poll: SnapshotRecord | null
}

function createCore(world: World, told: string[], saved?: SavedCore) {
  const inventory = world.inventory()
  const tell = (event: Event) => {
    told.push(printEvent(event))
  }
  const finding = createDetections({ emit: tell, inventory }, saved?.finding)
  const pass = (event: Event) => {
    tell(event)
    finding.observe(event)
  }
  const gateway = createGateway(
    {
      host: 'gw1',
      inventory,
      addresses: createAddressBook(),
      rulesets: world.rulesets(),
      prefixes: [],
      marks: new Map(),
      poll: world.poll,
      hasSnapshots: true,
      hasConntrack: true,
      watch: {
        line: (record, { verdict, rule, ruleset }, flow) =>
          told.push(`line ${record.at} ${verdict} ${rule?.handle} ${rule?.sampled} ${ruleset?.hash} ${flow?.id}`),
        flow: (flow) => told.push(`flow ${flow.id} ${flow.startBasis} ${flow.witness?.at}`),
      },
    },
    pass,
    saved?.gateway,
  )
  const peers = createPeerEvents({ gateway, inventory }, pass, saved?.peers)
  const version = { hash: inventory.hash, text: 'inventory' }
  const journal = createLedgerJournal(
    { gateway: 'gw1', ledger: gateway.ledger, period: null, inventory: version },
    tell,
    saved?.journal,
  )
  let poll = saved?.poll ?? null

  function snapshot(record: SnapshotRecord): void {
    const window = gateway.evidence.between(gateway.ledger.polls.newest, record.at)
    for (const each of narrowPolls(poll, record, window)) {
      const changes = gateway.snapshot(each)
      peers.observe(each, changes, window?.eventIds ?? [])
      journal.observe(each, changes)
    }
    if (record.isComplete) poll = record
  }

  function tick(at: Micros): void {
    gateway.tick(at)
    peers.tick(at)
    finding.tick(at)
    told.push(`settled ${gateway.settled(at)}`)
  }

  return {
    move(move: Move): void {
      if (move.what === 'tick') tick(move.at)
      else if (move.what === 'note') gateway.noteChange(move.from, move.to, move.id)
      else if (move.what === 'finish-ledger') gateway.attributor.finishLedger()
      else if (move.what === 'dump') gateway.dumpEnded(move.startedAt, move.at, move.rowsV4 > 0, move.rowsV6 > 0)
      else if (move.item.kind === 'packet') gateway.packet(move.item)
      else if (move.item.kind === 'conntrack') gateway.conntrack(move.item)
      else if (move.item.kind === 'snapshot') snapshot(move.item)
    },
    end(): void {
      tick(Number.POSITIVE_INFINITY)
      journal.flush()
      const { scope, pending, flows } = gateway
      told.push(JSON.stringify({ scope, pending, limits: gateway.limits(), open: flows.openCount, peers: peers.open }))
    },
    save: (): SavedCore => ({
      gateway: gateway.save(),
      peers: peers.save(),
      journal: journal.save(),
      finding: finding.save(),
      poll,
    }),
  }
}

/** All that is told; before every move that `isCut` says yes to, everything is saved, changed by `damage`, and read back. */
export function play(
  world: World,
  moves: readonly Move[],
  isCut: (index: number) => boolean = () => false,
  damage: (saved: SavedCore) => SavedCore = (saved) => saved,
): string[] {
  const told: string[] = []
  let core = createCore(world, told)
  for (const [index, move] of moves.entries()) {
    if (isCut(index)) core = createCore(world, told, damage(restored(core.save())))
    core.move(move)
  }
  core.end()
  return told
}

/** With the members at `path` (`gateway.flows`) as those of a core that has seen nothing: what a restart would forget. */
export function forgetting(world: World, path: string): (saved: SavedCore) => SavedCore {
  return (saved) => {
    const members = path.split('.')
    const last = members.pop() ?? ''
    let [from, to]: object[] = [createCore(world, []).save(), saved]
    for (const member of members) [from, to] = [memberOf(from, member), memberOf(to, member)]
    Reflect.set(to ?? {}, last, memberOf(from, last))
    return saved
  }
}

function memberOf(of: object | undefined, name: string): object {
  return Reflect.get(of ?? {}, name)
}
