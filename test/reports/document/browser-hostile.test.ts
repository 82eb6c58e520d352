/**
 * Hostile text in every place of a report, in a real browser: nothing runs, nothing is fetched, no element is there that the same
 * report of plain words has not. A page with one escape missing shows that this would be seen.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { printPdf } from '../../../src/commands/report-pdf.ts'
import { htmlText, visibleText } from '../../../src/reports/document/html-escape.ts'
import { reportHtml } from '../../../src/reports/document/html-page.ts'
import type { ReportDocument } from '../../../src/reports/document/report-document.ts'
import type { ReportFrame } from '../../../src/reports/document/report-frame.ts'
import { CHROMIUM, dumpDom, elementsOf, listen } from './browser.ts'
import { hostileTexts, RAN } from './hostile-texts.ts'
import { DOCUMENT, FRAME, withTexts } from './made-document.ts'

/** A browser's start on a busy machine, ms. */
const TIMEOUT = 60_000
const NO_CHROMIUM = 'no Chromium is installed here'

/** Each text is the next of `texts`, beginning with the one at `start`. */
function filled(texts: readonly string[], start: number): { document: ReportDocument; frame: ReportFrame } {
  let next = start
  const change = () => texts[next++ % texts.length] ?? ''
  return { frame: withTexts(FRAME, change), document: withTexts(DOCUMENT, change) }
}

/** What differs by the length of texts, not by what they are. */
function shape(dom: string): readonly string[] {
  const elements = elementsOf(dom.slice(dom.indexOf('<body'))).filter(({ name }) => !/^col(?:group)?$/.test(name))
  return elements.map(({ name, attributes }) =>
    [name, ...attributes.map(([key]) => key).filter((key) => key !== 'class')].join(' '),
  )
}

describe('in a real browser', () => {
  test('nothing runs and nothing is fetched; the texts are there to be read', { timeout: TIMEOUT }, async (context) => {
    if (CHROMIUM === null) return context.skip(NO_CHROMIUM)
    const ears = await listen()
    try {
      const texts = hostileTexts(ears.origin)
      // Different ones: what is alike may stand together.
      let words = 0
      const plain = withTexts({ document: DOCUMENT, frame: FRAME }, () => `word${words++}`)
      const expected = shape(await dumpDom(reportHtml(plain.document, plain.frame)))
      expect(expected.length).toBeGreaterThan(500)
      for (const start of [0, 11]) {
        const { document, frame } = filled(texts, start)
        const dom = await dumpDom(reportHtml(document, frame))
        expect(shape(dom)).toEqual(expected)
        expect(dom).not.toContain(`<${RAN}`)
        // The title is the escaped text, not what a script made of it.
        expect(/<title>([^<]*)<\/title>/.exec(dom)?.[1]).not.toBe(RAN)
        const elements = elementsOf(dom)
        const loading = ['script', 'img', 'iframe', 'object', 'embed', 'link', 'base', 'form', 'input']
        expect(elements.filter(({ name }) => loading.includes(name.toLowerCase()))).toEqual([])
        const attributes = elements.flatMap((each) => each.attributes)
        expect(attributes.filter(([name]) => /^(?:on|style$|src|action$)/.test(name))).toEqual([])
        expect(attributes.filter(([name, value]) => name === 'href' && !value.startsWith('#'))).toEqual([])
        // Read as a person does: references resolved.
        const read = resolved(dom)
        for (const text of texts) expect(read).toContain(visibleText(text, 600))
      }
      expect(ears.heard()).toEqual([])
    } finally {
      await ears.close()
    }
  })

  test('the same texts without the escape do run: the test would see it', { timeout: TIMEOUT }, async (context) => {
    if (CHROMIUM === null) return context.skip(NO_CHROMIUM)
    const ears = await listen()
    try {
      const bare = hostileTexts(ears.origin).slice(0, 8).join('\n')
      const dom = await dumpDom(`<!DOCTYPE html><html><head><title>x</title></head><body>${bare}</body></html>`)
      expect(dom).toContain(`<${RAN}`)
      expect(ears.heard().length).toBeGreaterThan(0)
    } finally {
      await ears.close()
    }
  })

  test('without the escape the page’s own policy still stops scripts and fetches', {
    timeout: TIMEOUT,
  }, async (context) => {
    if (CHROMIUM === null) return context.skip(NO_CHROMIUM)
    const ears = await listen()
    try {
      const page = reportHtml({ ...DOCUMENT, subject: 'PLACE-OF-A-TEXT' }, FRAME)
      const bare = hostileTexts(ears.origin).slice(3, 8).join('\n')
      const holed = page.replaceAll(htmlText('PLACE-OF-A-TEXT'), () => bare)
      expect(holed).not.toBe(page)
      const dom = await dumpDom(holed)
      expect(dom).not.toContain(`<${RAN}`)
      expect(ears.heard()).toEqual([])
    } finally {
      await ears.close()
    }
  })

  test('a PDF of it has no action and no link out', { timeout: TIMEOUT }, async (context) => {
    if (CHROMIUM === null) return context.skip(NO_CHROMIUM)
    const ears = await listen()
    const dir = await mkdtemp(join(tmpdir(), 'peertrail-hostile-'))
    try {
      const { document, frame } = filled(hostileTexts(ears.origin), 5)
      const [html, pdf] = [join(dir, 'page.html'), join(dir, 'page.pdf')]
      await writeFile(html, reportHtml(document, frame))
      expect(await printPdf({ html, pdf, reportTime: DOCUMENT.reportTime, environment: process.env })).toEqual({
        isPrinted: true,
      })
      const bytes = (await readFile(pdf)).toString('latin1')
      expect(bytes.slice(0, 5)).toBe('%PDF-')
      // Strings in the document's information are in brackets; what begins an entry is not.
      // Streams are packed bytes that look like anything; no object hides in one before PDF 1.5.
      expect(bytes).not.toMatch(/\/ObjStm\b/)
      const entries = bytes.replace(/\bstream\r?\n.*?endstream/gs, '').replace(/\((?:\\.|[^\\()])*\)/gs, '()')
      expect(entries).toContain('/Outlines')
      expect(entries).not.toMatch(/\/(?:JavaScript|JS|URI|Launch|SubmitForm|EmbeddedFile|OpenAction)\b/)
      expect(ears.heard()).toEqual([])
    } finally {
      await rm(dir, { recursive: true, force: true })
      await ears.close()
    }
  })
})

/** Character references as text. */
function resolved(html: string): string {
  return html
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&quot;/g, '"')
    .replace(/&nbsp;/g, '\u00a0')
    .replace(/&amp;/g, '&')
}
