/**
 * The shape of host facts (design 8.1: hostfacts.snapshots): what a machine is like as far as it decides what can be recorded on
 * it, and how WireGuard is kept. One JSON object a dump:
 *
 *   {"version":1,"machine":{"system":"Debian GNU/Linux 12 (bookworm)",…},"kernel":{"release":"6.18.44",…},"sysctls":{…},…}
 *
 * What could not be read is said in its place: {"problem":"no such file"}. What is optional here came later: a dump without it is
 * an older one, and decoder.ts puts a problem in its place. There is no secret in it: of files that hold keys it has only what
 * sources/wireguard gives out.
 */
import type { Micros } from '../../time.ts'

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

/** A kernel that is on the disk. */
export type InstalledKernel = {
  /** `6.1.0-42-amd64`: names the image in /boot and the folder in /lib/modules. */
  readonly release: string
  /** An image that can be booted; without it only modules are left. */
  readonly hasImage: boolean
  readonly hasModules: boolean
  /** Time of the image file: packages keep the time it was built, a copy has the time of copying. Null without image. */
  readonly imageAt: Micros | null
  /** As the modules' own lists of this kernel say; never `loaded`. */
  readonly wireguard: ModuleState
}

/** A package of a kernel image, and what the package manager would install in its place. */
export type KernelPackage = {
  readonly name: string
  readonly installed: string
  /** '' = the local lists do not have it. */
  readonly candidate: string
}

export type KernelPackages = {
  readonly manager: 'apt'
  readonly packages: readonly KernelPackage[]
  /** When the newest of the local lists was made or fetched; null = there are none. */
  readonly listsAt: Micros | null
}

export type KernelFacts = {
  /** By release. */
  readonly installed: Fact<readonly InstalledKernel[]>
  readonly packages: Fact<KernelPackages>
  /** Packages that ask for a reboot (/run/reboot-required.pkgs); [''] = asked for without names, [] = not asked for. */
  readonly rebootFor: Fact<readonly string[]>
}

/** A network link. */
export type LinkFact = {
  readonly name: string
  readonly index: number
  /** DEVTYPE of the kernel (`wireguard`, `bridge`, `vlan`, …), else `tun` for /dev/net/tun, `loopback`, `ethernet`, `other`. */
  readonly kind: string
}

/** An AF_PACKET socket: whoever has it reads frames past firewall and tunnel. */
export type PacketSocket = {
  /** `raw` with link headers, `datagram` without. */
  readonly type: 'raw' | 'datagram' | 'other'
  /** Ethernet protocol in hex as the kernel prints it: `0003` is all, `0800` IPv4, `86dd` IPv6, `88cc` LLDP. */
  readonly protocol: string
  /** 0 = all links. */
  readonly linkIndex: number
  /** '' = all links, or a link that is gone. */
  readonly link: string
  readonly uid: number
  /** Name (comm) and pid of who has it; '' and 0 where that may not be seen. */
  readonly process: string
  readonly pid: number
}

/** A stored configuration, as sources/wireguard/conf.ts reads it: no key but public ones. */
export type StoredFact = {
  readonly file: string
  /** `wg0` of `wg0.conf`. */
  readonly interface: string
  /** That belongs to its private key; '' = it has none. */
  readonly publicKey: string
  readonly conf: {
    readonly listenPort: number
    readonly addresses: readonly string[]
    readonly hasPrivateKey: boolean
    readonly peers: readonly {
      readonly publicKey: string
      readonly allowedIps: readonly string[]
      readonly hasPresharedKey: boolean
      readonly name: string
      readonly line: number
    }[]
    readonly problems: readonly { readonly line: number; readonly message: string }[]
  }
}

/** Where a key lies; never the key. */
export type KeyTraceFact = {
  /** Absolute, of the machine. */
  readonly path: string
  /** Name inside the archive, '' outside of one. */
  readonly member: string
  readonly kind: 'private-key' | 'preshared-key'
  /** `setting` of a configuration, `dump` of wg, or a file with nothing but a `key`. */
  readonly form: 'setting' | 'dump' | 'key'
  /** Certain: the setting's name, or the public key that belongs to it, says so. Else it only looks like one. */
  readonly isCertain: boolean
  /** Of whom, where its public key is known on this machine: `wg0`, or `a peer of wg0`. '' = not known. */
  readonly holder: string
  readonly mode: string
  readonly uid: number
  readonly gid: number
  /** Names the file has (hard links); left out in older dumps. */
  readonly names?: number | undefined
  /** Who may read it beside owner and root, by its mode and those of all folders above. */
  readonly readers: 'nobody' | 'group' | 'everybody'
}

export type KeySearchFact = {
  readonly at: Micros
  /** What was searched. */
  readonly paths: readonly string[]
  readonly traces: readonly KeyTraceFact[]
  readonly filesRead: number
  /** What was not looked into, by reason: `permission denied`, `larger than 1 MiB`, `compressed with xz`, … */
  readonly leftOut: Readonly<Record<string, number>>
  /** Some of them, with the reason. */
  readonly leftOutPaths: readonly { readonly path: string; readonly reason: string }[]
  /** '' = to the end, else which limit ended it. */
  readonly endedBy: string
}

export type HostFacts = {
  readonly version: 1
  /** When it was gathered, where the dump says so itself (hostfacts.json); a dump in a journal has it in the line before. */
  readonly at?: Micros
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
  readonly kernels?: KernelFacts
  readonly links?: Fact<readonly LinkFact[]>
  readonly packetSockets?: Fact<readonly PacketSocket[]>
  /** /etc/wireguard/*.conf, by name. */
  readonly stored?: Fact<readonly StoredFact[]>
  /** The newest search: rarer than dumps. */
  readonly privateKeys?: Fact<KeySearchFact>
}

/** What is said where a dump does not have a fact at all. */
export const NOT_IN_DUMP = 'the host facts do not have it: they were gathered by an older version or by collect.sh'

/** The fact, also of an older dump. */
export function factOf<Value>(fact: Fact<Value> | undefined): Fact<Value> {
  return fact ?? { problem: NOT_IN_DUMP }
}

/** Whether a fact is known. */
export function isKnown<Value>(fact: Fact<Value>): fact is Value {
  return !(typeof fact === 'object' && fact !== null && 'problem' in fact)
}
