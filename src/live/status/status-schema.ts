/** The shape of a status as it comes over the socket: the daemon that answers may be of another release than who asks. */
import { z } from 'zod'
import { SOURCE_NAMES } from '../../correlate/blind-spots.ts'
import type { DaemonStatus } from '../status.ts'

const count = z.number()
const at = z.number()
const atOrNull = z.number().nullable()

const source = z.object({
  label: z.string(),
  host: z.string(),
  name: z.enum([...SOURCE_NAMES, 'ruleset']),
  path: z.string(),
  problem: z.string(),
  lines: count,
  records: count,
  unparsed: count,
  suspect: count,
  bytes: count,
  behind: count,
  lostBytes: count,
  newestAt: atOrNull,
  waiting: count,
  rate: z.number(),
})

const collector = z.object({
  label: z.string(),
  command: z.array(z.string()),
  state: z.enum(['running', 'waiting', 'stopped']),
  startedAt: at,
  restarts: count,
  lastError: z.string(),
  lastOutputAt: at,
  bytes: count,
})

const sink = z.object({
  name: z.string(),
  error: z.string(),
  failures: count,
  waiting: count,
  spoolBytes: count,
  accepted: count,
  acceptedAt: at,
  trouble: z.string(),
  counts: z.record(z.string(), count),
})

const tier = z.object({
  tier: z.enum(['correlate', 'detect', 'index']),
  brokers: z.array(z.string()),
  group: z.string(),
  partitions: z.array(
    z.object({
      partition: count,
      lag: z.record(z.string(), count.nullable()),
      reached: at,
      waiting: count,
      waitingFor: z.string(),
    }),
  ),
  counts: z.record(z.string(), count),
  machines: z.array(z.object({ machine: z.string(), reached: at, isGivenUp: z.boolean() })),
  trouble: z.string(),
})

const statusSchema = z.object({
  version: z.string(),
  pid: z.number(),
  pipeline: z.string(),
  state: z.enum(['starting', 'running', 'catching-up', 'blocked', 'stopping']),
  startedAt: at,
  now: at,
  watermark: atOrNull,
  sources: z.array(source),
  collectors: z.array(collector),
  sinks: z.array(sink),
  documents: z.record(z.string(), count),
  documentRate: z.number(),
  checkpoint: z.object({ at: atOrNull, bytes: count, error: z.string() }),
  inventory: z.object({ hash: z.string(), loadedAt: at }),
  openFlows: count,
  lateRecords: count,
  lateRate: z.number(),
  memoryBytes: count,
  tier: tier.nullable().default(null),
  alarms: z.array(z.object({ kind: z.string(), about: z.string(), text: z.string(), since: at })),
})

/** Null for what is no status this release knows. */
export function parseStatus(text: string): DaemonStatus | null {
  try {
    return statusSchema.safeParse(JSON.parse(text)).data ?? null
  } catch {
    // No JSON at all; whoever asked says what answered.
    return null
  }
}
