/** Cells and short words that the parts of an access report share. Texts are plain; renderers make them fit. */
import type { Fields } from '../../fields.ts'
import type { Micros } from '../../time.ts'
import { toIso } from '../../time.ts'
import type { Cell, Column } from '../document/report-document.ts'
import type { Holder } from '../names/names.ts'
import { stampText } from '../revocation/revocation-text.ts'
import type { AccessSums, Outcome } from './access-rows.ts'

/** Characters of a key on a page: enough to tell keys apart; files have it whole. */
const KEY_CHARS = 12
/** Values listed in a cell. */
const LISTED_MAX = 4
/** Characters of a command or path in a cell; files have it whole. */
const TEXT_MAX = 300

/** Heads of the five columns. */
export const OUTCOME_TITLES: { readonly [outcome in Outcome]: string } = {
  connected: 'Connected',
  refused: 'Refused by server',
  'no-answer': 'Allowed, no answer',
  denied: 'Denied at gateway',
  unknown: 'Unknown',
}

/** As columns stand. */
export const OUTCOME_ORDER: readonly Outcome[] = ['connected', 'refused', 'no-answer', 'denied', 'unknown']

/** Five columns, one an outcome. */
export const OUTCOME_COLUMNS: readonly Column[] = OUTCOME_ORDER.map((each) => ({
  title: OUTCOME_TITLES[each],
  align: 'right',
}))

/** Cells of OUTCOME_COLUMNS. */
export function outcomeCells({ outcomes }: AccessSums): Cell[] {
  return OUTCOME_ORDER.map((each) => numberText(outcomes[each]))
}

/** `1,234`: separated by thousands, in no locale. */
export function numberText(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ',')
}

/** `1 connection`, `2 connections`. */
export function countText(count: number, one: string, many = `${one}s`): string {
  return `${numberText(count)} ${count === 1 ? one : many}`
}

/** `2026-11-22 15:12:28.928 UTC`; '' = none. */
export function timeText(at: Micros | null): string {
  return at === null ? '' : stampText(at)
}

/** ISO 8601 for a file. */
export function timeCell(document: Fields): string | null {
  const at = document['@timestamp']
  return at === undefined ? null : toIso(at)
}

/** `9JMCtuWaJnLr…` */
export function keyText(publicKey: string): string {
  return publicKey.length > KEY_CHARS ? `${publicKey.slice(0, KEY_CHARS)}…` : publicKey
}

/** At most TEXT_MAX characters, and how many there are. */
export function cutText(text: string): string {
  return text.length > TEXT_MAX ? `${text.slice(0, TEXT_MAX)}… (${numberText(text.length)} characters)` : text
}

/** The first values and how many more there are. */
export function listText(values: readonly string[], max = LISTED_MAX): string {
  const rest = values.length - max
  return rest > 0 ? `${values.slice(0, max).join(', ')} and ${rest} more` : values.join(', ')
}

/** `alice-laptop` with the device below; a key that is documented nowhere is named as such. */
export function peerCell({ publicKey, name, device, kind }: Holder): Cell {
  const what = [kind, device].filter((text) => text !== '').join(', ')
  if (name === '') return { text: publicKey === '' ? 'not known' : 'not documented', tone: 'warning' }
  return what === '' ? name : { text: name, note: what }
}

/** The documented owner, the e-mail below; of a site only who answers for it. */
export function ownerCell(holder: Holder): Cell {
  const { ownerName, ownerEmail, kind } = holder
  if (ownerName === '' && ownerEmail === '') return 'none documented'
  const notes = [
    ...(ownerName === '' || ownerEmail === '' ? [] : [ownerEmail]),
    ...(kind === 'site' ? ['answers for the site; a site is not a person'] : []),
  ]
  return { text: ownerName || ownerEmail, ...(notes.length === 0 ? {} : { note: notes.join('; ') }) }
}

/** Shortened; files have the key whole. */
export function keyCell({ publicKey }: Holder): Cell {
  return { text: keyText(publicKey), isCode: true }
}
