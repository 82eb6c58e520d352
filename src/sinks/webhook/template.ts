/**
 * What a webhook sends: the finding as it is, or a user's JSON with fields of it put in. The template is JSON before and after: a
 * value from a log can never end a string or add a member.
 *
 *   {"text": "{{rule.name}}: {{wireguard.finding.summary}}", "finding": "{{document}}"}
 */
import { AppError, type Problem } from '../../errors.ts'
import { parseEvent } from '../../event-json.ts'
import { FIELD_NAMES, FIELDS, type FieldName } from '../../fields.ts'
import { suggestion } from '../../nearest.ts'
import { quoted } from '../../safe-text.ts'
import { toIso } from '../../time.ts'

/** Characters of a template, and how deep it may be. */
const CHARS_MAX = 100_000
const DEPTH_MAX = 20

const PLACE = /\{\{\s*([^{}]*?)\s*\}\}/g
const WHOLE = '{{document}}'

export type Template = (document: string) => string

/** `text`: the user's file. Throws AppError `bad-pipeline` with every unknown field in it. */
export function parseTemplate(text: string, file: string): Template {
  const problems: Problem[] = []
  const complain = (message: string) => problems.push({ file, line: 0, column: 0, message })
  const shape = readShape(text, complain)
  checkShape(shape, complain)
  if (problems.length > 0)
    throw new AppError('bad-pipeline', `${file} is no template of a webhook`, {
      problems,
      advice:
        'It is JSON; {{FIELD}} in a text becomes that field of the finding (docs/fields.md), "{{document}}" all of it.',
    })
  return (document) => {
    // Written by our own printer: an object.
    const whole: unknown = JSON.parse(document)
    const fields = parseEvent(document)
    return JSON.stringify(filled(shape, (name) => textOf(name, fields[name]), whole))
  }
}

/** Without a template: the document as the store has it. */
export const wholeDocument: Template = (document) => document

function readShape(text: string, complain: (message: string) => void): unknown {
  if (text.length > CHARS_MAX) {
    complain(`is longer than ${CHARS_MAX} characters`)
    return null
  }
  try {
    return JSON.parse(text)
  } catch (error) {
    complain(`is no JSON: ${error instanceof Error ? error.message : 'unreadable'}`)
    return null
  }
}

function checkShape(shape: unknown, complain: (message: string) => void, depth = 0): void {
  if (depth > DEPTH_MAX) complain(`is nested deeper than ${DEPTH_MAX} levels`)
  else if (typeof shape === 'string') checkText(shape, complain)
  else if (typeof shape === 'object' && shape !== null)
    for (const value of Object.values(shape)) checkShape(value, complain, depth + 1)
}

function checkText(text: string, complain: (message: string) => void): void {
  if (text === WHOLE) return
  for (const [, name = ''] of text.matchAll(PLACE)) {
    if (isField(name)) continue
    if (name === 'document') complain('{{document}} is an object: it stands alone in its text, "{{document}}"')
    else complain(`no field ${quoted(name)}${suggestion(name, FIELD_NAMES)}`)
  }
}

function filled(shape: unknown, read: (name: FieldName) => string, whole: unknown): unknown {
  if (typeof shape === 'string') {
    if (shape === WHOLE) return whole
    return shape.replace(PLACE, (_, name: string) => (isField(name) ? read(name) : ''))
  }
  if (Array.isArray(shape)) return shape.map((each) => filled(each, read, whole))
  if (typeof shape !== 'object' || shape === null) return shape
  return Object.fromEntries(Object.entries(shape).map(([key, value]) => [key, filled(value, read, whole)]))
}

/** Absent is ''; several values are told apart by commas; times are ISO 8601. */
function textOf(name: FieldName, value: unknown): string {
  if (value === undefined) return ''
  if (Array.isArray(value)) return value.map((each) => textOf(name, each)).join(', ')
  if (typeof value === 'number') return FIELDS[name].type === 'date' ? toIso(value) : String(value)
  return typeof value === 'string' ? value : JSON.stringify(value)
}

const NAMES: ReadonlySet<string> = new Set(FIELD_NAMES)

function isField(name: string): name is FieldName {
  return NAMES.has(name)
}
