/** Tables of a report: the first rows on the page, all of them in a file beside it. And the cells that many of them have. */

import type { Micros } from '../../time.ts'
import type { Cell, Column, RichCell, Table } from '../document/report-document.ts'
import { stampText } from '../revocation/revocation-text.ts'
import type { RowOutlet } from '../rows/row-outlet.ts'
import type { PrefixUse } from './used-places.ts'

/** Rows of a table on a page. */
export const SHOWN_MAX = 100

export type ShownTable<Item> = {
  readonly caption: string
  readonly columns: readonly Column[]
  readonly items: readonly Item[]
  /** More than `items` where those are cut. */
  readonly total?: number
  readonly cells: (item: Item) => readonly Cell[]
  /** Name of the file that has all; '' = none. */
  readonly file: string
  /** In the place of rows when there are none. */
  readonly empty: string
}

/** The first SHOWN_MAX items as rows; a file is only named where files are written. */
export function shownTable<Item>(outlet: RowOutlet, shown: ShownTable<Item>): Table {
  const { caption, columns, items, cells, file, empty } = shown
  return {
    kind: 'table',
    caption,
    columns,
    rows: items.slice(0, SHOWN_MAX).map((item) => cells(item)),
    total: shown.total ?? items.length,
    file: outlet.forms.length === 0 ? '' : file,
    empty,
  }
}

/** Filled in by whoever reviews. */
export const DECISION: Column = { title: 'Decision' }
export const KEEP_OR_REMOVE = '[ ] keep  [ ] remove'

/** `otherwise` for null. */
export function timeCell(at: Micros | null, otherwise: string): Cell {
  return at === null ? otherwise : stampText(at)
}

/** Last answered connection; what else there was only where it came later. */
export function useCell({ lastUse, lastTry, lastReached = null }: ShownUse): RichCell {
  const last = { text: lastUse === null ? 'none recorded' : stampText(lastUse) }
  const isLater = (at: Micros | null) => at !== null && (lastUse === null || at > lastUse)
  const notes = [
    ...(isLater(lastTry) ? [`tried: ${stampText(lastTry ?? 0)}`] : []),
    ...(isLater(lastReached) ? [`reached by another peer: ${stampText(lastReached ?? 0)}`] : []),
  ]
  return notes.length === 0 ? last : { ...last, note: notes.join('; ') }
}

type ShownUse = Omit<PrefixUse, 'lastReached'> & { readonly lastReached?: Micros | null }

/** Said wherever such a time is shown. */
export const USE_TEXT =
  'The time of a use is that of the newest record of an answered connection: a gateway keeps its entry for a while after the last packet, also when the key was removed meanwhile.'

/** `9JMC…` is for eyes; the whole key stands in the file. */
export function keyCell(publicKey: string): RichCell {
  return { text: publicKey.length > 8 ? `${publicKey.slice(0, 8)}…` : publicKey, isCode: true }
}

/** Lines of a mend: the command, which stands alone so that it can be copied, and below it what else there is to do. A cell is one line. */
export function mendCell(lines: readonly string[]): Cell {
  const [first, ...rest] = lines
  if (first === undefined) return ''
  const note = rest.map(withoutHash).join('; ')
  const isCode = !first.startsWith('#')
  return { text: withoutHash(first), ...(isCode ? { isCode } : {}), ...(note === '' ? {} : { note }) }
}

function withoutHash(line: string): string {
  return line.replace(/^# */, '')
}

/** Names of a list, the first few; how many more. */
export function listText(names: readonly string[], max = 6): string {
  const rest = names.length - max
  return rest > 0 ? `${names.slice(0, max).join(', ')} and ${rest} more` : names.join(', ')
}

/** `1 peer`, `2 peers`. */
export function countText(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`
}
