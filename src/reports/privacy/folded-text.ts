/**
 * Text in one spelling, with the way back: names are found whatever their case, Unicode form, blanks, and characters nobody sees. Only
 * for finding; what is shown keeps its spelling.
 */
export type FoldedText = {
  readonly text: string
  /** Where the character at an index of `text` begins in the original; at the end, its length. Null = at the same index. */
  readonly places: readonly number[] | null
}

const PLAIN = /^[\x20-\x7e]*$/
const TWO_BLANKS = /\s\s/
/** Default_Ignorable_Code_Point: zero width characters, soft hyphens, joiners, variation selectors. */
const UNSEEN = /^\p{DI}$/u
const BLANK = /^\s$/u

/** Lower case, NFKD, one blank for several, without unseen characters. */
export function foldText(text: string): FoldedText {
  // Lower-casing ASCII keeps every character in its place.
  if (PLAIN.test(text) && !TWO_BLANKS.test(text)) return { text: text.toLowerCase(), places: null }
  const forms: string[] = []
  const places: number[] = []
  let isAfterBlank = false
  let at = 0
  for (const character of text) {
    const isBlank = BLANK.test(character)
    if (!UNSEEN.test(character)) {
      const form = isBlank ? (isAfterBlank ? '' : ' ') : character.toLowerCase().normalize('NFKD')
      for (let i = 0; i < form.length; i++) places.push(at)
      forms.push(form)
      isAfterBlank = isBlank
    }
    at += character.length
  }
  places.push(at)
  return { text: forms.join(''), places }
}

/** Index in the original of an index of the folded text. */
export function placeOf({ places }: FoldedText, index: number): number {
  return places === null ? index : (places[index] ?? places.at(-1) ?? 0)
}
