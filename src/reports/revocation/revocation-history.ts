/**
 * When keys ran on a gateway's interfaces, folded out of the ledger's journal (identity/ledger-journal.ts). Unlike the ledger itself it
 * also knows keys without AllowedIPs: a peer without prefixes still completes handshakes.
 *
 * Every time is a poll. What was undone between two polls is invisible.
 */
import * as z from 'zod'
import type { LedgerRow } from '../../identity/ledger-restore.ts'
import type { Micros } from '../../time.ts'

/** One unbroken time in which polls showed the key on a running interface. */
export type Appearance = {
  readonly publicKey: string
  readonly interface: string
  /** First poll that showed it. */
  readonly since: Micros
  /** First poll that did not; null = the newest one still did. */
  until: Micros | null
  /** `removed`: the interface runs without it. `interface-down`: the interface went, and the key with it. */
  end: 'removed' | 'interface-down' | null
  /** As last shown: canonical prefixes. */
  allowedIps: readonly string[]
}

export type KeyHistory = {
  /** Records in order of time, or all of one stretch; stretches in order. Throws (zod) where a record is not what the journal writes. */
  take(rows: readonly LedgerRow[]): void
  /** Oldest first. */
  readonly appearances: readonly Appearance[]
  /** Every interface that a poll showed. */
  readonly interfaces: ReadonlyMap<string, ShownInterface>
  /** Keyframes of which a part is missing, the newest DOUBTS_MAX: what they do not show may have been there. */
  readonly doubts: readonly Micros[]
  /** The first keyframe; null = none. What ran before it is not known: changes alone do not say what was there already. */
  readonly knownSince: Micros | null
  /** The longest configured distance of polls from then on; null = none is. */
  periodSince(at: Micros): Micros | null
}

export type ShownInterface = {
  isUp: boolean
  listenPort: number
  /** AllowedIPs by key, of the keys asked for; those of an interface that is down come back with it. */
  readonly held: Map<string, readonly string[]>
}

const DOUBTS_MAX = 20
/** Changes of the configured distance of polls that are kept, the newest. */
const PERIODS_KEPT_MAX = 1_000
const interfaceCells = z.tuple([z.string(), z.string(), z.number()])
const peerCells = z.tuple([z.string(), z.string(), z.array(z.string()), z.string(), z.number()])
const keyframeSchema = z.object({
  period: z.number().int().nullable(),
  parts: z.number().int(),
  interfaces: z.array(interfaceCells),
  peers: z.array(peerCells),
})
const changeSchema = z.object({
  interfaces: z.array(interfaceCells),
  down: z.array(z.string()),
  peers: z.array(peerCells),
  removed: z.array(z.tuple([z.string(), z.string()])),
})

export function createKeyHistory(keys: readonly string[]): KeyHistory {
  const wanted = new Set(keys)
  const interfaces = new Map<string, ShownInterface>()
  const appearances: Appearance[] = []
  const doubts: Micros[] = []
  let knownSince: Micros | null = null
  /** Configured distances, each from the keyframe on that told it first. */
  const periods: { readonly at: Micros; readonly period: Micros | null }[] = []

  function raise(name: string, listenPort: number): ShownInterface {
    const known = interfaces.get(name) ?? { isUp: true, listenPort, held: new Map<string, readonly string[]>() }
    Object.assign(known, { isUp: true, listenPort })
    interfaces.set(name, known)
    return known
  }

  function applyKeyframes(at: Micros, rows: readonly LedgerRow[]): void {
    const shown = new Map<string, Map<string, readonly string[]>>()
    let parts = 0
    let period: Micros | null = null
    knownSince ??= at
    for (const each of interfaces.values()) each.isUp = false
    for (const row of rows) {
      const keyframe = keyframeSchema.parse(JSON.parse(row.text))
      parts = Math.max(parts, keyframe.parts)
      if (keyframe.period !== null) period = Math.max(period ?? 0, keyframe.period)
      for (const [name, , port] of keyframe.interfaces) {
        raise(name, port)
        if (!shown.has(name)) shown.set(name, new Map())
      }
      for (const [name, key, allowedIps] of keyframe.peers) if (wanted.has(key)) shown.get(name)?.set(key, allowedIps)
    }
    if (periods.at(-1)?.period !== period || periods.length === 0) periods.push({ at, period })
    if (periods.length > PERIODS_KEPT_MAX) periods.shift()
    if (new Set(rows.map(({ part }) => part)).size < parts) doubts.push(at)
    if (doubts.length > DOUBTS_MAX) doubts.shift()
    for (const [name, held] of shown) {
      const known = interfaces.get(name)?.held
      known?.clear()
      for (const [key, allowedIps] of held) known?.set(key, allowedIps)
    }
  }

  function applyChange(row: LedgerRow): void {
    const change = changeSchema.parse(JSON.parse(row.text))
    for (const [name, , port] of change.interfaces) raise(name, port)
    for (const name of change.down) {
      const known = interfaces.get(name)
      if (known !== undefined) known.isUp = false
    }
    for (const [name, key] of change.removed) interfaces.get(name)?.held.delete(key)
    for (const [name, key, allowedIps] of change.peers)
      if (wanted.has(key)) interfaces.get(name)?.held.set(key, allowedIps)
  }

  /** Opens and closes appearances by what the poll at `at` showed. */
  function compare(at: Micros): void {
    const open = appearances.filter(({ until }) => until === null)
    for (const each of open) {
      const shown = interfaces.get(each.interface)
      const allowedIps = shown?.held.get(each.publicKey)
      if (shown?.isUp === true && allowedIps !== undefined) each.allowedIps = allowedIps
      else Object.assign(each, { until: at, end: shown?.isUp === true ? 'removed' : 'interface-down' })
    }
    for (const [name, { isUp, held }] of interfaces) {
      if (!isUp) continue
      for (const [publicKey, allowedIps] of held) {
        if (open.some((each) => each.until === null && each.interface === name && each.publicKey === publicKey))
          continue
        appearances.push({ publicKey, interface: name, since: at, until: null, end: null, allowedIps })
      }
    }
  }

  return {
    appearances,
    interfaces,
    doubts,
    get knownSince() {
      return knownSince
    },
    periodSince(at) {
      const before = periods.findLastIndex((each) => each.at <= at)
      const told = periods.slice(Math.max(0, before)).flatMap(({ period }) => (period === null ? [] : [period]))
      return told.length === 0 ? null : Math.max(...told)
    },
    take(rows) {
      const moments = Map.groupBy(rows, ({ at }) => at)
      for (const at of [...moments.keys()].sort((a, b) => a - b)) {
        const all = moments.get(at) ?? []
        const keyframes = all.filter(({ action }) => action === 'ledger-keyframe')
        if (keyframes.length > 0) applyKeyframes(at, keyframes)
        for (const row of all) if (row.action === 'ledger-change') applyChange(row)
        compare(at)
      }
    },
  }
}
