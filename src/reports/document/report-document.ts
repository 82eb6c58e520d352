/**
 * A report as a document of blocks: what every kind of report is made of, and all that a renderer (page, terminal, JSON) knows of it.
 * Texts are plain and as they came: whoever renders them makes them fit for its medium, always, whatever they hold. No markup anywhere.
 */
import type { Micros } from '../../time.ts'

export type ReportKind = 'access' | 'incident' | 'review' | 'requirements' | 'revocation' | 'exposure' | 'coverage'

export type ReportDocument = {
  readonly kind: ReportKind
  /** `Access report`. */
  readonly title: string
  /** What it is about: `customer-db`, `all resources`, `alice-laptop`. '' = nothing more to say. */
  readonly subject: string
  /** Begin included, end excluded. Null: not about a stretch of time. */
  readonly period: { readonly from: Micros; readonly to: Micros } | null
  /** As of when it was made: a parameter, never the clock, so that the same question gives the same bytes. */
  readonly reportTime: Micros
  /** The answer in one to three sentences: what somebody reads who reads nothing else. */
  readonly summary: readonly string[]
  readonly sections: readonly Section[]
  /**
   * The facts behind it for programs, in a form that JSON can hold; times as ISO text. What `--json` and report.json carry beside
   * the document itself. Keys are names of fields where there is one.
   */
  readonly data: JsonValue
  /** Something was found, or is not exact or not proven: the command ends with 1. */
  readonly isFound: boolean
}

export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue | undefined }

export type Section = {
  /** Lower case words with hyphens, unique in the document: the anchor of links. Never from data. */
  readonly id: string
  readonly title: string
  readonly blocks: readonly Block[]
}

/** How something is to be taken; a renderer never tells by colour alone. */
export type Tone = 'plain' | 'good' | 'warning' | 'bad'

export type Block = Paragraph | Note | Facts | Figures | Bullets | Table | ChartBlock | Form

export type Paragraph = { readonly kind: 'paragraph'; readonly text: string }

/** Stands apart: a limit, a warning, a verdict. */
export type Note = { readonly kind: 'note'; readonly tone: Tone; readonly text: string }

/** Labels and what is to be said of each. */
export type Facts = { readonly kind: 'facts'; readonly rows: readonly (readonly [label: string, value: Cell])[] }

/** Large numbers side by side, at most six. */
export type Figures = {
  readonly kind: 'figures'
  readonly items: readonly {
    readonly label: string
    readonly value: string
    readonly tone: Tone
    readonly note?: string
  }[]
}

export type Bullets = { readonly kind: 'bullets'; readonly items: readonly Cell[] }

export type Table = {
  readonly kind: 'table'
  /** What its rows are: `Who reached what`. '' = the section's title says it. */
  readonly caption: string
  readonly columns: readonly Column[]
  /** Cells by position, as many as columns. */
  readonly rows: readonly (readonly Cell[])[]
  /** How many rows there are: more than `rows` when only the first are shown. */
  readonly total: number
  /** The file beside the report that has all of them, without ending: `access`. '' = none, these are all. */
  readonly file: string
  /** What stands in the place of rows when there are none: `no session was recorded`, never `no access`. */
  readonly empty: string
}

export type Column = { readonly title: string; readonly align?: 'right'; readonly isCode?: boolean }

export type Cell = string | RichCell

export type RichCell = {
  readonly text: string
  readonly tone?: Tone
  /** A key, an address, a command: fixed width. */
  readonly isCode?: boolean
  /** Small, below the text: `key use disputed`, `now: Bob Example`. */
  readonly note?: string
}

export type ChartBlock = { readonly kind: 'chart'; readonly chart: Chart }

export type Chart = ColumnChart | BarChart | StripChart

/** Told apart by colour and by pattern: a page may be printed without colours. */
export type Series = { readonly name: string; readonly tone: Tone | 'neutral' }

/** Stacked columns over time. */
export type ColumnChart = {
  readonly kind: 'columns'
  readonly title: string
  readonly unit: string
  readonly series: readonly Series[]
  /** Of one width, in order, without holes, at most 400. */
  readonly width: Micros
  readonly buckets: readonly { readonly at: Micros; readonly values: readonly number[] }[]
}

/** Stacked bars, one a thing, the longest first, at most 30. */
export type BarChart = {
  readonly kind: 'bars'
  readonly title: string
  readonly unit: string
  readonly series: readonly Series[]
  readonly bars: readonly { readonly label: string; readonly values: readonly number[] }[]
}

/** What was recorded when, a lane each: the coverage strip. At most 60 lanes; spans in order, they do not overlap. */
export type StripChart = {
  readonly kind: 'strip'
  readonly title: string
  readonly from: Micros
  readonly to: Micros
  readonly lanes: readonly {
    readonly label: string
    readonly spans: readonly {
      readonly from: Micros
      readonly to: Micros
      readonly state: StripState
      /** For who points at it, and for readers of the text: `collector-stopped, 8.9 s`. */
      readonly note: string
    }[]
  }[]
}

/** `covered` recorded and nothing said against it; `partly` losses, sampling; `gap` stated not recorded; `silent` nothing was said. */
export type StripState = 'covered' | 'partly' | 'gap' | 'silent'

/** Lines to be filled in by hand: reviewer, date, findings, follow-up. */
export type Form = { readonly kind: 'form'; readonly fields: readonly string[] }
