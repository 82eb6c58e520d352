/** Measures a log pipeline on the same packet log and checks that it parsed every line. */
import { rmSync, statSync } from 'node:fs'
import type { GeneratedCapture } from './generate.ts'
import { measureRuns, median } from './measure.ts'
import { countOutput } from './output-check.ts'
import { forget, type PeerJob } from './peer-program.ts'
import type { Result } from './table.ts'

/** Of a parsed line: syslog-ng nests the name, rsyslog writes it dotted. */
const PARSED = ['"transport":"', '"network.transport":"']

export async function benchPeer(title: string, job: PeerJob, capture: GeneratedCapture, runs: number): Promise<Result> {
  const usage = median(await measureRuns(runs, () => forget(job), job))
  const { documents, found } = countOutput(job.output, PARSED)
  const parsed = Math.max(...found.values())
  rmSync(job.output, { force: true })
  if (documents !== capture.lines) throw new Error(`${title} wrote ${documents} documents for ${capture.lines} lines`)
  if (parsed !== capture.lines) throw new Error(`${title} parsed ${parsed} of ${capture.lines} lines`)
  return {
    work: title,
    unit: 'lines',
    units: capture.lines,
    bytes: statSync(capture.packetLog).size,
    rowBytes: null,
    ...usage,
    budget: '',
    verdict: '',
  }
}
