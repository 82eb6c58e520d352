/**
 * A rule of the Elastic detection engine that finds what a detection or a user's rule finds, as its rules API takes it: JSON written
 * after the API's public documentation. Kibana 8.19 and later. It comes switched off: who imports it decides.
 */
import { hash } from 'node:crypto'
import type { FieldName } from '../../fields.ts'
import { SEVERITY_NAMES, type Severity, type Technique } from '../../finding-document.ts'
import { spanText } from '../../quantity-text.ts'
import { MINUTE, type Micros, SECOND } from '../../time.ts'
import type { DetectionAbout } from '../catalogue/detection.ts'
import { techniqueOf } from './attack-techniques.ts'
import { compileRule } from './compile-rule.ts'
import type { Measure, Rule } from './rule.ts'

/** What the rule counts; null: every document that its query finds is an alert. */
export type KibanaThreshold = {
  readonly groupBy: readonly FieldName[]
  readonly measure: Measure
  /** Null = as often as the rule runs. */
  readonly window: Micros | null
}

export type KibanaOptions = {
  /** Patterns of the streams it searches. */
  readonly index: readonly string[]
  readonly threshold: KibanaThreshold | null
}

/** As the API takes it, plain JSON. */
export type KibanaRule = { readonly [name: string]: unknown }

/** As Elastic's own rules have them. */
const RISK_SCORES: Readonly<Record<Severity, number>> = { 1: 21, 2: 47, 3: 73, 4: 99 }
/** How often a rule of single documents runs, and how much further back it looks, for documents that came late. */
const INTERVAL: Micros = 5 * MINUTE
const LOOK_BACK: Micros = 4 * MINUTE
/** A window is looked at this often while it passes, a minute apart at least and INTERVAL at most. */
const RUNS_A_WINDOW = 5
const ALERTS_MAX = 100

/** A user's rule. `index`: patterns of the streams of its datasets. */
export function kibanaRuleOf(rule: Rule, index: readonly string[]): KibanaRule {
  const { groupBy, measure, window } = rule
  const isEvery = window === null && groupBy.length === 0
  return toKibanaRule(compileRule(rule).about, { index, threshold: isEvery ? null : { groupBy, measure, window } })
}

/** Anything that says its query: `about.query` is what it searches. */
export function toKibanaRule(about: DetectionAbout, { index, threshold }: KibanaOptions): KibanaRule {
  const interval = threshold?.window == null ? INTERVAL : intervalOf(threshold.window)
  const from = threshold?.window == null ? INTERVAL + LOOK_BACK : threshold.window + interval
  return {
    rule_id: ruleId(about.id),
    version: 1,
    name: about.title,
    description: about.description,
    enabled: false,
    type: threshold === null ? 'query' : 'threshold',
    language: 'kuery',
    query: about.query,
    filters: [],
    index,
    ...(threshold === null ? {} : { threshold: thresholdJson(threshold) }),
    severity: SEVERITY_NAMES[about.severity],
    risk_score: RISK_SCORES[about.severity],
    interval: `${interval / SECOND}s`,
    from: `now-${Math.ceil(from / SECOND)}s`,
    to: 'now',
    // Documents come seconds to minutes after what they tell.
    timestamp_override: 'event.ingested',
    max_signals: ALERTS_MAX,
    author: ['peertrail'],
    license: 'Apache-2.0',
    tags: ['WireGuard', `peertrail ${about.origin}`],
    false_positives: [],
    references: [],
    threat: threats(about.attack),
    note: noteOf(about, threshold, interval),
  }
}

/** The same id gives the same rule, so that importing it again replaces it: a UUID of version 8 (RFC 9562) of our name. */
function ruleId(id: string): string {
  const digits = hash('sha256', `peertrail rule\0${id}`, 'hex')
  const variant = ((Number.parseInt(digits.charAt(16), 16) & 3) | 8).toString(16)
  return [
    digits.slice(0, 8),
    digits.slice(8, 12),
    `8${digits.slice(13, 16)}`,
    `${variant}${digits.slice(17, 20)}`,
    digits.slice(20, 32),
  ].join('-')
}

function intervalOf(window: Micros): Micros {
  const each = Math.floor(window / RUNS_A_WINDOW / SECOND) * SECOND
  return Math.min(INTERVAL, Math.max(MINUTE, each))
}

function thresholdJson({ groupBy, measure }: KibanaThreshold): object {
  return measure.kind === 'documents'
    ? { field: groupBy, value: measure.atLeast, cardinality: [] }
    : { field: groupBy, value: 1, cardinality: [{ field: measure.field, value: measure.atLeast }] }
}

/** One entry for each tactic, with its techniques; what belongs to a technique stands in it. */
function threats(attack: readonly Technique[]): object[] {
  const tactics = new Map<string, Technique[]>()
  for (const technique of attack) {
    const of = tactics.get(technique.tactic.id)
    if (of === undefined) tactics.set(technique.tactic.id, [technique])
    else of.push(technique)
  }
  return [...tactics.values()].map((techniques) => ({
    framework: 'MITRE ATT&CK',
    tactic: { ...techniques[0]?.tactic, reference: `https://attack.mitre.org/tactics/${techniques[0]?.tactic.id}/` },
    technique: [...new Set(techniques.map(({ id }) => parentOf(id)))].map((id) => techniqueJson(id, techniques)),
  }))
}

function techniqueJson(id: string, techniques: readonly Technique[]): object {
  const name = techniques.find((each) => each.id === id)?.name ?? techniqueOf(id)?.name ?? id
  const parts = techniques.filter((each) => each.id !== id && parentOf(each.id) === id)
  return {
    ...entry(id, name),
    ...(parts.length === 0 ? {} : { subtechnique: parts.map((each) => entry(each.id, each.name)) }),
  }
}

function entry(id: string, name: string): object {
  return { id, name, reference: `https://attack.mitre.org/techniques/${id.replace('.', '/')}/` }
}

function parentOf(id: string): string {
  return id.split('.')[0] ?? id
}

/** The runbook, and what this rule does otherwise than the one it was made from. */
function noteOf(about: DetectionAbout, threshold: KibanaThreshold | null, interval: Micros): string {
  const difference =
    threshold?.window == null
      ? []
      : [
          `Documents up to ${spanText(interval)} further apart than ${spanText(threshold.window)} may be counted together here.`,
        ]
  const gaps = [
    ...difference,
    `Repeats are not suppressed for ${spanText(about.suppression)}, as peertrail does; alert suppression of Kibana can.`,
    ...about.knownGaps,
  ]
  const steps =
    about.runbook.length === 0 ? [] : ['## What to do', ...about.runbook.map((step, i) => `${i + 1}. ${step}`), '']
  return [...steps, '## Known gaps', ...gaps.map((gap) => `- ${gap}`)].join('\n')
}
