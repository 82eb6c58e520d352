/** Brings one topic to what it ought to be. */
import { AppError } from '../errors.ts'
import type { Admin } from '../kafka/bus.ts'
import { allSettings, REPLICAS_DEFAULT_MAX, type TopicStep, withReplicas } from '../kafka/topic-changes.ts'

/**
 * Makes a topic, with `replicas` copies or, null, as many as the brokers take: one of each broker at most, and who lacks a broker takes
 * fewer. Gives how many there are. Throws AppError.
 */
export async function createFirst(
  admin: Admin,
  step: TopicStep,
  prefix: string,
  replicas: number | null,
): Promise<number> {
  for (let copies = replicas ?? REPLICAS_DEFAULT_MAX; ; copies--) {
    try {
      await admin.create(withReplicas(step, prefix, copies))
      return copies
    } catch (error) {
      // The seam tells no number of brokers; a refusal for another reason comes again with fewer copies, and is told then.
      const isOther = !(error instanceof AppError) || error.code !== 'refused'
      if (isOther || replicas !== null || copies === 1) throw error
    }
  }
}

/** Of a topic that exists: settings first, so that what comes to new partitions is kept by them. Throws AppError. */
export async function applyTopic(admin: Admin, step: TopicStep): Promise<void> {
  const { planned, isGrown, settings } = step
  if (settings.length > 0) await admin.configure(planned.name, allSettings(step))
  if (isGrown) await admin.grow(planned.name, planned.partitions)
}
