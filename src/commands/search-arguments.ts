/** What `search` and `timeline` have in common on the command line: a period, datasets, fields, a limit, a form of output. */
import { AppError } from '../errors.ts'
import type { Dataset } from '../event.ts'
import { FIELD_NAMES, type FieldName } from '../fields.ts'
import { createWildcard } from '../kql/text-match.ts'
import { suggestion } from '../nearest.ts'
import { quoted } from '../safe-text.ts'
import { ALL_TIME } from '../store/event-reader.ts'
import type { Micros } from '../time.ts'
import { parseTimeArgument, parseWithin, printTime } from './time-argument.ts'

export type Period = {
  /** Both included; ALL_TIME's where not given. */
  readonly since: Micros
  readonly until: Micros
  /** How the beginning was given, for messages: `--since`, `--last`; '' = not at all. */
  readonly sinceOption: '' | '--since' | '--last'
}

/** As given; '' = not given. */
export type PeriodOptions = { readonly since: string; readonly until: string; readonly last: string }

export type OutputForm = 'lines' | 'json' | 'csv'

/** Names a person may give; the key is what counts, the value what else it is called. */
const DATASETS = {
  'wireguard.audit': 'audit',
  'wireguard.coverage': 'coverage',
  'wireguard.finding': 'finding',
  'wireguard.firewall': 'firewall',
  'wireguard.flow': 'flow',
  'wireguard.peer': 'peer',
  'wireguard.session': 'session',
} as const satisfies { readonly [name in Exclude<Dataset, 'peertrail.ledger' | 'peertrail.relay'>]: string }

/** Points of the peers' counters: one a minute each, and at every change. Between events they would hide them. */
export const COUNTERS = 'wireguard.peer' satisfies Dataset

const LIMIT = /^\d{1,9}$/

/** Offsets and times of day count from `now`. Throws AppError `usage`. */
export function parsePeriod({ since, until, last }: PeriodOptions, now: Micros): Period {
  if (last !== '' && since !== '') {
    throw new AppError('usage', '--last and --since both say where to begin', { advice: 'Give one of them.' })
  }
  const to = until === '' ? ALL_TIME.until : parseTimeArgument(until, now, '--until')
  const from =
    last !== ''
      ? now - parseWithin(last, '--last')
      : since === ''
        ? ALL_TIME.since
        : parseTimeArgument(since, now, '--since')
  const sinceOption = last !== '' ? '--last' : since === '' ? '' : '--since'
  if (from > to) {
    throw new AppError('usage', `${sinceOption} begins ${printTime(from)}, after --until ${printTime(to)}`, {
      advice: 'Give a beginning that lies before the end.',
    })
  }
  return { since: from, until: to, sinceOption }
}

/**
 * Full names of the datasets asked for; when none is, all but the counters. Several in one text are parted by commas.
 * Throws AppError `usage`.
 */
export function parseDatasets(names: readonly string[]): readonly string[] {
  if (names.length === 0) return Object.keys(DATASETS).filter((name) => name !== COUNTERS)
  const known = Object.entries(DATASETS)
  const chosen = splitList(names).map((name) => {
    const found = known.find(([full, short]) => name === full || name === short)
    if (found !== undefined) return found[0]
    throw new AppError('usage', `--dataset: there is no dataset ${quoted(name)}${suggestion(name, known.flat())}`, {
      advice: `Datasets are ${known.map(([, short]) => short).join(', ')}.`,
    })
  })
  return [...new Set(chosen)]
}

/** Fields in the order given; '' = none. `source.*` stands for all fields it fits. Throws AppError `usage`. */
export function parseFields(text: string): readonly FieldName[] {
  if (text === '') return []
  return [...new Set(splitList([text]).flatMap(fieldsLike))]
}

/** How many, Infinity for `0`. Throws AppError `usage`. */
export function parseLimit(text: string): number {
  if (!LIMIT.test(text)) {
    throw new AppError('usage', `--limit: expected a whole number, found ${quoted(text)}`, {
      advice: 'Give a number such as 200, or 0 for all.',
    })
  }
  return Number(text) || Infinity
}

/** Throws AppError `usage` when both were asked for. */
export function parseForm({ isJson, isCsv }: { readonly isJson: boolean; readonly isCsv: boolean }): OutputForm {
  if (isJson && isCsv)
    throw new AppError('usage', '--json and --csv exclude each other', { advice: 'Give one of them.' })
  return isJson ? 'json' : isCsv ? 'csv' : 'lines'
}

function fieldsLike(name: string): readonly FieldName[] {
  const found = FIELD_NAMES.filter(name.includes('*') ? createWildcard(name.split('*')) : (known) => known === name)
  if (found.length > 0) return found
  const isGroup = FIELD_NAMES.some((known) => known.startsWith(`${name}.`))
  const hint = isGroup
    ? `; it is a group of fields, ${quoted(`${name}.*`)} means them all`
    : suggestion(name, FIELD_NAMES)
  throw new AppError(
    'usage',
    `--fields: there is no field ${name.includes('*') ? 'like ' : ''}${quoted(name)}${hint}`,
    {
      advice:
        'Give names such as source.ip,wireguard.peer.name or a group such as "source.*"; docs/fields.md lists them.',
    },
  )
}

function splitList(texts: readonly string[]): string[] {
  return texts.flatMap((text) => text.split(',')).map((each) => each.trim())
}
