/**
 * Where documents go: one spool and one delivery for each sink. What comes out of the core is stamped with the time it was made
 * and handed to all of them; when one spool is full, nobody may put in more.
 */
import { join } from 'node:path'
import type { Event } from '../event.ts'
import type { Sink } from '../sinks/sink.ts'
import type { Micros } from '../time.ts'
import { type Delivery, type DeliveryStatus, startDelivery } from './delivery.ts'
import type { Log } from './log.ts'
import { createRate } from './rate.ts'
import { openSpool } from './spool.ts'
import { stamped } from './stamped.ts'

export type Outputs = {
  emit(event: Event): void
  emitLedger(event: Event): void
  /** A message for another tier: only the sink that brings it there takes it. */
  emitRelay(event: Event): void
  /** A chain of one sink has a new head: the others keep it as an anchor. */
  emitExcept(sink: string, event: Event): void
  /** Somebody's spool is full: nothing more may be emitted for now. */
  readonly isFull: boolean
  /** Tells the deliveries that there is something. */
  wake(): void
  /** Resolves with each sink's position when all have accepted everything emitted so far. */
  barrier(): Promise<ReadonlyMap<string, string>>
  /** Resolves when every sink that keeps a ledger, which is a store, has accepted everything emitted so far. */
  stored(): Promise<void>
  status(): readonly DeliveryStatus[]
  readonly documents: ReadonlyMap<string, number>
  rate(now: Micros): number
  /** Ends the deliveries and closes the sinks. */
  close(): Promise<void>
}

export type OutputOptions = {
  readonly sinks: readonly Sink[]
  readonly spools: string
  readonly spoolBytes: number
  readonly now: () => Micros
  readonly log: Log
  /** There is room again, or something was accepted. */
  readonly onAccepted: () => void
}

export function openOutputs({ sinks, spools, spoolBytes, now, log, onAccepted }: OutputOptions): Outputs {
  const deliveries: Delivery[] = sinks.map((sink) =>
    startDelivery(sink, openSpool({ dir: join(spools, sink.name), diskMax: spoolBytes }), { now, log, onAccepted }),
  )
  const documents = new Map<string, number>()
  const rate = createRate()

  function push(event: Event, to: (sink: Sink) => boolean): void {
    const created = now()
    const whole = stamped(event, created)
    for (const { sink, spool } of deliveries) if (to(sink) && sink.takes?.(event) !== false) spool.push(whole)
    if (event.dataset === 'peertrail.ledger' || event.dataset === 'peertrail.relay') return
    documents.set(event.dataset, (documents.get(event.dataset) ?? 0) + 1)
    rate.add(1, created)
  }

  return {
    emit: (event) => push(event, () => true),
    emitLedger: (event) => push(event, (sink) => sink.keepsLedger),
    emitRelay: (event) => push(event, (sink) => sink.takesRelay === true),
    emitExcept: (name, event) => push(event, (sink) => sink.name !== name),
    get isFull() {
      return deliveries.some(({ spool }) => spool.isFull)
    },
    wake() {
      for (const delivery of deliveries) delivery.wake()
    },
    async barrier() {
      const positions = await Promise.all(
        deliveries.map(async (delivery) => [delivery.sink.name, await delivery.barrier()] as const),
      )
      return new Map(positions)
    },
    async stored() {
      await Promise.all(deliveries.filter(({ sink }) => sink.keepsLedger).map((delivery) => delivery.accepted()))
    },
    status: () => deliveries.map((delivery) => delivery.status()),
    documents,
    rate: (at) => rate.perSecond(at),
    async close() {
      // Side by side: one that gives no answer must not keep the others from being put away.
      await Promise.all(
        deliveries.map(async (delivery) => {
          const stopped = delivery.stop()
          delivery.sink.abort?.()
          await stopped
          await delivery.sink.close()
          delivery.spool.close()
        }),
      )
    },
  }
}
