/**
 * What a rule asks beside the fields a log line shows: flags of TCP, marks, the state of NAT, the tuple before NAT, whether an address
 * is the gateway's own. A new connection answers most of it: it begins with a bare SYN, its direction is `original`, nobody has
 * replied. Anything else stays undecided, and is never taken for a no.
 *
 *   {"match": {"op": "in", "left": {"ct": {"key": "status"}}, "right": "dnat"}}
 *
 * Authority: libnftables-json(5); nf_conntrack_common.h for the bits of `ct status`.
 */
import { splitByCondition } from './reach-condition.ts'
import { mayStay } from './reach-translate.ts'
import type { Doubt, Passage, Split, Traveller } from './reach-traveller.ts'
import type { ConditionReader, Scope } from './rule-condition.ts'
import { keyOf, listOf, type NamedSet, property, textProperty } from './ruleset-document.ts'

/** Bits of a TCP header's flags; `ct status` and `ct state` by name. */
const TCP_FLAGS: ReadonlyMap<string, number> = new Map([
  ['fin', 1],
  ['syn', 2],
  ['rst', 4],
  ['psh', 8],
  ['ack', 16],
  ['urg', 32],
  ['ecn', 64],
  ['cwr', 128],
])
const SYN = 2

/** Fields of the tuple before NAT (`ct original …`), as the packet's own fields would be asked for. */
const ORIGINAL: ReadonlyMap<string, readonly [protocol: string, field: string]> = new Map([
  ['ip daddr', ['ip', 'daddr']],
  ['ip saddr', ['ip', 'saddr']],
  ['ip6 daddr', ['ip6', 'daddr']],
  ['ip6 saddr', ['ip6', 'saddr']],
  ['proto-dst', ['th', 'dport']],
  ['proto-src', ['th', 'sport']],
])

/** How to look up what a question names. */
export type Questions = { readonly read: ConditionReader; readonly sets: ReadonlyMap<string, NamedSet> }

export type Question = { readonly body: unknown; readonly scope: Scope }

/** Parts the traveller by a match whose condition is opaque. `body` is the match's. */
export function splitByQuestion(
  traveller: Traveller,
  { body, scope }: Question,
  passage: Passage,
  { read }: Questions,
): Split {
  const left = property(body, 'left')
  // Without an entry of conntrack every question about one but its state ends the rule, whichever way it is put (nft_ct_get_eval).
  if ((traveller.state === 'invalid' || traveller.state === 'untracked') && asksEntry(left))
    return { holds: [], fails: [traveller], unknown: [] }
  const same = rewritten(left)
  if (same !== null) {
    const [condition] = read({ op: property(body, 'op'), left: same.left, right: property(body, 'right') }, scope)
    if (condition !== undefined && condition.fields.length > 0) {
      const asked = same.isOriginal ? { ...traveller, destination: null, port: null } : traveller
      return restored(splitByCondition(asked, condition, passage), traveller, same.isOriginal)
    }
  }
  const answer = answerOf(traveller, left, property(body, 'op'), property(body, 'right'))
  return {
    holds: answer === true ? [traveller] : [],
    fails: answer === false ? [traveller] : [],
    unknown: answer === null ? [traveller] : [],
  }
}

function asksEntry(left: unknown): boolean {
  const masked = property(left, '&')
  const bare: unknown = Array.isArray(masked) ? masked[0] : left
  const parts = property(bare, 'concat')
  if (Array.isArray(parts)) return parts.some(asksEntry)
  const key = textProperty(property(bare, 'ct'), 'key')
  return key !== '' && key !== 'state'
}

/** Why an opaque match stays open. */
export function doubtOf({ body, scope }: Question, { sets }: Questions): Doubt {
  const right = property(body, 'right')
  if (typeof right !== 'string' || !right.startsWith('@')) return 'expression'
  return sets.get(keyOf(scope.family, scope.table, right.slice(1)))?.isDynamic === true ? 'set' : 'expression'
}

/** The same question about a field that is known, null when there is none. Made once for each match (the reader keeps them). */
function rewritten(left: unknown): { readonly left: unknown; readonly isOriginal: boolean } | null {
  const ct = property(left, 'ct')
  if (textProperty(ct, 'dir') === 'original') {
    const field = ORIGINAL.get(textProperty(ct, 'key'))
    if (field === undefined) return null
    return { left: { payload: { protocol: field[0], field: field[1] } }, isOriginal: true }
  }
  const payload = property(left, 'payload')
  // A client may leave extension headers out; then the next header is the transport protocol.
  if (textProperty(payload, 'protocol') === 'ip6' && textProperty(payload, 'field') === 'nexthdr')
    return { left: { meta: { key: 'l4proto' } }, isOriginal: false }
  return null
}

function restored({ holds, fails, unknown }: Split, { destination, port }: Traveller, isOriginal: boolean): Split {
  if (!isOriginal) return { holds, fails, unknown }
  const again = (travellers: readonly Traveller[]) => travellers.map((each) => ({ ...each, destination, port }))
  return { holds: again(holds), fails: again(fails), unknown: again(unknown) }
}

function answerOf(traveller: Traveller, left: unknown, op: unknown, right: unknown): boolean | null {
  const masked = property(left, '&')
  const [bare, mask] = Array.isArray(masked) ? [masked[0], masked[1]] : [left, undefined]
  const payload = property(bare, 'payload')
  if (textProperty(payload, 'protocol') === 'tcp' && textProperty(payload, 'field') === 'flags')
    return compareBits(SYN, mask, op, right, TCP_FLAGS)
  const meta = textProperty(property(bare, 'meta'), 'key')
  const key = textProperty(property(bare, 'ct'), 'key')
  if (meta === 'mark') return traveller.mark === null ? null : compareBits(traveller.mark, mask, op, right, new Map())
  if (mask !== undefined) return null
  if (key === 'mark')
    return traveller.ctMark === null ? null : compareBits(traveller.ctMark, mask, op, right, new Map())
  if (key === 'direction') return compareNames(['original'], op, right)
  if (key === 'state') return traveller.state === null ? null : compareNames([traveller.state], op, right)
  if (key === 'status') return compareStatus(traveller, op, right)
  const fib = property(bare, 'fib')
  const flags = listOf(property(fib, 'flags'))
  if (textProperty(fib, 'result') === 'type' && flags.length === 1 && flags[0] === 'daddr')
    return compareLocal(traveller, op, right)
  return null
}

/** Null where a value on the right cannot be read. */
function compareBits(
  value: number,
  mask: unknown,
  op: unknown,
  right: unknown,
  names: ReadonlyMap<string, number>,
): boolean | null {
  const bitsMask = mask === undefined ? 0xffff_ffff : bitsOf(mask, names)
  if (bitsMask === null) return null
  const seen = (value & bitsMask) >>> 0
  const set = property(right, 'set')
  if (set !== undefined) {
    const values = listOf(set).map((each) => bitsOf(each, names))
    if (values.includes(null) || (op !== '==' && op !== '!=')) return null
    return values.includes(seen) === (op === '==')
  }
  const bits = bitsOf(right, names)
  if (bits === null) return null
  if (op === '==') return seen === bits
  if (op === '!=') return seen !== bits
  if (op === 'in') return (seen & bits) !== 0
  return op === '!' ? (seen & bits) === 0 : null
}

function bitsOf(value: unknown, names: ReadonlyMap<string, number>): number | null {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < 2 ** 32) return value
  if (typeof value === 'string') return names.get(value) ?? null
  const parts = Array.isArray(value) ? value : property(value, '|')
  if (!Array.isArray(parts)) return null
  let bits = 0
  for (const part of parts) {
    const one = bitsOf(part, names)
    if (one === null) return null
    bits |= one
  }
  return bits >>> 0
}

/** `held` are the names that are true of the packet, of a field whose other names are false. */
function compareNames(held: readonly string[], op: unknown, right: unknown): boolean | null {
  const asked = listOf(property(right, 'set') ?? right)
  if (asked.length === 0 || !asked.every((each) => typeof each === 'string')) return null
  const isAny = asked.some((each) => typeof each === 'string' && held.includes(each))
  if (op === 'in' || (op === '==' && (asked.length === 1 || property(right, 'set') !== undefined))) return isAny
  return op === '!' || (op === '!=' && asked.length === 1) ? !isAny : null
}

/** Nobody has answered a first packet, and nothing has confirmed it. Source NAT is not decided before routing. */
function compareStatus({ isTranslated }: Traveller, op: unknown, right: unknown): boolean | null {
  const asked = listOf(property(right, 'set') ?? right)
  if (!asked.every((each) => each === 'dnat' || each === 'seen-reply' || each === 'assured')) return null
  const held = isTranslated ? ['dnat'] : []
  return op === '==' ? null : compareNames(held, op, right)
}

/** Of an address other than the gateway's own it is not known whether it is unicast. */
function compareLocal(traveller: Traveller, op: unknown, right: unknown): boolean | null {
  const { isToGateway } = traveller
  if (mayStay(traveller)) return null
  const asked = listOf(property(right, 'set') ?? right)
  if ((op !== '==' && op !== '!=') || !asked.every((each) => typeof each === 'string')) return null
  if (isToGateway) return asked.includes('local') === (op === '==')
  return asked.length === 1 && asked[0] === 'local' ? op === '!=' : null
}
