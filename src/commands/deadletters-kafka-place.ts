/** The topic of dead letters of a tiered pipeline: what `deadletters list` and `deadletters retry` look at where there is one. */
import { existsSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import { parsePipeline } from '../config.ts'
import { AppError } from '../errors.ts'
import type { Admin } from '../kafka/bus.ts'
import { topicOf } from '../kafka/topics.ts'
import { readText } from '../read-text.ts'
import type { LetterOptions } from './deadletter-place.ts'
import { type KafkaPlace, pipelineKafka } from './kafka-place.ts'
import { type Environment, SYSTEM_PIPELINE } from './store-place.ts'

/** Null where letters lie in files: a state directory was named, or the pipeline is no tier. Throws AppError. */
export async function tierKafka(
  { pipeline, state }: LetterOptions,
  environment: Environment,
  system = SYSTEM_PIPELINE,
): Promise<KafkaPlace | null> {
  const path = pipeline === '' ? system : pipeline
  if (state !== '' || (pipeline === '' && !existsSync(path))) return null
  const config = parsePipeline(await readText(path), basename(path))
  return config.tier === '' ? null : pipelineKafka(config, dirname(resolve(path)), environment)
}

export type LetterSpan = {
  readonly topic: string
  /** Offsets by partition: of the oldest letter, behind the newest, and up to which letters were sent again (-1 = none). */
  readonly beginnings: readonly number[]
  readonly ends: readonly number[]
  readonly retried: readonly number[]
}

/** Remembers by its offsets what was sent again. */
export function retryGroup(prefix: string): string {
  return `${prefix}.deadletters-retry`
}

/** What there is. Throws AppError `refused` where the topic is not there. */
export async function letterSpan(admin: Admin, prefix: string): Promise<LetterSpan> {
  const topic = topicOf(prefix, 'deadletters')
  const [there] = await admin.describe([topic])
  if (there === undefined)
    throw new AppError('refused', `there is no topic ${topic}`, {
      advice: 'Make the topics with `peertrail install kafka`, or check the prefix in the pipeline file.',
    })
  // In this order: what comes in between lies behind all of them.
  const beginnings = await admin.beginnings(topic)
  const retried = await admin.committed(retryGroup(prefix), topic)
  const ends = await admin.ends(topic)
  return { topic, beginnings, ends, retried }
}

/** Letters between two rows of offsets. */
export function lettersBetween(from: readonly number[], ends: readonly number[]): number {
  return ends.reduce((sum, end, partition) => sum + Math.max(0, end - (from[partition] ?? 0)), 0)
}

/** Where a retry begins, by partition. */
export function untried({ beginnings, retried }: LetterSpan): readonly number[] {
  return beginnings.map((beginning, partition) => Math.max(beginning, retried[partition] ?? -1))
}
