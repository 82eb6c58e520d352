import { describe, expect, test } from 'vitest'
import { expectLegal } from '../event-rules.ts'
import { ANNA, BEN, documentsOf, dump, type Row, run, seconds, snapshots, story } from './peer-run.ts'

const anna: Row = { key: ANNA, ips: '10.9.0.2/32' }
const ben: Row = { key: BEN, ips: '10.9.0.3/32' }

function told(...dumps: string[]): string[] {
  return story(run(snapshots(...dumps)))
}

describe('changes between two polls', () => {
  test('the first poll of a run claims nothing about the time before it', () => {
    expect(told(dump(10, [anna, ben]), dump(20, [anna, ben]))).toEqual([])
    expect(told(dump(10, null), dump(20, null))).toEqual([])
  })

  test('a peer is added and removed with the poll that showed it, between that and the one before', () => {
    const events = run(snapshots(dump(10, [anna]), dump(20, [anna, ben]), dump(30, [anna, ben]), dump(40, [anna])))
    expect(story(events)).toEqual(['20 peer-added', '40 peer-removed'])
    const [added] = documentsOf(events, 'peer-added')
    expect(added).toMatchObject({
      'event.category': ['configuration', 'iam'],
      'event.type': ['creation'],
      'event.outcome': 'success',
      'host.name': 'gw1',
      'observer.name': 'gw1',
      'wireguard.interface.name': 'wg0',
      'wireguard.peer.public_key': BEN,
      'wireguard.peer.allowed_ips': ['10.9.0.3/32'],
    })
    expect([seconds(added?.['event.start']), seconds(added?.['event.end'])]).toEqual([10, 20])
    const [removed] = documentsOf(events, 'peer-removed')
    expect(removed).toMatchObject({ 'event.type': ['deletion'], 'wireguard.peer.public_key': BEN })
    expect([seconds(removed?.['event.start']), seconds(removed?.['event.end'])]).toEqual([30, 40])
  })

  test('AllowedIPs that move to another peer change both', () => {
    const both = '10.9.0.3/32,10.9.0.2/32'
    const events = run(
      snapshots(
        dump(10, [anna, ben]),
        dump(20, [
          { ...anna, ips: '(none)' },
          { ...ben, ips: both },
        ]),
      ),
    )
    expect(story(events)).toEqual(['20 allowed-ips-changed', '20 allowed-ips-changed'])
    expect(documentsOf(events, 'allowed-ips-changed')).toMatchObject([
      {
        'wireguard.peer.public_key': ANNA,
        'wireguard.change.before': ['10.9.0.2/32'],
        'wireguard.change.after': [],
        'event.type': ['change'],
      },
      {
        'wireguard.peer.public_key': BEN,
        'wireguard.change.before': ['10.9.0.3/32'],
        'wireguard.change.after': ['10.9.0.2/32', '10.9.0.3/32'],
      },
    ])
  })

  test('an incomplete or repeated poll changes nothing, and the change is dated around it', () => {
    const torn = dump(20, []).replace('51820\toff', 'torn')
    const events = run(snapshots(dump(10, [anna, ben]), torn, dump(10, [ben]), dump(30, [anna])))
    expect(story(events)).toEqual(['30 peer-removed'])
    expect(seconds(documentsOf(events, 'peer-removed')[0]?.['event.start'])).toBe(10)
  })
})

describe('endpoints', () => {
  const at = (endpoint: string): Row => ({ ...anna, endpoint })

  test('a roaming peer is told with its old and new endpoint', () => {
    const events = run(snapshots(dump(10, [at('203.0.113.7:40000')]), dump(20, [at('[2001:db8::7]:40001')])))
    expect(documentsOf(events, 'endpoint-changed')).toMatchObject([
      {
        'event.category': ['session', 'network'],
        'event.type': ['info'],
        'source.ip': '2001:db8::7',
        'source.port': 40001,
        'wireguard.peer.endpoint.ip': '2001:db8::7',
        'wireguard.peer.endpoint.port': 40001,
        'wireguard.change.before': ['203.0.113.7:40000'],
        'wireguard.change.after': ['[2001:db8::7]:40001'],
        'related.ip': ['203.0.113.7', '2001:db8::7'],
      },
    ])
  })

  test('a new port alone is a new endpoint', () => {
    expect(told(dump(10, [at('203.0.113.7:40000')]), dump(20, [at('203.0.113.7:40001')]))).toEqual([
      '20 endpoint-changed',
    ])
  })

  test('neither the first endpoint of a peer nor its loss is a change of endpoint', () => {
    expect(told(dump(10, [anna]), dump(20, [at('203.0.113.7:40000')]), dump(30, [anna]))).toEqual([])
  })
})

describe('interfaces', () => {
  test('down and up is one pair; peers that return unchanged are not removed', () => {
    const events = run(snapshots(dump(10, [anna, ben]), dump(20, null), dump(30, null), dump(40, [anna, ben])))
    expect(story(events)).toEqual(['20 interface-down', '40 interface-up'])
    expect(documentsOf(events, 'interface-up')).toMatchObject([
      {
        'event.category': ['configuration'],
        'event.type': ['change'],
        'wireguard.interface.name': 'wg0',
        'wireguard.interface.listen_port': 51820,
      },
    ])
    expect(seconds(documentsOf(events, 'interface-up')[0]?.['event.start'])).toBe(30)
  })

  test('what changed meanwhile lies between the last poll that showed the interface and the one that shows it again', () => {
    const moved: Row = { ...anna, ips: '10.9.0.9/32' }
    const events = run(snapshots(dump(10, [anna, ben]), dump(20, null), dump(30, [moved])))
    expect(story(events)).toEqual(['20 interface-down', '30 interface-up', '30 allowed-ips-changed', '30 peer-removed'])
    for (const action of ['allowed-ips-changed', 'peer-removed']) {
      const [document] = documentsOf(events, action)
      expect([seconds(document?.['event.start']), seconds(document?.['event.end'])]).toEqual([10, 30])
    }
  })

  test('peers of an interface never seen before say so: it may only have been brought up', () => {
    const other: Row = { ...ben, interface: 'wg1' }
    const events = run(snapshots(dump(10, [anna]), dump(20, [anna, other]), dump(30, [anna]), dump(40, [anna, other])))
    expect(story(events)).toEqual([
      '20 interface-up',
      '20 peer-added (new-interface)',
      '30 interface-down',
      '40 interface-up',
    ])
    for (const event of events) expectLegal(event)
  })

  test('a peer that is new on an interface that returned was added', () => {
    expect(told(dump(10, [anna]), dump(20, null), dump(30, [anna, ben]))).toEqual([
      '20 interface-down',
      '30 interface-up',
      '30 peer-added',
    ])
  })
})
