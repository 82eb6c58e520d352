/** The part of `replay`'s summary about audited hosts: events in and out of scope, logins and how sure their peers are, clocks, what is missing. */
import { type Event, fieldOf, sharedFieldOf } from '../event.ts'
import type { FieldName, FieldValue } from '../fields.ts'
import type { Inventory } from '../identity/inventory.ts'
import { spanText } from '../quantity-text.ts'
import { safeText } from '../safe-text.ts'
import { type Micros, MS } from '../time.ts'
import { counted, paint, type Terminal, table } from './terminal.ts'

/** Of one host, in documents. */
export type HostTotals = {
  readonly host: string
  audit: number
  /** Of those, accepted connections. */
  accepts: number
  failedLogins: number
  /** Logins by the answer about their peer. */
  exact: number
  ambiguous: number
  unknown: number
  /** Of those that are not exact, by `wireguard.attribution.reason`. */
  readonly reasons: Map<string, number>
}

export type HostRow = HostTotals & {
  /** Audit events that became no document. */
  readonly outOfScope: number
  /** How far its clock was measured ahead of its gateways'; 0 while the connections allow it. */
  readonly clockOffset: Micros
  /** Connections that measured it. */
  readonly joins: number
  /** The inventory names an address of it. */
  readonly isDocumented: boolean
}

/** What the replay's core knows of a host. */
export type HostDesk = {
  outOfScope(host: string): number
  clock(host: string): { readonly offset: Micros; readonly joins: number }
}

/** Facets first: an audit document's own fields are not put together for a count. */
function seenIn<K extends FieldName>(event: Event, name: K): FieldValue<K> | undefined {
  return sharedFieldOf(event, name) ?? fieldOf(event, name)
}

/** Counts a document towards its host; those of gateways are left alone. */
export function countHostDocument(totals: Map<string, HostTotals>, event: Event): void {
  if (event.dataset !== 'wireguard.audit' && event.dataset !== 'wireguard.session') return
  const action = event.dataset === 'wireguard.audit' ? '' : (seenIn(event, 'event.action') ?? '')
  if (action !== '' && action !== 'host-login' && action !== 'host-login-failed') return
  if (event.dataset === 'wireguard.session' && action === '') return
  const host = seenIn(event, 'host.name') ?? ''
  const row = totals.get(host) ?? noTotals(host)
  totals.set(host, row)
  if (action === '') {
    row.audit++
    if (seenIn(event, 'event.action') === 'accepted-connection-from') row.accepts++
  } else if (action === 'host-login-failed') row.failedLogins++
  else {
    const status = seenIn(event, 'wireguard.attribution.status')
    row[status === 'exact' || status === 'ambiguous' ? status : 'unknown']++
    const reason = seenIn(event, 'wireguard.attribution.reason')
    if (status !== 'exact' && reason !== undefined) row.reasons.set(reason, (row.reasons.get(reason) ?? 0) + 1)
  }
}

function noTotals(host: string): HostTotals {
  return { host, audit: 0, accepts: 0, failedLogins: 0, exact: 0, ambiguous: 0, unknown: 0, reasons: new Map() }
}

/** One row for each audited host, also for those of which nothing became a document. */
export function hostRows(
  hosts: readonly string[],
  totals: ReadonlyMap<string, HostTotals>,
  desk: HostDesk,
  inventory: Inventory,
): HostRow[] {
  const documented = new Set(inventory.hosts.flatMap(({ name, addresses }) => (addresses.length > 0 ? [name] : [])))
  return [...new Set(hosts)].sort().map((host) => {
    const { offset, joins } = desk.clock(host)
    return {
      ...(totals.get(host) ?? noTotals(host)),
      outOfScope: desk.outOfScope(host),
      clockOffset: offset,
      joins,
      isDocumented: documented.has(host),
    }
  })
}

/** Lines for a person; '' without an audited host. */
export function printHosts(terminal: Terminal, rows: readonly HostRow[]): string {
  if (rows.length === 0) return ''
  const number = (value: number) => (value === 0 ? '·' : value.toLocaleString('en-US'))
  const titles = ['in scope', 'out of scope', 'logins', 'exact', 'ambiguous', 'unknown', 'refused']
  const lines = table(
    terminal,
    [
      { title: 'host' },
      ...titles.map((title) => ({ title, align: 'right' as const })),
      { title: 'clock against gateways' },
    ],
    rows.map((row) => [
      row.host,
      ...[
        row.audit,
        row.outOfScope,
        row.exact + row.ambiguous + row.unknown,
        row.exact,
        row.ambiguous,
        row.unknown,
        row.failedLogins,
      ].map(number),
      clockText(row),
    ]),
  )
  return `${paint(terminal, 'bold', 'Audited hosts')}, events and logins\n${lines}${rows.map((row) => problemLines(terminal, row)).join('')}`
}

function clockText({ clockOffset, joins }: HostRow): string {
  if (joins === 0) return 'not measured: no connection joined'
  const by = counted(joins, 'connection')
  // Less than a millisecond is less than an audit stamp can tell.
  if (Math.abs(clockOffset) < MS) return `no difference in ${by}`
  return `${spanText(Math.abs(clockOffset))} ${clockOffset > 0 ? 'ahead' : 'behind'}, by ${by}`
}

function problemLines(terminal: Terminal, row: HostRow): string {
  const { host, reasons, isDocumented, accepts } = row
  const lines: string[] = []
  if (reasons.size > 0) {
    const list = [...reasons].sort(([a], [b]) => (a < b ? -1 : 1)).map(([reason, count]) => `${reason} ${count}`)
    lines.push(`${host}: logins without a certain peer: ${list.join(', ')}`)
  }
  if (accepts === 0 && row.exact + row.ambiguous + row.unknown > 0)
    lines.push(
      `${host}: no accepted connection of a peer is in its log; without a rule on accept, logins are told by address and time alone`,
    )
  if (!isDocumented)
    lines.push(
      `${host}: the inventory names no address of it; connections to it are told by client address and port alone`,
    )
  return lines.map((line) => `${paint(terminal, 'yellow', 'why')}   ${safeText(line)}\n`).join('')
}

/** As `replay --json` has it; milliseconds. */
export function hostJson(row: HostRow): object {
  const {
    host,
    audit,
    outOfScope,
    exact,
    ambiguous,
    unknown,
    failedLogins,
    reasons,
    clockOffset,
    joins,
    isDocumented,
  } = row
  return {
    host,
    events: { inScope: audit, outOfScope },
    logins: {
      exact,
      ambiguous,
      unknown,
      refused: failedLogins,
      reasons: Object.fromEntries([...reasons].sort(([a], [b]) => (a < b ? -1 : 1))),
    },
    clock: joins === 0 ? null : { offset: Math.round(clockOffset / MS), connections: joins },
    isDocumented,
  }
}
