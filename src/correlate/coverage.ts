/** What each source delivered, lost or missed (design 7). */
import type { Event } from '../event.ts'
import type { Inventory } from '../identity/inventory.ts'
import type { PacketRecord } from '../sources/nftables/record.ts'
import type { Micros } from '../time.ts'
import type { Flow } from './flow.ts'
import type { IntakeHost, Item, SourceName } from './intake.ts'
import type { LineRule } from './line-rules.ts'
import { createRemarkEvents } from './remark-events.ts'

/** What one gateway tells coverage while it decides. */
export type Watch = {
  /** A firewall line in scope was decided; `flow` is the conntrack entry it belongs to, null when none showed it so far. */
  line(record: PacketRecord, rule: LineRule, flow: Flow | null): void
  /** A flow in scope was decided; `flow.witness` is null when no firewall line showed it. */
  flow(flow: Flow): void
}

export type Coverage = {
  watch(host: string): Watch
  take(host: string, source: SourceName, item: Item): void
  emitted(event: Event): void
  tick(watermark: Micros): void
  finish(host: string, source: SourceName): void
  end(): void
}

export function createCoverage(
  options: { readonly hosts: readonly IntakeHost[]; readonly inventory: Inventory },
  emit: (event: Event) => void,
): Coverage {
  const remarks = new Map<string, ReturnType<typeof createRemarkEvents>>()
  for (const host of options.hosts)
    for (const source of host.sources) remarks.set(`${host.name}\0${source}`, createRemarkEvents(host.name, source))
  return {
    watch: () => ({ line: () => {}, flow: () => {} }),
    take(host, source, item) {
      if (item.kind !== 'unparsed' && item.kind !== 'suspect') return
      const toEvent = remarks.get(`${host}\0${source}`)
      if (toEvent !== undefined) emit(toEvent(item))
    },
    emitted: () => {},
    tick: () => {},
    finish: () => {},
    end: () => {},
  }
}
