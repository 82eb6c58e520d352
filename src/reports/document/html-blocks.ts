/** Blocks of a document as HTML. Every text goes through html-escape.ts. */

import { chartSvg } from './chart-svg.ts'
import { CELL_MAX, htmlText } from './html-escape.ts'
import { cellHtml, markHtml, tableHtml } from './html-table.ts'
import type { Block, Facts, Figures, Form, Note, Tone } from './report-document.ts'
import type { ReportFrame } from './report-frame.ts'

/** Figures of one block; the contract says six. */
const FIGURES_MAX = 6
/** Said before a note, so that its colour is not needed. */
const NOTE_WORDS: { readonly [tone in Tone]: string } = {
  plain: 'Note',
  good: 'In order',
  warning: 'Caution',
  bad: 'Problem',
}

/** `id`: unique in the page, for what a drawing refers to. */
export function blockHtml(block: Block, id: string, frame: ReportFrame): string {
  switch (block.kind) {
    case 'paragraph':
      return `<p>${htmlText(block.text)}</p>\n`
    case 'note':
      return noteHtml(block)
    case 'facts':
      return factsHtml(block)
    case 'figures':
      return figuresHtml(block)
    case 'bullets':
      return `<ul>\n${block.items.map((item) => `<li>${cellHtml(item)}</li>\n`).join('')}</ul>\n`
    case 'table':
      return tableHtml(block, frame)
    case 'chart':
      return chartSvg(block.chart, id)
    case 'form':
      return formHtml(block)
    default:
      return block satisfies never
  }
}

function noteHtml({ tone, text }: Note): string {
  const mark = tone === 'plain' ? '' : markHtml(tone)
  return `<div class="note note-${tone}" role="note"><p><strong>${mark}${NOTE_WORDS[tone]}.</strong> ${htmlText(text)}</p></div>\n`
}

function factsHtml({ rows }: Facts): string {
  const lines = rows.map(
    ([label, value]) => `<tr><th scope="row">${htmlText(label, CELL_MAX)}</th><td>${cellHtml(value)}</td></tr>\n`,
  )
  return lines.length === 0 ? '' : `<table class="facts"><tbody>\n${lines.join('')}</tbody></table>\n`
}

function figuresHtml({ items }: Figures): string {
  const shown = items.slice(0, FIGURES_MAX).map(({ label, value, tone, note = '' }) => {
    const mark = tone === 'plain' ? '' : markHtml(tone)
    const under = note === '' ? '' : `<p class="under">${htmlText(note, CELL_MAX)}</p>`
    return `<div class="figure ${tone}"><p class="value">${mark}${htmlText(value, CELL_MAX)}</p><p class="label">${htmlText(label, CELL_MAX)}</p>${under}</div>\n`
  })
  return `<div class="figures">\n${shown.join('')}</div>\n`
}

function formHtml({ fields }: Form): string {
  const lines = fields.map(
    (field) => `<tr><th scope="row">${htmlText(field, CELL_MAX)}</th><td><span class="line"></span></td></tr>\n`,
  )
  return `<table class="form"><tbody>\n${lines.join('')}</tbody></table>\n`
}
