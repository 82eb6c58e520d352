/** stub */
import type { Machines } from './lab-machines.ts'
import type { StoreWatch } from './store-watch.ts'
export function judgeLab(m: Machines, w: StoreWatch, load: object, stop: object) { console.log(m.truth.attempts.length, w.problem, load, stop); return { faults: [] as string[] } }
