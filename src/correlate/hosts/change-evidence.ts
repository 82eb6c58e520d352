/**
 * Audit events that show somebody changing WireGuard or the firewall: programs run to change, not to look (`wg show` is what
 * every collector runs), files written under /etc/wireguard, and the kernel's own NETFILTER_CFG. Generic netlink itself is not
 * audited (formats.md 4.4), so a change by another program stays unseen.
 */
import type { AuditFacts } from '../../sources/auditd/facts.ts'
import type { AuditEvent } from '../../sources/auditd/record.ts'
import { type Micros, SECOND } from '../../time.ts'
import { absolutePath, baseDirectory } from './audit-paths.ts'

export type ChangeTarget = 'wireguard' | 'nftables' | ''

/** What the event is evidence of; '' for none. */
export function changeOf(facts: AuditFacts): ChangeTarget {
  if (facts.netfilter !== null) return 'nftables'
  if (facts.isSuccess !== true) return ''
  if (EXECS.has(facts.syscallName)) return changeOfCommand(facts.args)
  if (!isWritten(facts)) return ''
  const base = baseDirectory(facts)
  return facts.paths.some(({ name }) => isConfiguration(absolutePath(name, base))) ? 'wireguard' : ''
}

function isConfiguration(path: string): boolean {
  return path === DIRECTORY || path.startsWith(`${DIRECTORY}/`)
}

/** Where wg-quick(8) keeps its files. */
const DIRECTORY = '/etc/wireguard'

/** Whether the event runs a program that can change peers at this moment, and not only files for later. */
export function isLiveChange(facts: AuditFacts): boolean {
  return facts.isSuccess === true && EXECS.has(facts.syscallName) && changeOfCommand(facts.args) === 'wireguard'
}

/** A program that changes peers is done within this after its start. */
const CHANGE_MAX: Micros = SECOND

/** When a program that changes peers did so; null where the event shows none. */
export function liveChange(
  { at, placeAt }: AuditEvent,
  facts: AuditFacts,
): { readonly from: Micros; readonly to: Micros } | null {
  return facts.netfilter === null && isLiveChange(facts) ? { from: at, to: placeAt + CHANGE_MAX } : null
}

const EXECS: ReadonlySet<string> = new Set(['execve', 'execveat'])
/** wg(8), wg-quick(8): the subcommands that change something. */
const WG_CHANGES: ReadonlySet<string> = new Set(['set', 'setconf', 'addconf', 'syncconf'])
const WG_QUICK_CHANGES: ReadonlySet<string> = new Set(['up', 'down', 'save'])
/** nft(8): commands that only show, and options that only check. */
const NFT_READS: ReadonlySet<string> = new Set(['list', 'describe', 'monitor', '-c', '--check', '-v', '-h', '--help'])
/** iptables(8): what only lists. */
const IPTABLES_READS = /^(-[A-Za-z]*[LS]|--list|--list-rules|-V|--version|-h|--help|-C|--check)$/
const IPTABLES = /^ip6?tables(-legacy|-nft)?(-restore)?$/

function changeOfCommand(args: readonly string[]): ChangeTarget {
  // A script's own name stands behind its interpreter's: `/bin/bash /usr/bin/wg-quick up wg0`.
  const isScript = args[1] !== undefined && baseOf(args[1]) === 'wg-quick'
  const [program = '', ...rest] = isScript ? args.slice(1) : args
  const name = baseOf(program)
  if (name === 'wg') return WG_CHANGES.has(rest[0] ?? '') ? 'wireguard' : ''
  if (name === 'wg-quick') return WG_QUICK_CHANGES.has(rest[0] ?? '') ? 'wireguard' : ''
  if (name === 'nft') return rest.length > 0 && !rest.some((word) => NFT_READS.has(word)) ? 'nftables' : ''
  if (IPTABLES.test(name)) return rest.some((word) => IPTABLES_READS.test(word)) ? '' : 'nftables'
  return ''
}

const WRITES: ReadonlySet<string> = new Set([
  'rename',
  'renameat',
  'renameat2',
  'unlink',
  'unlinkat',
  'truncate',
  'link',
  'linkat',
  'symlink',
  'symlinkat',
  'creat',
  'chmod',
  'fchmodat',
  'chown',
  'lchown',
  'fchownat',
])
/** O_WRONLY, O_RDWR, O_CREAT, O_TRUNC (asm-generic/fcntl.h; the same on x86 and arm64). */
const WRITE_FLAGS = 0o1 | 0o2 | 0o100 | 0o1000

function isWritten({ syscallName, a1, a2, paths }: AuditFacts): boolean {
  if (WRITES.has(syscallName)) return true
  if (syscallName === 'open') return (Number.parseInt(a1, 16) & WRITE_FLAGS) !== 0
  if (syscallName === 'openat') return (Number.parseInt(a2, 16) & WRITE_FLAGS) !== 0
  // openat2 takes its flags from memory: what it created or deleted shows in the items.
  return paths.some(({ nametype }) => nametype === 'CREATE' || nametype === 'DELETE')
}

function baseOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}
