/**
 * Prints fields the way conntrack does, written from its grammar and not from our parser, so that printing and parsing a
 * generated row is a real test. Also the generator of such fields.
 */
import fc from 'fast-check'
import type { ConntrackFields } from '../../../src/sources/conntrack/fields.ts'
import type { Tuple } from '../../../src/sources/conntrack/record.ts'

const EVENTS = { list: '', new: '    [NEW] ', update: ' [UPDATE] ', destroy: '[DESTROY] ' }
const STATES = ['', 'NONE', 'SYN_SENT2', 'ESTABLISHED', 'SHUTDOWN_ACK_SENT', 'COOKIE_WAIT', 'IGNORE']

export function printRow(fields: ConntrackFields, isExtended: boolean): string {
  const parts: string[] = []
  if (isExtended) parts.push(fields.family === 6 ? 'ipv6     10' : 'ipv4     2')
  parts.push(`${fields.protocol === 6 ? 'tcp' : 'unknown'.padEnd(8)} ${fields.protocol}`)
  if (fields.timeout >= 0) parts.push(String(fields.timeout))
  if (fields.state !== '') parts.push(fields.state)
  parts.push(printTuple(fields.original, 'zone-orig'))
  if (fields.isUnreplied) parts.push('[UNREPLIED]')
  parts.push(printTuple(fields.reply, 'zone-reply'))
  if (fields.isAssured) parts.push('[ASSURED]')
  if (fields.isOffloaded) parts.push('[HW_OFFLOAD]')
  for (const [key, value] of [
    ['mark', fields.mark],
    ['secmark', fields.secmark],
    ['secctx', fields.secctx],
    ['zone', fields.zone],
    ['delta-time', fields.deltaSeconds < 0 ? '' : String(fields.deltaSeconds)],
  ]) {
    if (value !== '') parts.push(`${key}=${value}`)
  }
  if (fields.startLocal >= 0) parts.push(`[start=${ctime(fields.startLocal)}]`)
  if (fields.stopLocal >= 0) parts.push(`[stop=${ctime(fields.stopLocal)}]`)
  if (fields.helper !== '') parts.push(`helper=${fields.helper}`)
  if (fields.event === 'list') parts.push('use=1')
  if (fields.id !== '') parts.push(`id=${fields.id}`)
  if (fields.labels !== '') parts.push(`labels=${fields.labels}`)
  if (fields.userspacePortid !== '') parts.push(`[USERSPACE] portid=${fields.userspacePortid}`)
  if (fields.userspaceProgram !== '') parts.push(`progname=${fields.userspaceProgram}`)
  return printStamp(fields.stampAt) + EVENTS[fields.event] + parts.join(' ')
}

function printStamp(at: number): string {
  if (at < 0) return ''
  return `[${Math.floor(at / 1e6)}.${String(at % 1e6).padStart(6, '0')}]\t`
}

function printTuple(tuple: Tuple, zoneKey: string): string {
  const parts = [`src=${tuple.src} dst=${tuple.dst}`]
  if (tuple.sport >= 0) parts.push(`sport=${tuple.sport} dport=${tuple.dport}`)
  if (tuple.icmpType >= 0) parts.push(`type=${tuple.icmpType} code=${tuple.icmpCode} id=${tuple.icmpId}`)
  if (tuple.zone !== '') parts.push(`${zoneKey}=${tuple.zone}`)
  if (tuple.packets >= 0) parts.push(`packets=${tuple.packets} bytes=${tuple.bytes}`)
  return parts.join(' ')
}

/** `Sun Nov 22 10:46:47 2026`, from toUTCString's `Sun, 22 Nov 2026 10:46:47 GMT`. */
function ctime(local: number): string {
  const [weekday = '', day = '', month = '', year = '', time = ''] = new Date(local / 1000).toUTCString().split(/[ ,]+/)
  return `${weekday} ${month} ${String(Number(day)).padStart(2)} ${time} ${year}`
}

const optional = (from: fc.Arbitrary<string>) => fc.oneof(fc.constant(''), from)
const digits = optional(fc.nat(0xffff_ffff).map(String))
const counter = fc.maxSafeNat()
const local = fc.oneof(
  fc.constant(-1),
  fc.integer({ min: 0, max: 4e9 }).map((seconds) => seconds * 1e6),
)
const printable = fc.stringMatching(/^[!-~\xa1-\xff]([ -Z\\^-~]{0,20}[!-~])?$/)

function tupleOf(family: 4 | 6, layer4: 'ports' | 'icmp' | 'none', hasCounters: boolean, hasZone: boolean) {
  const byte = fc.nat(255)
  const v4 = fc.tuple(byte, byte, byte, byte).map((parts) => parts.join('.'))
  // Always a form that is canonical already: no group is zero, none is padded.
  const group = fc.integer({ min: 1, max: 0xffff }).map((value) => value.toString(16))
  const v6 = fc.array(group, { minLength: 8, maxLength: 8 }).map((parts) => parts.join(':'))
  const address = family === 4 ? v4 : v6
  const absent = fc.constant(-1)
  const port = layer4 === 'ports' ? fc.nat(0xffff) : absent
  return fc.record<Tuple>({
    src: address,
    dst: address,
    sport: port,
    dport: port,
    icmpType: layer4 === 'icmp' ? byte : absent,
    icmpCode: layer4 === 'icmp' ? byte : absent,
    icmpId: layer4 === 'icmp' ? fc.nat(0xffff) : absent,
    packets: hasCounters ? counter : absent,
    bytes: hasCounters ? counter : absent,
    zone: hasZone ? fc.nat(0xffff).map(String) : fc.constant(''),
  })
}

/** Any fields that a row can carry. */
export const anyFields: fc.Arbitrary<ConntrackFields> = fc
  .tuple(
    fc.constantFrom(4 as const, 6 as const),
    fc.constantFrom('ports' as const, 'icmp' as const, 'none' as const),
    fc.boolean(),
    fc.boolean(),
    fc.boolean(),
  )
  .chain(([family, layer4, hasCounters, hasZone, isUserspace]) =>
    fc.record<ConntrackFields>({
      event: fc.constantFrom('new', 'update', 'destroy', 'list'),
      family: fc.constant(family),
      protocol: fc.nat(255),
      timeout: fc.oneof(fc.constant(-1), fc.nat(0xffff_ffff)),
      state: fc.constantFrom(...STATES),
      original: tupleOf(family, layer4, hasCounters, hasZone),
      reply: tupleOf(family, layer4, hasCounters, hasZone),
      isUnreplied: fc.boolean(),
      isAssured: fc.boolean(),
      isOffloaded: fc.boolean(),
      mark: digits,
      secmark: digits,
      secctx: optional(fc.constant('system_u:object_r:t:s0-s0:c0.c1023')),
      zone: digits,
      id: digits,
      deltaSeconds: fc.oneof(fc.constant(-1), fc.nat(0xffff_ffff)),
      stampAt: fc.oneof(fc.constant(-1), fc.nat(4e15)),
      startLocal: local,
      stopLocal: local,
      helper: optional(fc.constantFrom('tftp', 'Q.931', 'ftp-2121')),
      labels: optional(printable),
      userspacePortid: isUserspace ? fc.nat(0xffff_ffff).map(String) : fc.constant(''),
      userspaceProgram: isUserspace ? optional(printable) : fc.constant(''),
    }),
  )
