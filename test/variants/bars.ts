/** What a capture must give however it was written, and which of that a verdict falls short of. */
import type { Verdict } from '../judge.ts'

/** Least share of each part that is found and right. */
export const BARS = {
  found: 0.999,
  right: 0.95,
  owner: 1,
  verdict: 0.995,
  nat: 0.99,
  bytes: 0.99,
  ssh: 1,
  login: 1,
  exec: 0.99,
  file: 0.99,
}
export type Bars = Readonly<Record<keyof typeof BARS, number>>

const PARTS: ReadonlyMap<string, readonly [part: string, whole: string]> = new Map([
  ['found', ['found', 'evidence']],
  ['right', ['right', 'evidence']],
  ['owner', ['owner right', 'owner of']],
  ['verdict', ['verdict right', 'verdict of']],
  ['nat', ['nat right', 'nat of']],
  ['bytes', ['bytes right', 'bytes of']],
  ['ssh', ['ssh right', 'ssh']],
  ['login', ['login right', 'login']],
  ['exec', ['exec right', 'exec']],
  ['file', ['file right', 'file']],
])

/** Each bar that is missed, with what there is. */
export function missedBars(verdict: Verdict, bars: Bars): string[] {
  return Object.entries(bars).flatMap(([name, bar]) => {
    const [part = '', whole = ''] = PARTS.get(name) ?? []
    const ratio = verdict.ratio(part, whole)
    // Nothing of the kind at all is not too little of it.
    return ratio < bar ? [`${name} ${ratio} < ${bar}`] : []
  })
}
