/** Feeds text to the packet log decoders of src and hands back what they emit, for the tests of this folder. */

import { createPacketLogDecoder, type PacketLogOptions } from '../../../src/sources/nftables/decoder.ts'
import type { PacketRecord } from '../../../src/sources/nftables/record.ts'
import type { Decoder, Remark } from '../../../src/sources/source.ts'
import { type Micros, toIso } from '../../../src/time.ts'

export type Emitted = PacketRecord | Remark
export type Run = { items: Emitted[]; decoder: Decoder; replayed: number }

export const REFERENCE: Micros = Date.UTC(2026, 10, 22, 12) * 1000
export const FILE = { name: 'kern.log', identity: 'abcdefghijklmn' }

export function feed(decoder: Decoder, lines: readonly string[]): void {
  let offset = 0
  for (const text of lines) {
    decoder.push({ text, offset, flaw: '' }, FILE)
    offset += text.length + 1
  }
  decoder.end()
}

export function decode(lines: readonly string[], options: Partial<PacketLogOptions> = {}): Run {
  const items: Emitted[] = []
  const decoder = createPacketLogDecoder({ zone: 'UTC', referenceAt: REFERENCE, prefixes: [], ...options }, (item) =>
    items.push(item),
  )
  feed(decoder, lines)
  return { items, decoder, replayed: decoder.replayed }
}

export function records(run: Run): PacketRecord[] {
  return run.items.filter((item) => item.kind === 'packet')
}

export function reasons(run: Run): string[] {
  return run.items.flatMap((item) => (item.kind === 'packet' ? [] : [`${item.kind} ${item.reason}`]))
}

/** One emitted item as a golden's line. */
export function told(item: Emitted): object {
  const base = { kind: item.kind, arrival: toIso(item.arrival) }
  if (item.kind === 'packet') {
    const { src, dst, protocol, sport, dport, prefix, isTruncated } = item.packet
    const packet = { prefix, in: item.packet.in, out: item.packet.out, src, dst, protocol, sport, dport, isTruncated }
    const { trust, resolution, ownIdentity } = item
    return { ...base, at: toIso(item.at), resolution, trust, ownIdentity, ...packet }
  }
  const text = item.text.slice(0, 120)
  return item.kind === 'notice'
    ? { ...base, what: item.what, reason: item.reason, lost: item.lost, text }
    : { ...base, reason: item.reason, text }
}

/** A line of a gateway with rsyslog's FileFormat; `seconds` and `uptime` count from the same instant unless told otherwise. */
export function isoLine(seconds: number, uptime: number | null, text: string, tag = 'kernel:'): string {
  const stamp = new Date((REFERENCE / 1_000_000 + seconds) * 1000).toISOString().replace('Z', '000+00:00')
  return `${stamp} gw1 ${tag} ${uptime === null ? '' : `[${uptime.toFixed(6).padStart(12)}] `}${text}`
}

/** The same with the traditional header. */
export function traditionalLine(seconds: number, uptime: number | null, text: string): string {
  const stamp = new Date((REFERENCE / 1_000_000 + Math.floor(seconds)) * 1000)
  const day = String(stamp.getUTCDate()).padStart(2)
  const month = stamp.toLocaleString('en-US', { month: 'short', timeZone: 'UTC' })
  const bracket = uptime === null ? '' : `[${uptime.toFixed(6).padStart(12)}] `
  return `${month} ${day} ${stamp.toISOString().slice(11, 19)} gw1 kernel: ${bracket}${text}`
}

/** A packet line's text, told apart by its source port. */
export function packetText(port: number): string {
  return `wg-allow IN=wg0 OUT=lan0 MAC= SRC=10.8.0.2 DST=10.20.0.10 LEN=60 TOS=0x00 PREC=0x00 TTL=63 ID=1 DF PROTO=TCP SPT=${port} DPT=5432 WINDOW=64860 RES=0x00 SYN URGP=0 `
}
