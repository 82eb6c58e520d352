/** Posture findings as documents. */
import { describe, expect, test } from 'vitest'
import { flatten } from '../../src/event.ts'
import { POSTURE_CHECKS } from '../../src/posture/checks.ts'
import { createPostureFindings } from '../../src/posture/finding-events.ts'
import { createPostureView } from '../../src/posture/posture-view.ts'
import { runChecks } from '../../src/posture/run-checks.ts'
import { expectLegal } from '../event-rules.ts'
import { AT, gateway, INVENTORY, IVY, madeInventory, row, rows, snapshot } from './made-gateway.ts'

const wireguard = snapshot([row(IVY, ['10.8.0.2/32', '10.9.0.0/24']), ...rows().slice(1)])
const checks = POSTURE_CHECKS.filter(({ id }) => id === 'prefix-undocumented')

function events(text: string) {
  const outcomes = runChecks(createPostureView([gateway({ wireguard })], madeInventory(text)), null, checks)
  return outcomes.flatMap(createPostureFindings())
}

describe('documents', () => {
  test('one a finding, with what it is about', () => {
    const [event, ...more] = events(INVENTORY)
    expect(more).toEqual([])
    if (event === undefined) throw new Error('no event')
    expectLegal(event)
    expect(flatten(event)).toMatchObject({
      '@timestamp': AT,
      'event.kind': 'alert',
      'event.action': 'prefix-undocumented',
      'event.severity': 2,
      'host.name': 'gw1',
      'observer.name': 'gw1',
      'rule.id': 'prefix-undocumented',
      'related.hosts': ['gw1', 'ThinkPad'],
      'related.ip': ['203.0.113.9', '10.8.0.2'],
      'related.user': ['Ivy Example', 'ivy@example.com'],
      'wireguard.finding.origin': 'posture',
      'wireguard.finding.subject': `gw1 wg0 ${IVY} 10.9.0.0/24`,
      'wireguard.finding.summary': '"ivy" runs with 10.9.0.0/24, which is not documented for it.',
      'wireguard.finding.facts': [
        `wg show: wg0 peer ${IVY}, allowed ips 10.8.0.2/32, 10.9.0.0/24, latest handshake 2026-11-22T14:59:00Z`,
      ],
      'wireguard.finding.mend': [
        `wg set wg0 peer ${IVY} allowed-ips 10.8.0.2/32`,
        '# and change [Peer] at line 3 of wg0.conf, or it returns with a restart',
        '# or in the inventory: allowed_ips: [10.9.0.0/24]',
      ],
      'wireguard.peer.owner.email': 'ivy@example.com',
    })
  })

  test('the same finding has the same id', () => {
    const ids = [events(INVENTORY), events(INVENTORY)].map(([event]) => event?.own['event.id'])
    expect(ids[0]).toBe(ids[1])
  })

  test('an accepted one says by whom, and wakes nobody', () => {
    const line = '  - { check: prefix-undocumented, peer: ivy, reason: trial, approved_by: carol@example.com }'
    const [event] = events(`${INVENTORY}exceptions:\n${line}\n`)
    if (event === undefined) throw new Error('no event')
    expect(flatten(event)).toMatchObject({
      'event.severity': 1,
      'wireguard.finding.exception': 'trial',
      'wireguard.finding.approved_by': 'carol@example.com',
    })
  })
})
