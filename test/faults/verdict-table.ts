/** The table that `npm run test:faults` prints. */
import type { Verdict } from './judge.ts'
import type { RoundResult } from './round.ts'

const WIDTHS = [5, 22, 5, 7, 8, 8, 7, 7, 5, 6, 8, 6] as const

export function headLine(): string {
  return line([
    'round',
    'theme',
    'kills',
    'crashes',
    'written',
    'found',
    'stated',
    'missing',
    'twice',
    'wrong',
    'repeated',
    's',
  ])
}

export function resultLine(round: number, theme: string, result: RoundResult, seconds: number): string {
  const { verdict, kills, points, skipped } = result
  if (skipped !== '') return line([String(round), theme, `skipped: ${skipped}`])
  return line([String(round), theme, String(kills), String(points.length), ...numbers(verdict), seconds.toFixed(1)])
}

export function totalLine(total: Verdict, kills: number, hit: number, points: number): string {
  return line(['', 'all', String(kills), `${hit}/${points}`, ...numbers(total), ''])
}

function numbers({ written, found, stated, missing, duplicates, wrong, repeated }: Verdict): string[] {
  return [written, found, stated, missing, duplicates, wrong, repeated].map(String)
}

/** The theme to the left, all else to the right. */
function line(cells: readonly string[]): string {
  return cells
    .map((cell, i) => (i === 1 ? cell.padEnd(WIDTHS[i]) : cell.padStart(WIDTHS[i] ?? 0)))
    .join('  ')
    .trimEnd()
}
