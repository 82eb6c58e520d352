/** The tier that brings documents from the events topic to the sinks of its pipeline (design 10). */
import type { Event } from '../../event.ts'
import type { Sink } from '../../sinks/sink.ts'
import { openSinks } from '../open-sinks.ts'
import type { Origin } from './index-documents.ts'
import { createHeadShipper } from './index-heads.ts'
import { createTopicLetters } from './index-letters.ts'
import { createIndexRun } from './index-run.ts'
import type { TierDeps, TierRun, TierSettings } from './tier.ts'

/** Opens sinks and clients; the group is joined by `run`. Throws AppError. */
export async function openIndexTier(settings: TierSettings, deps: TierDeps): Promise<TierRun> {
  const { now, bus } = deps
  const producer = await bus.producer()
  const admin = await bus.admin().catch(async (error: unknown) => {
    // Its connection would keep the process, and systemd would start no other.
    await producer.close()
    throw error
  })
  const origins = new WeakMap<Event, Origin>()
  const letters = createTopicLetters({ producer, originOf: (event) => origins.get(event), now })
  const onHead = createHeadShipper(settings, { ...deps, producer, admin })
  const sinkDeps = { ...deps, stateDir: settings.stateDir, letters, onHead }
  let sinks: Sink[]
  try {
    sinks = await openSinks(settings.config, settings.base, new Map(), sinkDeps)
  } catch (error) {
    await Promise.all([producer.close(), admin.close()])
    throw error
  }
  return createIndexRun({ settings, deps, producer, admin, sinks, origins })
}
