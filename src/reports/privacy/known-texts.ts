/**
 * Finds names that are known within free text: whole words only, so that `ivy` is not found in `privy`, and the longest name where
 * several begin. Letters and digits make words; everything else (blanks, `-`, `_`, `.`, `/`, `@`) ends them.
 *
 * A name is weak when it says little by itself: one or two characters, fewer than six digits and nothing else, a word that reports use
 * themselves (own-words.ts). It is found only where it stands by itself: in quotes, as part of a path, beside `@`, and as the whole of
 * a text where names are expected. Else a peer called `7` would make every seven of a report unreadable.
 */
import { safeText } from '../../safe-text.ts'
import { foldText, placeOf } from './folded-text.ts'
import { OWN_WORDS } from './own-words.ts'

export type KnownText<What> = { readonly text: string; readonly what: What }

/** `end` excluded. */
export type Found<What> = { readonly start: number; readonly end: number; readonly what: What }

export type KnownTexts<What> = {
  /** In order; they do not overlap. */
  findIn(text: string): Found<What>[]
  /** What the text as a whole is, weak names too; null when it is not known. */
  whole(text: string): What | null
}

const WORD = /[\p{L}\p{N}\p{M}]+/gu
const WORD_CHARACTER = /[\p{L}\p{N}\p{M}]/u
/** Scripts that put no blanks between words (Han, Hiragana, Katakana, Thai, Lao, Khmer, Myanmar), and pictures: found within words too. */
const INSIDE_WORDS =
  /[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\p{sc=Thai}\p{sc=Laoo}\p{sc=Khmr}\p{sc=Mymr}\p{Extended_Pictographic}]/u
/** Fewer characters, digits of a number, are weak. */
const STRONG_LETTERS = 3
const STRONG_DIGITS = 6
const QUOTES = '"\'`\u201c\u201d\u2018\u2019'

type Entry<What> = {
  readonly folded: string
  readonly lead: number
  readonly isWeak: boolean
  readonly texts: Map<string, What>
  first: What
}

/**
 * Of names that begin with one word: how many characters stand before that word, and how many it is in all. Ten thousand names that begin
 * with `laptop` have a handful of these, and each is one look-up.
 */
type Measure = { readonly lead: number; readonly length: number }

/** Of texts that fold to the same, the exact spelling decides, else the first one given. */
export function createKnownTexts<What>(known: Iterable<KnownText<What>>): KnownTexts<What> {
  const byFolded = new Map<string, Entry<What>>()
  for (const { text, what } of known) {
    // A terminal and a CSV show control characters as escapes.
    for (const spelling of new Set([text, safeText(text)])) note(byFolded, spelling, what)
  }
  const byWord = new Map<string, Measure[]>()
  const unspaced: Entry<What>[] = []
  for (const entry of byFolded.values()) {
    if (INSIDE_WORDS.test(entry.folded) && !entry.isWeak) unspaced.push(entry)
    const word = firstWord(entry.folded)
    if (word === '') continue
    const measures = byWord.get(word) ?? []
    byWord.set(word, measures)
    const { lead, folded } = entry
    if (!measures.some((each) => each.lead === lead && each.length === folded.length))
      measures.push({ lead, length: folded.length })
  }
  for (const measures of byWord.values()) measures.sort((a, b) => b.length - a.length || b.lead - a.lead)
  unspaced.sort((a, b) => b.folded.length - a.folded.length)

  return {
    findIn(text) {
      const folded = foldText(text)
      const found: Found<What>[] = []
      for (const { start, end, entry } of spans(folded.text)) {
        const [from, to] = [placeOf(folded, start), placeOf(folded, end)]
        found.push({ start: from, end: to, what: entry.texts.get(text.slice(from, to)) ?? entry.first })
      }
      return found
    },
    whole(text) {
      const entry = byFolded.get(foldText(text).text.trim())
      return entry === undefined ? null : (entry.texts.get(text) ?? entry.first)
    },
  }

  function spans(folded: string) {
    const result: { start: number; end: number; entry: Entry<What> }[] = []
    let free = 0
    for (const match of folded.matchAll(WORD)) {
      for (const { lead, length } of byWord.get(match[0]) ?? []) {
        const start = match.index - lead
        if (start < free) continue
        const entry = byFolded.get(folded.slice(start, start + length))
        if (entry === undefined || !fits(folded, start, entry)) continue
        free = start + length
        result.push({ start, end: free, entry })
        break
      }
    }
    if (!INSIDE_WORDS.test(folded)) return result
    for (const entry of unspaced) {
      for (let at = folded.indexOf(entry.folded); at >= 0; at = folded.indexOf(entry.folded, at + 1)) {
        const end = at + entry.folded.length
        if (result.every((each) => each.end <= at || each.start >= end)) result.push({ start: at, end, entry })
      }
    }
    return result.sort((a, b) => a.start - b.start)
  }
}

function note<What>(byFolded: Map<string, Entry<What>>, text: string, what: What): void {
  const folded = foldText(text).text.trim()
  if (folded === '') return
  const entry = byFolded.get(folded)
  if (entry === undefined)
    byFolded.set(folded, {
      folded,
      lead: Math.max(0, folded.search(WORD_CHARACTER)),
      isWeak: isWeak(folded),
      texts: new Map([[text, what]]),
      first: what,
    })
  else if (!entry.texts.has(text)) entry.texts.set(text, what)
}

function firstWord(folded: string): string {
  return folded.match(WORD)?.[0] ?? ''
}

function isWeak(folded: string): boolean {
  if (INSIDE_WORDS.test(folded)) return false
  const characters = folded.match(WORD)?.join('') ?? ''
  if (/^\p{N}*$/u.test(characters)) return characters.length < STRONG_DIGITS
  return characters.length < STRONG_LETTERS || OWN_WORDS.has(folded)
}

/** What stands at `start` is the entry's text: whether it is a word of its own there. */
function fits<What>(folded: string, start: number, entry: Entry<What>): boolean {
  const end = start + entry.folded.length
  const [before, after] = [characterBefore(folded, start), characterAt(folded, end)]
  const first = characterAt(entry.folded, 0)
  const last = characterBefore(entry.folded, entry.folded.length)
  if (WORD_CHARACTER.test(before) && WORD_CHARACTER.test(first)) return false
  if (WORD_CHARACTER.test(after) && WORD_CHARACTER.test(last)) return false
  return !entry.isWeak || standsAlone(before, after, entry.folded)
}

function standsAlone(before: string, after: string, folded: string): boolean {
  if (before === '@' || after === '@') return true
  if (before !== '' && QUOTES.includes(before) && after !== '' && QUOTES.includes(after)) return true
  // `10.8.0.0/24` and `tcp/22` are no paths; `/srv/ab/` is one.
  return (
    before === '/' && !/^\p{N}+$/u.test(folded) && (after === '' || /[/\s"')]/.test(after)) && !OWN_WORDS.has(folded)
  )
}

function characterBefore(text: string, index: number): string {
  if (index <= 0) return ''
  const low = text.charCodeAt(index - 1)
  return low >= 0xdc00 && low <= 0xdfff ? text.slice(Math.max(0, index - 2), index) : text.charAt(index - 1)
}

function characterAt(text: string, index: number): string {
  const code = text.codePointAt(index)
  return code === undefined ? '' : String.fromCodePoint(code)
}
