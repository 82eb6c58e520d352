/** Topics as `install kafka` shows them, and what it prints with --json: one object, also when it stopped in the middle. */
import type { TopicState } from '../kafka/bus.ts'
import { REPLICAS_DEFAULT_MAX, type TopicStep } from '../kafka/topic-changes.ts'
import { printJson } from './ascii-json.ts'
import { counted, type Terminal } from './terminal.ts'

export type KafkaReport = {
  readonly brokers: readonly string[]
  readonly prefix: string
  readonly isDryRun: boolean
  /** `action`: create, grow, change, same, remove. `diff`: unified, '' = nothing changes. */
  readonly topics: { name: string; action: string; isDone: boolean; reason: string; diff: string }[]
  readonly notes: string[]
}

/** `{brokers, prefix, dry_run, topics: [{name, action, done, reason, diff}], notes}`. ASCII. */
export function printKafkaReport(terminal: Terminal, { brokers, prefix, isDryRun, topics, notes }: KafkaReport): void {
  terminal.out(
    printJson({
      brokers,
      prefix,
      dry_run: isDryRun,
      topics: topics.map(({ isDone, ...rest }) => ({ ...rest, done: isDone })),
      notes,
    }),
  )
}

/** One line a property, in a lasting order. Copies are left out: nothing here changes them where a topic exists. */
export function topicText({ partitions, configs }: Pick<TopicState, 'partitions' | 'configs'>): string {
  const settings = Object.entries(configs)
    .map(([name, value]) => `${name}: ${value}`)
    .sort()
  return [`partitions: ${partitions}`, ...settings].map((line) => `${line}\n`).join('')
}

/** `topic peertrail.flows: 12 partitions, 3 copies`. `copies`: null = not known yet. */
export function stepText({ planned, existing, isGrown }: TopicStep, copies: number | null): string {
  const { name, partitions } = planned
  if (existing !== null)
    return `topic ${name}${isGrown ? `: ${partitions} partitions instead of ${existing.partitions}` : ''}`
  const count =
    copies === null ? `as many copies as brokers, at most ${REPLICAS_DEFAULT_MAX}` : counted(copies, 'copy', 'copies')
  return `topic ${name}: ${counted(partitions, 'partition')}, ${count}`
}
