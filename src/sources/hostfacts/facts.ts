/**
 * The shape of host facts (design 8.1: hostfacts.snapshots): what a machine is like as far as it decides what can be recorded on
 * it, and how WireGuard is kept. One JSON object a dump:
 *
 *   {"version":1,"machine":{"system":"Debian GNU/Linux 12 (bookworm)",…},"kernel":{"release":"6.18.44",…},"sysctls":{…},…}
 *
 * What could not be read is said in its place: {"problem":"no such file"}. Contents of configuration files and logs are never
 * read, so there is no secret in it.
 */

/** A fact, or why it is not known. */
export type Fact<Value> = Value | { readonly problem: string }

export type FileFact = {
  readonly path: string
  readonly kind: 'file' | 'directory' | 'link' | 'other'
  /** Permission bits as `chmod` takes them: `0600`. */
  readonly mode: string
  readonly uid: number
  readonly gid: number
  /** Bytes. */
  readonly size: number
}

/** `unknown`: not loaded, and the folder that would say whether it is compiled in or could be loaded is not there. */
export type ModuleState = 'loaded' | 'built-in' | 'available' | 'absent' | 'unknown'

export type UdpSocket = {
  /** Local address, canonical; `0.0.0.0` and `::` = all. */
  readonly address: string
  readonly port: number
}

export type ClockFacts = {
  /** Of /etc/localtime, `Europe/Berlin`; '' = not said. */
  readonly timezone: string
  /** systemd's view; null = not said. */
  readonly isNtpOn: boolean | null
  readonly isSynchronized: boolean | null
}

export type ChronyFacts = {
  /** What it follows, '' = nothing. */
  readonly reference: string
  readonly stratum: number
  /** Seconds that the system clock is away from it. */
  readonly offset: number
}

export type AuditFacts = {
  /** `auditctl -l`, one a line, at most RULES_MAX. */
  readonly rules: Fact<readonly string[]>
  /** `auditctl -s`: enabled, pid, backlog_limit, lost, … */
  readonly status: Fact<Readonly<Record<string, string>>>
}

export type HostFacts = {
  readonly version: 1
  readonly machine: {
    /** PRETTY_NAME of os-release. */
    readonly system: Fact<string>
    /** ID of os-release: `debian`, `rhel`, … */
    readonly distribution: Fact<string>
    readonly hostname: Fact<string>
  }
  readonly kernel: {
    readonly release: Fact<string>
    readonly version: Fact<string>
    readonly bootId: Fact<string>
    /** By module name, as modprobe spells it. */
    readonly modules: Fact<Readonly<Record<string, ModuleState>>>
  }
  /** By dotted name, as sysctl prints it. */
  readonly sysctls: Readonly<Record<string, Fact<string>>>
  /** Where each program is, '' = not found. */
  readonly programs: Readonly<Record<string, string>>
  /** /etc/wireguard and what is in it, and the logs that are read, in that order. */
  readonly files: readonly (FileFact | { readonly path: string; readonly problem: string })[]
  readonly audit: AuditFacts
  readonly clock: { readonly systemd: Fact<ClockFacts>; readonly chrony: Fact<ChronyFacts> }
  readonly udpSockets: Fact<readonly UdpSocket[]>
}

/** Whether a fact is known. */
export function isKnown<Value>(fact: Fact<Value>): fact is Value {
  return !(typeof fact === 'object' && fact !== null && 'problem' in fact)
}
