/** What a drill says while it runs and when it is over: a line a stage, the three durations, a record for the file. */
import { spanText, timeOfDay } from '../quantity-text.ts'
import type { Range } from '../reports/revocation/revocation-durations.ts'
import { betweenText, rangeText, stampText } from '../reports/revocation/revocation-text.ts'
import { safeText } from '../safe-text.ts'
import { type Micros, MS, toIso } from '../time.ts'
import { printJson } from './ascii-json.ts'
import type { Drill, DrillEvent, Reached, Stage } from './drill-stages.ts'
import { shellWords } from './shell-words.ts'
import { counted, paint, type Terminal } from './terminal.ts'
import { wrapText } from './wrap-text.ts'

const LABEL = 14
const WORDS: Readonly<Record<Stage, string>> = {
  armed: 'the key runs: the watch is on',
  removed: 'the key is gone from what runs',
  'entries-gone': 'no connection entry of its addresses stands',
  'stored-gone': 'no stored configuration holds it',
  proved: 'proved on this machine',
}

export type DrillRecord = {
  readonly publicKey: string
  readonly name: string
  readonly host: string
  readonly compromisedAt: Micros | null
  readonly startedAt: Micros
  readonly endedAt: Micros
  readonly isProved: boolean
  /** Why it ended without: `timeout`, `stopped`; '' when it is proved. */
  readonly end: '' | 'timeout' | 'stopped'
  readonly cameBack: readonly Micros[]
  readonly blind: readonly { readonly at: Micros; readonly problem: string }[]
}

/** A line, without its LF. `armed`: when the watch began; `addresses`: tunnel addresses of the key. */
export function eventText(
  terminal: Terminal,
  event: DrillEvent,
  { armed, addresses }: { readonly armed: Micros | null; readonly addresses: readonly string[] },
): string {
  switch (event.kind) {
    case 'reached': {
      const label = paint(
        terminal,
        event.stage === 'proved' ? 'green' : 'bold',
        event.stage.replace('-', ' ').padEnd(LABEL),
      )
      const since = armed === null || event.stage === 'armed' ? '' : `  +${spanText(Math.max(0, event.to - armed))}`
      return `${timeOfDay(event.to)}  ${label}${WORDS[event.stage]}${since}`
    }
    case 'came-back':
      return `${timeOfDay(event.at)}  ${paint(terminal, 'red', 'came back'.padEnd(LABEL))}the key runs again: the proof begins anew`
    case 'left': {
      const parts = [
        ...(event.entries > 0
          ? [
              `${counted(event.entries, 'connection entry', 'connection entries')} (${addresses.map(deleteCommand).join('; ')})`,
            ]
          : []),
        ...event.stored.map((file) => `stored in ${safeText(file)}`),
      ]
      return `${timeOfDay(event.at)}  ${paint(terminal, 'yellow', 'still there'.padEnd(LABEL))}${parts.join('; ')}`
    }
    case 'blind':
      return `${timeOfDay(event.at)}  ${paint(terminal, 'yellow', 'blind'.padEnd(LABEL))}${safeText(event.problem)}`
    default:
      return event satisfies never
  }
}

function deleteCommand(address: string): string {
  return shellWords(['conntrack', '-D', ...(address.includes(':') ? ['-f', 'ipv6'] : []), '-s', address])
}

/** The line that is drawn over itself on a terminal; no LF. */
export function liveLine(drill: Drill, now: Micros): string {
  const armed = drill.reached.get('armed')
  const waits = drill.reached.has('removed')
    ? 'waiting for proof'
    : armed === undefined
      ? 'waiting for the key'
      : 'waiting for the removal'
  return `${timeOfDay(now)}  ${waits}${armed === undefined ? '' : `, ${spanText(Math.max(0, now - armed.to))} since the watch is on`}`
}

export type DrillDurations = {
  /** From the compromise, as stated, to the start of the watch. */
  readonly detect: Micros | null
  readonly remove: Range | null
  readonly prove: Range | null
}

/** What was measured, as ranges: every stage lies between two looks. Null = not reached, or not stated. */
export function drillDurations(drill: Drill, { compromisedAt }: DrillRecord): DrillDurations {
  const [armed, removed, proved] = (['armed', 'removed', 'proved'] as const).map((stage) => drill.reached.get(stage))
  const range = (start: Reached | undefined, end: Reached | undefined): Range | null =>
    start === undefined || end === undefined
      ? null
      : { least: Math.max(0, end.from - start.to), most: Math.max(0, end.to - start.from) }
  return {
    detect: compromisedAt === null || armed === undefined ? null : Math.max(0, armed.to - compromisedAt),
    remove: range(armed === undefined ? undefined : { ...armed, from: armed.to }, removed),
    prove: range(removed, proved === undefined ? undefined : { ...proved, from: proved.to }),
  }
}

/** What was measured, on lines of at most `width` characters. */
export function drillText(terminal: Terminal, width: number, drill: Drill, record: DrillRecord): string {
  const { detect, remove, prove } = drillDurations(drill, record)
  const removed = drill.reached.get('removed')
  const proved = drill.reached.get('proved')
  const verdict =
    proved !== undefined && removed !== undefined
      ? `Tunnel access with this key ended at ${betweenText(removed)} on ${record.host} and had not returned by ${stampText(proved.from)}. Other gateways and other ways in are outside this drill.`
      : `Not proved, because ${missing(drill, record)}.`
  const facts: [string, string][] = [
    [
      'detect',
      detect === null
        ? 'not stated (--compromised-at): the watch begins when somebody noticed'
        : `${spanText(detect)} from the compromise, as stated, to the start of the watch`,
    ],
    ['remove', remove === null ? 'not measured' : `${rangeText(remove)} from the start of the watch to the removal`],
    ['prove', prove === null ? 'not reached' : `${rangeText(prove)} from the removal to the proof`],
    ...drill.unseen.map((text): [string, string] => ['not looked at', text]),
  ]
  const lines = [
    paint(
      terminal,
      'bold',
      paint(terminal, proved === undefined ? 'red' : 'green', proved === undefined ? 'NOT PROVED' : 'PROVED'),
    ),
    ...wrapText(verdict, width),
    '',
    ...facts.flatMap(([label, text]) =>
      wrapText(text, width - LABEL - 1).map((line, i) => `${(i === 0 ? label : '').padEnd(LABEL + 1)}${line}`),
    ),
    '',
    ...wrapText('For every declared gateway, from what was recorded:', width),
    `  ${shellWords(['peertrail', 'report', 'revocation', '--peer', record.publicKey])}`,
  ]
  return lines.map((line) => `${line}\n`).join('')
}

function missing(drill: Drill, { end }: DrillRecord): string {
  const why = end === 'timeout' ? 'the time was over' : 'the drill was stopped'
  if (drill.blind !== '') return `what runs is not known: ${drill.blind}; ${why}`
  if (!drill.reached.has('removed')) return `the key still runs; ${why}`
  const left = [
    ...(drill.reached.has('entries-gone') || drill.unseen.some((text) => text.startsWith('connection'))
      ? []
      : ['connection entries stand']),
    ...(drill.reached.has('stored-gone') || drill.unseen.some((text) => text.startsWith('stored'))
      ? []
      : ['a stored configuration holds it']),
  ]
  return `${left.join(' and ') || 'it was not looked at long enough'}; ${why}`
}

/** The record for the file: one object, ended by LF. Spans in milliseconds. */
export function drillJson(drill: Drill, record: DrillRecord): string {
  const { detect, remove, prove } = drillDurations(drill, record)
  const inMs = (range: Range | null) => (range === null ? null : { leastMs: range.least / MS, mostMs: range.most / MS })
  return printJson({
    drill: 'revocation',
    version: 1,
    publicKey: record.publicKey,
    peer: record.name,
    host: record.host,
    isProved: record.isProved,
    end: record.end || 'proved',
    startedAt: toIso(record.startedAt),
    endedAt: toIso(record.endedAt),
    compromisedAt: record.compromisedAt === null ? null : toIso(record.compromisedAt),
    stages: [...drill.reached.values()].map(({ stage, from, to }) => ({ stage, after: toIso(from), by: toIso(to) })),
    cameBack: record.cameBack.map(toIso),
    blind: record.blind.map(({ at, problem }) => ({ at: toIso(at), problem })),
    notLookedAt: drill.unseen,
    durations: { detectMs: detect === null ? null : detect / MS, remove: inMs(remove), prove: inMs(prove) },
  })
}
