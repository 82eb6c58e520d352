/** Order of outcomes, exceptions of the inventory, limits: with checks made up for it, and with all there are. */
import { describe, expect, test } from 'vitest'
import type { MachineView, PostureCheck, PostureResult } from '../../src/posture/check.ts'
import { POSTURE_AREAS } from '../../src/posture/check.ts'
import { POSTURE_CHECKS, POSTURE_KINDS } from '../../src/posture/checks.ts'
import { createPostureView, unknownMachine } from '../../src/posture/posture-view.ts'
import { FINDINGS_MAX, runChecks } from '../../src/posture/run-checks.ts'
import { storedNotRunning } from '../../src/posture/stored-not-running.ts'
import { parseConf } from '../../src/sources/wireguard/conf.ts'
import { AT, gateway, INVENTORY, IVY, madeInventory, NEW, row, rows, snapshot } from './made-gateway.ts'

const EXCEPTION = 'approved_by: carol@example.com'

function made(id: string, area: PostureCheck['area'], results: readonly PostureResult[]): PostureCheck {
  const kind = {
    id,
    area,
    title: id,
    description: '',
    severity: 2,
    attack: [],
    origin: 'posture',
    knownGaps: [],
  } as const
  return { ...kind, look: () => results }
}

function finding(severity: 1 | 2 | 3 | 4, subject: string, peer = ''): PostureResult {
  const about = peer === '' ? {} : { 'wireguard.peer.name': peer }
  return { kind: 'finding', subject, severity, text: subject, evidence: [], mend: [], about, exception: null }
}

/** Outcomes of gw1 as `check: result, …`. */
function run(checks: readonly PostureCheck[], exceptions = '', machines: readonly MachineView[] = [gateway()]) {
  const inventory = madeInventory(exceptions === '' ? INVENTORY : `${INVENTORY}exceptions:\n${exceptions}`)
  return runChecks(createPostureView(machines, inventory), null, checks).map(
    ({ host, check, results }) => `${host} ${check.id}: ${results.map(text).join(', ')}`,
  )
}

function text(result: PostureResult): string {
  if (result.kind !== 'finding') return result.kind
  const { exception, text: what } = result
  return exception === null ? what : `${what} (${exception.reason}, ${exception.approvedBy})`
}

describe('order', () => {
  test('by machine, area, then severity', () => {
    const checks = [
      made('a', 'Clock', [finding(4, 'x')]),
      made('b', 'Peers', [{ kind: 'passed', text: '' }]),
      made('c', 'Peers', [finding(1, 'low'), finding(3, 'high')]),
      made('d', 'Peers', []),
    ]
    const machines = [gateway({ host: 'gw2' }), gateway()]
    expect(run(checks, '', machines)).toEqual([
      'gw1 c: high, low',
      'gw1 b: passed',
      'gw1 a: x',
      'gw2 c: high, low',
      'gw2 b: passed',
      'gw2 a: x',
    ])
  })

  test('only the machines asked for are judged, the others are known', () => {
    const check = POSTURE_CHECKS.filter(({ id }) => id === 'key-not-running')
    const view = createPostureView([gateway({ wireguard: snapshot([]) }), gateway({ host: 'gw2' })], madeInventory())
    const [outcome, ...more] = runChecks(view, ['gw1'], check)
    expect(more).toEqual([])
    expect(outcome?.results[0]).toMatchObject({ text: expect.stringContaining('it runs on gw2 wg0') })
  })

  test('more findings than anybody reads are counted', () => {
    const many = Array.from({ length: FINDINGS_MAX + 7 }, (_, i) => finding(2, String(i)))
    const [outcome] = runChecks(createPostureView([gateway()], null), null, [made('a', 'Peers', many)])
    expect(outcome?.results).toHaveLength(FINDINGS_MAX + 1)
    expect(outcome?.results.at(-1)).toEqual({ kind: 'not-checked', reason: '7 more of them are not told one by one.' })
  })
})

describe('exceptions', () => {
  const check = made('a', 'Peers', [finding(3, 'one', 'ivy'), finding(2, 'two', 'oak'), finding(1, 'three')])
  const line = (parts: string) => `  - { ${parts}, reason: trial, ${EXCEPTION} }\n`

  test('one excuses the findings of its peer, which then come last', () => {
    expect(run([check], line('check: a, peer: ivy, until: 2027-01-01'))).toEqual([
      'gw1 a: two, three, one (trial, carol@example.com)',
      'gw1 exception-expired: passed',
    ])
    expect(run([check], line('check: b, peer: ivy'))[0]).toBe('gw1 a: one, two, three')
  })

  test('one that is over excuses nothing and is a finding', () => {
    expect(run([check], line('check: a, peer: ivy, until: 2026-11-01'))).toEqual([
      'gw1 a: one, two, three',
      'gw1 exception-expired: The exception from "a" for "ivy" expired on 2026-11-01: what it excused is still there.',
    ])
  })

  test('one that is over and was renewed is no finding', () => {
    const both = line('check: a, peer: ivy, until: 2026-11-01') + line('check: a, peer: ivy, until: 2027-01-01')
    expect(run([check], both)).toEqual([
      'gw1 a: two, three, one (trial, carol@example.com)',
      'gw1 exception-expired: passed',
    ])
  })

  test('one that excuses nothing is said', () => {
    const quiet = made('a', 'Peers', [{ kind: 'passed', text: '' }])
    expect(run([quiet], line('check: a, peer: ivy'))).toEqual([
      'gw1 a: passed',
      'gw1 exception-unused: The exception from "a" for "ivy", without an end, excuses nothing.',
      'gw1 exception-expired: passed',
    ])
    expect(run([quiet], line('check: a, peer: ivy, until: 2026-11-01'))[1]).toBe(
      'gw1 exception-expired: The exception from "a" for "ivy" expired on 2026-11-01: what it excused is not there any more.',
    )
  })

  test('nothing follows from a check that was not made, nor from one of another kind', () => {
    const blind = made('a', 'Peers', [{ kind: 'not-checked', reason: '' }])
    expect(run([blind], line('check: a, peer: ivy'))).toEqual(['gw1 a: not-checked', 'gw1 exception-expired: passed'])
    expect(run([check], line('check: port-scan, peer: ivy'))).toEqual([
      'gw1 a: one, two, three',
      'gw1 exception-expired: passed',
    ])
  })

  test('the difference kinds are check ids', () => {
    const wireguard = snapshot([row(IVY, ['10.8.0.2/32', '10.9.0.0/24']), ...rows().slice(1)])
    const checks = POSTURE_CHECKS.filter(({ id }) => id === 'prefix-undocumented' || id === 'overbroad')
    const found = run(checks, line('check: prefix-undocumented, peer: ivy') + line('check: overbroad, peer: ivy'), [
      gateway({ wireguard }),
    ])
    expect(found).toEqual([
      expect.stringMatching(/^gw1 prefix-undocumented: .* \(trial, carol@example.com\)$/),
      expect.stringMatching(/^gw1 overbroad: .* \(trial, carol@example.com\)$/),
      'gw1 exception-expired: passed',
    ])
  })
})

describe('all checks', () => {
  test('ids, titles and descriptions are there, each id once', () => {
    const ids = POSTURE_KINDS.map(({ id }) => id)
    expect(new Set(ids).size).toBe(ids.length)
    for (const { id, title, description, area } of POSTURE_KINDS) {
      expect(id).toMatch(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/)
      expect(title.length, id).toBeGreaterThan(8)
      expect(description.length, id).toBeGreaterThan(20)
      expect(POSTURE_AREAS, id).toContain(area)
    }
  })

  test('of a machine of which nothing is known nothing passes', () => {
    for (const inventory of [madeInventory(), null]) {
      const machine = unknownMachine('gw1', AT)
      for (const { check, results } of runChecks(createPostureView([machine], inventory))) {
        expect(
          results.filter(({ kind }) => kind === 'passed'),
          check.id,
        ).toEqual([])
      }
    }
  })

  test('hostile names stay plain text', () => {
    const hostile = '\u001b]0;x\u0007<b>,"=1+1'
    const conf = {
      ...parseConf(''),
      peers: [{ publicKey: NEW, allowedIps: [], hasPresharedKey: false, name: hostile, line: 3 }],
    }
    const stored = new Map([['wg0', { file: 'wg0.conf', conf }]])
    const [outcome] = runChecks(createPostureView([gateway({ stored })], null), null, [storedNotRunning])
    expect(outcome?.results[0]).toMatchObject({ text: expect.stringContaining(`"${hostile}"`) })
  })
})
