/**
 * A report as one HTML file that needs nothing else: no script, nothing fetched, its style allowed by its hash and nothing besides.
 * The same document and frame give the same bytes.
 */
import { createHash } from 'node:crypto'
import type { Micros } from '../../time.ts'
import { stampText } from '../revocation/revocation-text.ts'
import { amountText } from './chart-scale.ts'
import { blockHtml } from './html-blocks.ts'
import { CELL_MAX, htmlText } from './html-escape.ts'
import type { ReportDocument, Section } from './report-document.ts'
import type { ReportFrame } from './report-frame.ts'
import { printStyle } from './style-print.ts'
import { SCREEN_STYLE } from './style-screen.ts'

/** Sections from which on a page has a table of contents. */
const CONTENTS_FROM = 3
const SECTION_ID = /^[a-z][a-z\d]*(?:-[a-z\d]+)*$/
/** Characters of a title in the table of contents: names in it come from strangers. */
const ENTRY_MAX = 100
/** Ids the page has for itself. */
const OWN_IDS = ['summary', 'contents', 'about']

/** The whole file, ended by LF. Pure: no clock, no file, whatever the texts hold. */
export function reportHtml(document: ReportDocument, frame: ReportFrame): string {
  const heading = headingOf(document)
  const style = `${SCREEN_STYLE}${printStyle(`${document.title}${document.period === null ? '' : `, ${periodText(document.period)}`}`, frame.reportId)}`
  const hash = createHash('sha256').update(style).digest('base64')
  const ids = idsOf(document.sections)
  const sections = document.sections.map((section, i) => sectionHtml(section, ids[i] ?? '', i, frame))
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="robots" content="noindex, nofollow">
<meta name="color-scheme" content="light">
<title>${htmlText(heading, CELL_MAX)}</title>
<style>${style}</style>
</head>
<body>
${headerHtml(document, frame)}<main>
${summaryHtml(document)}${contentsHtml(document.sections, ids)}${sections.join('')}${aboutHtml(frame)}</main>
</body>
</html>
`
}

/** `Access report: customer-db`. */
function headingOf({ title, subject }: ReportDocument): string {
  return subject === '' ? title : `${title}: ${subject}`
}

function headerHtml(document: ReportDocument, frame: ReportFrame): string {
  const { title, subject, period, reportTime } = document
  const facts: (readonly [string, string])[] = [
    ...(period === null ? [] : [['Period', `${periodText(period)}, the end excluded`] as const]),
    ['As of', stampText(reportTime)],
    ['Report id', frame.reportId],
    ['Made of', frame.source],
    ['Names', namesText(frame)],
  ]
  const rows = facts.map(([label, text]) => `<div><dt>${label}</dt><dd>${htmlText(text, CELL_MAX)}</dd></div>\n`)
  const about = subject === '' ? '' : `<p class="subject"><bdi>${htmlText(subject, CELL_MAX)}</bdi></p>\n`
  return `<header>\n<p class="brand">peertrail</p>\n<h1>${htmlText(title, CELL_MAX)}</h1>\n${about}<dl>\n${rows.join('')}</dl>\n<p class="zone">All times are UTC.</p>\n</header>\n`
}

/** `2026-11-01 00:00:00 UTC to 2026-12-01 00:00:00 UTC`. */
export function periodText({ from, to }: { readonly from: Micros; readonly to: Micros }): string {
  return `${stampText(from)} to ${stampText(to)}`
}

/** How people are named, in words. */
export function namesText({ names, isPseudonymised }: ReportFrame): string {
  const mode =
    names === 'as-recorded' ? 'as the inventory of the time had them' : 'as the newest inventory has them for the time'
  return isPseudonymised ? `${mode}, people replaced by pseudonyms` : mode
}

function summaryHtml({ summary, isFound }: ReportDocument): string {
  if (summary.length === 0) return ''
  const lines = summary.map((text) => `<p>${htmlText(text)}</p>\n`)
  return `<section id="summary" class="summary${isFound ? ' found' : ''}">\n<h2>Summary</h2>\n${lines.join('')}</section>\n`
}

function contentsHtml(sections: readonly Section[], ids: readonly string[]): string {
  if (sections.length < CONTENTS_FROM) return ''
  const items = sections.map(({ title }, i) => `<li><a href="#${ids[i]}">${htmlText(title, ENTRY_MAX)}</a></li>\n`)
  return `<nav id="contents" aria-label="Contents">\n<h2>Contents</h2>\n<ul>\n${items.join('')}<li><a href="#about">About this report</a></li>\n</ul>\n</nav>\n`
}

function sectionHtml({ title, blocks }: Section, id: string, place: number, frame: ReportFrame): string {
  const body = blocks.map((block, i) => blockHtml(block, `d${place}-${i}`, frame))
  return `<section id="${id}">\n<h2>${htmlText(title, CELL_MAX)}</h2>\n${body.join('')}</section>\n`
}

function aboutHtml({ reportId, software, source, command, files }: ReportFrame): string {
  const rows: (readonly [string, string])[] = [
    ['Report id', `<code>${htmlText(reportId, CELL_MAX)}</code>`],
    ['Software', htmlText(software, CELL_MAX)],
    ['Made of', htmlText(source, CELL_MAX)],
    ['Made again with', `<code>${htmlText(command)}</code>`],
    ...filesText(files).map(
      ({ names, rows: count }) =>
        ['Rows in', `${names.map((name) => `<code>${htmlText(name, CELL_MAX)}</code>`).join(', ')}: ${count}`] as const,
    ),
  ]
  const lines = rows.map(([label, html]) => `<tr><th scope="row">${label}</th><td>${html}</td></tr>\n`)
  return `<section id="about">\n<h2>About this report</h2>\n<p>The same question of the same records gives the same report, byte for byte, and the same report id.</p>\n<table class="facts"><tbody>\n${lines.join('')}</tbody></table>\n</section>\n`
}

/** Files of the same rows in two forms are told together. `rows`: `1 row`, `1,234 rows`. */
export function filesText(
  files: ReportFrame['files'],
): readonly { readonly names: readonly string[]; readonly rows: string }[] {
  const byTable = Map.groupBy(files, ({ name, rows }) => `${rows} ${name.replace(/\.[a-z]+$/, '')}`)
  return [...byTable.values()].map((same) => {
    const rows = same[0]?.rows ?? 0
    return { names: same.map(({ name }) => name), rows: `${amountText(rows, '')} ${rows === 1 ? 'row' : 'rows'}` }
  })
}

/** Ids come from the program; one that is unfit or there twice all the same becomes a number. */
function idsOf(sections: readonly Section[]): readonly string[] {
  const seen = new Set(OWN_IDS)
  return sections.map(({ id }, i) => {
    const fit = SECTION_ID.test(id) && !seen.has(id) ? id : `section-${i + 1}`
    seen.add(fit)
    return fit
  })
}
