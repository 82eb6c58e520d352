/** WireGuard in the kernel that runs, and in the one that starts next. */
import { factOf, isKnown, type ModuleState } from '../sources/hostfacts/facts.ts'
import type { MachineView, PostureCheck, PostureResult } from './check.ts'
import { isDebianLike, NO_FACTS, notKnown, runningRelease, shellWord } from './host-facts.ts'
import { compareReleases, flavourOf } from './kernel-release.ts'
import { isGateway } from './posture-view.ts'

const WORDS: Readonly<Record<ModuleState, string>> = {
  loaded: 'is loaded as a module',
  'built-in': 'is built in',
  available: 'is there as a module and not loaded',
  absent: 'is not there',
  unknown: 'is not known',
}

export const kernelWireguard: PostureCheck = {
  id: 'kernel-wireguard',
  title: 'Kernel without WireGuard',
  description:
    'The kernel that runs, or the newest one installed, has no WireGuard: tunnels do not come up with it, or run as a program outside of the kernel.',
  severity: 2,
  attack: [],
  origin: 'posture',
  area: 'Kernel',
  knownGaps: [
    'A module that was built beside the kernel and is in none of its lists counts as not there until it is loaded.',
  ],
  look: (machine, view) => {
    if (!isGateway(machine, view)) return []
    const { facts } = machine
    if (facts === null) return [NO_FACTS]
    const { modules } = facts.kernel
    const release = runningRelease(machine) ?? 'that runs'
    const state = isKnown(modules) ? modules['wireguard'] : undefined
    if (state === undefined || state === 'unknown')
      return [
        isKnown(modules)
          ? {
              kind: 'not-checked',
              reason: `Whether the kernel ${release} has WireGuard is not known: it is not loaded, and the lists of its modules are not there.`,
            }
          : notKnown('The modules of the kernel are', modules),
      ]
    const next = nextKernel(machine)
    if (state === 'absent') return [absentNow(machine, release)]
    const text = `WireGuard ${WORDS[state]} in the running kernel ${release}.`
    return next === null ? [{ kind: 'passed', text }] : [{ kind: 'passed', text }, absentNext(next, facts)]
  },
}

/** A newer one of the same flavour that has no WireGuard. */
function nextKernel(machine: MachineView): string | null {
  const installed = factOf(machine.facts?.kernels?.installed)
  const release = runningRelease(machine)
  if (!isKnown(installed) || release === null) return null
  const newest = installed
    .filter((each) => each.hasImage && flavourOf(each.release) === flavourOf(release))
    .sort((a, b) => compareReleases(a.release, b.release))
    .at(-1)
  const isNewer = newest !== undefined && compareReleases(newest.release, release) > 0
  return isNewer && newest.wireguard === 'absent' ? newest.release : null
}

function absentNow({ facts, wireguard }: MachineView, release: string): PostureResult {
  const links = factOf(facts?.links)
  const isRunning = (wireguard?.interfaces.length ?? 0) > 0
  return {
    kind: 'finding',
    subject: 'running',
    text: isRunning
      ? `The kernel ${release} has no WireGuard, and interfaces run: a program outside of the kernel carries them.`
      : `The kernel ${release} has no WireGuard: no tunnel can come up.`,
    evidence: [
      `wireguard: neither loaded, nor built in, nor among the modules of ${release}`,
      ...(isKnown(links)
        ? links.filter(({ kind }) => kind === 'tun').map(({ name }) => `${name}: a link of /dev/net/tun`)
        : []),
    ],
    mend: ['# boot a kernel of the distribution: WireGuard is part of Linux since 5.6'],
    about: {},
    exception: null,
  }
}

function absentNext(release: string, facts: NonNullable<MachineView['facts']>): PostureResult {
  return {
    kind: 'finding',
    subject: 'next',
    severity: 3,
    text: `The kernel ${release}, which starts at the next boot, has no WireGuard.`,
    evidence: [`/lib/modules/${release}: wireguard is neither in modules.builtin nor in modules.dep`],
    mend: [
      isDebianLike(facts)
        ? `apt-get install --reinstall ${shellWord(`linux-image-${release}`)}`
        : `dnf reinstall ${shellWord(`kernel-modules-${release}`)}`,
      '# or keep the running kernel as the default of the boot loader',
    ],
    about: {},
    exception: null,
  }
}
