/** What `check` and `rules check` say of a file of rules: what is remarkable, and samples that did not give what they promised. */

import type { Rule } from '../detections/rules/rule.ts'
import { remarksOf } from '../detections/rules/rule-remarks.ts'
import { type Reason, reasonsOf, runSamples, type SampleResult } from '../detections/rules/sample-result.ts'
import { formatProblem } from '../errors.ts'
import type { Fields } from '../fields.ts'
import { safeText } from '../safe-text.ts'
import { fieldText } from './document-output.ts'
import { printProblems } from './problem-report.ts'
import { counted, paint, type Terminal } from './terminal.ts'

/** Documents, and lines of reasons, shown of one sample. */
const SHOWN_MAX = 6
/** Made for a sample, not written by anybody. */
const MADE = /^document\d+$/

export type RuleCheck = {
  readonly summary: string
  readonly remarks: readonly string[]
  readonly failed: readonly SampleResult[]
}

/** Runs all samples. */
export function checkRules(rules: readonly Rule[]): RuleCheck {
  const results = rules.flatMap(runSamples)
  const failed = results.filter(({ passed }) => !passed)
  const samples =
    results.length === 0
      ? 'no samples'
      : `${results.length - failed.length} of ${counted(results.length, 'sample')} as promised`
  return {
    summary: `${counted(rules.length, 'rule')}, ${samples}`,
    remarks: rules.flatMap((rule) =>
      remarksOf(rule).map((remark) => formatProblem({ ...rule.place, message: `${rule.id}: ${remark}` })),
    ),
    failed,
  }
}

/** `text`: of the file, for the excerpt. */
export function printFailedSample(terminal: Terminal, result: SampleResult, text: string): void {
  const { rule, sample, found } = result
  const outcome = sample.fires ? 'must fire, and stayed quiet' : 'must stay quiet, and fired'
  printProblems(terminal, [{ ...sample.place, message: `${rule.id}: sample "${sample.name}" ${outcome}` }], text)
  const { reasons, sum } = reasonsOf(result)
  const line = (title: string, lines: readonly string[]) => {
    for (const [i, each] of lines.entries()) terminal.out(`  ${(i === 0 ? title : '').padEnd(9)} ${safeText(each)}\n`)
  }
  line('expected', [sample.fires ? 'a finding' : 'no finding'])
  line('came', found.length === 0 ? ['none'] : cut(found, 'findings'))
  line('why', [...cut(reasons.flatMap(reasonLines), 'lines'), ...(sum === '' ? [] : [sum])])
  line('documents', cut(documentLines(sample.documents), 'documents'))
}

/** Remarks about a file, on stderr: they change no exit status. */
export function printRemarks(terminal: Terminal, remarks: readonly string[]): void {
  for (const remark of remarks) terminal.err(`${paint(terminal, 'yellow', 'note')} ${safeText(remark)}\n`)
}

function reasonLines({ places, why }: Reason): string[] {
  const who = placesText(places)
  return why.map((each, i) => `${(i === 0 ? who : '').padEnd(who.length)}  ${each}`)
}

/** Each different one once, with the places it stands at. */
function documentLines(documents: readonly Fields[]): string[] {
  const places = new Map<string, number[]>()
  for (const [i, document] of documents.entries()) {
    const text = documentText(document)
    const before = places.get(text)
    if (before === undefined) places.set(text, [i + 1])
    else before.push(i + 1)
  }
  return [...places].map(([text, each]) => `${placesText(each)}  ${text}`)
}

/** `1-4, 7`; of many only the first. */
function placesText(places: readonly number[]): string {
  const runs: { readonly first: number; last: number }[] = []
  for (const place of places) {
    const run = runs.at(-1)
    if (run?.last === place - 1) run.last = place
    else runs.push({ first: place, last: place })
  }
  const told = runs.slice(0, SHOWN_MAX).map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`))
  return `${told.join(', ')}${runs.length > SHOWN_MAX ? ', …' : ''}`
}

function documentText(document: Fields): string {
  const isMade = MADE.test(document['event.id'] ?? '')
  const names = Object.keys(document).filter((name) => !isMade || (name !== '@timestamp' && name !== 'event.id'))
  // Keys of a Fields object.
  return (names as (keyof Fields)[]).map((name) => `${name}: ${fieldText(document, name)}`).join(', ')
}

function cut(lines: readonly string[], what: string): string[] {
  return lines.length <= SHOWN_MAX
    ? [...lines]
    : [...lines.slice(0, SHOWN_MAX), `… ${lines.length - SHOWN_MAX} more ${what}`]
}
