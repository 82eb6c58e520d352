/** wg.snapshots as other collectors would have gathered them. */
import { type CaptureCase, edit } from './case.ts'

const SNAPSHOTS = /\/wg\.snapshots$/

export function editDumps(
  one: CaptureCase,
  change: (dump: string, index: number, all: readonly string[]) => string,
): void {
  edit(one, SNAPSHOTS, (text) =>
    text
      .split(/^(?=# )/m)
      .map(change)
      .join(''),
  )
}

/** Keeps about every `step`-th dump, off by up to `jitter` dumps; `random` gives numbers in [0, 1). */
export function thin(one: CaptureCase, step: number, jitter: number, random: () => number): void {
  edit(one, SNAPSHOTS, (text) => {
    const dumps = text.split(/^(?=# )/m)
    const kept: string[] = []
    for (let index = 0; index < dumps.length; index += Math.max(1, step + Math.round((random() * 2 - 1) * jitter)))
      kept.push(dumps[index] ?? '')
    return kept.join('')
  })
}

/** wg prints peers in the order of a hash table: it may change from dump to dump. */
export function shuffleRows(one: CaptureCase, random: () => number): void {
  editDumps(one, (dump) => {
    const [header = '', interfaceRow = '', ...rows] = dump.split(/(?<=\n)/)
    for (let i = rows.length - 1; i > 0; i--) {
      const j = Math.floor(random() * (i + 1))
      const held = rows[i] ?? ''
      rows[i] = rows[j] ?? ''
      rows[j] = held
    }
    return [header, interfaceRow, ...rows].join('')
  })
}

/** Another tunnel of the same gateway with the same addresses for other keys: only an interface can tell them apart. */
export function addTwinInterface(one: CaptureCase, name: string): void {
  editDumps(one, (dump) => {
    const rows = dump.split(/(?<=\n)/)
    const twins = rows
      .filter((row) => !row.startsWith('#'))
      .map((row) => {
        const cells = row.split('\t')
        cells[0] = name
        const key = cells.length > 5 ? 1 : 2
        cells[key] = otherKey(cells[key] ?? '')
        if (cells.length === 5) cells[3] = '51999'
        return cells.join('\t')
      })
    return [...rows, ...twins].join('')
  })
}

/** 44 characters of base64 that decode to 32 bytes, as the original does. */
export function otherKey(key: string): string {
  return `Twin${key.slice(4)}`
}
