/** Measures a log pipeline on the same packet log: until its output ends with the log's last line, then it is told to stop. */
import { rmSync, statSync } from 'node:fs'
import { readEnd } from './file-end.ts'
import type { GeneratedCapture } from './generate.ts'
import { measureRuns, median } from './measure.ts'
import { countOutput } from './output-check.ts'
import { forget, type PeerJob } from './peer-program.ts'
import type { Result } from './table.ts'

/** Ten times what either needs for a million lines on a slow machine. */
const SECONDS_MAX = 300
/** Of a parsed line: syslog-ng nests the name, rsyslog writes it dotted. */
const PARSED = ['"transport":"', '"network.transport":"']

export async function benchPeer(title: string, job: PeerJob, capture: GeneratedCapture, runs: number): Promise<Result> {
  const until = { output: job.output, marker: lastLine(capture.packetLog), secondsMax: SECONDS_MAX }
  const usage = median(
    await measureRuns(runs, () => forget(job), { command: job.command, args: job.args, env: job.env, until }),
  )
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
    ...usage,
    budget: '',
    verdict: '',
  }
}

/** Stands in the peer's output as `event.original`; the generated lines hold nothing that JSON escapes. */
function lastLine(path: string): string {
  const lines = readEnd(path, statSync(path).size).trimEnd().split('\n')
  return lines.at(-1) ?? ''
}
