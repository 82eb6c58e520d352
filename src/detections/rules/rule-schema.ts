/** The shape of a rule file, one value at a time; what needs more to judge is in read-rules.ts. Durations are microseconds from here on. */
import { z } from 'zod'
import { FIELD_NAMES, FIELDS, type FieldName } from '../../fields.ts'
import { nearest } from '../../nearest.ts'
import { parseDuration } from '../../quantities.ts'
import { safeText } from '../../safe-text.ts'
import { matching, parsed, section, words } from '../../schema-problems.ts'
import { DAY, SECOND } from '../../time.ts'
import { TALLY_DISTINCT_MAX } from '../catalogue/tallies.ts'
import { TECHNIQUE_ID, TECHNIQUE_IDS, tacticName, techniqueOf } from './attack-techniques.ts'

/** Rules of one process, over all files: each is asked of every document. */
export const RULES_MAX = 500
/** Samples of one rule. */
export const SAMPLES_MAX = 100
/** Documents of one sample, repeats counted. */
export const SAMPLE_DOCUMENTS_MAX = 2_000
/** Documents of all samples of a file, repeats counted: a few bytes of it may stand for many. */
export const FILE_DOCUMENTS_MAX = 100_000
/** Fields of group_by: what a threshold rule of Kibana takes. */
export const GROUP_FIELDS_MAX = 3
/** Techniques, steps of a runbook, known gaps: each. */
const LIST_MAX = 50
/** Documents a rule may wait for. */
const THRESHOLD_MAX = 1_000_000
const TEXT_MAX = 4_000
const ID = /^[a-z0-9]+(?:-[a-z0-9]+)*$/
const ID_CHARACTERS_MAX = 100

const WINDOW_EXPECTED = 'expected a duration from 1s to 1d, such as 60s, 5m or 1h'
const SUPPRESS_EXPECTED = 'expected a duration from 1s to 30d, such as 10m, 1h or 1d'
const FIELD_EXPECTED = 'expected the name of a field such as wireguard.peer.public_key'
const ATTACK_EXPECTED = 'expected a technique of ATT&CK such as T1021.004, or keys with values: id, name, tactic'

const duration = (expected: string, most: number) =>
  parsed(expected, (text) => {
    const span = parseDuration(text)
    return span !== null && span >= SECOND && span <= most ? span : null
  })

/** Text for people that may stand on several lines of the file; one line from here on. */
const prose = parsed(`expected text, at most ${TEXT_MAX} characters`, (text) => {
  const line = text.replaceAll(/\s+/g, ' ').trim()
  return line !== '' && line.length <= TEXT_MAX && !/\p{Cc}/u.test(line) ? line : null
})

/** The name of a field, as it is in documents. */
const field = z.string({ error: FIELD_EXPECTED }).transform((text, context): FieldName => {
  if (isField(text)) return text
  const near = nearest(text, FIELD_NAMES)
  const hint = near === null ? '; docs/fields.md lists them' : `; did you mean ${near}?`
  context.issues.push({
    code: 'custom',
    message: `there is no field ${safeText(text.slice(0, 100))}${hint}`,
    input: text,
  })
  return z.NEVER
})

/** A field with one value in a document that comes again: lists and times are nothing to group by or to tell apart. */
const single = field.refine((name) => !FIELDS[name].many && FIELDS[name].type !== 'date', {
  error: 'this field holds lists or times; take one with a single value that documents share',
})

const technique = z.string({ error: ATTACK_EXPECTED }).transform((text, context) => {
  const found = techniqueOf(text)
  if (found !== null) return found
  const near = nearest(text, TECHNIQUE_IDS)
  const message = TECHNIQUE_ID.test(text)
    ? `${text} is not among the techniques known here${near === null ? '' : ` (${near} is)`}; write { id: ${text}, name: its name, tactic: TA0008 }`
    : ATTACK_EXPECTED
  context.issues.push({ code: 'custom', message, input: text })
  return z.NEVER
})

const otherTechnique = section({
  id: matching('expected an id such as T1021.004', (text) => TECHNIQUE_ID.test(text)).describe('as ATT&CK has it'),
  name: words().describe('the name ATT&CK gives it'),
  tactic: parsed('expected a tactic of ATT&CK such as TA0008', (id) => {
    const name = tacticName(id)
    return name === null ? null : { id, name }
  }).describe('id of a tactic it serves'),
})

const sample = section({
  name: words().describe('what it shows'),
  documents: z
    .array(z.record(z.string(), z.unknown()))
    .min(1, 'expected a document at least')
    .describe('nested as they are stored, or by dotted names; times and ids are made where they are left out'),
  repeat: z
    .int('expected a whole number')
    .min(1, 'expected 1 or more')
    .max(SAMPLE_DOCUMENTS_MAX, `expected ${SAMPLE_DOCUMENTS_MAX} or less`)
    .optional()
    .describe('how often the documents come, one after the other'),
  every: duration('expected a duration from 1s to 1d', DAY)
    .optional()
    .describe('time between documents; 1s when left out'),
})

const rule = section({
  id: matching(
    `expected lower-case words joined by hyphens, at most ${ID_CHARACTERS_MAX} characters`,
    (text) => ID.test(text) && text.length <= ID_CHARACTERS_MAX,
  ).describe('lasting name: repeats and suppression go by it'),
  title: words().describe('what is found, for people'),
  description: prose.optional().describe('what it means'),
  query: z.string().describe("what documents must be, in Kibana's query language"),
  group_by: z
    .array(single)
    .max(GROUP_FIELDS_MAX, `expected ${GROUP_FIELDS_MAX} fields at most`)
    .optional()
    .describe('fields whose values a finding is about; without it all that matches is about one thing'),
  threshold: z
    .int('expected a whole number')
    .min(1, 'expected 1 or more')
    .max(THRESHOLD_MAX, `expected ${THRESHOLD_MAX} or less`)
    .optional()
    .describe('documents within the window; 1 when left out'),
  distinct: section({
    field: single.describe('whose values are counted'),
    at_least: z
      .int('expected a whole number')
      .min(2, 'expected 2 or more')
      .max(TALLY_DISTINCT_MAX, `expected ${TALLY_DISTINCT_MAX} or less`)
      .describe('different values within the window'),
  })
    .optional()
    .describe('count different values instead of documents'),
  window: duration(WINDOW_EXPECTED, DAY).optional().describe('how far apart they may be, with threshold or distinct'),
  suppress: duration(SUPPRESS_EXPECTED, 30 * DAY)
    .optional()
    .describe('about the same, nothing more is found for so long; 1h when left out'),
  severity: z.enum(['low', 'medium', 'high', 'critical']).describe('low, medium, high or critical'),
  attack: z
    .array(z.union([technique, otherTechnique], { error: ATTACK_EXPECTED }))
    .max(LIST_MAX, `expected ${LIST_MAX} at most`)
    .optional()
    .describe('techniques of ATT&CK it may be part of'),
  runbook: z.array(prose).max(LIST_MAX, `expected ${LIST_MAX} at most`).optional().describe('what to do, a step each'),
  known_gaps: z.array(prose).max(LIST_MAX, `expected ${LIST_MAX} at most`).optional().describe('what it does not see'),
  tests: section({
    fires: z.array(sample).max(SAMPLES_MAX, `expected ${SAMPLES_MAX} at most`).optional().describe('what it must find'),
    quiet: z
      .array(sample)
      .max(SAMPLES_MAX, `expected ${SAMPLES_MAX} at most`)
      .optional()
      .describe('what it must not find'),
  })
    .optional()
    .describe('samples; `peertrail check` runs them'),
})

export const ruleFileSchema = section({
  version: z.literal(1).describe('of this format'),
  rules: z.array(rule).max(RULES_MAX, `expected ${RULES_MAX} rules at most`).describe('each with an id of its own'),
})

export type RuleEntry = z.output<typeof rule>
export type SampleEntry = z.output<typeof sample>

/** JSON Schema (draft 2020-12) of rule files, for editors. */
export function rulesJsonSchema(): object {
  return z.toJSONSchema(ruleFileSchema, { io: 'input' })
}

function isField(name: string): name is FieldName {
  return Object.hasOwn(FIELDS, name)
}
