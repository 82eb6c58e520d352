/**
 * The one way of a text into a page. A text is data, whoever wrote it: what HTML takes for markup becomes references, what a reader
 * cannot see or what reorders what is read becomes a visible escape such as \u202e, and a text nobody could read to its end is cut.
 * The result holds no character that ends a text, an attribute in double or single quotes, a comment or a CDATA section.
 */
import { safeText } from '../../safe-text.ts'

/** Characters (UTF-16 units) of one text on a page, before it is escaped. */
export const TEXT_MAX = 4000
/** The same in a cell, a label, a list's item. */
export const CELL_MAX = 600
/** Marks on one letter; more of them pile up over the lines above (combining characters). */
const MARKS_MAX = 3

/** Invisible though they are letters or marks: Hangul fillers, variation selectors, tags. safeText has those of the format category. */
const IGNORABLE = /\p{Default_Ignorable_Code_Point}/gu
/** U+2800 is drawn as nothing; U+00A0 and the other blanks look like a blank and are none. */
const LOOKS_BLANK = /[\u2800\p{Zs}]/gu
const PILED = new RegExp(`(\\p{M}{${MARKS_MAX}})(\\p{M}+)`, 'gu')
const MARKUP = /[&<>"'`]/g

/** `text` for the body of an element or for an attribute in quotes. `max`: UTF-16 units of it that are shown; the rest is counted. */
export function htmlText(text: string, max: number = TEXT_MAX): string {
  return visibleText(text, max).replace(MARKUP, reference)
}

/** The same without references: what a reader sees. */
export function visibleText(text: string, max: number = TEXT_MAX): string {
  const { shown, rest } = cut(text, max)
  const visible = safeText(shown)
    .replace(IGNORABLE, escapeCharacter)
    .replace(LOOKS_BLANK, (blank) => (blank === ' ' ? blank : escapeCharacter(blank)))
    .replace(PILED, (_, kept: string, piled: string) => kept + Array.from(piled, escapeCharacter).join(''))
  return rest === 0 ? visible : `${visible}… (cut; ${text.length} characters)`
}

function cut(text: string, max: number): { readonly shown: string; readonly rest: number } {
  if (text.length <= max) return { shown: text, rest: 0 }
  // A pair of surrogates is not cut in two: half of it would be shown as an escape that was never there.
  const last = text.charCodeAt(max - 1)
  const end = last >= 0xd800 && last < 0xdc00 ? max - 1 : max
  return { shown: text.slice(0, end), rest: text.length - end }
}

function reference(character: string): string {
  return `&#${character.charCodeAt(0)};`
}

function escapeCharacter(character: string): string {
  const code = character.codePointAt(0) ?? 0
  return code < 0x10000 ? `\\u${code.toString(16).padStart(4, '0')}` : `\\u{${code.toString(16)}}`
}
