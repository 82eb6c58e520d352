/** The rulesets of a captured host: ruleset.json (undated: it held from the beginning) and ruleset.snapshots. */
import type { CaptureHost } from '../sources/capture.ts'
import { parseRuleset, type Ruleset } from '../sources/nftables/ruleset.ts'
import { createRulesetHistory, type RulesetHistory, splitRulesetDumps } from '../sources/nftables/ruleset-history.ts'
import { readWhole } from './read-whole.ts'

export type LoadedRulesets = {
  readonly history: RulesetHistory
  /** Log prefixes of all versions, longest first: they make a hostile interface name harmless. */
  readonly prefixes: readonly string[]
  /** Rulesets that could not be read, for people. A gateway without rules still works: verdicts are unknown. */
  readonly problems: readonly string[]
  readonly count: number
}

export async function loadRulesets(host: CaptureHost): Promise<LoadedRulesets> {
  const history = createRulesetHistory()
  const prefixes = new Set<string>()
  const problems: string[] = []
  let count = 0
  const add = (at: number | null, parsed: Ruleset | { readonly problem: string }, place: string) => {
    if ('problem' in parsed) {
      problems.push(`${place}: ${parsed.problem}; its rules give no verdicts`)
      return
    }
    history.add(at, parsed)
    count++
    for (const prefix of parsed.prefixes) if (prefix !== '') prefixes.add(prefix)
  }
  for (const source of host.sources) {
    if (source.kind !== 'ruleset' && source.kind !== 'ruleset-dump') continue
    for (const file of source.files) {
      const place = `${host.name}/${file.name}`
      const read = await readWhole(file, 'utf8')
      if ('problem' in read) {
        problems.push(`${place}: ${read.problem}; its rules give no verdicts`)
        continue
      }
      const { text } = read
      if (source.kind === 'ruleset') add(null, parseRuleset(text), place)
      else {
        for (const dump of splitRulesetDumps(text)) {
          if (dump.at === null) problems.push(`${place}:${dump.line}:1: a ruleset without a dated line before it`)
          else add(dump.at, parseRuleset(dump.text), `${place}:${dump.line}:1`)
        }
      }
    }
  }
  const longestFirst = [...prefixes].sort((a, b) => b.length - a.length || (a < b ? -1 : 1))
  return { history, prefixes: longestFirst, problems, count }
}
