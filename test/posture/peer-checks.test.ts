/** Peers by what they do and hold: too wide, one way, unused, without a reason. */
import { describe, expect, test } from 'vitest'
import type { MachineView } from '../../src/posture/check.ts'
import { noRequirement } from '../../src/posture/no-requirement.ts'
import { oneWayPeer } from '../../src/posture/one-way-peer.ts'
import { overbroad } from '../../src/posture/overbroad.ts'
import { stalePeer } from '../../src/posture/stale-peer.ts'
import { DAY, HOUR, MINUTE, SECOND } from '../../src/time.ts'
import {
  AT,
  changedInventory,
  course,
  ELM,
  INVENTORY,
  IVY,
  look,
  madeInventory,
  NEW,
  OAK,
  row,
  rows,
  snapshot,
  told,
} from './made-gateway.ts'

/** The first of the made peers in another shape. */
function ivy(allowedIps: readonly string[], change: Parameters<typeof row>[2] = {}): Partial<MachineView> {
  return { wireguard: snapshot([row(IVY, allowedIps, change), ...rows().slice(1)]) }
}

describe('overbroad', () => {
  test.each<[string, Partial<MachineView>, readonly string[]]>([
    ['every address', ivy(['0.0.0.0/0']), ['3 "ivy" holds 0.0.0.0/0: every IPv4 address that no other peer holds.']],
    ['every IPv6 address', ivy(['::/0']), ['3 "ivy" holds ::/0: every IPv6 address that no other peer holds.']],
    ['a network', ivy(['10.8.0.0/24']), ['2 "ivy" holds 10.8.0.0/24: a network, and it is documented as a device.']],
    [
      'a server',
      ivy(['10.8.0.2/32', '172.16.0.5/32']),
      ['3 "ivy" holds 172.16.0.5/32: addresses of "db1", which it is not documented to hold.'],
    ],
    [
      'servers',
      ivy(['172.16.0.0/16']),
      ['3 "ivy" holds 172.16.0.0/16: addresses of "books" and "db1", which it is not documented to hold.'],
    ],
    [
      'an unknown key with a large network',
      { wireguard: snapshot([row(NEW, ['11.0.0.0/8'])]) },
      ['2 Key NNNNNNNN… holds 11.0.0.0/8: wider than /16.'],
    ],
    [
      'a site with a large network nobody documented',
      { wireguard: snapshot([row(ELM, ['2001:db8::/32'])]) },
      ['2 "elm" holds 2001:db8::/32: wider than /48.'],
    ],
  ])('fires: %s', (_, change, expected) => {
    expect(told(overbroad, look(overbroad, change))).toEqual(expected)
  })

  test.each<[string, Partial<MachineView>]>([
    ['as documented', {}],
    ['an unknown key with one address', { wireguard: snapshot([row(NEW, ['10.8.0.9/32', 'fd08::9/128'])]) }],
    ['a site with another network', { wireguard: snapshot([row(ELM, ['192.168.0.0/16'])]) }],
    ['no addresses', ivy([])],
  ])('quiet: %s', (_, change) => {
    expect(told(overbroad, look(overbroad, change))).toEqual(['passed'])
  })

  test('a documented network is too wide for a device, and not for a site', () => {
    const device = changedInventory('[10.8.0.2/32]', '[10.8.0.0/28]')
    expect(told(overbroad, look(overbroad, ivy(['10.8.0.0/28']), device))).toEqual([
      '2 "ivy" holds 10.8.0.0/28: a network, and it is documented as a device.',
    ])
    const site = changedInventory('192.168.50.0/24]', '10.0.0.0/8]')
    const wireguard = snapshot([row(ELM, ['10.0.0.0/8'])])
    expect(told(overbroad, look(overbroad, { wireguard }, site))).toEqual(['passed'])
  })

  test('a site may hold the servers behind it where it is documented so, everything never', () => {
    const inventory = changedInventory('192.168.50.0/24]', '172.16.0.0/24, "::/0"]')
    const wireguard = snapshot([row(ELM, ['172.16.0.0/24', '::/0'])])
    const results = look(overbroad, { wireguard }, inventory)
    expect(told(overbroad, results)).toEqual(['3 "elm" holds ::/0: every IPv6 address that no other peer holds.'])
    // The documented list holds it: setting that would change nothing.
    expect(results[0]).toMatchObject({ mend: [expect.stringMatching(/^# give it only/)] })
  })

  test('without an inventory only what is wide for anybody', () => {
    const change = ivy(['10.8.0.0/24', '12.0.0.0/7'])
    expect(told(overbroad, look(overbroad, change, null))).toEqual([
      '2 Key IIIIIIII… holds 12.0.0.0/7: wider than /16.',
    ])
    expect(told(overbroad, look(overbroad, { wireguard: null }, null))).toEqual([expect.stringMatching(/^not checked/)])
  })

  test('the servers inside are evidence, the documented list is the mend', () => {
    const [result] = look(overbroad, ivy(['0.0.0.0/0']))
    expect(result).toMatchObject({
      evidence: [
        expect.stringContaining('0.0.0.0/0'),
        'inventory: books is 172.16.0.0/24',
        'inventory: db1 is 172.16.0.5/32',
      ],
      mend: [`wg set wg0 peer ${IVY} allowed-ips 10.8.0.2/32`],
      about: { 'wireguard.peer.prefix': '0.0.0.0/0' },
    })
  })

  test('a mapped prefix is IPv6 to WireGuard', () => {
    const change = ivy(['10.8.0.2/32', '::/1'])
    expect(told(overbroad, look(overbroad, change))).toEqual([
      '2 "ivy" holds ::/1: a network, and it is documented as a device.',
    ])
  })
})

describe('counters that grow without a session', () => {
  const growing = course(IVY, {
    lastHandshake: AT - 4 * MINUTE,
    receivedStale: 888,
    sentStale: 552,
    staleFrom: AT - 30 * SECOND,
    grewStaleFrom: AT - 25 * SECOND,
    grewStaleUntil: AT,
  })

  test('fires', () => {
    const results = look(oneWayPeer, { peers: [growing, course(OAK)] })
    expect(told(oneWayPeer, results)).toEqual([
      '2 "ivy" sent 888 B without a session: its newest handshake was 4 min old.',
    ])
    expect(results[0]).toMatchObject({
      subject: `wg0\0${IVY}`,
      evidence: [
        expect.stringMatching(/^wg show: wg0/),
        'received grew by 888 bytes, sent by 552, from 2026-11-22T14:59:35Z to 2026-11-22T15:00:00Z, 3.2 min and more after the last handshake',
      ],
    })
    const never = { ...growing, lastHandshake: null }
    expect(told(oneWayPeer, look(oneWayPeer, { peers: [never] }))).toEqual([
      '2 "ivy" sent 888 B without a session: it never had a handshake.',
    ])
  })

  test.each<[string, Partial<MachineView>]>([
    ['idle', { peers: [course(IVY, { lastHandshake: AT - DAY })] }],
    ['a peer that just came back', { peers: [{ ...growing, grewStaleFrom: AT - 5 * SECOND }] }],
    ['only sent to', { peers: [course(IVY, { sentStale: 10_000 })] }],
    ['a key that is gone', { peers: [{ ...growing, publicKey: NEW }, course(IVY)] }],
  ])('quiet: %s', (_, change) => {
    expect(told(oneWayPeer, look(oneWayPeer, change))).toEqual(['passed'])
  })

  test('a session that just ended is not judged yet', () => {
    const peers = [course(IVY, { staleFrom: AT - 5 * SECOND }), course(OAK, { staleFrom: AT - DAY })]
    expect(told(oneWayPeer, look(oneWayPeer, { peers }))).toEqual([
      'not checked: The session of "ivy" ended too short before the last poll to tell: that takes 15 s of polls.',
    ])
  })

  test('one look shows nothing of it', () => {
    const peers = [course(IVY, { firstAt: AT, lastAt: AT })]
    expect(told(oneWayPeer, look(oneWayPeer, { peers }))).toEqual([expect.stringMatching(/^not checked: What changes/)])
    expect(told(oneWayPeer, look(oneWayPeer, { wireguard: null }))).toEqual([expect.stringMatching(/^not checked: No/)])
  })
})

describe('keys that nobody uses', () => {
  const silent = (at: number) => ivy(['10.8.0.2/32'], { latestHandshakeAt: at })

  test('fires: no handshake for thirty days', () => {
    const results = look(stalePeer, { ...silent(AT - 31 * DAY), peers: [] })
    expect(told(stalePeer, results)).toEqual(['1 "ivy" had its last handshake 31 d ago, on 2026-10-22T15:00:00Z.'])
    expect(results[0]).toMatchObject({ mend: [`wg set wg0 peer ${IVY} remove`, expect.stringMatching(/^# and/)] })
  })

  test('weighs more after a quarter', () => {
    const results = look(stalePeer, { ...silent(AT - 91 * DAY), peers: [] })
    expect(told(stalePeer, results)).toEqual(['2 "ivy" had its last handshake 91 d ago, on 2026-08-23T15:00:00Z.'])
  })

  test('fires: none in the time that was looked at', () => {
    const peers = [course(IVY, { firstAt: AT - 40 * DAY, lastHandshake: null })]
    expect(told(stalePeer, look(stalePeer, { ...silent(0), peers }))).toEqual([
      '1 "ivy" had no handshake in the 40 d that were looked at.',
    ])
  })

  test.each<[string, Partial<MachineView>]>([
    ['used', {}],
    ['a handshake of last week', silent(AT - 7 * DAY)],
    ['a restart after a handshake', { ...silent(0), peers: [course(IVY, { lastHandshake: AT - 7 * DAY })] }],
  ])('quiet: %s', (_, change) => {
    expect(told(stalePeer, look(stalePeer, change))).toEqual(['passed'])
  })

  test('no handshake in a short time says nothing, and how short it was is said', () => {
    const peers = [course(IVY, { firstAt: AT - HOUR, lastHandshake: null })]
    expect(told(stalePeer, look(stalePeer, { ...silent(0), peers }))).toEqual([
      'not checked: No handshake of "ivy" in 60 min of polls: that says nothing before 30 d were recorded.',
    ])
    expect(told(stalePeer, look(stalePeer, { ...silent(0), peers: [] }))).toEqual([
      'not checked: No handshake of "ivy" in one look: that says nothing before 30 d were recorded.',
    ])
  })
})

describe('access without a requirement', () => {
  const without = changedInventory(', requirement: REQ-1', '')

  test('fires: a peer, an entry of its AllowedIPs', () => {
    expect(told(noRequirement, look(noRequirement, {}, without))).toEqual(['1 "ivy" has no requirement.'])
    const half = madeInventory(
      INVENTORY.replace('"fd08::3/128"], requirement: REQ-2', '{ prefix: "fd08::3/128", requirement: REQ-9 }]'),
    )
    const results = look(noRequirement, {}, half)
    expect(told(noRequirement, results)).toEqual(['1 "oak" holds 10.8.0.3/32 without a requirement.'])
    expect(results[0]).toMatchObject({
      mend: ['# in the inventory: allowed_ips: [{ prefix: "10.8.0.3/32", requirement: REQUIREMENT }]'],
    })
  })

  test('quiet: the peer has one, its entries have, it does not run', () => {
    expect(told(noRequirement, look(noRequirement))).toEqual(['passed'])
    const each = changedInventory('[10.8.0.2/32], requirement: REQ-1', '[{ prefix: 10.8.0.2/32, requirement: REQ-1 }]')
    expect(told(noRequirement, look(noRequirement, {}, each))).toEqual(['passed'])
    expect(told(noRequirement, look(noRequirement, { wireguard: snapshot(rows().slice(1)) }, without))).toEqual([
      'passed',
    ])
  })

  test('an inventory that knows no requirements is not held against its peers', () => {
    const none = madeInventory(INVENTORY.replace(/, requirement: REQ-\d/g, ''))
    expect(told(noRequirement, look(noRequirement, {}, none))).toEqual([
      expect.stringMatching(/^not checked: The inventory names no requirement/),
    ])
  })
})
