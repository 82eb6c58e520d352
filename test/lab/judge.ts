/** Holds the store against the truth. Each question gives one row of the table and names what is wrong. */

import { createCertainTimes } from './certain-times.ts'
import { searchAll } from './found-documents.ts'
import { judgeAttempts } from './judge-attempts.ts'
import { judgeChanges } from './judge-changes.ts'
import { judgeCoverage } from './judge-coverage.ts'
import { judgeLatency, type Latency } from './judge-latency.ts'
import { judgeSecrets, judgeTwice } from './judge-laws.ts'
import type { Row } from './judgement.ts'
import type { Machines } from './lab-machines.ts'
import type { StoreWatch } from './store-watch.ts'

export type Stop = { readonly status: number; readonly ms: number; readonly isInTime: boolean }
export type Load = { readonly before: number; readonly most: number }

export type Judgement = {
  readonly rows: readonly Row[]
  readonly faults: readonly string[]
  readonly notes: readonly string[]
}

export function judgeLab(machines: Machines, watch: StoreWatch, load: Load, stop: Stop): Judgement {
  const { truth, daemon } = machines
  const documents = searchAll(daemon.store)
  const times = createCertainTimes(daemon.dumps('wg'), truth.changes, truth.outages)
  const latency: Latency = judgeLatency(truth, watch, load)
  const lost = machines.lostKernelRecords()
  const rows: Row[] = [
    ...judgeAttempts(truth, documents, times, lost > 0),
    ...judgeChanges(machines, documents, times),
    ...judgeCoverage(truth, documents, times),
    judgeTwice(documents),
    judgeSecrets(truth, daemon, documents),
    {
      what: 'SIGTERM: drains and exits 0 within 10 s',
      done: 1,
      found: stop.status === 0 && stop.isInTime ? 1 : 0,
      faults: stop.status === 0 && stop.isInTime ? [] : [`exit ${stop.status} after ${Math.round(stop.ms)} ms`],
    },
    latency.row,
  ]
  const notes = [
    ...latency.notes,
    ...(machines.auditSkipped === '' ? [] : [`skipped: audit (${machines.auditSkipped})`]),
    ...(lost === 0
      ? []
      : [`the kernel's ring lost ${lost} records before they were read: firewall documents may be missing`]),
    ...daemon.warnings().map((warning) => `the daemon said: ${warning}`),
    ...(watch.problem === '' ? [] : [`the last look into the store failed: ${watch.problem}`]),
  ]
  return { rows, notes, faults: rows.flatMap(({ what, faults }) => faults.map((fault) => `${what}: ${fault}`)) }
}
