/**
 * A rule as a detection among the others: the same tallies, windows and suppression, so that it finds the same in a stream, over
 * what is stored, and in its samples.
 */
import { hash } from 'node:crypto'
import { type Event, fieldOf } from '../../event.ts'
import { FIELD_NAMES, FIELDS, type FieldName, type Fields } from '../../fields.ts'
import type { Inventory } from '../../identity/inventory.ts'
import { createEventPredicate } from '../../kql/predicate.ts'
import { printQuery, quoteText } from '../../kql/print-query.ts'
import { fieldsOf } from '../../kql/query-fields.ts'
import { spanText } from '../../quantity-text.ts'
import { type Micros, SECOND, toIso } from '../../time.ts'
import type { Detection, DetectionAbout, DetectionKind } from '../catalogue/detection.ts'
import { exceptionFor, excused } from '../catalogue/exceptions.ts'
import {
  aboutPeer,
  createThreshold,
  type Described,
  type Found,
  onlySuppressed,
  peerName,
  withSuppressed,
} from '../catalogue/thresholds.ts'
import type { Rule } from './rule.ts'
import { datasetsOf } from './rule-datasets.ts'

/** Documents of a rule without a window that come this close together are one finding: the first of them is not kept waiting. */
const SINGLE_SPAN: Micros = 10 * SECOND
/** A window slides in so many steps at most. */
const STEPS_MAX = 6
/** What everything that matches is about where nothing groups it. */
const ALL = 'all'
/** Its documents come together by this; what is grouped by it has one name. */
const PEER_KEY: FieldName = 'wireguard.peer.public_key'
/** Characters of a group's value in a summary. */
const VALUE_MAX = 100
/** The finding's own: a group's value does not stand there. */
const OWN_FIELDS = /^(?:@timestamp$|event\.|rule\.|threat\.|wireguard\.finding\.)/

/** Finds what the rule describes; the same object for every process that runs it. */
export function compileRule(rule: Rule): DetectionKind {
  const { window, measure } = rule
  const matches = createEventPredicate(rule.query)
  const about = aboutRule(rule)
  const distinct = measure.kind === 'distinct' ? measure.field : null
  const span = window === null ? SINGLE_SPAN : spanOf(window)
  const meaning = meaningOf(rule)
  return {
    about,
    reads: [],
    wants: () => false,
    tallies: [
      {
        reads: datasetsOf(rule.query),
        span,
        keyOf: (event) => (matches(event) ? keyOf(meaning, groupOf(rule.groupBy, event)) : null),
        ...(distinct === null ? {} : { distinctOf: (event: Event) => textOf(fieldOf(event, distinct)) }),
      },
    ],
    open: ({ emit, inventory, saved }) => {
      const threshold = createThreshold(
        {
          about,
          measure: measure.kind === 'distinct' ? 'distinct' : 'count',
          threshold: measure.atLeast,
          window: window ?? SINGLE_SPAN,
          ...(window === null ? { settle: 0 } : {}),
          describe: (found) => describe(rule, { ...found, subject: groupIn(found.subject) }, inventory),
        },
        emit,
        stateFor(rule, meaning, saved),
      )
      return ofMeaning(rule, meaning, laterBy(span, threshold))
    },
  }
}

/** Characters of a meaning in front of a group. */
const MEANING = 8

/** What decides which documents count and how. A rule that is changed and keeps its id must not count what the one before it saw. */
function meaningOf({ query, groupBy, measure, window }: Rule): string {
  return hash('sha256', JSON.stringify([printQuery(query), groupBy, measure, window]), 'hex').slice(0, MEANING)
}

function keyOf(meaning: string, group: string | null): string | null {
  return group === null ? null : meaning + group
}

function groupIn(key: string): string {
  return key.slice(MEANING)
}

/** `suppress`: what the times in `state` were made with. */
type SavedRule = { readonly meaning: string; readonly suppress: Micros; readonly state: unknown }

/** Whoever changes a rule does not want to hear again what it found a moment ago, nor wait for a suppression that is shorter now. */
function stateFor({ suppress }: Rule, meaning: string, before: unknown): unknown {
  // What `save` below gave.
  const saved = before as SavedRule | undefined
  if (saved === undefined || (saved.meaning === meaning && saved.suppress === suppress)) return saved?.state
  const change = (key: string, until: Micros) => [meaning + groupIn(key), until + suppress - saved.suppress] as const
  return saved.meaning === meaning ? withSuppressed(saved.state, change) : onlySuppressed(saved.state, change)
}

function ofMeaning({ suppress }: Rule, meaning: string, detection: Detection): Detection {
  return {
    tally: (tally, kind) => {
      if (tally.key.startsWith(meaning)) detection.tally?.(tally, kind)
    },
    tick: (watermark) => detection.tick(watermark),
    get forgotten() {
      return detection.forgotten ?? 0
    },
    save: () => ({ meaning, suppress, state: detection.save() }) satisfies SavedRule,
  }
}

/**
 * The same, told the time one span later. A tally may begin as long before the watermark, and until it was given nobody may forget that
 * its subject was suppressed then: what is found would depend on when somebody asked.
 */
function laterBy(span: Micros, detection: Detection): Detection {
  return {
    tally: (tally, kind) => detection.tally?.(tally, kind),
    tick: (watermark) => detection.tick(watermark - span),
    get forgotten() {
      return detection.forgotten ?? 0
    },
    save: () => detection.save(),
  }
}

/** Fields of documents that a rule and its findings look at. */
export function fieldsOfRule(rule: Rule): readonly FieldName[] {
  const told = FIELD_NAMES.filter((name) =>
    /^(?:@timestamp|event\.(?:id|dataset)|(?:host|observer)\.name|related\..*|wireguard\.(?:interface|peer|attribution)\..*)$/.test(
      name,
    ),
  )
  const distinct = rule.measure.kind === 'distinct' ? [rule.measure.field] : []
  return [...new Set<FieldName>([...told, ...fieldsOf(rule.query), ...rule.groupBy, ...distinct])]
}

/** What documents have in common that a finding is about; null when one of the fields is absent: then it is about nothing. */
export function groupOf(groupBy: readonly FieldName[], event: Event): string | null {
  if (groupBy.length === 0) return ALL
  let key = ''
  for (const name of groupBy) {
    const value = textOf(fieldOf(event, name))
    if (value === undefined) return null
    key += key === '' ? value : `\0${value}`
  }
  return key
}

function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined
}

/** The longest step that divides the window: at most a sixth of it where that goes into whole microseconds, a second at least. */
function spanOf(window: Micros): Micros {
  for (let steps = STEPS_MAX; steps > 1; steps--)
    if (window % steps === 0 && window / steps >= SECOND) return window / steps
  return window
}

function aboutRule(rule: Rule): DetectionAbout {
  const { measure, window, suppress, groupBy, knownGaps } = rule
  const what =
    measure.kind === 'distinct' ? `${measure.atLeast} different ${measure.field}` : `${measure.atLeast} documents`
  return {
    id: rule.id,
    title: rule.title,
    description: rule.description === '' ? rule.title : rule.description,
    severity: rule.severity,
    attack: rule.attack,
    origin: 'rule',
    runbook: rule.runbook,
    limits: {
      ...(window === null ? { threshold: 'every document' } : { threshold: what, window: spanText(window) }),
      ...(groupBy.length === 0 ? {} : { 'group by': groupBy.join(', ') }),
      suppression: spanText(suppress),
    },
    suppression: suppress,
    baseline: 0,
    query: rule.text,
    knownGaps,
  }
}

function describe(rule: Rule, found: Found, inventory: Inventory): Described {
  const { groupBy, measure, title } = rule
  const { first, count, distinct, firstAt, lastAt } = found
  const values = groupBy.length === 0 ? [] : found.subject.split('\0')
  const documents = count === 1 ? '1 document' : `${count} documents`
  const took = lastAt > firstAt ? ` in ${spanText(lastAt - firstAt)}` : ''
  const amount =
    measure.kind === 'distinct' ? `${distinct.length} different ${measure.field} in ${documents}` : documents
  const who = groupBy.map((name, i) => namedValue(name, values[i] ?? '', first)).join(', ')
  // Of several documents about different peers, the first one's peer is not who it was.
  const isOnePeer = count === 1 || groupBy.includes(PEER_KEY)
  const told = isOnePeer
    ? aboutPeer(first)
    : { 'host.name': first['host.name'], 'observer.name': first['observer.name'] }
  return {
    subject: found.subject,
    summary: `${title}: ${who === '' ? '' : `${who}, `}${amount}${took}`,
    query: findingQuery(rule, values, found),
    about: sorted({ ...told, ...groupFields(groupBy, first) }),
    ...excused(isOnePeer ? exceptionFor(inventory, rule.id, first['wireguard.peer.name'] ?? '', firstAt) : undefined),
  }
}

function namedValue(name: FieldName, value: string, first: Fields): string {
  if (name === PEER_KEY) return peerName(first)
  return `${name} ${value.length > VALUE_MAX ? `${value.slice(0, VALUE_MAX)}…` : value}`
}

function groupFields(groupBy: readonly FieldName[], first: Fields): Fields {
  const kept = groupBy.filter((name) => !OWN_FIELDS.test(name)).map((name) => [name, first[name]])
  // Names and values of a Fields object, so a Fields object again.
  return Object.fromEntries(kept) as Fields
}

/** What is stored has its fields in another order than what is emitted: a finding is the same text of both. */
function sorted(fields: Fields): Fields {
  // The same names and values.
  return Object.fromEntries(Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1))) as Fields
}

/** Finds the documents behind a finding, also those that its list of ids has no room for. */
function findingQuery({ query, groupBy }: Rule, values: readonly string[], { firstAt, lastAt }: Found): string {
  const groups = groupBy.map((name, i) => {
    const value = values[i] ?? ''
    return `${name} : ${FIELDS[name].type === 'long' || FIELDS[name].type === 'boolean' ? value : quoteText(value)}`
  })
  const printed = query.kind === 'or' ? `(${printQuery(query)})` : printQuery(query)
  return [printed, ...groups, `@timestamp >= "${toIso(firstAt)}"`, `@timestamp < "${toIso(lastAt + 1)}"`].join(' and ')
}
