/** One conntrack event or dump row (formats.md 2.2). Fixed shape: absent numbers are -1, absent texts ''. */
import type { Micros } from '../../time.ts'
import type { SourceFile } from '../source.ts'

/** One direction of a flow. Addresses canonical. */
export type Tuple = {
  src: string
  dst: string
  sport: number
  dport: number
  icmpType: number
  icmpCode: number
  icmpId: number
  /** Counters of this direction; -1 when accounting was off. */
  packets: number
  bytes: number
  /** `zone-orig` / `zone-reply`: a zone that covers this direction only. */
  zone: string
}

export type ConntrackRecord = {
  readonly kind: 'conntrack'
  readonly arrival: Micros
  /** `[ts]` of the event, or the time of the dump that holds the row. */
  readonly at: Micros
  /** `list` is a row of `conntrack -L`. */
  readonly event: 'new' | 'update' | 'destroy' | 'list'
  readonly family: 0 | 4 | 6
  readonly protocol: number
  /** Seconds left. */
  readonly timeout: number
  readonly state: string
  readonly original: Tuple
  readonly reply: Tuple
  readonly isUnreplied: boolean
  readonly isAssured: boolean
  readonly isOffloaded: boolean
  /** Decimal text; `0` is possible and differs from absent. */
  readonly mark: string
  readonly secmark: string
  readonly secctx: string
  readonly zone: string
  /** The flow's id, '' without `-o id`. Reused by the kernel within microseconds. */
  readonly id: string
  /** `delta-time`, whole seconds. */
  readonly deltaSeconds: number
  /** `[start=]`, `[stop=]`: whole seconds, local time of the gateway brought to UTC with its configured zone. -1 when absent. */
  readonly startAt: Micros
  readonly stopAt: Micros
  readonly helper: string
  readonly labels: string
  /** `[USERSPACE] portid= progname=`: somebody edited the table; not an end of traffic. '' when absent. */
  readonly userspacePortid: string
  readonly userspaceProgram: string
  readonly file: SourceFile
  readonly offset: number
  readonly text: string
}
