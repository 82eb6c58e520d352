/** Hands orders to the traffic programs, one of which runs in every host. */
import { join } from 'node:path'
import { type LabProcess, startProcess } from './child-process.ts'
import type { LabPlace } from './lab-place.ts'
import type { Order, OrderResult } from './traffic-orders.ts'

export type TrafficMaker = {
  /** Never rejects for what the network did; that is the result. */
  order(order: Order): Promise<OrderResult>
}

const PROGRAM = join(import.meta.dirname, 'traffic-program.ts')

export function startTraffic(place: LabPlace, host: string): TrafficMaker {
  const waiting = new Map<number, (result: OrderResult) => void>()
  let last = 0
  const child: LabProcess = startProcess(
    place,
    place.inside(host, [process.execPath, PROGRAM]),
    join(place.dir, `${host}.traffic.log`),
    (line) => {
      // Written by traffic-program.ts, in this shape.
      const { id, ...result } = JSON.parse(line) as OrderResult & { id: number }
      waiting.get(id)?.(result)
      waiting.delete(id)
    },
  )
  return {
    order(order) {
      if (!child.isRunning) throw new Error(`the traffic program of ${host} has ended`)
      return new Promise((resolve) => {
        last++
        waiting.set(last, resolve)
        child.send(JSON.stringify({ id: last, order }))
      })
    },
  }
}
