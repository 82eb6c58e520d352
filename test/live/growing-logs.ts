/** A capture's files written again as the logs they once were: line by line in order of their time, renamed where they were rotated. */
import { appendFileSync, copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { type Micros, SECOND } from '../../src/time.ts'

export type GrowingLogs = {
  /** Writes what came until then into all files; false when everything is written. */
  grow(): boolean
  /** How often `grow` gives true. */
  readonly steps: number
}

/** A log and the lines of its files, oldest file first. */
type Log = { readonly path: string; readonly pieces: Piece[]; next: number }

type Piece = { readonly at: Micros; readonly text: string; readonly isNewFile: boolean }

/** Event time of one step: no source runs further ahead of the others. */
const STEP: Micros = 10 * SECOND
const YEAR = 2026
const LIVE_NAMES = ['kern.log', 'conntrack.log', 'wg.snapshots', 'audit.log']

/** `from`: a capture directory. What does not grow is copied at once. */
export function openGrowingLogs(from: string, to: string): GrowingLogs {
  const logs: Log[] = []
  for (const host of readdirSync(from, { withFileTypes: true })) {
    if (!host.isDirectory()) {
      copyFileSync(join(from, host.name), join(to, host.name))
      continue
    }
    mkdirSync(join(to, host.name))
    const names = readdirSync(join(from, host.name))
    for (const name of ['ruleset.json', 'conntrack.stderr'])
      if (names.includes(name)) copyFileSync(join(from, host.name, name), join(to, host.name, name))
    for (const name of LIVE_NAMES) {
      const family = names
        .filter((each) => each === name || each.startsWith(`${name}.`))
        .sort((a, b) => rank(b) - rank(a))
      const pieces = family.flatMap((each) => piecesOf(join(from, host.name, each)))
      if (pieces.length > 0) logs.push({ path: join(to, host.name, name), pieces, next: 0 })
    }
  }
  const times = logs.flatMap(({ pieces }) => pieces.map(({ at }) => at)).filter((at) => at > 0)
  const first = times.reduce((least, at) => Math.min(least, at), Number.POSITIVE_INFINITY)
  const last = times.reduce((most, at) => Math.max(most, at), 0)
  let until = first
  return {
    grow() {
      if (until > last) return false
      until += STEP
      for (const log of logs) write(log, until)
      return true
    },
    steps: Math.floor((last - first) / STEP) + 1,
  }
}

function rank(name: string): number {
  return Number(/\.(\d+)$/.exec(name)?.[1] ?? 0)
}

/** Lines with the running maximum of their times; one without a time belongs to the one before. */
function piecesOf(path: string): Piece[] {
  let at = 0
  return readFileSync(path, 'latin1')
    .split(/(?<=\n)/)
    .map((text, i) => {
      at = Math.max(at, timeOf(text))
      return { at, text, isNewFile: i === 0 }
    })
}

/** Of any kind of line; 0 = it has none. */
function timeOf(line: string): Micros {
  const seconds = /^\[(\d+\.\d+)\]|msg=audit\((\d+\.\d+):/.exec(line)
  if (seconds !== null) return Number(seconds[1] ?? seconds[2]) * SECOND
  const stamp = /^(?:# )?(\d{4}-\d\d-\d\dT[\d:.]+)(?:Z|\+00:00) /.exec(line.replace('\n', ' '))
  if (stamp !== null) return Date.parse(`${stamp[1]?.slice(0, 23)}Z`) * 1000
  // Without a year and a zone: of the demo's year, and its machine runs on UTC.
  const short = /^([A-Z][a-z]{2}) +(\d+) (\d\d:\d\d:\d\d) /.exec(line)
  return short === null ? 0 : Date.parse(`${short[1]} ${short[2]} ${YEAR} ${short[3]} UTC`) * 1000
}

function write(log: Log, until: Micros): void {
  for (let piece = log.pieces[log.next]; piece !== undefined && piece.at <= until; piece = log.pieces[++log.next]) {
    if (piece.isNewFile && log.next > 0) rotate(log.path)
    // Lines of one file that are due are one write.
    let text = piece.text
    for (
      let next = log.pieces[log.next + 1];
      next !== undefined && next.at <= until && !next.isNewFile;
      next = log.pieces[log.next + 1]
    ) {
      text += next.text
      log.next++
    }
    appendFileSync(log.path, text, 'latin1')
  }
}

function rotate(path: string): void {
  for (let n = 9; n >= 1; n--) if (existsSync(`${path}.${n}`)) renameSync(`${path}.${n}`, `${path}.${n + 1}`)
  renameSync(path, `${path}.1`)
}
