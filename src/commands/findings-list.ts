/** `peertrail findings`: opinions of a period, newest first, with what was done about each. */
import { AppError, ERROR_EXITS } from '../errors.ts'
import { printEvent } from '../event-json.ts'
import { SEVERITY_NAMES, type Severity } from '../finding-document.ts'
import { quoted } from '../safe-text.ts'
import { toIso } from '../time.ts'
import type { Cell, Style } from './document-line.ts'
import { type FoundFinding, findFindings, parseSeverity, severityOf } from './findings-query.ts'
import { fittedTable } from './fitted-table.ts'
import { readQuery } from './query-problem.ts'
import { openFoundReader, type ReaderOptions, reportDamage } from './reader-place.ts'
import type { CommandContext } from './search.ts'
import { type PeriodOptions, parseLimit, parsePeriod } from './search-arguments.ts'
import { storedPeriod } from './stored-period.ts'
import { counted, paint, type Terminal } from './terminal.ts'
import { createTextOutlet } from './text-outlet.ts'

/** As given on the command line; '' = not given. */
export type FindingsArguments = ReaderOptions &
  PeriodOptions & {
    readonly query: string
    readonly severity: string
    readonly rule: string
    readonly isOpen: boolean
    readonly limit: string
    readonly isJson: boolean
  }

/** Digits of an id that are shown: its time and 30 bits, which are enough to name it. */
const ID_SHOWN = 16
/** Characters that time, severity and id take, with what is between them. */
const OTHERS = 51
/** Characters of a line where nobody says. */
const WIDTH = 120

export const SEVERITY_STYLES: Readonly<Record<Severity, Style>> = { 1: 'dim', 2: 'cyan', 3: 'yellow', 4: 'red' }

/** Exit 0, also when there is none; 1 when damaged segments are missing from the answer. Throws AppError. */
export async function runFindings(args: FindingsArguments, context: CommandContext): Promise<number> {
  const { terminal, stdout, now, environment } = context
  const from = args.severity === '' ? 1 : parseSeverity(args.severity)
  if (from === null)
    throw new AppError('usage', `--severity: ${quoted(args.severity)} is none`, {
      advice: `One of ${Object.values(SEVERITY_NAMES).join(', ')}.`,
    })
  const period = parsePeriod(args, now)
  const limit = parseLimit(args.limit)
  const query = readQuery(args.query, now, terminal)
  if (query === null) return ERROR_EXITS['bad-query']
  const outlet = createTextOutlet(stdout)
  const reader = await openFoundReader(args, environment, terminal)
  try {
    const filter = { ...period, from, rule: args.rule, query, isOpen: args.isOpen, limit }
    const { findings, total, isCut } = await findFindings(reader, filter)
    if (args.isJson) for (const each of findings) await outlet.write(`${findingJson(each)}\n`)
    else if (findings.length > 0) await outlet.write(findingsTable(terminal, findings, outlet.width || WIDTH))
    const what = total === 0 ? await storedPeriod(reader, ['wireguard.finding'], period, 'no findings') : ''
    terminal.err(
      `${paint(terminal, 'dim', what === '' ? shownText(findings.length, isCut ? total : null, args.isOpen) : what)}\n`,
    )
    return reportDamage(reader, terminal) ? 1 : 0
  } finally {
    reader.close()
  }
}

/** The document as it is stored, with `acknowledged` beside it; one line of JSON. */
export function findingJson({ document, handled }: FoundFinding): string {
  const acknowledged =
    handled === null
      ? null
      : {
          at: toIso(handled['@timestamp'] ?? 0),
          by: handled['wireguard.finding.handled_by'] ?? '',
          case: handled['wireguard.finding.case'] ?? '',
          note: handled['event.reason'] ?? '',
        }
  const text = printEvent({ dataset: 'wireguard.finding', own: document, facets: [] })
  return `${text.slice(0, -1)},"acknowledged":${JSON.stringify(acknowledged)}}`
}

/** `total`: null where all are shown. */
function shownText(shown: number, total: number | null, isOpen: boolean): string {
  const state = isOpen ? ' that nobody handled' : ''
  const more = 'newest first; --limit N for more, 0 for all'
  if (total === null)
    return `${counted(shown, 'finding')}${state}, newest first; peertrail findings show ID tells all of one`
  // How many of the others were handled nobody counted.
  return isOpen
    ? `the first ${counted(shown, 'finding')}${state}, ${more}`
    : `${shown} of ${counted(total, 'finding')}, ${more}`
}

/** The sentence comes before the rule, and the id, which names it for `show` and `ack`, before both. */
function findingsTable(terminal: Terminal, findings: readonly FoundFinding[], width: number): string {
  const isHandled = findings.some(({ handled }) => handled !== null)
  return fittedTable(
    terminal,
    width,
    [
      { title: 'time (UTC)' },
      { title: 'severity' },
      { title: 'finding', least: Math.min(56, Math.max(29, width - OTHERS)) },
      { title: 'rule', rank: 2 },
      { title: isHandled ? 'handled' : '', rank: isHandled ? 1 : 3, least: 8 },
      { title: 'id' },
    ],
    findings.map(rowOf),
  )
}

function rowOf({ document, handled }: FoundFinding): Cell[] {
  const severity = severityOf(document)
  const excused = document['wireguard.finding.exception'] !== undefined
  return [
    {
      text: toIso(document['@timestamp'] ?? 0)
        .slice(0, 19)
        .replace('T', ' '),
      style: 'dim',
    },
    excused ? { text: 'accepted', style: 'dim' } : { text: SEVERITY_NAMES[severity], style: SEVERITY_STYLES[severity] },
    { text: document['wireguard.finding.summary'] ?? document['rule.name'] ?? '', style: null },
    { text: document['rule.id'] ?? '', style: 'dim' },
    { text: handledText(handled), style: 'green' },
    { text: (document['event.id'] ?? '').slice(0, ID_SHOWN), style: 'dim' },
  ]
}

function handledText(handled: FoundFinding['handled']): string {
  if (handled === null) return ''
  const by = handled['wireguard.finding.handled_by'] ?? ''
  const reference = handled['wireguard.finding.case'] ?? ''
  return reference === '' ? by : `${by}, ${reference}`
}
