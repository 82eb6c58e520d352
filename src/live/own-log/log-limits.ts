/**
 * Bounds the own log, whatever goes wrong: the same text at most once a minute, and so many lines a second in all. Nothing is held
 * back silently: the next line of the same text says how often it came meanwhile, else a line after the minute does.
 */
import { MINUTE, type Micros, SECOND } from '../../time.ts'
import type { LogFields } from '../log.ts'

export type LogLevel = 'info' | 'warn' | 'error'

export type LogLine = {
  readonly at: Micros
  readonly level: LogLevel
  readonly fields: LogFields
  readonly text: string
}

export type LogLimits = {
  put(line: LogLine): void
  /** Says now what is held back. */
  flush(at: Micros): void
}

const REPEAT_EVERY: Micros = MINUTE
export const LINES_PER_SECOND_MAX = 100
/** Texts whose repetition is watched; the oldest gives way, after it was told. */
const TEXTS_MAX = 1_000

export function createLogLimits(write: (line: LogLine) => void): LogLimits {
  /** By level and text, in the order in which they were said. */
  const said = new Map<string, { at: Micros; last: LogLine; heldBack: number }>()
  let second: Micros = Number.NaN
  let inSecond = 0
  /** Lines beyond the bound since the last one that was written. */
  let dropped = 0

  function writeBounded(line: LogLine): void {
    const now = Math.floor(line.at / SECOND)
    if (now !== second) {
      second = now
      inSecond = 0
      tellDropped(line.at)
    }
    if (inSecond >= LINES_PER_SECOND_MAX) dropped++
    else {
      inSecond++
      write(line)
    }
  }

  function tellDropped(at: Micros): void {
    if (dropped === 0) return
    const fields = { held_back: dropped }
    dropped = 0
    inSecond++
    write({
      at,
      level: 'warn',
      fields,
      text: `lines of this log were left out: more than ${LINES_PER_SECOND_MAX} in a second`,
    })
  }

  function tellHeldBack(key: string, at: Micros): void {
    const entry = said.get(key)
    said.delete(key)
    if (entry === undefined || entry.heldBack === 0) return
    const { last, heldBack } = entry
    writeBounded({ ...last, at, fields: { ...last.fields, held_back: heldBack } })
  }

  // A clock that was set back must not silence the log until it has caught up.
  const isOver = (then: Micros, now: Micros) => now - then >= REPEAT_EVERY || now < then

  return {
    put(line) {
      const key = `${line.level} ${line.text}`
      const before = said.get(key)
      if (before !== undefined && !isOver(before.at, line.at)) {
        before.heldBack++
        before.last = line
        return
      }
      said.delete(key)
      for (const [other, { at }] of said) {
        if (!isOver(at, line.at) && said.size < TEXTS_MAX) break
        tellHeldBack(other, line.at)
      }
      said.set(key, { at: line.at, last: line, heldBack: 0 })
      const heldBack = before?.heldBack ?? 0
      writeBounded(heldBack === 0 ? line : { ...line, fields: { ...line.fields, held_back: heldBack } })
    },
    flush(at) {
      for (const key of said.keys()) tellHeldBack(key, at)
      tellDropped(at)
    },
  }
}
