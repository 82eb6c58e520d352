/**
 * Log prefixes of every ruleset that stood since the packet log began, by machine: they tell where a line's prefix ends, whatever a
 * hostile interface name looks like.
 */
import type { Decoder } from '../sources/source.ts'
import type { EngineSource } from './engine.ts'

export type KnownPrefixes = {
  /** A newer ruleset of the machine has these. */
  learn(host: string, prefixes: readonly string[]): void
  save(): ReadonlyMap<string, readonly string[]>
}

/** Log prefixes remembered of one machine: a ruleset has a few dozen, a hostile generator of rulesets any number. */
const PREFIXES_MAX = 4096

/** `decoders` stand in the order of `sources`; they are told at once what was known before. */
export function createKnownPrefixes(
  sources: readonly EngineSource[],
  decoders: readonly Decoder[],
  saved: ReadonlyMap<string, readonly string[]> | undefined,
): KnownPrefixes {
  const byHost = new Map(saved)
  for (const host of byHost.keys()) tell(host)

  /** Longest first, as the decoders need them. */
  function tell(host: string): void {
    for (const [index, source] of sources.entries()) {
      if (source.host !== host) continue
      const all = new Set([...source.options.prefixes, ...(byHost.get(host) ?? [])])
      decoders[index]?.setPrefixes?.([...all].sort((a, b) => b.length - a.length || (a < b ? -1 : 1)))
    }
  }

  return {
    learn(host, prefixes) {
      const known = byHost.get(host) ?? []
      const unknown = prefixes.filter((prefix) => prefix !== '' && !known.includes(prefix))
      if (unknown.length === 0) return
      byHost.set(host, [...unknown, ...known].slice(0, PREFIXES_MAX))
      tell(host)
    },
    save: () => byHost,
  }
}
