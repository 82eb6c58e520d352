/** Other names and numbers for the same capture: interfaces, hosts, networks, dates. The truth changes with them. */
import { isInjected } from './audit.ts'
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
  for (const [pattern, by] of NETWORKS_V4) replaceEverywhere(one, pattern, by)
  replaceEverywhere(one, 'fdd8:6ff3:8717:0000:', '2001:0db8:0007:a000:')
  replaceEverywhere(one, /\bfdd8:6ff3:8717::/g, '2001:db8:7:a000::')
  replaceEverywhere(one, /\bfda2:2122:ebb2::/g, '2001:db8:51::')
  replaceEverywhere(one, 'fda2:2122:ebb2:0000:', '2001:0db8:0051:0000:')
  // The kernel's own memory, in hex.
  edit(one, /\/audit\.log/, (text) =>
    text
      .replace(/ saddr=0200([0-9A-F]{4})([0-9A-F]{8})/g, (_, port: string, address: string) => {
        const bytes = Buffer.from(address, 'hex').join('.')
        return ` saddr=0200${port}${renumbered(bytes)}`
      })
      .replace(/( saddr=0A00[0-9A-F]{12})FDD86FF387170000/g, '$120010DB80007A000')
      .replace(/( saddr=0A00[0-9A-F]{12})FDA22122EBB20000/g, '$120010DB800510000'),
  )
}

/** Hex of a v4 address in the networks above. */
function renumbered(address: string): string {
  const moved = NETWORKS_V4.reduce((text, [pattern, by]) => text.replace(pattern, by), address)
  return Buffer.from(moved.split('.').map(Number)).toString('hex').toUpperCase()
}

const NETWORKS_V4: readonly (readonly [RegExp, string])[] = [
  [/\b10\.8\.0\.(?=\d)/g, '100.64.7.'],
  [/\b172\.30\.51\.(?=\d)/g, '192.0.2.'],
  [/\b172\.26\.52\.(?=\d)/g, '203.0.113.'],
  [/\b192\.168\.(52|24)\.(?=\d)/g, '10.255.$1.'],
  [/\b198\.51\.100\.(?=\d)/g, '172.16.9.'],
]

/**
 * Every date of the capture and its truth, by whole seconds; with `fromEpoch` only those from then on, as when somebody set the
 * clock of all machines. Uptimes stay: they count from boot.
 */
export function shiftTimes(one: CaptureCase, seconds: number, fromEpoch = 0): void {
  const moved = (ms: number) => (ms >= fromEpoch * 1000 ? ms + seconds * 1000 : ms)
  const shift = (text: string) =>
    text
      // An id or a counter may look like a time.
      .replace(/(?<![=\d.]|msg=audit\()\b1795\d{6}(?=[.\t,} \]])/g, (epoch) =>
        String(moved(Number(epoch) * 1000) / 1000),
      )
      .replace(/\b2026-11-22T\d\d:\d\d:\d\d/g, (stamp) => isoAt(moved(Date.parse(`${stamp}Z`))))
      .replace(/^Nov 22 \d\d:\d\d:\d\d/gm, (stamp) => traditionalAt(moved(Date.parse(`2026 ${stamp}Z`))))
  edit(one, /./, (text) => shiftRecords(shift(text), moved))
  one.truth = shift(one.truth)
  one.evidence = shift(one.evidence)
}

/** Heads of audit records; text in them that looks like one is somebody's word and stays. */
function shiftRecords(text: string, moved: (ms: number) => number): string {
  return text.replace(/^(type=\S+ msg=audit\()(\d+)(\..*)$/gm, (line, head: string, epoch: string, rest: string) =>
    isInjected(line) ? line : head + moved(Number(epoch) * 1000) / 1000 + rest,
  )
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
