/** Kernel: running, installed, available, WireGuard in it, something to go back to, and how soon updates run. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { kernelPatchWindow } from '../../src/posture/kernel-patch-window.ts'
import { kernelReboot } from '../../src/posture/kernel-reboot.ts'
import { compareReleases, flavourOf } from '../../src/posture/kernel-release.ts'
import { kernelRollback } from '../../src/posture/kernel-rollback.ts'
import { kernelUpdate, LISTS_AGE_MAX } from '../../src/posture/kernel-update.ts'
import { kernelWireguard } from '../../src/posture/kernel-wireguard.ts'
import type { InstalledKernel } from '../../src/sources/hostfacts/facts.ts'
import { DAY } from '../../src/time.ts'
import { AT, factsWith, GOOD_FACTS, gateway, kinds, told } from './made-host.ts'

const good = GOOD_FACTS.kernels
if (good === undefined) throw new Error('made facts have kernels')
const kernel = (release: string, changes: Partial<InstalledKernel> = {}): InstalledKernel => ({
  release,
  hasImage: true,
  hasModules: true,
  imageAt: AT - 50 * DAY,
  wireguard: 'available',
  ...changes,
})
const installed = (...list: InstalledKernel[]) =>
  gateway({ facts: factsWith({ kernels: { ...good, installed: list } }) })
const listed = (candidate: string, listsAt: number | null = AT - DAY) =>
  gateway({
    facts: factsWith({
      kernels: {
        ...good,
        packages: {
          manager: 'apt',
          packages: [{ name: 'linux-image-amd64', installed: '6.1.158-1', candidate }],
          listsAt,
        },
      },
    }),
  })
const NOW = '6.1.0-42-amd64'
const WINDOW = 'policy:\n  - kernel_patch_window: 30d'
const withoutFacts = gateway({ facts: null })

describe('kernel releases', () => {
  test('are ordered by their numbers', () => {
    const sorted = [
      '5.14.0-9.el9',
      '5.14.0-427.el9',
      '6.1.0-9-amd64',
      '6.1.0-42-amd64',
      '6.10.1',
      '6.18.0~rc1',
      '6.18.0',
    ]
    expect(sorted.toSorted(compareReleases)).toEqual(sorted)
    expect([...sorted].reverse().sort(compareReleases)).toEqual(sorted)
  })

  test('have an order: of two one is newer, or they are equal to it', () => {
    const release = fc.stringMatching(/^[0-9a-z.~+-]{0,12}$/)
    fc.assert(
      fc.property(release, release, (a, b) => Math.sign(compareReleases(a, b)) === -Math.sign(compareReleases(b, a))),
    )
    fc.assert(fc.property(release, (a) => compareReleases(a, a) === 0))
  })

  test('have flavours', () => {
    expect(
      ['6.1.0-42-cloud-amd64', '6.8.0-45-generic', '6.1.0-42-amd64', '5.14.0-427.el9.x86_64', '6.6.51+rpt-rpi-v8'].map(
        flavourOf,
      ),
    ).toEqual(['cloud-amd64', 'generic', 'amd64', '', 'rpi-v8'])
  })
})

describe('kernel-reboot', () => {
  test('fires for a newer installed kernel, and for packages that ask', () => {
    expect(told(kernelReboot, installed(kernel(NOW), kernel('6.1.0-43-amd64')))).toEqual([
      `Kernel 6.1.0-43-amd64 is installed, and ${NOW} still runs.`,
    ])
    const facts = factsWith({ kernels: { ...good, rebootFor: ['libc6', 'linux-base'] } })
    expect(kinds(kernelReboot, gateway({ facts }))).toEqual(['finding 1 packages', 'passed'])
  })

  test('is quiet for the newest one, another flavour, an image without its file, and is not fooled by 9 and 42', () => {
    expect(kinds(kernelReboot, gateway())).toEqual(['passed'])
    const others = [
      kernel('6.1.0-9-amd64'),
      kernel('6.1.0-99-cloud-amd64'),
      kernel('6.1.0-98-amd64', { hasImage: false }),
    ]
    expect(kinds(kernelReboot, installed(kernel(NOW), ...others))).toEqual(['passed'])
  })

  test('is not checked where the running kernel is not on the disk, or nothing is known', () => {
    expect(kinds(kernelReboot, installed())).toEqual(['not-checked'])
    expect(kinds(kernelReboot, withoutFacts)).toEqual(['not-checked'])
    const { kernels: _, ...older } = GOOD_FACTS
    expect(kinds(kernelReboot, gateway({ facts: older }))).toEqual(['not-checked'])
  })
})

describe('kernel-update', () => {
  test('fires for a newer one in the lists, however old these are', () => {
    expect(kinds(kernelUpdate, listed('6.1.159-1'))).toEqual(['finding 2 kernel'])
    expect(kinds(kernelUpdate, listed('6.1.159-1', AT - 400 * DAY))).toEqual(['finding 2 kernel'])
  })

  test('passes by fresh lists only', () => {
    expect(kinds(kernelUpdate, listed('6.1.158-1'))).toEqual(['passed'])
    expect(told(kernelUpdate, listed('6.1.158-1'))[0]).toContain('2026-11-21')
    expect(kinds(kernelUpdate, listed('6.1.158-1', AT - LISTS_AGE_MAX - 1))).toEqual(['not-checked'])
    expect(kinds(kernelUpdate, listed('6.1.158-1', null))).toEqual(['not-checked'])
    expect(kinds(kernelUpdate, listed(''))).toEqual(['not-checked'])
  })

  test('is not checked on machines of other package managers', () => {
    const facts = factsWith({ kernels: { ...good, packages: { problem: 'no packages of dpkg here' } } })
    expect(told(kernelUpdate, gateway({ facts }))[0]).toContain('no packages of dpkg here')
  })
})

describe('kernel-wireguard', () => {
  const modules = (wireguard: 'absent' | 'built-in' | 'available' | 'unknown') =>
    gateway({ facts: factsWith({ kernel: { ...GOOD_FACTS.kernel, modules: { wireguard } } }) })

  test('fires where it is absent, now or at the next boot', () => {
    expect(kinds(kernelWireguard, modules('absent'))).toEqual(['finding 2 running'])
    expect(kinds(kernelWireguard, installed(kernel(NOW), kernel('6.1.0-43-amd64', { wireguard: 'absent' })))).toEqual([
      'passed',
      'finding 3 next',
    ])
  })

  test('is quiet where it is built in or can be loaded, and claims nothing where nothing lists it', () => {
    expect(kinds(kernelWireguard, modules('built-in'))).toEqual(['passed'])
    expect(kinds(kernelWireguard, modules('available'))).toEqual(['passed'])
    expect(kinds(kernelWireguard, modules('unknown'))).toEqual(['not-checked'])
    expect(kinds(kernelWireguard, installed(kernel(NOW), kernel('6.1.0-43-amd64', { wireguard: 'unknown' })))).toEqual([
      'passed',
    ])
  })
})

describe('kernel-rollback', () => {
  test('fires for one kernel, is quiet for two', () => {
    expect(kinds(kernelRollback, installed(kernel(NOW)))).toEqual(['finding 1 kernel'])
    expect(kinds(kernelRollback, installed(kernel(NOW), kernel('6.1.0-41-amd64', { hasModules: false })))).toEqual([
      'finding 1 kernel',
    ])
    expect(kinds(kernelRollback, gateway())).toEqual(['passed'])
    expect(kinds(kernelRollback, installed())).toEqual(['not-checked'])
  })
})

describe('kernel-patch-window', () => {
  test('is not checked without a policy', () => {
    expect(kinds(kernelPatchWindow, gateway())).toEqual(['not-checked'])
    expect(kinds(kernelPatchWindow, gateway(), 'policy: []')).toEqual(['not-checked'])
  })

  test('fires for a kernel that has waited longer, from the time of its image', () => {
    const next = (age: number) => installed(kernel(NOW), kernel('6.1.0-43-amd64', { imageAt: AT - age }))
    expect(kinds(kernelPatchWindow, next(31 * DAY), WINDOW)).toEqual(['finding 2 waiting'])
    expect(told(kernelPatchWindow, next(31 * DAY), WINDOW)).toEqual([
      'Kernel 6.1.0-43-amd64 has waited 31 days to be booted; the policy gives it 30 days.',
    ])
    expect(kinds(kernelPatchWindow, next(30 * DAY), WINDOW)).toEqual(['passed'])
  })

  test('reads the record: late updates are told, the first kernel and a way back are none', () => {
    const list = [kernel('6.1.0-41-amd64', { imageAt: AT - 200 * DAY }), kernel(NOW, { imageAt: AT - 100 * DAY })]
    const seen = (release: string, since: number, until: number) => ({
      release,
      since: AT - since * DAY,
      until: AT - until * DAY,
    })
    const machine = (...kernels: ReturnType<typeof seen>[]) => ({ ...installed(...list), kernels })
    const late = machine(seen('6.1.0-41-amd64', 120, 60), seen(NOW, 60, 0))
    expect(told(kernelPatchWindow, late, WINDOW)).toEqual([
      `A kernel was booted later than the 30 days of the policy: ${NOW} after 40 days.`,
    ])
    const inTime = machine(seen('6.1.0-41-amd64', 120, 90), seen(NOW, 90, 0))
    expect(kinds(kernelPatchWindow, inTime, WINDOW)).toEqual(['passed'])
    const back = machine(seen(NOW, 90, 60), seen('6.1.0-41-amd64', 60, 30), seen(NOW, 30, 0))
    expect(kinds(kernelPatchWindow, back, WINDOW)).toEqual(['passed'])
  })

  test('is not checked where the running kernel has no image', () => {
    expect(kinds(kernelPatchWindow, installed(kernel('6.1.0-41-amd64')), WINDOW)).toEqual(['not-checked'])
  })
})

test('kernels whose modules may not be seen are not said to be from elsewhere', () => {
  const running = GOOD_FACTS.kernel.release
  const unseen = [kernel(typeof running === 'string' ? running : '', { hasModules: false })]
  const facts = factsWith({ kernels: { installed: unseen, packages: { problem: 'x' }, rebootFor: [] } })
  expect(told(kernelRollback, gateway({ facts }))).toEqual([
    'The modules of the installed kernels may not be seen by whoever gathered the facts.',
  ])
})
