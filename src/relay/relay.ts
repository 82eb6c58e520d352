/**
 * What stands in the place of the desks where hosts and flows of many machines meet elsewhere (design 10): flows that end on a host,
 * and everything of audit logs, leave as messages for the correlator of that host's partition; all other documents go their way.
 *
 *   pass(flow), take(audit) ─► position on the machine's event time ─► emit(envelope)
 *   tick                    ─► how far each machine has got
 *
 * What is told, and where it stands, follows from a machine's own records alone, whoever else is read in the same process.
 */
import { FirewallEvent } from '../correlate/firewall-events.ts'
import { createAuditIds } from '../correlate/hosts/audit-ids.ts'
import { liveChange } from '../correlate/hosts/change-evidence.ts'
import type { AuditScope } from '../correlate/hosts/host-desk.ts'
import type { HostDesksOptions } from '../correlate/hosts/host-desks.ts'
import type { Event } from '../event.ts'
import { createHashedIds } from '../event-id.ts'
import type { LedgerChange } from '../identity/ledger.ts'
import { createFactsReader } from '../sources/auditd/read-facts.ts'
import type { AuditEvent } from '../sources/auditd/record.ts'
import type { SnapshotRecord } from '../sources/wireguard/record.ts'
import { type Micros, SECOND } from '../time.ts'
import { toEnvelope } from './envelope.ts'
import { createJoinKeys } from './join-key.ts'
import { createLedgerUpserts, type LedgerUpserts, ledgerKey, type SavedLedgerUpserts } from './ledger-upserts.ts'
import { createMachinePosition, type MachinePosition, type SavedMachinePosition } from './machine-position.ts'
import type { MachineProgress } from './messages.ts'
import { createEventParts, writeMessage } from './write-message.ts'

/** What a pipeline asks of desks (pipeline.ts), where the desks are elsewhere. */
export type Relay = {
  /** A flow, firewall or other document. Null: it went to the correlator, and comes out there. */
  pass(event: Event, from: { readonly host: string; readonly at: Micros }): Event | null
  take(machine: string, event: AuditEvent): void
  /** A record of a source; what it says is not looked at. */
  heard(machine: string, source: string, arrival: Micros): void
  snapshot(gateway: string, poll: SnapshotRecord, changes: readonly LedgerChange[]): void
  /** `settled`: until when flows of all gateways of this process have been told. `at`: everything before it was taken. */
  tick(watermark: Micros, settled: Micros, at: Micros): void
  /** All is read. */
  end(): void
  /** 0: which records became no document is known elsewhere. */
  outOfScope(machine: string): number
  limits(): readonly { readonly name: string; readonly count: number }[]
  /** Not measured here. */
  clock(machine: string): { readonly offset: Micros; readonly joins: number }
  save(): SavedRelay
}

/** Plain data; live references, to be serialized at once. */
export type SavedRelay = {
  readonly relay: 1
  readonly toldSecond: number
  readonly machines: readonly (readonly [name: string, saved: SavedMachinePosition])[]
  readonly ledgers: readonly (readonly [gateway: string, saved: SavedLedgerUpserts])[]
}

export type RelayOutput = {
  /** All machines of this process. */
  readonly machines: readonly string[]
  /** Takes envelopes (envelope.ts), in order. */
  readonly emit: (event: Event) => void
}

/** One audited machine of this process. */
type Log = {
  readonly scope: AuditScope
  readonly read: ReturnType<typeof createFactsReader>
  readonly idOf: (event: AuditEvent) => string
}

/** The kernel's record of a program's arguments: without it no program ran (include/uapi/linux/audit.h). */
const EXECVE = 1309

/** `saved`: as `save` of another relay gave it; what other desks saved is left alone. Options may have changed since. */
export function createRelay(options: HostDesksOptions, { machines, emit }: RelayOutput, saved?: unknown): Relay {
  const known = isSavedRelay(saved) ? saved : null
  const keys = createJoinKeys({ ...options, audited: options.hosts })
  const parts = createEventParts()
  const idOf = createHashedIds()
  const positions = new Map(machines.map((name) => [name, openPosition(name)]))
  const ledgers = new Map(known?.ledgers.map(([name, each]) => [name, createLedgerUpserts(name, each)]))
  const logs = new Map([...options.hosts].map(([name, scope]) => [name, openLog(name, scope)]))
  /** Of event time; progress is told at the first stop in each. */
  let toldSecond = known?.toldSecond ?? Number.NEGATIVE_INFINITY

  function openPosition(name: string): MachinePosition {
    const before = known?.machines.find(([each]) => each === name)?.[1]
    return createMachinePosition(name, (address) => options.isOwnAddress(name, address), before)
  }

  function positionOf(machine: string): MachinePosition {
    const position = positions.get(machine) ?? openPosition(machine)
    positions.set(machine, position)
    return position
  }

  function ledgerOf(gateway: string): LedgerUpserts {
    const upserts = ledgers.get(gateway) ?? createLedgerUpserts(gateway)
    ledgers.set(gateway, upserts)
    return upserts
  }

  function passFlow(event: Event, gateway: string, at: Micros): Event | null {
    const { own } = event
    const position = positionOf(gateway)
    const masked = own['source.nat.ip']
    if (masked !== undefined) position.noteMask(masked, at)
    // What has no ports is joined with nothing.
    if ((own['source.nat.port'] ?? own['source.port']) === undefined) return event
    const serverIp = own['destination.nat.ip'] ?? own['destination.ip'] ?? ''
    const key = keyOf(position, gateway, serverIp)
    if (key === null) return event
    const message = parts.flow(event, gateway, position.next(at))
    const id = own['event.id'] ?? ''
    emit(toEnvelope({ topic: 'flows', kind: 'flow', key, at: message.at, id, text: writeMessage(message) }))
    return null
  }

  /** The flow of a line speaks for itself; without one the line may be all there is to tell. */
  function passLine(event: FirewallEvent, gateway: string, at: Micros): void {
    const { verdict, flowId, destination, record } = event.line
    if (verdict !== 'accepted' || flowId !== '' || record.packet.sport < 0) return
    const position = positionOf(gateway)
    const key = keyOf(position, gateway, destination?.text ?? '')
    if (key === null) return
    const message = parts.line(event, gateway, position.next(at))
    const id = event.own['event.id'] ?? ''
    emit(toEnvelope({ topic: 'flows', kind: 'line', key, at: message.at, id, text: writeMessage(message) }))
  }

  function keyOf(position: MachinePosition, gateway: string, serverIp: string): string | null {
    if (serverIp === '') return null
    const key = keys.ofConnection(gateway, serverIp)
    if (key === gateway && keys.isUndocumented(serverIp)) position.noteCandidate(serverIp)
    return key
  }

  function take(machine: string, event: AuditEvent): void {
    const log = logs.get(machine)
    if (log === undefined) return
    const id = log.idOf(event)
    if (event.records.some(({ type }) => type === EXECVE)) {
      const live = liveChange(event, log.read(event))
      if (live !== null) options.changed(machine, live.from, live.to, id)
    }
    const { at, n } = positionOf(machine).next(event.arrival)
    const text = writeMessage({ kind: 'audit', machine, at, n, scope: log.scope, event })
    emit(toEnvelope({ topic: 'hosts', kind: 'audit', key: keys.ofAudit(machine, event.node), at, id, text }))
  }

  function tell(progress: MachineProgress): void {
    const { machine, reached: at } = progress
    const id = idOf(at, 'relay-progress', machine, progress.isFinished ? 'finished' : '')
    emit(toEnvelope({ topic: 'progress', kind: 'machine', key: machine, at, id, text: writeMessage(progress) }))
  }

  return {
    pass(event, { host, at }) {
      if (event.dataset === 'wireguard.flow') return passFlow(event, host, at)
      if (event instanceof FirewallEvent) passLine(event, host, at)
      return event
    },
    take,
    heard: (machine, source, arrival) => positionOf(machine).heard(source, arrival),
    snapshot(gateway, poll, changes) {
      for (const entry of ledgerOf(gateway).observe(poll, changes)) {
        const key = ledgerKey(entry)
        const id = idOf(entry.told, 'relay-ledger', key, entry.until ?? '')
        emit(toEnvelope({ topic: 'ledger', kind: 'ledger', key, at: entry.told, id, text: writeMessage(entry) }))
      }
    },
    tick(_watermark, settled, at) {
      const second = Math.floor(at / SECOND)
      // The end of all time is told by `end`.
      if (second <= toldSecond || !Number.isFinite(second)) return
      toldSecond = second
      for (const position of positions.values()) tell(position.progress(at, settled))
    },
    end() {
      for (const position of positions.values()) tell(position.finish())
    },
    outOfScope: () => 0,
    limits() {
      const left = [...positions.values()].map((position) => position.left)
      return [
        { name: 'relayed-masks', count: left.reduce((total, { masks }) => total + masks, 0) },
        { name: 'relayed-addresses', count: left.reduce((total, { addresses }) => total + addresses, 0) },
      ]
    },
    clock: () => ({ offset: 0, joins: 0 }),
    save: () => ({
      relay: 1,
      toldSecond,
      machines: [...positions].map(([name, position]) => [name, position.save()]),
      ledgers: [...ledgers].map(([name, upserts]) => [name, upserts.save()]),
    }),
  }
}

function openLog(machine: string, scope: AuditScope): Log {
  return { scope, read: createFactsReader(), idOf: createAuditIds(machine) }
}

/** Who exchanges desks for a relay begins anew. */
function isSavedRelay(saved: unknown): saved is SavedRelay {
  return typeof saved === 'object' && saved !== null && 'relay' in saved && saved.relay === 1
}
