/** A kernel to go back to when the newest one does not start, or starts without WireGuard. */
import { factOf, isKnown } from '../sources/hostfacts/facts.ts'
import type { PostureCheck } from './check.ts'
import { isDebianLike, NO_FACTS, notKnown, notOnDisk, runningRelease } from './host-facts.ts'

export const kernelRollback: PostureCheck = {
  id: 'kernel-rollback',
  title: 'No previous kernel to go back to',
  description:
    'Only one bootable kernel is installed. When an update of it does not start, or starts without WireGuard, there is no other one to choose at boot, and the gateway stays away.',
  severity: 1,
  attack: [],
  origin: 'posture',
  area: 'Kernel',
  knownGaps: ['Whether the boot loader offers the other kernel is not looked at.'],
  look: (machine) => {
    const { facts } = machine
    if (facts === null) return [NO_FACTS]
    const installed = factOf(facts.kernels?.installed)
    if (!isKnown(installed)) return [notKnown('Which kernels are installed is', installed)]
    const bootable = installed
      .filter(({ hasImage, hasModules }) => hasImage && hasModules)
      .map(({ release }) => release)
    const release = runningRelease(machine)
    if (release === null) return [notKnown('The running kernel is', facts.kernel.release)]
    // systemd hides the folder of all modules from services (ProtectKernelModules=).
    if (installed.some(({ hasImage }) => hasImage) && !installed.some(({ hasModules }) => hasModules))
      return [
        {
          kind: 'not-checked',
          reason: 'The modules of the installed kernels may not be seen by whoever gathered the facts.',
        },
      ]
    if (!bootable.includes(release)) return [notOnDisk(release)]
    const others = bootable.filter((each) => each !== release)
    if (others.length > 0)
      return [{ kind: 'passed', text: `Besides ${release} there is a kernel to go back to: ${others.join(', ')}.` }]
    return [
      {
        kind: 'finding',
        subject: 'kernel',
        text: `${release} is the only kernel that is installed with its modules: there is none to go back to.`,
        evidence: [`bootable: ${bootable.join(', ')}`],
        mend: isDebianLike(facts)
          ? ["apt list 'linux-image-*'   # and install the one before", '# keep it: apt-mark manual PACKAGE']
          : [
              'dnf list --showduplicates kernel-core   # and install the one before',
              '# installonly_limit in /etc/dnf/dnf.conf: 2 or more',
            ],
        about: {},
        exception: null,
      },
    ]
  },
}
