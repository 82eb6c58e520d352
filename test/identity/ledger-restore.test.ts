/**
 * Goal: a ledger rebuilt from its journal answers every question as the one it was written from. Method: random lives of two
 * interfaces (peers come, go, move prefixes and endpoints, interfaces go down and return, the clock is set back), then every
 * kind of question about random moments, asked of both.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type AddressBits, addressBits } from '../../src/address.ts'
import { type Event, fieldOf } from '../../src/event.ts'
import { createLedger, type Ledger } from '../../src/identity/ledger.ts'
import { createLedgerJournal } from '../../src/identity/ledger-journal.ts'
import { type LedgerRow, restoreLedger } from '../../src/identity/ledger-restore.ts'
import type { PeerRow, SnapshotRecord } from '../../src/sources/wireguard/record.ts'
import { DAY, type Micros, MS, SECOND } from '../../src/time.ts'

const KEYS = ['A', 'B', 'C', 'D'].map((letter) => `${letter.repeat(43)}=`)
const PREFIXES = ['10.8.0.2/32', '10.8.0.3/32', '10.8.0.0/24', '0.0.0.0/0', 'fd08::2/128']
const QUESTIONS = ['10.8.0.2', '10.8.0.3', '10.8.0.9', '203.0.113.1', 'fd08::2']
const START: Micros = Date.UTC(2026, 10, 22, 23, 59, 30) * MS

type Step = {
  readonly gap: number
  readonly isUp: readonly boolean[]
  /** By key: on which interface, with which prefixes, at which endpoint port; null = not there. */
  readonly peers: readonly ({
    readonly tunnel: number
    readonly prefixes: readonly number[]
    readonly port: number
  } | null)[]
}

const step: fc.Arbitrary<Step> = fc.record({
  gap: fc.oneof(
    { weight: 8, arbitrary: fc.integer({ min: 900, max: 1_100 }) },
    { weight: 1, arbitrary: fc.integer({ min: 2_000, max: 20_000 }) },
    // The gateway's clock is set back.
    { weight: 1, arbitrary: fc.integer({ min: -5_000, max: 0 }) },
  ),
  isUp: fc
    .tuple(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 9 }))
    .map((dice) => dice.map((die) => die > 0)),
  peers: fc.tuple(
    ...KEYS.map(() =>
      fc.option(
        fc.record({
          tunnel: fc.integer({ min: 0, max: 1 }),
          prefixes: fc.uniqueArray(fc.integer({ min: 0, max: PREFIXES.length - 1 }), { maxLength: 2 }),
          port: fc.integer({ min: 1, max: 3 }),
        }),
        { freq: 6 },
      ),
    ),
  ),
})

/** Peers keep what they have for some polls: a new draw at every poll would leave nothing that holds. */
const life = fc.array(fc.tuple(step, fc.integer({ min: 1, max: 8 })), { minLength: 1, maxLength: 25 })

function snapshotsOf(steps: readonly (readonly [Step, number])[]): SnapshotRecord[] {
  const snapshots: SnapshotRecord[] = []
  let at = START
  for (const [{ gap, isUp, peers }, repeats] of steps) {
    const rows = new Map<string, PeerRow>()
    const taken = new Set<string>()
    for (const [i, peer] of peers.entries()) {
      const key = KEYS[i] ?? ''
      if (peer === null || isUp[peer.tunnel] !== true) continue
      // One holder a prefix on an interface: WireGuard moves it otherwise.
      const prefixes = peer.prefixes
        .map((index) => PREFIXES[index] ?? '')
        .filter((prefix) => !taken.has(`${peer.tunnel} ${prefix}`))
      for (const prefix of prefixes) taken.add(`${peer.tunnel} ${prefix}`)
      rows.set(key, peerRow(`wg${peer.tunnel}`, key, prefixes.sort(), peer.port))
    }
    for (let i = 0; i < repeats; i++) {
      at += (i === 0 ? gap : 1_000) * MS
      snapshots.push({
        kind: 'snapshot',
        arrival: at,
        at,
        interfaces: isUp.flatMap((up, j) =>
          up ? [{ interface: `wg${j}`, publicKey: `${j}`, listenPort: 51_820, fwmark: '' }] : [],
        ),
        peers: [...rows.values()],
        isComplete: true,
        file: { name: '', identity: '' },
        offset: 0,
      })
    }
  }
  return snapshots
}

function peerRow(name: string, publicKey: string, allowedIps: readonly string[], port: number): PeerRow {
  return {
    interface: name,
    publicKey,
    hasPresharedKey: false,
    endpointIp: '198.51.100.7',
    endpointPort: port,
    allowedIps,
    latestHandshakeAt: 0,
    received: 0,
    sent: 0,
    keepalive: 0,
  }
}

/** The ledger as it was made, and its journal. */
function journalOf(snapshots: readonly SnapshotRecord[]): { ledger: Ledger; rows: LedgerRow[]; ids: string[] } {
  const ledger = createLedger(SECOND)
  const rows: LedgerRow[] = []
  const ids: string[] = []
  const take = (event: Event) => {
    ids.push(fieldOf(event, 'event.id') ?? '')
    rows.push({
      at: fieldOf(event, '@timestamp') ?? 0,
      action: fieldOf(event, 'event.action') ?? '',
      part: fieldOf(event, 'event.sequence') ?? 0,
      text: fieldOf(event, 'event.original') ?? '',
    })
  }
  const journal = createLedgerJournal(
    { gateway: 'gw1', ledger, period: SECOND, inventory: { hash: '', text: '' } },
    take,
  )
  for (const snapshot of snapshots) journal.observe(snapshot, ledger.observe(snapshot))
  journal.flush()
  return { ledger, rows, ids }
}

function answer(ledger: Ledger, tunnel: string, bits: AddressBits, at: Micros) {
  const around = ledger.polls.around(at, at)
  const { before, after } = around
  if (before === null || after === null) return { around }
  const { outcome, entry, candidates } = ledger.holding(tunnel, bits, before, after)
  const plain = (each: NonNullable<typeof entry>) => `${each.publicKey} ${each.prefix} ${each.since} ${each.until}`
  return { around, outcome, entry: entry === null ? null : plain(entry), candidates: candidates.map(plain).sort() }
}

describe('a ledger from its journal', () => {
  test('answers as the one it was written from', () => {
    fc.assert(
      fc.property(
        life,
        fc.array(fc.integer({ min: -10_000, max: 250_000 }), { minLength: 10, maxLength: 30 }),
        (steps, offsets) => {
          const { ledger, rows, ids } = journalOf(snapshotsOf(steps))
          expect(new Set(ids).size).toBe(ids.length)
          // The order of rows in a store is not the order they were written in.
          const restored = restoreLedger(rows.toReversed())
          for (const offset of offsets) {
            for (const address of QUESTIONS) {
              const bits = addressBits(address)
              if (bits === null) throw new Error(`${address} is no address`)
              for (const tunnel of ['wg0', 'wg1'])
                expect(answer(restored, tunnel, bits, START + offset * MS)).toEqual(
                  answer(ledger, tunnel, bits, START + offset * MS),
                )
            }
          }
        },
      ),
      { numRuns: 150 },
    )
  })

  test('begins anew with every day, so that a question needs no row older than that', () => {
    const steady: Step = {
      gap: 1_000,
      isUp: [true, false],
      peers: [{ tunnel: 0, prefixes: [0], port: 1 }, null, null, null],
    }
    const { rows } = journalOf(snapshotsOf([[steady, 90]]))
    const keyframes = rows.filter(({ action }) => action === 'ledger-keyframe')
    expect(keyframes.map(({ at }) => Math.floor(at / DAY) - Math.floor(START / DAY))).toEqual([0, 1])
    const second = restoreLedger(rows.filter(({ at }) => at >= (keyframes[1]?.at ?? 0)))
    const bits = addressBits('10.8.0.2')
    if (bits === null) throw new Error('10.8.0.2 is no address')
    expect(second.holding('wg0', bits, START + 50 * SECOND, START + 60 * SECOND).entry?.publicKey).toBe(KEYS[0])
  })

  test('keeps keyframes of many peers in parts', () => {
    const peers = Array.from({ length: 4_500 }, (_, i) =>
      peerRow('wg0', `${String(i).padStart(43, 'k')}=`, [`10.${8 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}/32`], 1),
    )
    const snapshot = (at: Micros): SnapshotRecord => ({
      kind: 'snapshot',
      arrival: at,
      at,
      interfaces: [{ interface: 'wg0', publicKey: 'k', listenPort: 1, fwmark: '' }],
      peers,
      isComplete: true,
      file: { name: '', identity: '' },
      offset: 0,
    })
    const { rows } = journalOf([snapshot(START), snapshot(START + SECOND)])
    expect(rows.filter(({ action }) => action === 'ledger-keyframe').map(({ part }) => part)).toEqual([0, 1, 2])
    const restored = restoreLedger(rows)
    expect(restored.interfaces.get('wg0')?.peers.size).toBe(4_500)
  })
})
