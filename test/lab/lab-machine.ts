/** What the lab needs of the machine: root, Debian's packages, a kernel that logs for every namespace. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { loadavg } from 'node:os'
import { type LabPlace, undoOfOthers } from './lab-place.ts'
import { attempt } from './run-program.ts'

/** What the machine does not give; said, and the lab ends with 3. */
export class NoLabError extends Error {}

const PROGRAMS: readonly (readonly [program: string, debianPackage: string])[] = [
  ['ip', 'iproute2'],
  ['wg', 'wireguard-tools'],
  ['nft', 'nftables'],
  ['conntrack', 'conntrack'],
  ['ping', 'iputils-ping'],
  ['sshd', 'openssh-server'],
  ['ssh', 'openssh-client'],
  ['auditd', 'auditd'],
]
const APT_PATIENCE_MS = 300_000
const LOG_ALL = '/proc/sys/net/netfilter/nf_log_all_netns'

/** Installs what is missing. Throws NoLabError where this machine cannot hold a lab. */
export function prepareMachine(say: (text: string) => void): void {
  if (process.getuid?.() !== 0)
    throw new NoLabError('it makes network namespaces and WireGuard interfaces: run it as root, sudo npm run test:lab')
  const missing = PROGRAMS.filter(([program]) => !isThere(program)).map(([, name]) => name)
  if (!hasKernelWireguard() && !isThere('wireguard-go')) missing.push('wireguard-go')
  if (missing.length === 0) return
  if (!isThere('apt-get'))
    throw new NoLabError(`missing: ${missing.join(', ')}, and there is no apt-get to install them`)
  say(`installing with apt-get: ${missing.join(' ')}`)
  // RUNLEVEL=1 keeps the packages from starting their daemons on this machine.
  const apt = (...words: string[]) =>
    attempt(['env', 'RUNLEVEL=1', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', ...words], '', APT_PATIENCE_MS)
  const install = () => apt('install', '-y', '--no-install-recommends', ...missing)
  if (install().status === 0) return
  apt('update')
  const { status, stderr } = install()
  if (status !== 0) throw new NoLabError(`apt-get could not install them: ${stderr.trim().slice(-500)}`)
}

/** Tried out, because a module may be built in or refused; the interface is gone with its namespace. */
export function hasKernelWireguard(): boolean {
  attempt(['modprobe', 'wireguard'])
  return attempt(['unshare', '-n', 'ip', 'link', 'add', 'wg0', 'type', 'wireguard']).status === 0
}

/** Packets of namespaces other than the first are logged only then. */
export function logAllNamespaces(place: LabPlace): void {
  // The switch comes with the module; making a log rule in a namespace of ours would load it too.
  attempt(['modprobe', 'nf_log_syslog'])
  if (!existsSync(LOG_ALL)) throw new NoLabError(`${LOG_ALL} is not there: this kernel logs no packets of namespaces`)
  const before = readFileSync(LOG_ALL, 'latin1').trim()
  // Another lab may have set it: who ends last takes it back.
  const text = before === '1' ? undoOfOthers(LOG_ALL) : before
  if (text !== '') place.undoLater({ path: LOG_ALL, text })
  if (before !== '1') writeFileSync(LOG_ALL, '1')
}

/** Processes that want to run, averaged over the last minute. */
export function loadNow(): number {
  return loadavg()[0] ?? 0
}

function isThere(program: string): boolean {
  return ['/usr/bin', '/usr/sbin', '/bin', '/sbin', '/usr/local/bin', '/usr/local/sbin'].some((folder) =>
    existsSync(`${folder}/${program}`),
  )
}
