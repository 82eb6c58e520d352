/** The rules that a pipeline names, from their files, ready to run. */
import type { Problem } from '../../errors.ts'
import { readText } from '../../read-text.ts'
import type { DetectionKind } from '../catalogue/detection.ts'
import { compileRule } from './compile-rule.ts'
import { badRules, readRules, sameIds } from './read-rules.ts'
import type { Rule } from './rule.ts'
import { RULES_MAX } from './rule-schema.ts'

/**
 * In the order of the files. Throws AppError `cannot-read`, and `bad-rules` with everything that is wrong with a file, or with all of
 * them together: an id that two rules have, more than RULES_MAX rules.
 */
export async function loadRules(files: readonly string[]): Promise<DetectionKind[]> {
  return (await readRuleFiles(files)).map(compileRule)
}

/** The same, not compiled. */
export async function readRuleFiles(files: readonly string[]): Promise<readonly Rule[]> {
  const rules: Rule[] = []
  for (const file of files) rules.push(...readRules(await readText(file), file))
  const problems: Problem[] = sameIds(rules)
  const extra = rules[RULES_MAX]
  if (extra !== undefined) problems.push({ ...extra.place, message: `a process runs at most ${RULES_MAX} rules` })
  if (problems.length > 0) throw badRules(problems, problems[0]?.file ?? '')
  return rules
}
