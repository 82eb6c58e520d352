/** From a spool to a sink that fails, is slow or says nothing: in order, one at a time, again until accepted, and a barrier that is exact. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Event, fieldOf } from '../../src/event.ts'
import { type Delivery, startDelivery } from '../../src/live/delivery.ts'
import { openOutputs } from '../../src/live/outputs.ts'
import { openSpool, type Spool } from '../../src/live/spool.ts'
import type { Sink } from '../../src/sinks/sink.ts'
import { madeEvent } from '../store/made-events.ts'
import { createListLog, type Logged, openWorkshop, until, type Workshop } from './collectors/workshop.ts'

type Call = { readonly from: number; readonly count: number; accept(): void; refuse(why: string): void }

/** A sink that answers when the test says so. Its position is the number behind the last event it accepted. */
function heldSink(name = 'held') {
  const calls: Call[] = []
  let position = 0
  let open = 0
  let openMost = 0
  let isClosed = false
  const sink: Sink = {
    name,
    keepsLedger: false,
    deliver(events) {
      open++
      openMost = Math.max(openMost, open)
      const numbers = events.map(numberOf)
      return new Promise<void>((resolve, reject) => {
        calls.push({
          from: numbers[0] ?? -1,
          count: events.length,
          accept() {
            open--
            position = (numbers.at(-1) ?? 0) + 1
            resolve()
          },
          refuse(why) {
            open--
            reject(new Error(why))
          },
        })
      })
    },
    position: () => String(position),
    async close() {
      isClosed = true
    },
  }
  return { sink, calls, openMost: () => openMost, isClosed: () => isClosed }
}

const numberOf = (event: Event) => Number(String(fieldOf(event, 'event.id')).slice(2))

let shop: Workshop
let spool: Spool
let logged: Logged[]
let pushed: number
let accepted: number
const deliveries: Delivery[] = []
beforeEach(() => {
  shop = openWorkshop()
  spool = openSpool({ dir: shop.path('spool'), diskMax: 1 << 30 })
  pushed = 0
  accepted = 0
})
afterEach(() => shop.remove())

function deliverTo(sink: Sink): Delivery {
  const { log, logged: list } = createListLog()
  logged = list
  const delivery = startDelivery(sink, spool, { now: () => 42, log, onAccepted: () => accepted++ })
  deliveries.push(delivery)
  return delivery
}

function push(delivery: Delivery, count: number): void {
  for (let n = 0; n < count; n++) spool.push(madeEvent(pushed++))
  delivery.wake()
}

/** The nth call, once it has come. */
async function callOf(calls: readonly Call[], n: number): Promise<Call> {
  await until(() => calls.length > n, `call ${n}`)
  const call = calls[n]
  if (call === undefined) throw new Error('no call')
  return call
}

test('one batch at a time, in order, whatever comes meanwhile', async () => {
  const { sink, calls, openMost } = heldSink()
  const delivery = deliverTo(sink)
  push(delivery, 3)
  const first = await callOf(calls, 0)
  expect([first.from, first.count]).toEqual([0, 3])
  for (let n = 0; n < 5; n++) push(delivery, 2)
  await Promise.resolve()
  expect(calls).toHaveLength(1)
  first.accept()
  const second = await callOf(calls, 1)
  expect([second.from, second.count]).toEqual([3, 10])
  second.accept()
  await until(() => spool.dropped === 13, 'all are accepted')
  expect(openMost()).toBe(1)
  expect(accepted).toBe(2)
  expect(delivery.status()).toMatchObject({ waiting: 0, accepted: 13, acceptedAt: 42, error: '' })
  await delivery.stop()
})

test('what was refused comes again, whole, with what is new behind it; failing is said once', async () => {
  const { sink, calls } = heldSink()
  const delivery = deliverTo(sink)
  push(delivery, 4)
  ;(await callOf(calls, 0)).refuse('no room')
  await until(() => delivery.status().error === 'no room', 'the error is known')
  expect(delivery.status()).toMatchObject({ failures: 1, waiting: 4, accepted: 0 })
  push(delivery, 1)
  const again = await callOf(calls, 1)
  expect([again.from, again.count]).toEqual([0, 5])
  again.refuse('no room')
  ;(await callOf(calls, 2)).accept()
  await until(() => spool.dropped === 5, 'all are accepted')
  expect(delivery.status()).toMatchObject({ error: '', failures: 0 })
  expect(logged.map(({ level, text }) => `${level} ${text}`)).toEqual([
    'error sink held takes nothing: no room',
    'info sink held works again',
  ])
  await delivery.stop()
})

test('the barrier is exact: the position is that of what was pushed until then', async () => {
  const { sink, calls } = heldSink()
  const delivery = deliverTo(sink)
  expect(await delivery.barrier()).toBe('0')
  push(delivery, 3)
  const first = await callOf(calls, 0)
  push(delivery, 2)
  const barrier = delivery.barrier()
  push(delivery, 7)
  first.accept()
  const second = await callOf(calls, 1)
  expect([second.from, second.count]).toEqual([3, 2])
  second.accept()
  expect(await barrier).toBe('5')
  const third = await callOf(calls, 2)
  expect([third.from, third.count]).toEqual([5, 7])
  third.accept()
  await delivery.stop()
})

test('a later barrier takes the place of the one before', async () => {
  const { sink, calls } = heldSink()
  const delivery = deliverTo(sink)
  push(delivery, 2)
  let isFirstThere = false
  void delivery.barrier().then(() => {
    isFirstThere = true
  })
  push(delivery, 2)
  const later = delivery.barrier()
  for (let n = 0; ; n++) {
    ;(await callOf(calls, n)).accept()
    await until(() => calls.length > n + 1 || spool.dropped === 4, 'it goes on')
    if (spool.dropped === 4) break
  }
  expect(await later).toBe('4')
  expect(isFirstThere).toBe(false)
  await delivery.stop()
})

test('stopping in the middle of a pause after a failure takes no time', async () => {
  const { sink, calls } = heldSink()
  const delivery = deliverTo(sink)
  push(delivery, 1)
  // The pauses grow: 0.5 s, 1 s, 2 s.
  for (let n = 0; n < 3; n++) (await callOf(calls, n)).refuse('dead')
  await until(() => delivery.status().failures === 3, 'it has failed three times')
  await delivery.stop()
  expect(calls).toHaveLength(3)
  expect(spool.dropped).toBe(0)
})

test('stopping without anything to do ends, and a batch under way is waited for', async () => {
  const idle = deliverTo(heldSink().sink)
  await idle.stop()
  const { sink, calls } = heldSink()
  const delivery = deliverTo(sink)
  push(delivery, 1)
  const call = await callOf(calls, 0)
  const stopped = delivery.stop()
  call.accept()
  await stopped
  expect(spool.dropped).toBe(1)
})

test('a block that is damaged is an error of the sink that lasts, and never a barrier passed', async () => {
  spool = openSpool({ dir: shop.path('small'), diskMax: 1 << 30, memoryMax: 0 })
  for (let n = 0; n < 1_000; n++) spool.push(madeEvent(n))
  shop.write('small/0000000001.ndjson.zst', 'damaged')
  const { sink, calls } = heldSink()
  const delivery = deliverTo(sink)
  let isPassed = false
  void delivery.barrier().then(() => {
    isPassed = true
  })
  await until(() => delivery.status().failures >= 2, 'it was tried again')
  expect(delivery.status().error).toContain('cannot read what waits in')
  expect(calls).toEqual([])
  expect(isPassed).toBe(false)
  await delivery.stop()
})

test('outputs: a dead sink stops neither the others nor their being put away; the barrier waits for all', async () => {
  const dead = heldSink('dead')
  const alive = heldSink('alive')
  const { log } = createListLog()
  const outputs = openOutputs({
    sinks: [dead.sink, alive.sink],
    spools: shop.path('spools'),
    spoolBytes: 1 << 30,
    now: () => 7,
    log,
    onAccepted: () => {},
  })
  for (let n = 0; n < 3; n++) outputs.emit(madeEvent(n))
  outputs.emitExcept('dead', madeEvent(3))
  outputs.emitLedger(madeEvent(4))
  let positions: ReadonlyMap<string, string> | null = null
  void outputs.barrier().then((all) => {
    positions = all
  })
  outputs.wake()
  const call = await callOf(alive.calls, 0)
  expect(call.count).toBe(4)
  call.accept()
  await until(() => outputs.status()[1]?.accepted === 4, 'the other has all')
  expect(positions).toBe(null)
  const closed = outputs.close()
  await until(alive.isClosed, 'the other is put away')
  const held = await callOf(dead.calls, 0)
  expect(held.count).toBe(3)
  held.accept()
  await closed
  expect(positions).toEqual(
    new Map([
      ['dead', '3'],
      ['alive', '4'],
    ]),
  )
  expect(dead.isClosed()).toBe(true)
})

const HOUR_OF_WAITING = 3_600_000_000

test('a sink that wants batches gets full ones; what is fewer waits for others', async () => {
  const { sink, calls } = heldSink()
  const delivery = deliverTo({ ...sink, batch: { events: 4, age: HOUR_OF_WAITING } })
  for (let n = 0; n < 3; n++) push(delivery, 1)
  await new Promise((resolve) => setImmediate(resolve))
  expect(calls).toHaveLength(0)
  push(delivery, 2)
  const first = await callOf(calls, 0)
  expect([first.from, first.count]).toEqual([0, 4])
  first.accept()
  await until(() => spool.dropped === 4, 'the first is accepted')
  expect(calls).toHaveLength(1)
  await delivery.stop()
})

test('a batch goes when its age is over, and at once when a checkpoint waits for it', async () => {
  const { sink, calls } = heldSink()
  const delivery = deliverTo({ ...sink, batch: { events: 100, age: 50_000 } })
  push(delivery, 2)
  const first = await callOf(calls, 0)
  expect(first.count).toBe(2)
  first.accept()
  await until(() => spool.dropped === 2, 'accepted')
  await delivery.stop()

  const patient = heldSink()
  const waiting = deliverTo({ ...patient.sink, batch: { events: 100, age: HOUR_OF_WAITING } })
  push(waiting, 3)
  await new Promise((resolve) => setImmediate(resolve))
  expect(patient.calls).toHaveLength(0)
  const reached = waiting.barrier()
  const second = await callOf(patient.calls, 0)
  expect(second.count).toBe(3)
  second.accept()
  expect(await reached).toBe('5')
  await waiting.stop()
})

test('what the sink tells of itself is in the status', async () => {
  const { sink } = heldSink()
  const counts = new Map([['duplicates', 2]])
  const delivery = deliverTo({ ...sink, counts: () => counts, trouble: () => 'half of it is refused' })
  expect(delivery.status()).toMatchObject({ counts: { duplicates: 2 }, trouble: 'half of it is refused' })
  await delivery.stop()
})

test('outputs: a sink that can give up what is under way is not waited for', async () => {
  const { sink, calls, isClosed } = heldSink()
  const { log, logged: said } = createListLog()
  const outputs = openOutputs({
    sinks: [{ ...sink, abort: () => calls[0]?.refuse('given up') }],
    spools: shop.path('spools'),
    spoolBytes: 1 << 30,
    now: () => 42,
    log,
    onAccepted: () => {},
  })
  outputs.emit(madeEvent(0))
  outputs.wake()
  await callOf(calls, 0)
  await outputs.close()
  expect(isClosed()).toBe(true)
  // Nobody has to look after a daemon that was told to end.
  expect(said).toEqual([])
})
