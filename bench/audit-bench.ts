/**
 * Measures audit.log → coalesced documents: LAUREL and `peertrail replay DIR --ndjson FILE` in turns on the same file. Afterwards
 * the documents are counted: one an event from both, and ours hold every record.
 */
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { AuditCapture } from './audit-capture.ts'
import { laurelJob, laurelVersion } from './laurel.ts'
import { measure, median, type Usage } from './measure.ts'
import { countOutput } from './output-check.ts'
import type { PeerProgram } from './peer-program.ts'
import { replayJob } from './replay-bench.ts'
import type { Result } from './table.ts'

export type AuditBench = {
  readonly ours: Result
  /** Null where LAUREL is not on this machine. */
  readonly laurel: Result | null
  readonly complaints: readonly string[]
}

/** One in each of our documents. */
const AUDIT = '"dataset":"wireguard.audit"'
/** Head of a record, one in each line; JSON leaves it as it is. */
const HEAD = ' msg=audit('
/** One in each of LAUREL's. */
const LAUREL_ID = '{"ID":"'

export async function benchAudit(
  capture: AuditCapture,
  program: PeerProgram | null,
  runs: number,
  workDirectory: string,
): Promise<AuditBench> {
  const output = join(workDirectory, 'peertrail.ndjson')
  const peer = program === null ? null : laurelJob(program, workDirectory, capture.auditLog)
  const usages: { readonly ours: Usage[]; readonly laurel: Usage[] } = { ours: [], laurel: [] }
  for (let i = 0; i < runs; i++) {
    peer?.forget()
    if (peer !== null) usages.laurel.push(await measure(peer.job))
    rmSync(output, { force: true })
    usages.ours.push(await measure(replayJob(capture.directory, output)))
  }
  const complaints = [complaintOfOurs(capture, output)]
  if (peer !== null) complaints.push(complaintOfLaurel(capture, peer.output, peer.errors))
  rmSync(output, { force: true })
  peer?.forget()
  return {
    ours: toResult('peertrail: audit log', capture, usages.ours),
    laurel: program === null ? null : toResult(laurelVersion(program), capture, usages.laurel),
    complaints: complaints.filter((complaint) => complaint !== ''),
  }
}

/** '' when everything that went in came out. */
function complaintOfOurs({ events, records }: AuditCapture, output: string): string {
  const { found } = countOutput(output, [AUDIT, HEAD])
  const documents = found.get(AUDIT) ?? 0
  const heads = found.get(HEAD) ?? 0
  if (documents !== events) return `audit log: ${events} events gave ${documents} documents`
  return heads < records ? `audit log: of ${records} records only ${heads} came out` : ''
}

function complaintOfLaurel({ events }: AuditCapture, output: string, errors: string): string {
  if (existsSync(errors)) return 'LAUREL could not read all lines'
  const { documents, found } = countOutput(output, [LAUREL_ID])
  const isWhole = documents === events && found.get(LAUREL_ID) === events
  return isWhole ? '' : `LAUREL wrote ${documents} documents for ${events} events`
}

function toResult(work: string, capture: AuditCapture, usages: readonly Usage[]): Result {
  return {
    work,
    unit: 'audit records',
    units: capture.records,
    bytes: capture.bytes,
    rowBytes: null,
    ...median(usages),
    budget: '',
    verdict: '',
  }
}
