/**
 * Events as lines of a hot file: the event's own few fields flat, by dotted name, and the number of the facets it shares. Those
 * are written once, in a line that defines the number, before the first event that refers to it (design 11).
 *
 *   {"_define":3,"host.name":"gw1","wireguard.peer.name":"ivy",…}
 *   {"_shape":3,"@timestamp":1795359480000000,"event.id":"…","source.ip":"00000000000000000000ffff0a080007",…}
 */
import { addressDigits } from '../address-digits.ts'
import { FirewallEvent } from '../correlate/firewall-events.ts'
import type { Event, Facet } from '../event.ts'
import { quote } from '../event-json.ts'
import { FIELD_NAMES, type FieldName } from '../fields.ts'
import { INSTANT_MAX, INSTANT_MIN, SECOND } from '../time.ts'
import { fieldOfName } from './columns.ts'
import { createFirewallMembers, isCommonLine } from './hot-firewall.ts'

export type HotLines = {
  /**
   * The lines of one event, each ended by LF, printable ASCII. A value that its column cannot hold (no number, no time of ours) is
   * left out, as if it were not known. Throws TypeError for an event that could not be found again: without time or id, or longer
   * than DuckDB reads. No source makes one.
   */
  print(event: Event): string
  /** Fields that occurred in events, and in definitions. */
  ownColumns(): FieldName[]
  sharedColumns(): FieldName[]
  /** Shapes defined so far: what they take in memory is bounded by whoever turns the file over. */
  readonly shapes: number
}

/** A step on the way from an event's facets to the number of their combination. */
type Branch = { shape: number; readonly next: Map<Facet, Branch> }

type Printer = { readonly key: string; readonly index: number; readonly print: (value: unknown) => string }

/**
 * The longest line, in bytes. DuckDB gives up a whole file for a line twice as long. The longest of ours are facets that quote a
 * row of `wg show dump` (4 MiB).
 */
export const HOT_LINE_BYTES_MAX = 16 * 1024 * 1024
/** Without the braces and the number around it. */
const LINE_MAX = HOT_LINE_BYTES_MAX - 64
/** What a BIGINT holds; above 2^53 the number itself was not exact any more. */
const LONG_LIMIT = 2 ** 63
/** Digits of addresses remembered; the same few thousand occur in millions of rows. About 150 bytes each. */
const DIGITS_MAX = 65_536
/** Lists of facets remembered. A firewall line's is one object for its peer and rule; two hundred bytes each. */
const FACET_LISTS_MAX = 65_536

export function createHotLines(): HotLines {
  const address = createAddressPrinter()
  const printers = createPrinters(address)
  const own = new Uint8Array(FIELD_NAMES.length)
  const shared = new Uint8Array(FIELD_NAMES.length)
  const firewallMembers = createFirewallMembers(own, address)
  const root: Branch = { shape: -1, next: new Map() }
  let byList = new Map<readonly Facet[], Branch>()
  let shapes = 0

  function members(fields: object, seen: Uint8Array): string {
    let text = ''
    // Most of a literal's members are undefined: Object.entries would make an array for each of them.
    for (const name in fields) {
      // `name` is a key of this very object.
      const value = (fields as { readonly [name: string]: unknown })[name]
      if (value === undefined) continue
      const printer = printers[name]
      if (printer === undefined) continue
      seen[printer.index] = 1
      text += printer.key + printer.print(value)
    }
    return text
  }

  function ownMembers(event: Event): string {
    if (event instanceof FirewallEvent && isInstant(event.line.record.at) && isCommonLine(event))
      return firewallMembers(event)
    // Once: of a firewall line this is a getter that makes the object.
    const values = event.own
    const { '@timestamp': at, 'event.id': id } = values
    if (!isInstant(at) || id === undefined) throw new TypeError(`an event of ${event.dataset} has no time or no id`)
    return members(values, own)
  }

  /** One look-up instead of one a facet, where the list itself is shared. */
  function branchOf(event: Event): Branch {
    const { facets } = event
    if (!(event instanceof FirewallEvent)) return branchOfFacets(facets)
    let branch = byList.get(facets)
    if (branch === undefined) {
      branch = branchOfFacets(facets)
      if (byList.size >= FACET_LISTS_MAX) byList = new Map()
      byList.set(facets, branch)
    }
    return branch
  }

  function branchOfFacets(facets: readonly Facet[]): Branch {
    let branch = root
    for (const facet of facets) {
      let next = branch.next.get(facet)
      if (next === undefined) {
        next = { shape: -1, next: new Map() }
        branch.next.set(facet, next)
      }
      branch = next
    }
    return branch
  }

  const namesIn = (seen: Uint8Array) => FIELD_NAMES.filter((_, index) => seen[index] === 1)
  return {
    print(event) {
      const fields = ownMembers(event)
      const branch = branchOf(event)
      let definition = ''
      if (branch.shape < 0) {
        definition = `{"_define":${shapes}`
        for (const facet of event.facets) definition += members(facet.fields, shared)
        definition += '}\n'
      }
      if (fields.length >= LINE_MAX || definition.length >= LINE_MAX)
        throw new TypeError(`an event of ${event.dataset} is longer than ${HOT_LINE_BYTES_MAX} bytes`)
      // Only now: a definition that was not written must not be referred to.
      if (branch.shape < 0) branch.shape = shapes++
      return `${definition}{"_shape":${branch.shape}${fields}}\n`
    },
    ownColumns: () => namesIn(own),
    sharedColumns: () => namesIn(shared),
    get shapes() {
      return shapes
    },
  }
}

/** Prints an address as its digits in quotes. */
function createAddressPrinter(): (text: string) => string {
  let digits = new Map<string, string>()
  return (text) => {
    let known = digits.get(text)
    if (known === undefined) {
      // An address that is none cannot come out of a parser; as text it is at least not lost.
      known = quote(addressDigits(text) ?? text)
      if (digits.size >= DIGITS_MAX) digits = new Map()
      digits.set(text, known)
    }
    return known
  }
}

function createPrinters(address: (text: string) => string): { readonly [name: string]: Printer | undefined } {
  const one = (name: FieldName): ((value: unknown) => string) => {
    const { type } = fieldOfName(name)
    switch (type) {
      case 'ip':
        return (value) => address(String(value))
      case 'long':
        return printLong
      case 'date':
        return (value) => (isInstant(value) ? String(value) : 'null')
      case 'keyword':
      case 'wildcard':
      case 'boolean':
        return (value) => (typeof value === 'string' ? quote(value) : String(value))
      default:
        return type satisfies never
    }
  }
  const printers = Object.fromEntries(
    FIELD_NAMES.map((name, index) => {
      const single = one(name)
      const print = (value: unknown) => (Array.isArray(value) ? `[${value.map(single).join(',')}]` : single(value))
      return [name, { key: `,"${name}":`, index, print }] as const
    }),
  )
  // Without a prototype: `constructor` is no field.
  return Object.setPrototypeOf(printers, null)
}

/** `-0` becomes 0, as in JSON. */
function printLong(value: unknown): string {
  return typeof value === 'number' && Number.isInteger(value) && Math.abs(value) < LONG_LIMIT ? String(value) : 'null'
}

function isInstant(value: unknown): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= INSTANT_MIN && value < INSTANT_MAX + SECOND
}
