/**
 * Kernels on the disk, and what the package manager's local lists have in their place. Nothing is fetched.
 *
 *   /boot/vmlinuz-6.1.0-42-amd64, /lib/modules/6.1.0-42-amd64/
 *   /var/lib/dpkg/status:     Package: linux-image-amd64 … Status: install ok installed
 *   apt-cache policy NAME:    linux-image-amd64:
 *                               Installed: 6.1.158-1
 *                               Candidate: 6.1.159-1
 *
 * Lists of dnf are databases that only dnf reads, and dnf may fetch: they are not looked at. Authority: deb-control(5),
 * apt-cache(8); /run/reboot-required of update-notifier and unattended-upgrades.
 */
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import {
  type Fact,
  type InstalledKernel,
  isKnown,
  type KernelFacts,
  type KernelPackage,
  type KernelPackages,
  type ModuleState,
} from '../../sources/hostfacts/facts.ts'
import { type Micros, MS } from '../../time.ts'
import type { Clock } from '../clock.ts'
import { runCommand } from '../collectors/run-command.ts'
import { listsModule } from './kernel-facts.ts'
import { problemOf, readFact } from './read-fact.ts'

/** Kernels told of; a machine that never removes old ones has some dozens. */
const KERNELS_MAX = 100
const PACKAGES_MAX = 50
/** Names in one folder that are looked at. */
const NAMES_MAX = 10_000
const LIMITS = { timeoutMs: 10_000, bytesMax: 4 * 1024 * 1024 }
/** Packages that bring a kernel image. */
const IMAGE_PACKAGE = /^(?:linux-image|proxmox-kernel|pve-kernel|raspberrypi-kernel)[a-z0-9.+-]*$/
/** Lists and their signed tables of contents; apt gives them the time that the archive gave them. */
const LIST = /(?:_InRelease|_Release|_Packages(?:\.\w+)?)$/

/** apt-cache is asked once, within LIMITS. */
export async function kernelFacts(
  root: string,
  programs: Readonly<Record<string, string>>,
  clock: Clock,
): Promise<KernelFacts> {
  return {
    installed: installedKernels(root),
    packages: await kernelPackages(root, programs, clock),
    rebootFor: rebootFor(root),
  }
}

function installedKernels(root: string): Fact<InstalledKernel[]> {
  const boot = namesIn(join(root, 'boot'))
  const modules = namesIn(join(root, 'lib/modules'))
  if (!isKnown(boot) && !isKnown(modules)) return boot
  const images = (isKnown(boot) ? boot : []).flatMap((name) => /^vmlinu[xz]-(.+)$/.exec(name)?.[1] ?? [])
  const folders = isKnown(modules) ? modules : []
  // A rescue image is no kernel of its own (dracut: 0-rescue-<machine id>).
  const releases = [...new Set([...images, ...folders])].filter((name) => !name.startsWith('0-rescue')).sort()
  return releases.slice(-KERNELS_MAX).map((release) => {
    const imageAt = imageTime(root, release)
    return {
      release,
      hasImage: imageAt !== null,
      hasModules: folders.includes(release),
      imageAt,
      wireguard: wireguardOf(root, release),
    }
  })
}

function imageTime(root: string, release: string): Micros | null {
  for (const path of [`boot/vmlinuz-${release}`, `boot/vmlinux-${release}`, `lib/modules/${release}/vmlinuz`]) {
    const at = fileTime(join(root, path))
    if (at !== null) return at
  }
  return null
}

function wireguardOf(root: string, release: string): ModuleState {
  const list = (name: string) => readFact(join(root, 'lib/modules', release, name))
  const [builtIn, available] = [list('modules.builtin'), list('modules.dep')]
  if (isKnown(builtIn) && listsModule(builtIn, 'wireguard')) return 'built-in'
  if (!isKnown(builtIn) || !isKnown(available)) return 'unknown'
  return listsModule(available, 'wireguard') ? 'available' : 'absent'
}

async function kernelPackages(
  root: string,
  programs: Readonly<Record<string, string>>,
  clock: Clock,
): Promise<Fact<KernelPackages>> {
  const status = readFact(join(root, 'var/lib/dpkg/status'))
  if (!isKnown(status)) return { problem: 'no packages of dpkg here, and lists of other package managers are not read' }
  const names = imagePackages(status)
  if (names.length === 0) return { problem: 'no package with a kernel image is installed' }
  const program = programs['apt-cache'] ?? ''
  if (program === '') return { problem: 'apt-cache is not installed' }
  // A translated answer has other words; apt-cache needs no more than this of an environment.
  const environment = { LC_ALL: 'C', PATH: '/usr/sbin:/usr/bin:/sbin:/bin' }
  const { stdout, problem } = await runCommand([program, 'policy', ...names], LIMITS, clock, environment).done
  if (problem !== '') return { problem: `apt-cache: ${problem}` }
  return { manager: 'apt', packages: readPolicy(stdout.toString('latin1'), names), listsAt: listsTime(root) }
}

/** Of those that are installed, by name. */
function imagePackages(status: string): string[] {
  const names = status.split('\n\n').flatMap((stanza) => {
    const [, name = ''] = /^Package: (\S+)$/m.exec(stanza) ?? []
    return IMAGE_PACKAGE.test(name) && /^Status: \S+ ok installed$/m.test(stanza) ? [name] : []
  })
  return [...new Set(names)].sort().slice(0, PACKAGES_MAX)
}

function readPolicy(told: string, names: readonly string[]): KernelPackage[] {
  const found: KernelPackage[] = []
  let name = ''
  let installed = ''
  for (const line of told.split('\n')) {
    const [, title] = /^(\S+?)(?::[a-z0-9]+)?:$/.exec(line) ?? []
    if (title !== undefined) name = title
    const [, what, version = ''] = /^ {2}(Installed|Candidate): (\S{1,200})$/.exec(line) ?? []
    const value = version === '(none)' ? '' : version
    if (what === 'Installed') installed = value
    else if (what === 'Candidate' && names.includes(name)) found.push({ name, installed, candidate: value })
  }
  return found
}

/** When the lists were made, or last fetched with success where the machine notes that. */
function listsTime(root: string): Micros | null {
  const names = namesIn(join(root, 'var/lib/apt/lists'))
  const lists = (isKnown(names) ? names : []).filter((name) => LIST.test(name))
  if (lists.length === 0) return null
  const paths = [...lists.map((name) => `var/lib/apt/lists/${name}`), 'var/lib/apt/periodic/update-success-stamp']
  const times = paths.map((path) => fileTime(join(root, path))).filter((at) => at !== null)
  return times.length === 0 ? null : Math.max(...times)
}

function rebootFor(root: string): Fact<string[]> {
  const asked = fileTime(join(root, 'run/reboot-required'))
  if (asked === null) return []
  const packages = readFact(join(root, 'run/reboot-required.pkgs'))
  const names = isKnown(packages) ? packages.split('\n').map((name) => name.trim().slice(0, 200)) : []
  const listed = [...new Set(names.filter((name) => name !== ''))].sort().slice(0, PACKAGES_MAX)
  return listed.length === 0 ? [''] : listed
}

function fileTime(path: string): Micros | null {
  try {
    return Math.max(0, Math.trunc(statSync(path).mtimeMs)) * MS
  } catch {
    // Not there, or not for us: no time is known.
    return null
  }
}

function namesIn(path: string): Fact<string[]> {
  try {
    return readdirSync(path).slice(0, NAMES_MAX)
  } catch (error) {
    return { problem: problemOf(error) }
  }
}
