/** A status as `peertrail status --json` prints it: times in ISO 8601, null for what never was. */
import type { DaemonStatus } from '../live/status.ts'
import { INSTANT_MAX, INSTANT_MIN, type Micros, toIso } from '../time.ts'
import { printJson } from './ascii-json.ts'

/** One object on one line, in ASCII; the members of DaemonStatus. */
export function statusJson(status: DaemonStatus): string {
  return printJson({
    ...status,
    startedAt: iso(status.startedAt),
    now: iso(status.now),
    watermark: iso(status.watermark),
    sources: status.sources.map((source) => ({ ...source, newestAt: iso(source.newestAt) })),
    collectors: status.collectors.map((collector) => ({
      ...collector,
      startedAt: iso(collector.startedAt),
      lastOutputAt: iso(collector.lastOutputAt),
    })),
    sinks: status.sinks.map((sink) => ({ ...sink, acceptedAt: iso(sink.acceptedAt) })),
    checkpoint: { ...status.checkpoint, at: iso(status.checkpoint.at) },
    inventory: { ...status.inventory, loadedAt: iso(status.inventory.loadedAt) },
    tier:
      status.tier === null
        ? null
        : {
            ...status.tier,
            partitions: status.tier.partitions.map((each) => ({ ...each, reached: iso(each.reached) })),
            machines: status.tier.machines.map((each) => ({ ...each, reached: iso(each.reached) })),
          },
    alarms: status.alarms.map((alarm) => ({ ...alarm, since: iso(alarm.since) })),
  })
}

/** 0 stands for never, as null does. */
function iso(at: Micros | null): string | null {
  return at === null || at === 0 || !(at >= INSTANT_MIN && at <= INSTANT_MAX) ? null : toIso(at)
}
