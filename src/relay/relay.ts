/** Placeholder until the relay is here. */
import type { HostDesks, HostDesksOptions } from '../correlate/hosts/host-desks.ts'
import type { Event } from '../event.ts'

export function createRelay(
  _options: HostDesksOptions,
  _to: { readonly machines: readonly string[]; readonly emit: (event: Event) => void },
  _saved?: unknown,
): HostDesks {
  throw new Error('no relay yet')
}
