/** Processes of a toy tier that come and go before one broker, and what is done to them. */

import type { TierLimits } from '../../../src/live/tiers/tier-limits.ts'
import { type Loss, type MemoryBroker, nextTurn } from '../../kafka/memory-bus.ts'
import { type Opened, openToyTier, PREFIX, tierSettings } from './tier-place.ts'

const TIERS_MAX = 3
const LOSSES: readonly Loss[] = ['twice', 'half', 'rejected']

export type Process = { readonly client: string; readonly opened: Opened; readonly killed: PromiseWithResolvers<void> }

/** Processes that come and go before one broker. */
export type Fleet = ReturnType<typeof createFleet>

export function createFleet(broker: MemoryBroker, random: () => number, machines: number, limits: TierLimits) {
  const processes: Process[] = []
  const killed: Process[] = []
  const deaths = new Map<string, PromiseWithResolvers<void>>()
  let started = 0

  function kill(client: string): void {
    const index = processes.findIndex((process) => process.client === client)
    const [process] = index < 0 ? [] : processes.splice(index, 1)
    broker.kill(client)
    deaths.get(client)?.resolve()
    if (process === undefined) return
    killed.push(process)
    // Its loop goes on in this process, and reaches nobody any more.
    process.opened.tier.stop()
  }

  return {
    processes,
    killed,
    async start(): Promise<void> {
      const client = `c${started++}`
      const step = () => {
        if (random() < 0.03) kill(client)
      }
      const settings = tierSettings({ machines })
      const dead = Promise.withResolvers<void>()
      deaths.set(client, dead)
      processes.push({
        client,
        killed: dead,
        opened: await openToyTier(broker.connect(client), { settings, step, limits }),
      })
    },
    kill,
    any: (): Process | undefined => processes[Math.floor(random() * processes.length)],
    async stop(process: Process): Promise<void> {
      const index = processes.indexOf(process)
      if (index < 0) return
      processes.splice(index, 1)
      process.opened.tier.stop()
      // One that is killed while it ends does not wait for anybody.
      await Promise.race([process.opened.ended, process.killed.promise])
    },
  }
}

export async function disturb(broker: MemoryBroker, fleet: Fleet, random: () => number): Promise<void> {
  const victim = fleet.any()
  const what = random()
  if (what < 0.2 && fleet.processes.length < TIERS_MAX) await fleet.start()
  else if (what < 0.35 && victim !== undefined) fleet.kill(victim.client)
  else if (what < 0.45 && victim !== undefined) await fleet.stop(victim)
  else if (what < 0.55 && victim !== undefined) broker.expire(victim.client)
  else if (what < 0.65 && victim !== undefined) broker.heal(victim.client)
  else if (what < 0.8) broker.loseAcknowledgements(1, LOSSES[Math.floor(random() * LOSSES.length)] ?? 'twice')
  else if (what < 0.9) {
    broker.down()
    for (let turn = 0; turn < 20; turn++) await nextTurn()
    broker.up()
  } else broker.log.compact(`${PREFIX}.correlator-state`)
}
