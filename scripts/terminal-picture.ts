/** A terminal's output as SVG: what `paint` puts into it, in the colours of a dark terminal. For pictures in the README. */

/** Advance and height of a character at the font size, in pixels. */
const FONT_SIZE = 13
const ADVANCE = 7.83
const LINE = 18
const PADDING = 18
const BAR = 30

const STYLES: ReadonlyMap<string, string> = new Map([
  ['1', 'font-weight="700" fill="#f0f6fc"'],
  ['2', 'fill="#7d8590"'],
  ['31', 'fill="#ff7b72"'],
  ['32', 'fill="#7ee787"'],
  ['33', 'fill="#e3b341"'],
  ['36', 'fill="#76e3ea"'],
])
/** SGR codes that end a style (ECMA-48 8.3.117). */
const ENDS = new Set(['0', '22', '39'])

export function terminalPicture(title: string, ansi: string): string {
  const lines = ansi.replace(/\n+$/, '').split('\n')
  const columns = Math.max(...lines.map((line) => Array.from(plain(line)).length), 80)
  const width = Math.ceil(columns * ADVANCE + 2 * PADDING)
  const height = lines.length * LINE + BAR + 2 * PADDING
  const dots = ['#ff5f57', '#febc2e', '#28c840'].map(
    (color, i) => `<circle cx="${18 + i * 18}" cy="15" r="5.5" fill="${color}"/>`,
  )
  const texts = lines.map(
    (line, i) =>
      `<text x="${PADDING}" y="${BAR + PADDING + (i + 0.75) * LINE}" xml:space="preserve">${spans(line)}</text>`,
  )
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">`,
    `<title>${escapeXml(title)}</title>`,
    `<rect width="${width}" height="${height}" rx="8" fill="#0d1117"/>`,
    `<rect width="${width}" height="${BAR}" rx="8" fill="#161b22"/>`,
    ...dots,
    `<text x="${width / 2}" y="19.5" fill="#7d8590" text-anchor="middle" font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="12">${escapeXml(title)}</text>`,
    `<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="${FONT_SIZE}" fill="#c9d1d9">`,
    ...texts,
    '</g>',
    '</svg>',
    '',
  ].join('\n')
}

/** Every piece has its own place and length: fonts differ in width, columns must not. */
function spans(line: string): string {
  let style = ''
  let column = 0
  let svg = ''
  for (const piece of line.split(/(\u001b\[[\d;]*m)/)) {
    const code = /^\u001b\[([\d;]*)m$/.exec(piece)?.[1]
    if (code !== undefined) {
      style = ENDS.has(code) ? '' : (STYLES.get(code) ?? style)
      continue
    }
    const length = Array.from(piece).length
    if (piece.trim() !== '')
      svg += `<tspan x="${(PADDING + column * ADVANCE).toFixed(1)}" textLength="${(length * ADVANCE).toFixed(1)}"${style === '' ? '' : ` ${style}`}>${escapeXml(piece)}</tspan>`
    column += length
  }
  return svg
}

function plain(line: string): string {
  return line.replace(/\u001b\[[\d;]*m/g, '')
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
