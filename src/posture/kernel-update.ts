/** A newer kernel than the installed one is in the package manager's local lists. */

import { factOf, isKnown } from '../sources/hostfacts/facts.ts'
import { DAY, type Micros, toIso } from '../time.ts'
import type { PostureCheck } from './check.ts'
import { NO_FACTS, notKnown, shellWord } from './host-facts.ts'
import { compareVersions } from './kernel-release.ts'

/** Age of lists that still say that there is nothing newer: archives of distributions publish fixes daily. */
export const LISTS_AGE_MAX: Micros = 7 * DAY

export const kernelUpdate: PostureCheck = {
  id: 'kernel-update',
  title: 'Kernel update that is not installed',
  description:
    'The local lists of the package manager have a newer kernel than the one installed. WireGuard, packet filter and audit are parts of the kernel: their mended faults are published.',
  severity: 2,
  attack: [],
  origin: 'posture',
  area: 'Kernel',
  knownGaps: [
    'Only packages of apt are looked at, and only the local lists: nothing is fetched.',
    'Lists keep the time at which the archive made them; where the machine does not note its own updates they look older than they are.',
    'Live patches do not show.',
  ],
  look: ({ facts, at }) => {
    if (facts === null) return [NO_FACTS]
    const known = factOf(facts.kernels?.packages)
    if (!isKnown(known)) return [notKnown('What kernels the package manager has is', known)]
    const { packages, listsAt } = known
    const age = listsAt === null ? 'there are no lists' : `lists of ${toIso(listsAt)}`
    const newer = packages.filter(
      // apt offers an older version where it is pinned to one.
      ({ installed, candidate }) => installed !== '' && candidate !== '' && compareVersions(candidate, installed) > 0,
    )
    if (newer.length > 0)
      return [
        {
          kind: 'finding',
          subject: 'kernel',
          text: `A newer kernel is available than the one installed: ${newer.map(({ name, candidate }) => `${name} ${candidate}`).join(', ')}.`,
          evidence: [
            ...newer.map(({ name, installed, candidate }) => `${name}: installed ${installed}, available ${candidate}`),
            age,
          ],
          mend: [
            'apt-get update',
            `apt-get install --only-upgrade ${newer.map(({ name }) => shellWord(name)).join(' ')}`,
            '# then reboot',
          ],
          about: {},
          exception: null,
        },
      ]
    if (packages.every(({ candidate }) => candidate === ''))
      return [{ kind: 'not-checked', reason: `No list has a kernel package that is installed (${age}).` }]
    if (listsAt === null || at - listsAt > LISTS_AGE_MAX)
      return [
        {
          kind: 'not-checked',
          reason: `The lists know no newer kernel, and they are old (${age}): \`apt-get update\` fetches new ones.`,
        },
      ]
    return [{ kind: 'passed', text: `No newer kernel in the package manager's lists (${age}).` }]
  },
}
