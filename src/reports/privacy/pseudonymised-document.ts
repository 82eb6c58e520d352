/** A report with everybody in it replaced by pseudonyms: every text that is shown, and the data beside it. */
import type { Block, Cell, Chart, JsonValue, ReportDocument, Section, Table } from '../document/report-document.ts'
import { isPersonalTitle, personalKindOf } from './personal-fields.ts'
import type { Pseudonyms } from './pseudonyms.ts'

/** The same report; what names its parts (kinds, ids, files) stays. Who shows it adds pseudonymNote. */
export function pseudonymisedDocument(document: ReportDocument, pseudonyms: Pseudonyms): ReportDocument {
  const text = (value: string) => pseudonyms.text(value)
  return {
    ...document,
    title: text(document.title),
    subject: pseudonyms.named(document.subject),
    summary: document.summary.map(text),
    sections: document.sections.map((section) => sectionOf(section, pseudonyms)),
    data: jsonOf(document.data, '', pseudonyms),
  }
}

function sectionOf(section: Section, pseudonyms: Pseudonyms): Section {
  return {
    ...section,
    title: pseudonyms.text(section.title),
    blocks: section.blocks.map((block) => blockOf(block, pseudonyms)),
  }
}

function blockOf(block: Block, pseudonyms: Pseudonyms): Block {
  const text = (value: string) => pseudonyms.text(value)
  switch (block.kind) {
    case 'paragraph':
    case 'note':
      return { ...block, text: text(block.text) }
    case 'facts':
      return {
        ...block,
        rows: block.rows.map(([label, value]): readonly [string, Cell] => [
          text(label),
          cellOf(value, isPersonalTitle(label), pseudonyms),
        ]),
      }
    case 'figures':
      return {
        ...block,
        items: block.items.map((item) => ({
          ...item,
          label: text(item.label),
          value: text(item.value),
          ...(item.note === undefined ? {} : { note: text(item.note) }),
        })),
      }
    case 'bullets':
      return { ...block, items: block.items.map((item) => cellOf(item, false, pseudonyms)) }
    case 'table':
      return tableOf(block, pseudonyms)
    case 'chart':
      return { ...block, chart: chartOf(block.chart, pseudonyms) }
    case 'form':
      return { ...block, fields: block.fields.map(text) }
    default:
      return block satisfies never
  }
}

function tableOf(table: Table, pseudonyms: Pseudonyms): Table {
  const isPersonal = table.columns.map(({ title, align }) => align !== 'right' && isPersonalTitle(title))
  return {
    ...table,
    caption: pseudonyms.text(table.caption),
    columns: table.columns.map((column) => ({ ...column, title: pseudonyms.text(column.title) })),
    rows: table.rows.map((row) => row.map((cell, i) => cellOf(cell, isPersonal[i] === true, pseudonyms))),
    empty: pseudonyms.text(table.empty),
  }
}

function cellOf(cell: Cell, isPersonal: boolean, pseudonyms: Pseudonyms): Cell {
  const text = (value: string) => (isPersonal ? pseudonyms.named(value) : pseudonyms.text(value))
  if (typeof cell === 'string') return text(cell)
  const { note } = cell
  return { ...cell, text: text(cell.text), ...(note === undefined ? {} : { note: pseudonyms.text(note) }) }
}

function chartOf(chart: Chart, pseudonyms: Pseudonyms): Chart {
  const text = (value: string) => pseudonyms.text(value)
  const title = text(chart.title)
  switch (chart.kind) {
    case 'columns':
      return { ...chart, title, series: chart.series.map((each) => ({ ...each, name: text(each.name) })) }
    case 'bars':
      return {
        ...chart,
        title,
        series: chart.series.map((each) => ({ ...each, name: text(each.name) })),
        bars: chart.bars.map((bar) => ({ ...bar, label: pseudonyms.named(bar.label) })),
      }
    case 'strip':
      return {
        ...chart,
        title,
        lanes: chart.lanes.map((lane) => ({
          label: text(lane.label),
          spans: lane.spans.map((span) => ({ ...span, note: text(span.note) })),
        })),
      }
    default:
      return chart satisfies never
  }
}

/** `name`: of the member it is the value of. Names of members are ours or a field's; where they came from data they are replaced too. */
function jsonOf(value: JsonValue, name: string, pseudonyms: Pseudonyms): JsonValue {
  if (typeof value === 'string') return textOf(value, name, pseudonyms)
  if (value === null || typeof value !== 'object') return value
  if (isList(value)) return value.map((each) => jsonOf(each, name, pseudonyms))
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, each]) =>
      each === undefined ? [] : [[pseudonyms.text(key), jsonOf(each, key, pseudonyms)]],
    ),
  )
}

function textOf(value: string, name: string, pseudonyms: Pseudonyms): string {
  const kind = personalKindOf(name)
  if (kind !== null) return pseudonyms.value(kind, value)
  return isPersonalTitle(name) ? pseudonyms.named(value) : pseudonyms.text(value)
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value)
}
