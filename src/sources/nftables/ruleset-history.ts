/**
 * Which ruleset stood when. Dated like the ledger: a dump proves its own moment, and two equal dumps prove the time between
 * them; between two different dumps either may have stood, so both sides' rules are candidates.
 *
 *   # 2026-11-22T15:09:26.964+00:00 gw1
 *   {"nftables": [{"metainfo": {"version": "1.0.6", …}}, …]}
 *
 * The dated line is the one of every snapshot file (design 8.1). After the last dump its rules hold on; before the first
 * one nothing is known, unless an undated ruleset.json says how it began.
 */
import type { Micros } from '../../time.ts'
import { type DumpHeader, parseDumpHeader } from '../dump-header.ts'
import { type LogRule, openRuleset, type Ruleset, type RulesetContent } from './ruleset.ts'

/** Times a ruleset differed from the one before, kept a gateway. Beyond it the oldest are forgotten and their time is unknown. */
export const RULESET_VERSIONS_MAX = 256

export type RulesetHistory = {
  /** Null for an undated dump: it holds from the beginning. Dumps should come in order of time; a late one only ever adds candidates. */
  add(at: Micros | null, ruleset: RulesetContent): void
  /** Rules that may have written `prefix` at that time. */
  rulesAt(at: Micros, prefix: string): readonly LogRule[]
  /** The one ruleset that stood at that time; null where there was none or it may have been one of several. */
  rulesetAt(at: Micros): Ruleset | null
  /** The rulesets that may have stood at that time: one, or those around a change, or none. */
  rulesetsAt(at: Micros): readonly Ruleset[]
  /** How many versions were forgotten. */
  readonly forgotten: number
  save(): SavedRulesetHistory
}

export type SavedRulesetHistory = {
  readonly periods: readonly {
    readonly rulesets: readonly RulesetContent[]
    readonly from: Micros
    readonly to: Micros
  }[]
  readonly forgotten: number
  readonly knownFrom: Micros
}

/** A time over which equal dumps were seen; several where a dump came late and contradicts those around it. */
type Period = { readonly rulesets: Ruleset[]; from: Micros; to: Micros }

/** Beyond `versionsMax` the oldest versions are forgotten. */
export function createRulesetHistory(versionsMax = RULESET_VERSIONS_MAX, saved?: SavedRulesetHistory): RulesetHistory {
  /** Ascending, without overlap. */
  const periods: Period[] = (saved?.periods ?? []).map(({ rulesets, from, to }) => ({
    rulesets: rulesets.map(openRuleset),
    from,
    to,
  }))
  let forgotten = saved?.forgotten ?? 0
  let knownFrom: Micros = saved?.knownFrom ?? Number.NEGATIVE_INFINITY

  /** Index of the last period that began at or before `at`, -1 for none. */
  function indexAt(at: Micros): number {
    let low = 0
    let high = periods.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const period = periods[middle]
      if (period !== undefined && period.from <= at) low = middle + 1
      else high = middle
    }
    return low - 1
  }

  function add(date: Micros | null, content: RulesetContent): void {
    const at = date ?? Number.NEGATIVE_INFINITY
    if (at < knownFrom) return
    const ruleset = openRuleset(content)
    const index = indexAt(at)
    const before = periods[index]
    const after = periods[index + 1]
    if (before !== undefined && at <= before.to) {
      if (before.rulesets.every((known) => known.hash !== ruleset.hash)) before.rulesets.push(ruleset)
    } else if (isOnly(before, ruleset)) before.to = at
    else if (isOnly(after, ruleset)) after.from = at
    else periods.splice(index + 1, 0, { rulesets: [ruleset], from: at, to: at })
    while (periods.reduce((sum, period) => sum + period.rulesets.length, 0) > versionsMax) {
      const oldest = periods.shift()
      forgotten += oldest?.rulesets.length ?? 0
      knownFrom = periods[0]?.from ?? at
    }
  }

  function rulesetsAt(at: Micros): readonly Ruleset[] {
    const index = indexAt(at)
    const before = periods[index]
    const after = periods[index + 1]
    if (before === undefined) return []
    return at <= before.to || after === undefined ? before.rulesets : [...before.rulesets, ...after.rulesets]
  }

  function rulesetAt(at: Micros): Ruleset | null {
    const index = indexAt(at)
    const before = periods[index]
    if (before === undefined || before.rulesets.length > 1) return null
    return at <= before.to || index + 1 === periods.length ? (before.rulesets[0] ?? null) : null
  }

  return {
    add,
    rulesetAt,
    rulesetsAt,
    rulesAt(at, prefix) {
      const [first, ...others] = rulesetsAt(at)
      if (first === undefined) return []
      return others.reduce((rules, ruleset) => merge(rules, ruleset.logRules(prefix)), first.logRules(prefix))
    },
    get forgotten() {
      return forgotten
    },
    save: () => ({ periods, forgotten, knownFrom }),
  }
}

function isOnly(period: Period | undefined, ruleset: Ruleset): period is Period {
  return period?.rulesets.length === 1 && period.rulesets[0]?.hash === ruleset.hash
}

/** Rules of two dumps, those that did not change in between once. */
function merge(before: readonly LogRule[], after: readonly LogRule[]): readonly LogRule[] {
  const identity = (rule: LogRule) => [rule.ruleset, rule.handle, rule.version, rule.verdict, rule.hook].join('\0')
  const known = new Set(before.map(identity))
  return [...before, ...after.filter((rule) => !known.has(identity(rule)))]
}

/** One dump of ruleset.snapshots. `at` is null when its dated line is unreadable or missing: such a dump proves nothing. */
export type RulesetDump = {
  readonly at: Micros | null
  /** JSON, perhaps over several lines. */
  readonly text: string
  /** Of its dated line, from 1. */
  readonly line: number
}

/** Splits the text of a ruleset.snapshots file. JSON never has a line that begins with `#`. */
export function splitRulesetDumps(text: string): RulesetDump[] {
  const dumps: RulesetDump[] = []
  let header: DumpHeader | null = null
  let headerLine = 1
  let from = 0
  let number = 1
  const close = (end: number, isDump: boolean) => {
    const body = text.slice(from, end)
    if (isDump || body.trim() !== '') dumps.push({ at: header?.at ?? null, text: body, line: headerLine })
  }
  for (let start = 0; start < text.length; number++) {
    const lf = text.indexOf('\n', start)
    const end = lf < 0 ? text.length : lf
    if (text.startsWith('#', start)) {
      close(start, number > 1)
      header = parseDumpHeader(text.slice(start, end))
      headerLine = number
      from = Math.min(end + 1, text.length)
    }
    start = end + 1
  }
  close(text.length, headerLine > 1 || text.startsWith('#'))
  return dumps
}
