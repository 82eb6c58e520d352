/**
 * What its shape gives away within free text, whether anybody knew it before or not: e-mails, keys, addresses, home directories, and
 * text that hides as hex (audit records) or behind percent signs (URLs).
 */
import { canonicalAddress } from '../../address.ts'

export type ShapedText = {
  readonly start: number
  readonly end: number
  readonly shape: 'email' | 'key' | 'cut-key' | 'address' | 'home' | 'hex' | 'percent'
  /** The e-mail with its `@`, the key without `…`, the address in its canonical form, the account, the decoded text. */
  readonly text: string
}

/** Local part without the characters that end words in logs: user=a@b.org, mailto:a@b.org, <a@b.org>. */
const EMAIL =
  /(?<email>[^\s@"'<>()[\]{},;:|=\\/`]{1,64}(?:@|%40)[\p{L}\p{N}-]{1,63}(?:\.[\p{L}\p{N}-]{1,63}){0,8}\.\p{L}{2,24})(?![\p{L}\p{N}])/u
const KEY = /(?<key>(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=)/u
const CUT_KEY = /(?<cutkey>(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{4,43}…)/u
const IPV6 =
  /(?<v6>(?<![\p{L}\p{N}:.])(?=[0-9a-f]{0,4}:[0-9a-f:.]*:)(?:[0-9a-f:]{2,39}:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f:]{1,39}(?:[0-9a-f]|::))(?!\.?[\p{L}\p{N}]))/u
const IPV4 = /(?<v4>(?<![\p{L}\p{N}.])\d{1,3}(?:\.\d{1,3}){3}(?!\.?[\p{L}\p{N}]))/u
const HOME = /(?<=\/home\/)(?<home>[^\s/"'<>:;,|&()=…`]{1,64})/u
const HEX = /(?<hex>(?<![\p{L}\p{N}])(?:[0-9A-F]{2}){8,}(?![\p{L}\p{N}]))/u
/** Hex digits and e-mails come in both cases. */
const SHAPES = new RegExp([EMAIL, KEY, CUT_KEY, IPV6, IPV4, HOME, HEX].map(({ source }) => source).join('|'), 'giu')
/** Pieces first, then what is in them: one expression for both takes the square of a long line. */
const PIECE = /[^\s"'<>]+/gu
const PERCENT = /%[0-9a-f]{2}/iu
/** Endings of systemd's units, whose instances look like e-mails: `wg-quick@wg0.service`. */
const UNITS = /\.(?:service|socket|device|mount|automount|swap|target|path|timer|slice|scope)$/i
/** Anything without these holds no such text: most cells of a table. */
const HINT = /[@%:…]|\/home\/|\d\.\d|[A-Za-z0-9+/]{42}|[0-9A-Fa-f]{16}/
const UNPRINTABLE = /[^\P{C}\0\t\n\r]|\ufffd/u

/** In order of their begin; those of `percent` may overlap others. */
export function findShapes(text: string): ShapedText[] {
  if (!HINT.test(text)) return []
  const found: ShapedText[] = []
  for (const match of text.matchAll(SHAPES)) {
    const shaped = shapeOf(match)
    if (shaped !== null) found.push({ ...shaped, start: match.index, end: match.index + match[0].length })
  }
  if (!text.includes('%')) return found
  for (const match of text.matchAll(PIECE)) {
    const decoded = PERCENT.test(match[0]) ? percentDecoded(match[0]) : null
    if (decoded !== null && decoded !== match[0])
      found.push({ shape: 'percent', text: decoded, start: match.index, end: match.index + match[0].length })
  }
  return found.sort((a, b) => a.start - b.start || b.end - a.end)
}

function shapeOf({ groups = {} }: RegExpMatchArray): { shape: ShapedText['shape']; text: string } | null {
  const { email, key, cutkey, v6, v4, home, hex } = groups
  if (email !== undefined) return UNITS.test(email) ? null : { shape: 'email', text: email.replace(/%40/, '@') }
  if (key !== undefined) return { shape: 'key', text: key }
  if (cutkey !== undefined) return { shape: 'cut-key', text: cutkey.slice(0, -1) }
  const address = v6 ?? v4
  if (address !== undefined) {
    const canonical = canonicalAddress(address)
    return canonical === null ? null : { shape: 'address', text: canonical }
  }
  if (home !== undefined) return { shape: 'home', text: home }
  const decoded = hex === undefined ? null : hexDecoded(hex)
  return decoded === null ? null : { shape: 'hex', text: decoded }
}

/** Arguments of a program are parted by NUL there. Null for what is no text: a hash, a number. */
function hexDecoded(hex: string): string | null {
  const text = Buffer.from(hex, 'hex').toString('utf8')
  return UNPRINTABLE.test(text) ? null : text
}

function percentDecoded(text: string): string | null {
  try {
    return decodeURIComponent(text)
  } catch {
    return null
  }
}
