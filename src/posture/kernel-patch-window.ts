/** How soon updated kernels run, against the time the policy gives them (inventory: policy, kernel_patch_window). */

import { factOf, type InstalledKernel, isKnown } from '../sources/hostfacts/facts.ts'
import { DAY, type Micros, toIso } from '../time.ts'
import type { KernelSighting, MachineView, PostureCheck, PostureResult } from './check.ts'
import { NO_FACTS, notKnown, notOnDisk, runningRelease } from './host-facts.ts'
import { compareReleases, flavourOf } from './kernel-release.ts'

/** Evidence lines of history. */
const HISTORY_MAX = 12

export const kernelPatchWindow: PostureCheck = {
  id: 'kernel-patch-window',
  title: 'Kernel update that was not booted in time',
  description:
    'The policy says how long a newer kernel may wait (kernel_patch_window). It counts from the time of its image file, which is when the package was built, to when it was first seen running.',
  severity: 2,
  attack: [],
  origin: 'posture',
  area: 'Kernel',
  knownGaps: [
    'An update that was never installed has no image file here: see kernel-update.',
    'An image that was copied by hand has the time of copying. Images that were removed meanwhile are not counted.',
    'A kernel that ran between two looks only, or before the first one, is not in the history.',
  ],
  look: (machine, view) => {
    const window = view.inventory?.kernelPatchWindow ?? null
    if (window === null)
      return [
        {
          kind: 'not-checked',
          reason: 'The inventory says no kernel_patch_window: policy: [{ kernel_patch_window: 30d }].',
        },
      ]
    if (machine.facts === null) return [NO_FACTS]
    const installed = factOf(machine.facts.kernels?.installed)
    if (!isKnown(installed)) return [notKnown('Which kernels are installed is', installed)]
    const release = runningRelease(machine)
    if (release === null) return [notKnown('The running kernel is', machine.facts.kernel.release)]
    return judge(machine, installed, release, window)
  },
}

function judge(
  machine: MachineView,
  installed: readonly InstalledKernel[],
  release: string,
  window: Micros,
): PostureResult[] {
  const { at, kernels } = machine
  const alike = installed.filter((each) => flavourOf(each.release) === flavourOf(release))
  const waiting = alike
    .filter((each) => compareReleases(each.release, release) > 0 && each.imageAt !== null)
    .map((each) => ({ release: each.release, since: each.imageAt ?? at }))
    .sort((a, b) => a.since - b.since)
  const [first] = waiting
  const history = historyLines(kernels, alike)
  const results: PostureResult[] = []
  if (first !== undefined && at - first.since > window)
    results.push({
      kind: 'finding',
      subject: 'waiting',
      text: `Kernel ${first.release} has waited ${days(at - first.since)} to be booted; the policy gives it ${days(window)}.`,
      evidence: [
        `running: ${release}`,
        ...waiting.map((each) => `${each.release}: image of ${toIso(each.since)}`),
        ...history.lines,
      ],
      mend: ['systemctl reboot'],
      about: {},
      exception: null,
    })
  const late = history.delays.filter((delay) => delay.took > window)
  if (late.length > 0)
    results.push({
      kind: 'finding',
      subject: 'history',
      severity: 1,
      text: `${late.length === 1 ? 'A kernel was' : `${late.length} kernels were`} booted later than the ${days(window)} of the policy: ${late.map((delay) => `${delay.release} after ${days(delay.took)}`).join(', ')}.`,
      evidence: history.lines,
      mend: ['# a fixed day for updates and reboots, and a second gateway to carry the tunnels meanwhile'],
      about: {},
      exception: null,
    })
  if (results.length > 0) return results
  if (!alike.some((each) => each.release === release)) return [notOnDisk(release)]
  const seen =
    kernels.length === 0
      ? ''
      : ` Recorded since ${toIso(kernels[0]?.since ?? at)}: ${kernels.length === 1 ? 'one kernel' : `${kernels.length} kernels`}.`
  return [{ kind: 'passed', text: `No installed kernel has waited longer than ${days(window)}.${seen}` }]
}

type Delay = { readonly release: string; readonly took: Micros }

/**
 * What was seen to begin: the first kernel of the record may have run before it, so it has no beginning. A boot back into an older
 * kernel is no update.
 */
function historyLines(kernels: readonly KernelSighting[], installed: readonly InstalledKernel[]) {
  const delays: Delay[] = []
  const lines: string[] = []
  for (const [i, { release, since, until }] of kernels.entries()) {
    const built = installed.find((each) => each.release === release)?.imageAt ?? null
    const before = kernels.slice(0, i)
    const isUpdate = i > 0 && before.every((each) => compareReleases(each.release, release) < 0)
    const took = built === null ? null : since - built
    if (isUpdate && took !== null && took >= 0) delays.push({ release, took })
    const image = built === null ? '' : `, image of ${toIso(built)}`
    lines.push(`${release}: seen running ${toIso(since)} to ${toIso(until)}${image}`)
  }
  return { delays, lines: lines.slice(-HISTORY_MAX) }
}

function days(duration: Micros): string {
  const count = Math.floor(duration / DAY)
  return count === 1 ? '1 day' : `${count} days`
}
