/** What `peertrail status` shows people: how the daemon is, what needs them, where everything stands. Times are of the daemon's clock. */

import type { DaemonStatus } from '../live/status.ts'
import { bytesText } from '../quantity-text.ts'
import { safeText } from '../safe-text.ts'
import { INSTANT_MAX, INSTANT_MIN, MINUTE, type Micros, SECOND, toIso } from '../time.ts'
import { displayWidth } from './display-width.ts'
import type { Style } from './document-line.ts'
import { type FittedColumn, fittedTable } from './fitted-table.ts'
import { SOURCES_MAX, type SourcesView, sourcesTable } from './status-sources.ts'
import { agoText, countText, lastsText, plain, rateText, tally } from './status-text.ts'
import { tierSection } from './status-tier.ts'
import { counted, paint, type Terminal } from './terminal.ts'
import { shorten, wrapText } from './wrap-text.ts'

/** Alarms shown; --json has all. */
const ALARMS_MAX = 12
/** Lines of one alarm's text. */
const ALARM_LINES_MAX = 3
/** The watermark of a machine that keeps up is behind by its sources' lateness. */
const WATERMARK_MAX: Micros = MINUTE
const HASH_SHOWN = 12
const ERROR_LEAST = 16

const STATE_STYLES: { readonly [state in DaemonStatus['state']]: Style } = {
  starting: 'yellow',
  running: 'green',
  'catching-up': 'yellow',
  blocked: 'red',
  stopping: 'yellow',
}

/** Sections with an empty line between them; no line is longer than `view.width`, as long as that is 60 or more. */
export function statusScreen(terminal: Terminal, status: DaemonStatus, view: SourcesView): string {
  const { width } = view
  return [
    head(terminal, status, width),
    alarms(terminal, status, width),
    sources(terminal, status, view),
    commands(terminal, status, width),
    tierSection(terminal, status.tier, status.now, width),
    sinks(terminal, status, width),
    status.tier === null ? documents(terminal, status, width) : '',
    rest(terminal, status, width),
  ]
    .filter((part) => part !== '')
    .join('\n')
}

function head(terminal: Terminal, status: DaemonStatus, width: number): string {
  const { state, startedAt, now, watermark } = status
  const since = `since ${secondText(startedAt)} UTC (${lastsText(startedAt, now)})`
  const told = watermark === null ? 'no record yet' : `told up to ${agoText(watermark, now)}`
  const isBehind = watermark !== null && now - watermark > WATERMARK_MAX
  const line = `${paint(terminal, STATE_STYLES[state], state)}  ${since}, ${isBehind ? paint(terminal, 'yellow', told) : told}`
  const who = `peertrail ${status.version}, pid ${status.pid}, ${status.pipeline}`
  return `${line}\n${paint(terminal, 'dim', shorten(who, width))}\n`
}

function alarms(terminal: Terminal, { alarms: all, now }: DaemonStatus, width: number): string {
  if (all.length === 0) return `${paint(terminal, 'green', 'No alarms')}\n`
  const shown = all.slice(0, ALARMS_MAX)
  const kindWidth = Math.max(...shown.map(({ kind }) => displayWidth(safeText(kind))))
  const spans = shown.map(({ since }) => lastsText(since, now))
  const spanWidth = Math.max(...spans.map(({ length }) => length))
  const indent = kindWidth + spanWidth + 4
  const lines = shown.flatMap(({ kind, text }, i) => {
    const name = safeText(kind)
    const start = `${paint(terminal, 'red', name)}${' '.repeat(kindWidth - displayWidth(name))}  ${(spans[i] ?? '').padStart(spanWidth)}  `
    return clipped(wrapText(text.replaceAll('\n', '; '), width - indent)).map(
      (line, j) => `${j === 0 ? start : ' '.repeat(indent)}${line}\n`,
    )
  })
  const more = all.length > ALARMS_MAX ? `and ${all.length - ALARMS_MAX} more: --json has all\n` : ''
  return `${title(terminal, counted(all.length, 'alarm'), '', 'red')}${lines.join('')}${more}`
}

/** The first lines, the last of them saying that there was more. */
function clipped(lines: readonly string[]): readonly string[] {
  if (lines.length <= ALARM_LINES_MAX) return lines
  return lines.slice(0, ALARM_LINES_MAX).map((line, i) => (i === ALARM_LINES_MAX - 1 ? `${line.slice(0, -1)}…` : line))
}

function sources(terminal: Terminal, status: DaemonStatus, view: SourcesView): string {
  const all = status.sources
  if (all.length === 0) return ''
  const sum = (of: (source: (typeof all)[number]) => number) => all.reduce((total, source) => total + of(source), 0)
  const unread = sum(({ behind }) => behind)
  const hosts = new Set(all.map(({ host }) => host)).size
  const about = [
    ...(all.length > SOURCES_MAX && !view.isAll
      ? [`${countText(all.length)} on ${counted(hosts, 'machine')} (--all has each)`]
      : []),
    `${rateText(sum(({ rate }) => rate))} lines/s`,
    unread === 0 ? 'nothing unread' : `${bytesText(unread)} unread`,
  ]
  return `${title(terminal, 'Sources', about.join(', '))}${sourcesTable(terminal, status, view)}`
}

const COMMAND_COLUMNS: readonly FittedColumn[] = [
  { title: 'command', least: 9 },
  { title: 'state' },
  { title: 'restarts', align: 'right', rank: 1 },
  { title: 'last output', align: 'right' },
  { title: 'trouble', least: ERROR_LEAST },
]

/** Only those in trouble. */
function commands(terminal: Terminal, { collectors, now }: DaemonStatus, width: number): string {
  const troubled = collectors.filter(({ state, lastError }) => state !== 'running' || lastError !== '')
  if (troubled.length === 0) return ''
  const rows = troubled.map(({ label, state, restarts, lastOutputAt, lastError }) => [
    plain(label),
    { text: state, style: 'red' as const },
    plain(countText(restarts)),
    plain(sinceText(lastOutputAt, now)),
    plain(lastError),
  ])
  const about = `${troubled.length} of ${collectors.length} in trouble`
  return `${title(terminal, 'Commands', about)}${fittedTable(terminal, width, COMMAND_COLUMNS, rows)}`
}

function sinks(terminal: Terminal, { sinks: all, now }: DaemonStatus, width: number): string {
  if (all.length === 0) return ''
  const hasTrouble = all.some(({ error }) => error !== '')
  const columns: readonly FittedColumn[] = [
    { title: 'sink', least: 9 },
    { title: 'accepted', align: 'right' },
    { title: 'last', align: 'right' },
    { title: 'waiting', align: 'right' },
    { title: 'spool', align: 'right' },
    ...(hasTrouble ? [{ title: 'trouble', least: ERROR_LEAST }] : []),
  ]
  const rows = all.map(({ name, accepted, acceptedAt, waiting, spoolBytes, error }) => [
    { text: name, style: error === '' ? null : ('red' as const) },
    plain(countText(accepted)),
    plain(sinceText(acceptedAt, now)),
    error === '' ? plain(countText(waiting)) : tally(waiting, 'yellow'),
    plain(bytesText(spoolBytes)),
    plain(error),
  ])
  const outcomes = all.flatMap(({ name, counts }) => outcomeLine(name, counts))
  const lines = outcomes.flatMap((line) => wrapText(line, width)).map((line) => `${paint(terminal, 'dim', line)}\n`)
  return `${title(terminal, 'Sinks', '')}${fittedTable(terminal, width, columns, rows)}${lines.join('')}`
}

/** What became of the documents, where the sink tells: `elasticsearch: 1,204 created, 3 duplicates`. */
function outcomeLine(name: string, counts: Readonly<Record<string, number>>): string[] {
  const told = Object.entries(counts).filter(([, count]) => count > 0)
  if (told.length === 0) return []
  return [`${safeText(name)}: ${told.map(([outcome, count]) => `${countText(count)} ${safeText(outcome)}`).join(', ')}`]
}

/** Datasets with their counts, as many beside each other as fit, read downwards. */
function documents(terminal: Terminal, { documents: counts, documentRate }: DaemonStatus, width: number): string {
  const sorted = Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1))
  const names = sorted.map(([name]) => safeText(name))
  const texts = sorted.map(([, count]) => countText(count))
  const nameWidth = Math.max(0, ...names.map((name) => displayWidth(name)))
  const countWidth = Math.max(0, ...texts.map(({ length }) => length))
  const across = Math.max(1, Math.floor((width + 4) / (nameWidth + countWidth + 6)))
  const down = Math.ceil(sorted.length / across)
  const lines = Array.from({ length: down }, (_, row) =>
    Array.from({ length: across }, (__, column) => {
      const i = column * down + row
      const name = names[i]
      if (name === undefined) return ''
      return `${name}${' '.repeat(nameWidth - displayWidth(name))}  ${(texts[i] ?? '').padStart(countWidth)}`
    })
      .join('    ')
      .trimEnd(),
  )
  return `${title(terminal, 'Documents', `${rateText(documentRate)}/s`)}${lines.map((line) => `${line}\n`).join('')}`
}

function rest(terminal: Terminal, status: DaemonStatus, width: number): string {
  const { checkpoint, inventory, now, collectors, lateRecords } = status
  const running = collectors.filter(({ state, lastError }) => state === 'running' && lastError === '').length
  const isReader = status.tier === null
  const items = [
    ...(isReader ? [checkpointText(checkpoint, now)] : []),
    `inventory ${inventory.hash === '' ? 'none' : `${shorten(inventory.hash, HASH_SHOWN)}, read ${agoText(inventory.loadedAt, now)}`}`,
    ...(isReader ? [counted(status.openFlows, 'open flow').replace(/^\d+/, countText(status.openFlows))] : []),
    ...(running === 0 ? [] : [`${counted(running, 'command')} ${running === 1 ? 'runs' : 'run'}`]),
    ...(lateRecords === 0 ? [] : [`${countText(lateRecords)} late records`]),
    `memory ${bytesText(status.memoryBytes)}`,
  ]
  const failed =
    checkpoint.error === ''
      ? ''
      : `${paint(terminal, 'red', shorten(`no checkpoint is written: ${checkpoint.error}`, width))}\n`
  return `${failed}${joined(items, width)
    .map((line) => `${paint(terminal, 'dim', line)}\n`)
    .join('')}`
}

function checkpointText({ at, bytes }: DaemonStatus['checkpoint'], now: Micros): string {
  return at === null ? 'no checkpoint yet' : `checkpoint ${agoText(at, now)} (${bytesText(bytes)})`
}

/** Items on as few lines as they need; none is broken. */
function joined(items: readonly string[], width: number): string[] {
  const lines: string[] = []
  for (const item of items.map((each) => shorten(each, width))) {
    const last = lines.at(-1)
    if (last === undefined || displayWidth(`${last} · ${item}`) > width) lines.push(item)
    else lines[lines.length - 1] = `${last} · ${item}`
  }
  return lines
}

function title(terminal: Terminal, name: string, about: string, style: Style = 'cyan'): string {
  return `${paint(terminal, style, name)}${about === '' ? '' : `  ${about}`}\n`
}

/** 0 stands for never. */
function sinceText(at: Micros, now: Micros): string {
  return at === 0 ? 'never' : agoText(at, now)
}

/** `2026-11-22 15:13:11`; a daemon's clock may say anything. */
function secondText(at: Micros): string {
  if (!(at >= INSTANT_MIN && at <= INSTANT_MAX)) return '????-??-?? ??:??:??'
  return toIso(Math.floor(at / SECOND) * SECOND)
    .slice(0, 19)
    .replace('T', ' ')
}
