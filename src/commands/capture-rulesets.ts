/** The rulesets of a captured host: ruleset.json (undated: it held from the beginning) and ruleset.snapshots. */
import type { CaptureHost } from '../sources/capture.ts'
import { rulesetOf } from '../sources/nftables/ruleset.ts'
import { type RulesetDocument, readRulesetDocument } from '../sources/nftables/ruleset-document.ts'
import { createRulesetHistory, type RulesetHistory, splitRulesetDumps } from '../sources/nftables/ruleset-history.ts'
import type { Micros } from '../time.ts'
import { readWhole } from './read-whole.ts'

export type LoadedRulesets = {
  /** Whole, in order of time, as posture looks at them; of each version once in a row. */
  readonly documents: readonly { readonly at: Micros | null; readonly document: RulesetDocument }[]
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
  const documents: { at: Micros | null; document: RulesetDocument }[] = []
  const isLookedAt = host.sources.some(({ kind }) => kind === 'hostfacts')
  const add = (at: Micros | null, text: string, place: string) => {
    const document = readRulesetDocument(text)
    if ('problem' in document) {
      problems.push(`${place}: ${document.problem}; its rules give no verdicts`)
      return
    }
    const parsed = rulesetOf(document)
    if (isLookedAt && documents.at(-1)?.document.hash !== document.hash) documents.push({ at, document })
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
      if (source.kind === 'ruleset') add(null, text, place)
      else {
        for (const dump of splitRulesetDumps(text)) {
          if (dump.at === null) problems.push(`${place}:${dump.line}:1: a ruleset without a dated line before it`)
          else add(dump.at, dump.text, `${place}:${dump.line}:1`)
        }
      }
    }
  }
  const longestFirst = [...prefixes].sort((a, b) => b.length - a.length || (a < b ? -1 : 1))
  return { history, documents, prefixes: longestFirst, problems, count }
}
