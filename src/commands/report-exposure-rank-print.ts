/** `report exposure --all`: every running key by how much would be open if it leaked, the most exposed first. */

import type { Ranked } from '../reports/exposure/exposure-rank.ts'
import { spaceShare } from '../reports/exposure/exposure-space.ts'
import type { Cell } from './document-line.ts'
import { type FittedColumn, fittedTable } from './fitted-table.ts'
import { peerName } from './peer-facts.ts'
import type { ExposureFrame } from './report-exposure.ts'
import { stamp } from './report-exposure-print.ts'
import { counted, paint, type Terminal } from './terminal.ts'
import { printTime } from './time-argument.ts'
import { wrapText } from './wrap-text.ts'

/** Rows shown to people; --json has all. */
const ROWS_MAX = 1_000

const ORDER =
  'Order: restricted, secret and confidential resources that rules let the key reach, then all resources, then address space beyond the catalogue, then other peers. What a rule leaves open to doubt counts as reached.'

const COLUMNS: readonly FittedColumn[] = [
  { title: '#', align: 'right' },
  { title: 'peer', least: 10 },
  { title: 'owner', least: 8, rank: 3 },
  { title: 'on', least: 6, rank: 2 },
  { title: 'restricted', align: 'right' },
  { title: 'resources', align: 'right' },
  { title: 'no grant', align: 'right' },
  { title: 'beyond', align: 'right' },
  { title: 'peers', align: 'right', rank: -2 },
  { title: 'used', align: 'right', rank: -1 },
  { title: 'unused', align: 'right', rank: 1 },
  { title: 'last use', rank: 0 },
]

export function rankedText(terminal: Terminal, width: number, frame: ExposureFrame, ranked: readonly Ranked[]): string {
  const wrapped = (text: string, style: 'bold' | 'dim' | 'yellow') =>
    wrapText(text, width)
      .map((line) => `${paint(terminal, style, line)}\n`)
      .join('')
  const over = ranked.filter(({ overreach }) => overreach > 0).length
  const known = ranked.filter(({ counts }) => counts !== null).length
  const reach = known === 0 ? 'what they reach is not known' : `${over} reach what no policy grants`
  const head =
    known === ranked.length
      ? `${counted(ranked.length, 'key')}, the most exposed first; ${reach}`
      : `${counted(ranked.length, 'key')}, of which the rules are known for ${known}; ${reach}`
  const when = `${frame.isTimeGiven ? 'at' : 'as of'} ${printTime(frame.at)}${frame.isTimeGiven ? '' : ', the newest poll there is'}; use from ${stamp(Math.max(frame.period.since, frame.recordedSince ?? frame.period.since))} on`
  const rows = ranked.slice(0, ROWS_MAX).map((each, i) => rowOf(each, i + 1))
  const more = ranked.length - rows.length
  return [
    wrapped(head, 'bold') + wrapped(when, 'dim'),
    `${fittedTable(terminal, width, COLUMNS, rows)}${more > 0 ? `and ${counted(more, 'more key')}; --json has all\n` : ''}`,
    wrapped(ORDER, 'dim') + frame.notes.map((note) => wrapped(note, 'yellow')).join(''),
  ].join('\n')
}

function rowOf({ exposure, counts, overreach }: Ranked, rank: number): Cell[] {
  const { peer, resources } = exposure
  const used = resources.filter((each) => each.used !== null && each.used.connected > 0)
  const unused =
    resources.filter(({ isDocumented }) => isDocumented).length - used.filter(({ isDocumented }) => isDocumented).length
  const last = used.reduce((newest, each) => Math.max(newest, each.used?.last ?? newest), Number.NEGATIVE_INFINITY)
  const number = (value: number | undefined): Cell => ({
    text: value === undefined ? '?' : String(value),
    style: value === undefined ? 'yellow' : null,
  })
  return [
    plain(String(rank)),
    plain(peerName(peer, 30)),
    plain(peer.owner === null ? '-' : peer.owner.name || peer.owner.email),
    plain(`${peer.gateway} ${peer.interface}`),
    { ...number(counts?.restricted), ...(counts !== null && counts.restricted > 0 ? { style: 'red' as const } : {}) },
    number(counts?.resources),
    counts === null ? number(undefined) : { text: String(overreach), style: overreach > 0 ? 'red' : null },
    counts === null ? number(undefined) : plain(spaceShare(counts.space)),
    number(counts?.peers),
    exposure.isUseKnown || used.length > 0 ? plain(String(used.length)) : number(undefined),
    exposure.isUseKnown ? plain(String(unused)) : number(undefined),
    plain(last === Number.NEGATIVE_INFINITY ? '-' : stamp(last)),
  ]
}

function plain(text: string): Cell {
  return { text, style: null }
}
