/** A report as one object: complete, and fit for a terminal whatever the texts. */
import { expect, test } from 'vitest'
import { reportJson } from '../../src/commands/report-pages.ts'
import { hostileTexts } from '../reports/document/hostile-texts.ts'
import { DOCUMENT, FRAME, withTexts } from '../reports/document/made-document.ts'

test('hostile texts come back as they were, and no character of them reaches a terminal raw', () => {
  const texts = hostileTexts('http://127.0.0.1:1').concat('\u009b31m c1 \u202e bidi')
  let next = 0
  const document = withTexts(DOCUMENT, () => texts[next++ % texts.length] ?? '')
  const text = reportJson(document, FRAME)
  expect(text).toMatch(/^[\x20-\x7e]+\n$/)
  expect(JSON.parse(text)).toMatchObject({ sections: document.sections, report: { summary: document.summary } })
})
