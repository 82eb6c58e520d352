/**
 * The packet filter's rules that said something about the incident, as they stood then: by name, handle, chain and hash of the rule. The
 * text of a ruleset is in no document.
 */
import type { FieldName } from '../../fields.ts'
import { exists } from '../../kql/build.ts'
import { allOf } from '../../kql/combine.ts'
import { fieldsOf } from '../../kql/query-fields.ts'
import { toSql } from '../../kql/to-sql.ts'
import type { Parameter } from '../../store/duckdb.ts'
import type { EventReader } from '../../store/event-reader.ts'
import type { Micros } from '../../time.ts'
import type { IncidentScope } from './incident-scope.ts'

/** Rules told; the rest is counted. */
export const RULES_MAX = 200

export type RuleFact = {
  readonly gateway: string
  readonly name: string
  readonly id: string
  readonly ruleset: string
  /** Hash of the rule as it stood; another one is another rule. '' = no ruleset was recorded. */
  readonly version: string
  /** `accepted`, `dropped`, `rejected`, `unknown`. */
  readonly verdict: string
  readonly lines: number
  readonly first: Micros
  readonly last: Micros
}

const IDENTITY: readonly FieldName[] = [
  'host.name',
  'rule.name',
  'rule.id',
  'rule.ruleset',
  'rule.version',
  'wireguard.flow.verdict',
]

/** In order of gateway, chain and handle; and how many there are. */
export async function readRules(
  reader: EventReader,
  { about, story }: IncidentScope,
): Promise<{ rules: RuleFact[]; total: number }> {
  const query = allOf([about, exists('rule.name')])
  const parameters: Parameter[] = []
  const where = toSql(query, parameters)
  const list = IDENTITY.map((name) => `"${name}"`).join(', ')
  const { rows } = await reader.select(
    {
      datasets: ['wireguard.firewall'],
      since: story.since,
      until: story.until,
      columns: [...new Set<FieldName>(['@timestamp', ...IDENTITY, ...fieldsOf(query)])],
      filter: query,
    },
    `SELECT ${list}, count(*), epoch_us(min("@timestamp")), epoch_us(max("@timestamp")), count(*) OVER ()
     FROM events WHERE ${where} GROUP BY ${list} ORDER BY "host.name", "rule.ruleset", "rule.name", "rule.id", "rule.version", "wireguard.flow.verdict" LIMIT ${RULES_MAX}`,
    parameters,
  )
  const rules = rows.map(([gateway, name, id, ruleset, version, verdict, lines, first, last]) => ({
    gateway: String(gateway ?? ''),
    name: String(name ?? ''),
    id: String(id ?? ''),
    ruleset: String(ruleset ?? ''),
    version: String(version ?? ''),
    verdict: String(verdict ?? 'unknown'),
    lines: Number(lines),
    first: Number(first),
    last: Number(last),
  }))
  return { rules, total: Number(rows[0]?.[9] ?? 0) }
}
