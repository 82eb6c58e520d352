/** Running against stored: what a restart brings back, takes away or changes. */
import { describe, expect, test } from 'vitest'
import type { MachineView, PostureCheck } from '../../src/posture/check.ts'
import { runningNotStored } from '../../src/posture/running-not-stored.ts'
import { storedNotRunning } from '../../src/posture/stored-not-running.ts'
import { storedNotUp } from '../../src/posture/stored-not-up.ts'
import { storedPrefixes } from '../../src/posture/stored-prefixes.ts'
import { parseConf } from '../../src/sources/wireguard/conf.ts'
import { changedInventory, conf, ELM, IVY, look, NEW, OAK, row, rows, snapshot, told } from './made-gateway.ts'

const CHECKS: readonly PostureCheck[] = [storedNotRunning, runningNotStored, storedPrefixes, storedNotUp]
const NEW_PEER = { publicKey: NEW, allowedIps: ['10.8.0.9/32'] }

const FIRES: readonly [string, PostureCheck, Partial<MachineView>, readonly string[]][] = [
  [
    'removed at run time only',
    storedNotRunning,
    { wireguard: snapshot(rows().slice(1)) },
    ['2 "ivy" does not run on wg0 and stands in wg0.conf: it is back after a restart.'],
  ],
  [
    'stored for nobody who is documented',
    storedNotRunning,
    { stored: conf([...rows(), NEW_PEER]) },
    [
      '3 Key NNNNNNNN… does not run on wg0 and stands in wg0.conf: it is back after a restart, though it is documented nowhere.',
    ],
  ],
  [
    'added at run time only',
    runningNotStored,
    { stored: conf(rows().slice(1)) },
    ['2 "ivy" runs on wg0 and does not stand in wg0.conf: it is gone after a restart.'],
  ],
  [
    'widened at run time only',
    storedPrefixes,
    { wireguard: snapshot([row(IVY, ['10.8.0.2/32', '10.9.0.0/16']), ...rows().slice(1)]) },
    ['2 "ivy": 10.9.0.0/16 runs and is not stored. A restart of wg0 changes it.'],
  ],
  [
    'wide in the file',
    storedPrefixes,
    { stored: conf([{ publicKey: IVY, allowedIps: ['0.0.0.0/0'] }, ...rows().slice(1)]) },
    ['3 "ivy": 10.8.0.2/32 runs and is not stored, 0.0.0.0/0 is stored and does not run. A restart of wg0 changes it.'],
  ],
  [
    'left over',
    storedNotUp,
    { stored: new Map([...conf(rows()), ['wg7', { file: 'wg7.conf', conf: parseConf('[Interface]') }]]) },
    ['1 wg7.conf is stored with 0 peers, and wg7 does not run.'],
  ],
]

test('a file with lines nobody can read is no proof that nobody comes back', () => {
  const parsed = parseConf('[Interface]\n[Pear]\nPublicKey = x\n')
  const stored = new Map([
    ['wg0', { file: 'wg0.conf', conf: { ...parsed, peers: conf(rows()).get('wg0')?.conf.peers ?? [] } }],
  ])
  expect(told(storedNotRunning, look(storedNotRunning, { stored }))).toEqual([
    expect.stringContaining('lines that wg would refuse'),
  ])
})

test('no command brings up what would take all traffic of the machine', () => {
  const all = parseConf(`[Interface]\n[Peer]\nPublicKey = ${NEW}\nAllowedIPs = 0.0.0.0/0\n`)
  const [found] = look(storedNotUp, { stored: new Map([...conf(rows()), ['wg7', { file: 'wg7.conf', conf: all }]]) })
  expect(found?.kind === 'finding' && found.mend.every((line) => line.startsWith('#'))).toBe(true)
})

describe('what runs against what is stored', () => {
  test.each(FIRES)('fires: %s', (_, check, change, expected) => {
    expect(told(check, look(check, change))).toEqual(expected)
  })

  test.each(CHECKS.map((check) => [check.id, check] as const))('quiet: %s', (_, check) => {
    expect(told(check, look(check))).toEqual(['passed'])
  })

  test('a revoked key that is still stored weighs more, and the reason is said', () => {
    const inventory = changedInventory(
      `keys: [{ public_key: "${IVY}" }]`,
      `keys: [{ public_key: "${IVY}", until: 2026-11-20 }]`,
    )
    const results = look(storedNotRunning, { wireguard: snapshot(rows().slice(1)) }, inventory)
    expect(told(storedNotRunning, results)).toEqual([
      '3 "ivy" does not run on wg0 and stands in wg0.conf: it is back after a restart, though its key ended on 2026-11-20 by the inventory.',
    ])
    expect(results[0]).toMatchObject({
      evidence: [`wg0.conf:3: peer ${IVY}, allowed ips 10.8.0.2/32`],
      mend: ['# take [Peer] at line 3 out of wg0.conf'],
    })
  })

  test('what should not run is not made to last', () => {
    const wireguard = snapshot([...rows(), row(NEW, ['10.8.0.9/32'])])
    const [unknown] = look(runningNotStored, { wireguard })
    expect(unknown).toMatchObject({
      mend: [`wg set wg0 peer ${NEW} remove`, '# do not store it: it is documented nowhere'],
    })
    const [known] = look(runningNotStored, { stored: conf(rows().slice(1)) })
    expect(known).toMatchObject({ mend: [expect.stringMatching(/^# add its/), 'wg-quick save wg0'] })
  })

  test('the name in the file stands in for the inventory', () => {
    const text = `[Interface]\n[Peer]\n# Name = birch\nPublicKey = ${NEW}\nAllowedIPs = 10.8.0.9/32`
    const stored = new Map([['wg0', { file: 'wg0.conf', conf: parseConf(text) }]])
    expect(told(storedNotRunning, look(storedNotRunning, { wireguard: snapshot([]), stored }, null))).toEqual([
      '2 "birch" does not run on wg0 and stands in wg0.conf: it is back after a restart.',
    ])
  })

  test.each(CHECKS.map((check) => [check.id, check] as const))('%s: what is not there does not pass', (_, check) => {
    expect(told(check, look(check, { stored: null }))).toEqual([
      expect.stringMatching(/^not checked: No stored configuration/),
    ])
    expect(told(check, look(check, { wireguard: null }))).toEqual([expect.stringMatching(/^not checked: No whole/)])
  })

  test.each([runningNotStored, storedPrefixes].map((check) => [check.id, check] as const))(
    '%s: a file with lines that wg would refuse is not known',
    (_, check) => {
      const text = `[Interface]\n[Peer]\nPublicKey = nonsense\nAllowedIPs = 10.8.0.2/32`
      const stored = new Map([['wg0', { file: 'wg0.conf', conf: parseConf(text) }]])
      expect(told(check, look(check, { stored }))).toEqual([expect.stringMatching(/^not checked: wg0.conf has lines/)])
    },
  )

  test.each([storedNotRunning, runningNotStored, storedPrefixes].map((check) => [check.id, check] as const))(
    '%s: an interface that another program keeps is not checked',
    (_, check) => {
      expect(told(check, look(check, { stored: new Map() }))).toEqual([
        expect.stringMatching(/^not checked: No stored configuration of wg0/),
      ])
    },
  )

  test('keys of one interface are not looked for in the file of another', () => {
    const stored = new Map([['wg1', { file: 'wg1.conf', conf: conf(rows()).get('wg0')?.conf ?? parseConf('') }]])
    expect(told(runningNotStored, look(runningNotStored, { stored }))).toEqual([
      expect.stringMatching(/^not checked: No stored configuration of wg0/),
    ])
  })

  test('the order of AllowedIPs and of peers says nothing', () => {
    const stored = conf([
      { publicKey: ELM, allowedIps: ['192.168.50.0/24', '10.8.0.4/32'] },
      { publicKey: OAK, allowedIps: ['fd08::3', '10.8.0.3'] },
      { publicKey: IVY, allowedIps: ['10.8.0.2'] },
    ])
    for (const check of CHECKS) expect(told(check, look(check, { stored }))).toEqual(['passed'])
  })
})
