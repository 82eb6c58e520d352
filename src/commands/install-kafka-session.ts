/** What the parts of `install kafka` share. */
import type { Admin } from '../kafka/bus.ts'
import type { KafkaReport } from './install-kafka-report.ts'
import type { KafkaOptions } from './kafka-place.ts'
import type { Terminal } from './terminal.ts'

export type InstallKafkaArgs = KafkaOptions & {
  /** As given; '' = not given. */
  readonly partitions: string
  readonly replicas: string
  readonly isDryRun: boolean
  readonly isRemove: boolean
  readonly isGrow: boolean
  readonly isJson: boolean
}

/** One install; everything that is said goes through it. */
export type KafkaSession = {
  readonly admin: Admin
  readonly args: InstallKafkaArgs
  readonly prefix: string
  readonly terminal: Terminal
  /** Says nothing when JSON is asked for. */
  readonly say: (label: string, text: string) => void
  readonly report: KafkaReport
}
