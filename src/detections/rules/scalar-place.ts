/**
 * Where a character of a text value stands in the YAML it was written in: in quotes, over several folded lines or in a block its
 * place in the file is another than its place in the text. Blanks are what YAML folds, so the others are counted.
 */
import { isMap, isScalar, isSeq, LineCounter, parseDocument, type Scalar } from 'yaml'
import type { Path } from '../../yaml-document.ts'

const BLANK = /[ \t\r\n]/

export type Place = { readonly line: number; readonly column: number }

/**
 * Line and column, from 1, of unit `index` of the text at `path`; one past the end is behind its last character. Null where the file
 * does not have it as one plain text: an alias, a text that is written with escapes beyond those known here.
 */
export type ScalarPlaces = (path: Path, index: number) => Place | null

/** `source` has been read without problems before. It is read anew when the first place is asked for: most files have no problem. */
export function createScalarPlaces(source: string): ScalarPlaces {
  const lines = new LineCounter()
  let contents: unknown
  return (path, index) => {
    contents ??= parseDocument(source, {
      lineCounter: lines,
      prettyErrors: false,
      uniqueKeys: false,
      version: '1.2',
    }).contents
    const node = scalarAt(contents, path)
    const offset = node === null ? null : offsetOf(node, source, index)
    if (offset === null) return null
    const { line, col } = lines.linePos(offset)
    return { line, column: col }
  }
}

/** Null when it cannot be told. */
function offsetOf({ value, range, type }: Scalar, source: string, index: number): number | null {
  if (typeof value !== 'string' || range === null || range === undefined) return null
  const places = solidPlaces(source.slice(range[0], range[1]), type)
  if (places.length !== solidUnits(value)) return null
  const before = value.slice(0, index)
  const rank = solidUnits(before)
  const isSolid = index < value.length && !BLANK.test(value.charAt(index))
  if (isSolid) return range[0] + (places[rank] ?? 0)
  // A blank: behind the character before it, as far as that line goes.
  return range[0] + (places[rank - 1] ?? -1) + 1 + (/[ ]*$/.exec(before)?.[0].length ?? 0)
}

/** How many units of the text are no blanks. */
function solidUnits(text: string): number {
  let count = 0
  for (let at = 0; at < text.length; at++) if (!BLANK.test(text.charAt(at))) count++
  return count
}

function scalarAt(contents: unknown, path: Path): Scalar | null {
  let node = contents
  for (const step of path) {
    if (isSeq(node) && typeof step === 'number') node = node.items[step]
    else if (isMap(node))
      node = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(step))?.value
    else return null
  }
  return isScalar(node) ? node : null
}

/** Offsets of what is no blank, one for each unit of the text it stands for. */
function solidPlaces(written: string, type: Scalar['type']): number[] {
  if (type === 'QUOTE_DOUBLE') return doubleQuoted(written)
  if (type === 'QUOTE_SINGLE') return singleQuoted(written)
  // The line with | or > is no text; a comment may stand in it.
  const isBlock = type === 'BLOCK_LITERAL' || type === 'BLOCK_FOLDED'
  const start = isBlock ? written.indexOf('\n') + 1 : 0
  return solidFrom(written, start, written.length)
}

function solidFrom(text: string, start: number, end: number): number[] {
  const places: number[] = []
  for (let at = start; at < end; at++) if (!BLANK.test(text.charAt(at))) places.push(at)
  return places
}

function singleQuoted(written: string): number[] {
  const places: number[] = []
  for (let at = 1; at < written.length - 1; at++) {
    if (BLANK.test(written.charAt(at))) continue
    places.push(at)
    // Two quotes stand for one.
    if (written.charAt(at) === "'") at++
  }
  return places
}

function doubleQuoted(written: string): number[] {
  const places: number[] = []
  for (let at = 1; at < written.length - 1; at++) {
    const character = written.charAt(at)
    if (character !== '\\') {
      if (!BLANK.test(character)) places.push(at)
      continue
    }
    const escaped = written.charAt(at + 1)
    const digits = { x: 2, u: 4, U: 8 }[escaped] ?? 0
    const code = digits === 0 ? 0 : Number.parseInt(written.slice(at + 2, at + 2 + digits), 16)
    const isBlank = /[tnr \t\r\n]/.test(escaped) || (digits > 0 && BLANK.test(String.fromCharCode(code)))
    if (!isBlank) places.push(at)
    if (code > 0xffff) places.push(at)
    at += 1 + digits
  }
  return places
}
