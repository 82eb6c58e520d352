/** A newer kernel lies on the disk than the one that runs, or packages ask for a reboot. */
import { factOf, isKnown } from '../sources/hostfacts/facts.ts'
import type { PostureCheck, PostureResult } from './check.ts'
import { NO_FACTS, notKnown, notOnDisk, runningRelease } from './host-facts.ts'
import { compareReleases, flavourOf } from './kernel-release.ts'

export const kernelReboot: PostureCheck = {
  id: 'kernel-reboot',
  title: 'Kernel that is installed and not running',
  description:
    'A newer kernel is installed than the one that runs: the mended faults are still open until the machine is rebooted.',
  severity: 2,
  attack: [],
  origin: 'posture',
  area: 'Kernel',
  knownGaps: [
    'Releases are ordered by their numbers; a kernel of another flavour or built by hand is not compared.',
    'In a container the kernel is that of the machine around it, and is not checked.',
  ],
  look: (machine) => {
    const { facts } = machine
    if (facts === null) return [NO_FACTS]
    const release = runningRelease(machine)
    if (release === null) return [notKnown('The running kernel is', facts.kernel.release)]
    const installed = factOf(facts.kernels?.installed)
    const asked = factOf(facts.kernels?.rebootFor)
    const results: PostureResult[] = isKnown(asked) && asked.length > 0 ? [rebootAsked(asked)] : []
    if (!isKnown(installed)) return [...results, notKnown('Which kernels are installed is', installed)]
    const own = installed.find((each) => each.release === release)
    if (own === undefined) return [...results, notOnDisk(release)]
    const newer = installed
      .filter(({ hasImage }) => hasImage)
      .map((each) => each.release)
      .filter((each) => flavourOf(each) === flavourOf(release) && compareReleases(each, release) > 0)
      .sort(compareReleases)
    const newest = newer.at(-1)
    if (newest === undefined)
      return [...results, { kind: 'passed', text: `The newest installed kernel runs: ${release}.` }]
    const pending: PostureResult = {
      kind: 'finding',
      subject: 'kernel',
      text: `Kernel ${newest} is installed, and ${release} still runs.`,
      evidence: [`running: ${release}`, `installed: ${newer.join(', ')}`],
      mend: ['# choose a time at which the tunnels may be down for some minutes', 'systemctl reboot'],
      about: {},
      exception: null,
    }
    return [pending, ...results]
  },
}

function rebootAsked(packages: readonly string[]): PostureResult {
  const names = packages.filter((name) => name !== '')
  return {
    kind: 'finding',
    subject: 'packages',
    severity: 1,
    text: `A reboot is asked for${names.length === 0 ? '' : ` by ${names.length === 1 ? 'a package' : `${names.length} packages`}`} (/run/reboot-required).`,
    evidence: names.slice(0, 20),
    mend: ['systemctl reboot'],
    about: {},
    exception: null,
  }
}
