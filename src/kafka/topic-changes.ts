/**
 * What lacks between the topics of this release (topics.ts) and those that exist. Partitions only ever grow, and settings that are not
 * ours are somebody's decision: both are left alone where they are more than what we ask for.
 */
import type { Headers, NewTopic, TopicState } from './bus.ts'
import { TOPIC_NAMES, type TopicName, type TopicPlan, topicOf, topicsOf } from './topics.ts'

/** What a person asked for; null = not said. */
export type AskedTopics = {
  readonly prefix: string
  readonly partitions: number | null
  readonly replicas: number | null
}

export type Setting = {
  readonly name: string
  /** Null = the brokers' default. */
  readonly from: string | null
  readonly to: string
}

export type TopicStep = {
  readonly what: TopicName
  /** As it ought to be: partitions and replicas that it has already are what it ought to have. */
  readonly planned: NewTopic
  /** Null = it is to be created. */
  readonly existing: TopicState | null
  /** It has fewer partitions than planned. */
  readonly isGrown: boolean
  /** Settings that differ. */
  readonly settings: readonly Setting[]
}

export type TopicChanges = {
  /** In the order in which they are to be made. */
  readonly steps: readonly TopicStep[]
  /** Of the topics that are divided by key. */
  readonly partitions: number
  /** Null = as many as there are brokers, at most REPLICAS_DEFAULT_MAX. */
  readonly replicas: number | null
  /** What is not as asked, and cannot be changed from here: one sentence each. */
  readonly notes: readonly string[]
}

export const PARTITIONS_DEFAULT = 12
/** Copies of each message where nobody says: two brokers may be lost then without losing what was acknowledged. */
export const REPLICAS_DEFAULT_MAX = 3

/**
 * Divided by one key, and so into equally many partitions: what one member of a group has of `flows` belongs to what it has of
 * `hosts`, and the state of partition n to the messages of partition n.
 *
 * In the order in which they grow: state first, so that there is none of it missing for a partition that messages go to.
 */
export const DIVIDED: readonly TopicName[] = ['correlator-state', 'detector-state', 'events', 'hosts', 'flows']

/** The names of all our topics with a prefix. */
export function topicNames(prefix: string): readonly string[] {
  return TOPIC_NAMES.map((name) => topicOf(prefix, name))
}

/** `existing`: those of `topicNames` that exist. */
export function topicChanges(asked: AskedTopics, existing: readonly TopicState[]): TopicChanges {
  const { prefix } = asked
  const there = new Map(existing.map((topic) => [topic.name, topic]))
  const stateOf = (what: TopicName) => there.get(topicOf(prefix, what)) ?? null
  const counts = DIVIDED.flatMap((what) => stateOf(what)?.partitions ?? [])
  // Never fewer than one of them has: the others follow it.
  const partitions = Math.max(asked.partitions ?? (counts.length === 0 ? PARTITIONS_DEFAULT : 1), ...counts)
  const copies = existing.map(({ replicas }) => replicas)
  const replicas = asked.replicas ?? (copies.length === 0 ? null : Math.max(...copies))
  const plan = { prefix, partitions, replicas: replicas ?? REPLICAS_DEFAULT_MAX }
  const steps = orderedNames().map((what) => topicStep(what, plan, stateOf(what)))
  return { steps, partitions, replicas, notes: copyNotes(asked, existing) }
}

/** Settings of which more is somebody's decision, such as to have more time for a tier that is down; in the unit of the setting. */
const AT_LEAST: ReadonlySet<string> = new Set(['retention.ms', 'max.message.bytes', 'min.insync.replicas'])

/** What is to be created, with another number of copies. */
export function withReplicas({ what, planned }: TopicStep, prefix: string, replicas: number): NewTopic {
  return plannedTopic(what, { prefix, partitions: planned.partitions, replicas })
}

/** True where nothing is to be done. */
export function isAsPlanned({ existing, isGrown, settings }: TopicStep): boolean {
  return existing !== null && !isGrown && settings.length === 0
}

/** Partition counts of the divided topics that exist, as `flows 24, hosts 12`; '' where they are equal. */
export function unequalCounts(prefix: string, existing: readonly TopicState[]): string {
  const counts = DIVIDED.toReversed().flatMap((what) => {
    const topic = existing.find(({ name }) => name === topicOf(prefix, what))
    return topic === undefined ? [] : [{ what, partitions: topic.partitions }]
  })
  const isEqual = new Set(counts.map(({ partitions }) => partitions)).size < 2
  return isEqual ? '' : counts.map(({ what, partitions }) => `${what} ${partitions}`).join(', ')
}

/** All settings of a topic with those of a step in place: what is set already stays, also where a client replaces all at once. */
export function allSettings({ existing, settings }: TopicStep): Headers {
  return { ...existing?.configs, ...Object.fromEntries(settings.map(({ name, to }) => [name, to])) }
}

function orderedNames(): readonly TopicName[] {
  const rest = TOPIC_NAMES.filter((name) => !DIVIDED.includes(name))
  return [...rest, ...DIVIDED]
}

function topicStep(what: TopicName, plan: TopicPlan, existing: TopicState | null): TopicStep {
  if (existing === null) return { what, planned: plannedTopic(what, plan), existing, isGrown: false, settings: [] }
  // How many must have a message depends on how many copies there are.
  const base = plannedTopic(what, { ...plan, replicas: existing.replicas })
  const planned = { ...base, partitions: Math.max(base.partitions, existing.partitions) }
  const settings = Object.entries(planned.configs)
    .map(([name, to]) => ({ name, from: existing.configs[name] ?? null, to }))
    .filter((setting) => !isEnough(setting))
  return { what, planned, existing, isGrown: existing.partitions < planned.partitions, settings }
}

function isEnough({ name, from, to }: Setting): boolean {
  if (from === to) return true
  if (from === null || !AT_LEAST.has(name)) return false
  // -1 = for good.
  return (name === 'retention.ms' && from === '-1') || (/^\d{1,15}$/.test(from) && Number(from) > Number(to))
}

function plannedTopic(what: TopicName, plan: TopicPlan): NewTopic {
  const name = topicOf(plan.prefix, what)
  const topic = topicsOf(plan).find((each) => each.name === name)
  if (topic === undefined) throw new Error(`no plan for the topic ${what}`)
  return topic
}

/** Copies are moved between brokers by whoever runs them. */
function copyNotes({ replicas: asked }: AskedTopics, existing: readonly TopicState[]): string[] {
  if (asked === null) return []
  const others = existing.filter(({ replicas }) => replicas !== asked)
  if (others.length === 0) return []
  const list = others.map(({ name, replicas }) => `${name} ${replicas}`).join(', ')
  return [
    `copies of each message, where there are not ${asked} of them: ${list}; the number of a topic that exists is changed with kafka-reassign-partitions.sh`,
  ]
}
