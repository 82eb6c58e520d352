/**
 * A ledger rebuilt from what its journal wrote (ledger-journal.ts), so that the same code answers the same question from a store as
 * it did while the events were made. Only a stretch of time is rebuilt: from the keyframe before it to the polls behind it.
 */
import * as z from 'zod'
import type { PeerRow, SnapshotRecord } from '../sources/wireguard/record.ts'
import type { Micros } from '../time.ts'
import { createLedger, type Ledger } from './ledger.ts'
import type { PeerCells } from './ledger-journal.ts'

/** A document of `peertrail.ledger`. */
export type LedgerRow = {
  readonly at: Micros
  readonly action: string
  readonly part: number
  /** `event.original`. */
  readonly text: string
}

const micros = z.number().int()
const interfaceCells = z.tuple([z.string(), z.string(), z.number()])
const peerCells = z.tuple([z.string(), z.string(), z.array(z.string()), z.string(), z.number()])
const keyframeSchema = z.object({
  period: micros.nullable(),
  interfaces: z.array(interfaceCells),
  peers: z.array(peerCells),
})
const changeSchema = z.object({
  interfaces: z.array(interfaceCells),
  down: z.array(z.string()),
  peers: z.array(peerCells),
  removed: z.array(z.tuple([z.string(), z.string()])),
})
const pollsSchema = z.object({ polls: z.array(micros), late: z.array(z.tuple([micros, micros])) })

type InterfaceState = { publicKey: string; listenPort: number; isUp: boolean; readonly peers: Map<string, PeerRow> }
type State = Map<string, InterfaceState>

/** What happened at one poll, in the order it is applied. */
type Moment = { readonly keyframes: LedgerRow[]; readonly changes: LedgerRow[] }

/**
 * `rows` in any order; the earliest keyframe among them is where the ledger begins. Throws (zod) where a row is not what the journal
 * writes.
 */
export function restoreLedger(rows: readonly LedgerRow[]): Ledger {
  const moments = new Map<Micros, Moment>()
  const polls = new Set<Micros>()
  const late: { readonly after: Micros; readonly at: Micros }[] = []
  for (const row of rows) {
    if (row.action === 'ledger-polls') {
      const parsed = pollsSchema.parse(JSON.parse(row.text))
      let at = 0
      for (const difference of parsed.polls) {
        at += difference
        polls.add(at)
      }
      for (const [after, stamp] of parsed.late) late.push({ after, at: stamp })
    } else if (row.action === 'ledger-keyframe' || row.action === 'ledger-change') {
      const moment = moments.get(row.at) ?? { keyframes: [], changes: [] }
      moments.set(row.at, moment)
      if (row.action === 'ledger-keyframe') moment.keyframes.push(row)
      else moment.changes.push(row)
    }
  }
  const keyframes = rows.filter(({ action }) => action === 'ledger-keyframe')
  const start = keyframes.reduce((at, row) => Math.min(at, row.at), Number.POSITIVE_INFINITY)
  const ledger = createLedger(periodOf(keyframes))
  const state: State = new Map()
  const times = [...new Set([...polls, ...moments.keys()])].filter((at) => at >= start).sort((a, b) => a - b)
  const latecomers = late.sort((a, b) => a.after - b.after)
  for (const at of times) {
    while (latecomers[0] !== undefined && latecomers[0].after < at) ledger.polls.addLate(latecomers.shift()?.at ?? at)
    const moment = moments.get(at)
    if (moment === undefined) ledger.polls.add(at)
    else ledger.observe(snapshotOf(applied(state, moment), at))
  }
  for (const each of latecomers) ledger.polls.addLate(each.at)
  return ledger
}

/** All peers of the state as one poll would have shown them. */
function snapshotOf(state: State, at: Micros): SnapshotRecord {
  const up = [...state].filter(([, { isUp }]) => isUp)
  return {
    kind: 'snapshot',
    arrival: at,
    at,
    interfaces: up.map(([name, { publicKey, listenPort }]) => ({ interface: name, publicKey, listenPort, fwmark: '' })),
    peers: up.flatMap(([, { peers }]) => [...peers.values()]),
    isComplete: true,
    file: { name: '', identity: '' },
    offset: 0,
  }
}

function applied(state: State, { keyframes, changes }: Moment): State {
  if (keyframes.length > 0) {
    // A keyframe is everything: what it does not show is down or gone.
    for (const each of state.values()) each.isUp = false
    const shown = new Map<string, Set<string>>()
    for (const row of keyframes) {
      const { interfaces, peers } = keyframeSchema.parse(JSON.parse(row.text))
      for (const [name, publicKey, listenPort] of interfaces) {
        raise(state, name, publicKey, listenPort)
        if (!shown.has(name)) shown.set(name, new Set())
      }
      for (const cells of peers) {
        setPeer(state, cells)
        shown.get(cells[0])?.add(cells[1])
      }
    }
    for (const [name, keys] of shown) {
      const peers = state.get(name)?.peers
      for (const key of peers?.keys() ?? []) if (!keys.has(key)) peers?.delete(key)
    }
  }
  for (const row of changes) {
    const { interfaces, down, peers, removed } = changeSchema.parse(JSON.parse(row.text))
    for (const [name, publicKey, listenPort] of interfaces) raise(state, name, publicKey, listenPort)
    for (const name of down) {
      const known = state.get(name)
      if (known !== undefined) known.isUp = false
    }
    for (const [name, key] of removed) state.get(name)?.peers.delete(key)
    for (const cells of peers) setPeer(state, cells)
  }
  return state
}

function raise(state: State, name: string, publicKey: string, listenPort: number): void {
  const known = state.get(name)
  if (known === undefined) state.set(name, { publicKey, listenPort, isUp: true, peers: new Map() })
  else Object.assign(known, { publicKey, listenPort, isUp: true })
}

function setPeer(state: State, [name, publicKey, allowedIps, endpointIp, endpointPort]: PeerCells): void {
  const peers = state.get(name)?.peers
  const old = peers?.get(publicKey)
  // The ledger compares rows by identity first: an unchanged peer keeps its row.
  if (
    old !== undefined &&
    old.endpointIp === endpointIp &&
    old.endpointPort === endpointPort &&
    sameList(old.allowedIps, allowedIps)
  )
    return
  peers?.set(publicKey, {
    interface: name,
    publicKey,
    hasPresharedKey: false,
    endpointIp,
    endpointPort,
    allowedIps,
    latestHandshakeAt: 0,
    received: 0,
    sent: 0,
    keepalive: 0,
  })
}

function sameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((item, i) => item === b[i])
}

/** Of the newest keyframe; null when polls were measured. */
function periodOf(keyframes: readonly LedgerRow[]): Micros | null {
  const newest = keyframes.toSorted((a, b) => a.at - b.at).at(-1)
  return newest === undefined ? null : keyframeSchema.parse(JSON.parse(newest.text)).period
}
