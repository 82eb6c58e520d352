/** A tier as its pipeline file describes it, with the client that file names. */
import { configuredBus, secretsOf } from '../../kafka/configured.ts'
import { openBus } from '../../kafka/open-bus.ts'
import { openTier } from './open-tier.ts'
import type { TierDeps, TierRun, TierSettings } from './tier.ts'

/** Throws AppError `bad-secret`, `cannot-read`, `no-server`, `refused`. */
export async function openConfiguredTier(settings: TierSettings, deps: Omit<TierDeps, 'bus'>): Promise<TierRun> {
  const connection = configuredBus(settings.kafka, settings.base, deps.environment)
  for (const secret of secretsOf(connection)) deps.hide(secret)
  return openTier(settings, { ...deps, bus: await openBus(settings.kafka.driver, connection) })
}
