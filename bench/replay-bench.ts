/**
 * Measures `peertrail replay DIR --ndjson FILE` as its users run it: one process, from the files of a capture to a file of
 * documents. Afterwards the documents are counted: one `wireguard.firewall` document a line, each attributed `exact`.
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { GeneratedCapture } from './generate.ts'
import { type Job, measureRuns, median } from './measure.ts'
import { countOutput } from './output-check.ts'
import type { Result } from './table.ts'

export type ReplayBench = { readonly result: Result; readonly complaint: string }

const FIREWALL = '"dataset":"wireguard.firewall"'
const EXACT = '"attribution":{"status":"exact"'
const STARTED = '"action":"flow-started"'
const ENDED = '"action":"flow-ended"'

/** Flags of the measuring Node go on to the measured one: `npm run bench` chooses the heap's young generation for both. */
export function replayJob(directory: string, output: string): Job {
  const main = join(import.meta.dirname, '../src/main.ts')
  return { command: process.execPath, args: [...process.execArgv, main, 'replay', directory, '--ndjson', output] }
}

export async function benchReplay(
  capture: GeneratedCapture,
  runs: number,
  workDirectory: string,
  title: string,
): Promise<ReplayBench> {
  const output = join(workDirectory, 'peertrail.ndjson')
  const prepare = (): void => rmSync(output, { force: true })
  const usage = median(await measureRuns(runs, prepare, replayJob(capture.directory, output)))
  const { documents, found } = countOutput(output, [FIREWALL, EXACT, STARTED, ENDED])
  prepare()
  const hasLog = capture.kind !== 'open-flows'
  const units = (hasLog ? capture.lines : 0) + capture.conntrackLines
  const result: Result = {
    work: title,
    unit: capture.conntrackLines === 0 ? 'lines' : 'records',
    units,
    bytes: capture.bytes,
    rowBytes: null,
    ...usage,
    budget: '',
    verdict: '',
  }
  return { result, complaint: complaintOf(capture, documents, found) }
}

/** '' when everything that went in came out, attributed. */
function complaintOf(capture: GeneratedCapture, documents: number, found: ReadonlyMap<string, number>): string {
  const lines = capture.kind === 'open-flows' ? 0 : capture.lines
  const firewall = found.get(FIREWALL) ?? 0
  const started = found.get(STARTED) ?? 0
  const ended = found.get(ENDED) ?? 0
  const exact = found.get(EXACT) ?? 0
  if (firewall !== lines) return `${lines} lines gave ${firewall} firewall documents (${documents} in all)`
  if (exact < lines + started) return `of ${lines + started} lines and flows only ${exact} were attributed exact`
  if (capture.kind !== 'packets' && started === 0) return 'no flow was started'
  if (capture.kind === 'flows' && ended !== started) return `${started} flows were started and ${ended} ended`
  if (capture.kind === 'open-flows' && ended > 0) return `${ended} open flows were said to have ended`
  return ''
}
