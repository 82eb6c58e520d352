import { describe, expect, test } from 'vitest'
import { createCarriedFlows, FLOWS_MAX, RETAIN } from '../../../src/correlate/hosts/carried-flows.ts'
import { createMaskedLines } from '../../../src/correlate/hosts/masked-lines.ts'
import { createOrigin } from '../../../src/correlate/hosts/origin.ts'
import { createFacet, type Event } from '../../../src/event.ts'
import { SECOND } from '../../../src/time.ts'
import { restored } from '../../restored.ts'

const WEB = { pid: 700, name: 'web', executable: '/usr/sbin/web' }
const identity = createFacet({
  'wireguard.attribution.status': 'exact',
  'wireguard.peer.public_key': 'K1',
  'wireguard.peer.role': 'source',
  'related.user': [],
})
const gateway = createFacet({ 'observer.name': 'gw2' })

/** A flow that shows the gateway's address in place of its peer's. */
function maskedFlow(id: string, at: number, port: number): Event {
  return {
    dataset: 'wireguard.flow',
    own: {
      '@timestamp': at,
      'event.start': at,
      'wireguard.flow.id': id,
      'source.ip': '10.8.0.17',
      'source.port': 40000,
      'source.nat.ip': '172.26.52.1',
      'source.nat.port': port,
      'destination.ip': '172.26.52.145',
      'destination.port': 8080,
    },
    facets: [gateway, identity],
  }
}

describe('flows a host may have seen', () => {
  test('are found by what the host saw, and forgotten some time after their end', () => {
    const flows = createCarriedFlows((serverIp) => serverIp === '172.26.52.145')
    const started = maskedFlow('f1', 10 * SECOND, 5001)
    const flow = flows.observe(started)
    expect(flow).toMatchObject({ clientIp: '172.26.52.1', clientPort: 5001, publicKey: 'K1', gateway: 'gw2' })
    expect(flows.byPort('172.26.52.1', 5001)).toEqual([flow])
    expect(flows.byPort('10.8.0.17', 40000)).toEqual([])
    expect([...flows.byAddress('172.26.52.1')]).toEqual([flow])
    const ended = { ...started, own: { ...started.own, '@timestamp': 20 * SECOND, 'event.end': 20 * SECOND } }
    expect(flows.observe(ended)).toBe(flow)
    expect(flow?.endAt).toBe(20 * SECOND)
    flows.expire(20 * SECOND + RETAIN - 1)
    expect(flows.size).toBe(1)
    flows.expire(20 * SECOND + RETAIN)
    expect(flows.size).toBe(0)
    expect(flows.byPort('172.26.52.1', 5001)).toEqual([])
  })

  test('are found and forgotten as before when they were saved in between', () => {
    let flows = createCarriedFlows(() => true)
    const started = maskedFlow('f1', 10 * SECOND, 5001)
    flows.observe(started)
    const own = { ...started.own, '@timestamp': 20 * SECOND, 'event.end': 20 * SECOND }
    flows.observe({ ...started, own })
    flows.observe(maskedFlow('f2', 30 * SECOND, 5001))
    flows = createCarriedFlows(() => true, restored(flows.save()))
    const both = flows.byPort('172.26.52.1', 5001)
    expect(both.map(({ id }) => id)).toEqual(['f1', 'f2'])
    expect([...flows.byAddress('172.26.52.1')]).toEqual(both)
    expect([...flows.byServer('172.26.52.145')]).toEqual(both)
    expect(flows.isMask('172.26.52.1')).toBe(true)
    flows.expire(20 * SECOND + RETAIN)
    expect(flows.byPort('172.26.52.1', 5001).map(({ id }) => id)).toEqual(['f2'])
  })

  test('to other servers are not kept, and a peer on the other side is nobody who came', () => {
    const flows = createCarriedFlows((serverIp) => serverIp === '172.26.52.145')
    const foreign = maskedFlow('f1', 0, 5001)
    expect(flows.observe({ ...foreign, own: { ...foreign.own, 'destination.ip': '192.0.2.1' } })).toBeNull()
    const back = createFacet({ ...identity.fields, 'wireguard.peer.role': 'destination' })
    expect(flows.observe({ ...foreign, facets: [gateway, back] })).toMatchObject({ isFromPeer: false, publicKey: '' })
  })

  test('are bounded', () => {
    const flows = createCarriedFlows(() => true)
    for (let i = 0; i < FLOWS_MAX + 10; i++) flows.observe(maskedFlow(`f${i}`, i, i % 60_000))
    expect(flows.size).toBe(FLOWS_MAX)
    expect(flows.evicted).toBe(10)
    expect(createCarriedFlows(() => true, flows.save()).evicted).toBe(10)
    expect(flows.byPort('172.26.52.1', 0)[0]?.id).toBe('f60000')
  })
})

describe('a connection whose tuple source NAT hides', () => {
  const at = 100 * SECOND
  const origin = (port: number) => createOrigin('app1', { ip: '172.26.52.1', port }, at, WEB)

  test('waits until others of its moment are known, and is nothing over a long time', () => {
    const flows = createCarriedFlows(() => true)
    const lines = createMaskedLines(flows)
    expect(lines.find(origin(1), at, at + SECOND, at + 2 * SECOND)).toEqual([])
    flows.observe(maskedFlow('f1', 0, 5001))
    expect(lines.find(origin(1), at, at + SECOND, at + 2 * SECOND)).toBeNull()
    expect(lines.find(origin(1), at, at + SECOND, at + 10 * SECOND)).toEqual([])
    expect(lines.find(origin(1), at, at + 31 * SECOND, at)).toEqual([])
  })
})
