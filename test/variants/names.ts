/** Other names and numbers for the same capture: interfaces, hosts, networks, dates. The truth changes with them. */
import { type CaptureCase, edit, rename, replaceEverywhere } from './case.ts'

export function renameInterface(one: CaptureCase, name: string): void {
  replaceEverywhere(one, /\bwg0\b/g, name)
}

export function renameHosts(one: CaptureCase, names: ReadonlyMap<string, string>): void {
  for (const [from, to] of names) {
    replaceEverywhere(one, new RegExp(`\\b${from}\\b`, 'g'), to)
    rename(one, (path) => (path.startsWith(`${from}/`) ? `${to}${path.slice(from.length)}` : ''))
  }
}

/** Tunnel, LAN, site and IPv6 networks; the kernel writes IPv6 addresses in full, everything else short. */
export function renumber(one: CaptureCase): void {
  replaceEverywhere(one, /\b10\.8\.0\.(?=\d)/g, '100.64.7.')
  replaceEverywhere(one, /\b172\.30\.51\.(?=\d)/g, '192.0.2.')
  replaceEverywhere(one, /\b172\.26\.52\.(?=\d)/g, '203.0.113.')
  replaceEverywhere(one, /\b192\.168\.(52|24)\.(?=\d)/g, '10.255.$1.')
  replaceEverywhere(one, /\b198\.51\.100\.(?=\d)/g, '172.16.9.')
  replaceEverywhere(one, 'fdd8:6ff3:8717:0000:', '2001:0db8:0007:a000:')
  replaceEverywhere(one, /\bfdd8:6ff3:8717::/g, '2001:db8:7:a000::')
  replaceEverywhere(one, /\bfda2:2122:ebb2::/g, '2001:db8:51::')
  replaceEverywhere(one, 'fda2:2122:ebb2:0000:', '2001:0db8:0051:0000:')
}

/**
 * Every date of the capture and its truth, by whole seconds; with `fromEpoch` only those from then on, as when somebody set the
 * clock of all machines. Uptimes stay: they count from boot.
 */
export function shiftTimes(one: CaptureCase, seconds: number, fromEpoch = 0): void {
  const moved = (ms: number) => (ms >= fromEpoch * 1000 ? ms + seconds * 1000 : ms)
  const shift = (text: string) =>
    text
      // An id or a counter may look like a time.
      .replace(/(?<![=\d.])\b1795\d{6}(?=[.\t,} \]])/g, (epoch) => String(moved(Number(epoch) * 1000) / 1000))
      .replace(/\b2026-11-22T\d\d:\d\d:\d\d/g, (stamp) => isoAt(moved(Date.parse(`${stamp}Z`))))
      .replace(/^Nov 22 \d\d:\d\d:\d\d/gm, (stamp) => traditionalAt(moved(Date.parse(`2026 ${stamp}Z`))))
  edit(one, /./, shift)
  one.truth = shift(one.truth)
  one.evidence = shift(one.evidence)
}

export function isoAt(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19)
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** `Nov  2 15:09:26`, rsyslog's traditional stamp, of that wall clock. */
export function traditionalAt(ms: number): string {
  const date = new Date(ms)
  const day = String(date.getUTCDate()).padStart(2, ' ')
  return `${MONTHS[date.getUTCMonth()]} ${day} ${date.toISOString().slice(11, 19)}`
}
