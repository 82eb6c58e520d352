/**
 * `peertrail rules run FILE…`: rules over what is stored, with what runs them in a stream: the same documents give the same findings with the
 * same ids. Documents are read in order of time, page by page. Windows and suppression begin with the period that is asked for.
 */
import { createDetections, LAG } from '../detections/catalogue/catalogue.ts'
import { compileRule, fieldsOfRule } from '../detections/rules/compile-rule.ts'
import { readRuleFiles } from '../detections/rules/load-rules.ts'
import type { Rule } from '../detections/rules/rule.ts'
import { datasetsOf } from '../detections/rules/rule-datasets.ts'
import type { Dataset, Event } from '../event.ts'
import { flatten } from '../event.ts'
import type { FieldName, Fields } from '../fields.ts'
import { emptyInventory, type Inventory, parseInventory } from '../identity/inventory.ts'
import { anyOf } from '../kql/combine.ts'
import { readText } from '../read-text.ts'
import type { EventReader, Selection } from '../store/event-reader.ts'
import { createDocumentPrinter } from './document-output.ts'
import { openFoundReader, type ReaderOptions, reportDamage } from './reader-place.ts'
import type { CommandContext } from './search.ts'
import { type Period, type PeriodOptions, parseForm, parsePeriod } from './search-arguments.ts'
import { findDocuments } from './search-query.ts'
import { storedPeriod } from './stored-period.ts'
import { counted, paint, type Terminal } from './terminal.ts'
import { createTextOutlet } from './text-outlet.ts'

/** As given on the command line; '' = not given. */
export type RulesRunArguments = ReaderOptions &
  PeriodOptions & {
    readonly files: readonly string[]
    /** For exceptions; without it nothing is excused. */
    readonly inventory: string
    readonly isJson: boolean
    readonly isCsv: boolean
  }

/**
 * Exit 0 when nothing was found, 1 when something was or damaged segments are missing from the answer. Throws AppError for rules that
 * cannot be used and a reader that cannot be opened.
 */
export async function runRulesRun(args: RulesRunArguments, context: CommandContext): Promise<number> {
  const { terminal } = context
  const form = parseForm(args)
  const period = parsePeriod(args, context.now)
  const rules = await readRuleFiles(args.files)
  const inventory =
    args.inventory === '' ? emptyInventory() : parseInventory(await readText(args.inventory), args.inventory)
  const reader = await openFoundReader(args, context.environment, terminal)
  try {
    const outlet = createTextOutlet(context.stdout)
    const printer = createDocumentPrinter(terminal, { form, fields: [], width: outlet.width })
    let isRead = await outlet.write(printer.head)
    const sum = { documents: 0, findings: 0 }
    for await (const { findings, documents } of findingsInStore(reader, rules, { ...period, inventory })) {
      sum.documents += documents
      sum.findings += findings.length
      isRead &&= findings.length === 0 || (await outlet.write(printer.print(findings)))
      if (!isRead) break
    }
    if (isRead) await sayTotal(reader, rules, period, sum, terminal)
    return reportDamage(reader, terminal) || sum.findings > 0 ? 1 : 0
  } finally {
    reader.close()
  }
}

/** What the rules find in each page of the documents that any of them asks for; what is still open then comes last. */
export async function* findingsInStore(
  reader: EventReader,
  rules: readonly Rule[],
  { since, until, inventory }: { readonly since: number; readonly until: number; readonly inventory: Inventory },
): AsyncGenerator<{ readonly findings: readonly Fields[]; readonly documents: number }> {
  let found: Fields[] = []
  const emit = (event: Event) => void found.push(flatten(event))
  const detections = createDetections({ emit, inventory, rules: rules.map(compileRule) }, undefined, [])
  const taken = () => {
    const findings = found.sort(byTimeAndId)
    found = []
    return findings
  }
  const view = { order: 'oldest', limit: Number.POSITIVE_INFINITY, columns: columnsOf(rules) } as const
  for await (const documents of findDocuments(reader, selectionOf(rules, since, until), view)) {
    for (const own of documents) {
      // The store holds what was emitted: its dataset stands in the document.
      detections.observe({ dataset: own['event.dataset'] as Dataset, own, facets: [] })
    }
    // Everything before the last of them has been read.
    detections.tick((documents.at(-1)?.['@timestamp'] ?? Number.NEGATIVE_INFINITY) + LAG)
    yield { findings: taken(), documents: documents.length }
  }
  detections.tick(Number.POSITIVE_INFINITY)
  yield { findings: taken(), documents: 0 }
}

function byTimeAndId(a: Fields, b: Fields): number {
  return (a['@timestamp'] ?? 0) - (b['@timestamp'] ?? 0) || ((a['event.id'] ?? '') < (b['event.id'] ?? '') ? -1 : 1)
}

function selectionOf(rules: readonly Rule[], since: number, until: number): Selection {
  return {
    datasets: [...new Set(rules.flatMap(({ query }) => datasetsOf(query)))],
    since,
    until,
    query: anyOf(rules.map(({ query }) => query)),
  }
}

function columnsOf(rules: readonly Rule[]): readonly FieldName[] {
  return [...new Set(rules.flatMap(fieldsOfRule))]
}

async function sayTotal(
  reader: EventReader,
  rules: readonly Rule[],
  period: Period,
  { documents, findings }: { readonly documents: number; readonly findings: number },
  terminal: Terminal,
): Promise<void> {
  if (documents === 0) {
    terminal.err(
      `${await storedPeriod(reader, null, period, `nothing matches ${rules.length === 1 ? 'the rule' : 'a rule'}`)}\n`,
    )
    return
  }
  const matched = `${documents.toLocaleString('en-US')} matching ${documents === 1 ? 'document' : 'documents'}`
  terminal.err(
    `${paint(terminal, 'dim', `${counted(findings, 'finding')} of ${counted(rules.length, 'rule')} in ${matched}`)}\n`,
  )
}
