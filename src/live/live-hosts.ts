/** Settings as the core takes them, and which of them hold until the end of a run. */
import type { IntakeHost } from '../correlate/intake.ts'
import { parseConntrackStderr, runBoundaries } from '../sources/conntrack/stderr.ts'
import { createRulesetHistory } from '../sources/nftables/ruleset-history.ts'
import type { SavedEngine } from './engine.ts'
import type { HostSettings, Settings } from './settings.ts'

/** What the core is told of a machine; its rulesets as they were at the checkpoint. */
export function intakeOf(
  { name, options, sources, rulesets, documents, hasRulesetDumps, conntrackStderr }: HostSettings,
  saved: SavedEngine | null,
): IntakeHost {
  const history = createRulesetHistory(undefined, saved?.rulesets.get(name))
  for (const ruleset of rulesets) history.add(null, ruleset)
  return {
    name,
    options,
    rulesets: history,
    documents: documents.map((document) => ({ at: null, document })),
    hasRulesetDumps,
    sources,
    conntrackRuns: runBoundaries(parseConntrackStderr(conntrackStderr)),
  }
}

/** What a reload cannot change, as text to compare: an open sink has documents on their way. */
export function fixedParts({ config, stateDir }: Settings): string {
  const { store, ndjson, command, elasticsearch, kafka, syslog, state, listen } = config
  const webhook = config.webhook === null ? null : { ...config.webhook, headers: [...config.webhook.headers] }
  return JSON.stringify([store, ndjson, command, elasticsearch, kafka, webhook, syslog, state, listen, stateDir])
}
