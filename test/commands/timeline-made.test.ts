/** `peertrail timeline` over documents made up for it: what the demo does not have. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { runTimeline, type TimelineArguments } from '../../src/commands/timeline.ts'
import { findTimeline, timelineSelection } from '../../src/commands/timeline-query.ts'
import type { Fields } from '../../src/fields.ts'
import { ALL_TIME } from '../../src/store/event-reader.ts'
import { openStoreReader } from '../../src/store/reader.ts'
import { DAY, HOUR, MINUTE, type Micros, SECOND } from '../../src/time.ts'
import { createContext, micros, withStore } from './made-store.ts'

const AT = micros('2026-11-22T15:00:00Z')
const IVY = 'ivykeyivykeyivykeyivykeyivykeyivykeyivykeyi='
const OAK = 'oakkeyoakkeyoakkeyoakkeyoakkeyoakkeyoakkeyo='
const BY_IVY: Fields = {
  'wireguard.peer.public_key': IVY,
  'wireguard.peer.name': 'ivy',
  'wireguard.attribution.status': 'exact',
}

/** Ids that tell when they were made: `made(3, …)` is the third second. */
function made(after: Micros, fields: Fields): Fields {
  const at = AT + after
  return {
    '@timestamp': at,
    'event.id': `id${at}${fields['event.action'] ?? ''}${fields['wireguard.flow.id'] ?? ''}`,
    'host.name': 'gw1',
    ...fields,
  }
}

function flow(after: Micros, action: 'flow-started' | 'flow-progress' | 'flow-ended', fields: Fields = {}): Fields {
  return made(after, {
    'event.dataset': 'wireguard.flow',
    'event.action': action,
    'event.start': AT,
    'source.ip': '10.8.0.2',
    'source.port': 40005,
    'destination.ip': '10.20.0.10',
    'destination.port': 5432,
    'network.transport': 'tcp',
    'wireguard.flow.id': 'one',
    'wireguard.flow.state': action === 'flow-ended' ? 'ended' : 'open',
    'wireguard.flow.outcome': 'connected',
    ...BY_IVY,
    ...fields,
  })
}

function denied(after: Micros, fields: Fields = {}): Fields {
  return made(after, {
    'event.dataset': 'wireguard.firewall',
    'event.action': 'firewall-drop',
    'event.type': ['connection', 'denied'],
    'source.ip': '10.8.0.2',
    'source.port': 40000,
    'destination.ip': '10.20.0.10',
    'destination.port': 22,
    'network.transport': 'tcp',
    ...BY_IVY,
    ...fields,
  })
}

async function timeline(documents: readonly Fields[], part: Partial<TimelineArguments> = {}) {
  return withStore(documents, async (store) => {
    const { context, out, said } = createContext({ now: AT + HOUR })
    const args: TimelineArguments = {
      peer: 'ivy',
      since: '',
      until: '',
      last: '',
      limit: '200',
      isAll: false,
      isJson: false,
      isCsv: false,
      store,
      pipeline: '',
      ...part,
    }
    const exit = await runTimeline(args, context)
    return { exit, lines: out().trimEnd().split('\n').slice(1), said: said() }
  })
}

describe('a flow', () => {
  const bytes = (source: number, destination: number): Fields => ({
    'wireguard.flow.delta.source.bytes': source,
    'wireguard.flow.delta.destination.bytes': destination,
  })

  test('is one line from start to end, with the bytes of all its documents', async () => {
    const { lines, said } = await timeline([
      flow(0, 'flow-started'),
      made(MINUTE / 1000, {
        'event.dataset': 'wireguard.firewall',
        'event.action': 'firewall-accept',
        'wireguard.flow.id': 'one',
        ...BY_IVY,
      }),
      flow(MINUTE, 'flow-progress', bytes(1000, 200)),
      flow(2 * MINUTE, 'flow-ended', { ...bytes(30, 4), 'event.duration': 120e9, 'network.bytes': 1234 }),
    ])
    expect(lines).toEqual([
      '2026-11-22, times in UTC',
      '15:00:00.000  flow  10.8.0.2:40005 → 10.20.0.10:5432 tcp 2 min gw1  connected, 1.2 kB',
    ])
    expect(said).toContain('1 line from 4 documents')
  })

  test('whose beginning lies before the time says since when', async () => {
    const documents = [
      flow(0, 'flow-started'),
      flow(MINUTE, 'flow-progress', bytes(10, 0)),
      flow(2 * MINUTE, 'flow-ended', bytes(5, 0)),
    ]
    const { lines } = await timeline(documents, { since: '15:00:30' })
    expect(lines[1]).toBe(
      '15:01:00.000  flow  10.8.0.2:40005 → 10.20.0.10:5432 tcp since 15:00:00.000 gw1  connected, 15 B',
    )
  })

  test('whose end lies behind the time is open', async () => {
    const documents = [flow(0, 'flow-started'), flow(2 * MINUTE, 'flow-ended', bytes(5, 0))]
    const { lines } = await timeline(documents, { until: '15:01' })
    expect(lines[1]).toBe('15:00:00.000  flow  10.8.0.2:40005 → 10.20.0.10:5432 tcp gw1  connected, open')
  })

  test('keeps its end where a late record followed, and says why its documents were made', async () => {
    const { lines } = await timeline([
      flow(0, 'flow-started'),
      flow(MINUTE, 'flow-ended', { 'event.reason': 'idle', 'wireguard.flow.state': 'ended-inferred' }),
      flow(2 * MINUTE, 'flow-progress', {
        'event.reason': 'late-end',
        'wireguard.flow.state': 'ended',
        ...bytes(7, 0),
      }),
    ])
    expect(lines[1]).toMatch(/connected, idle, late-end, 7 B$/)
  })

  test('between two peers is on the timeline of both', async () => {
    const between = { 'wireguard.target_peer.public_key': OAK, 'wireguard.target_peer.name': 'oak' }
    const oak = made(-SECOND, {
      'event.dataset': 'wireguard.session',
      'event.action': 'peer-added',
      'wireguard.peer.public_key': OAK,
      'wireguard.peer.name': 'oak',
    })
    const documents = [oak, flow(0, 'flow-started', between)]
    expect((await timeline(documents)).lines[1]).toContain('flow  ivy → oak  10.8.0.2:40005')
    expect((await timeline(documents, { peer: 'oak' })).lines[2]).toContain('ivy → oak  10.8.0.2:40005')
  })
})

describe('packets that say the same again', () => {
  test('within one minute are one line', async () => {
    const { lines, said } = await timeline([
      denied(0),
      denied(SECOND),
      denied(2 * SECOND, { 'source.port': 40001 }),
      denied(3 * SECOND, { 'destination.port': 23 }),
      denied(4 * SECOND, { 'event.action': 'firewall-reject' }),
      denied(61 * SECOND),
    ])
    expect(lines).toEqual([
      '2026-11-22, times in UTC',
      '15:00:00.000  firewall-drop    10.8.0.2 → 10.20.0.10:22 tcp gw1  ×3 to 15:00:02.000',
      '15:00:03.000  firewall-drop    10.8.0.2:40000 → 10.20.0.10:23 tcp gw1',
      '15:00:04.000  firewall-reject  10.8.0.2:40000 → 10.20.0.10:22 tcp gw1',
      '15:01:01.000  firewall-drop    10.8.0.2:40000 → 10.20.0.10:22 tcp gw1',
    ])
    expect(said).toContain('4 lines from 6 documents')
  })

  test('from one port keep it', async () => {
    expect((await timeline([denied(0), denied(SECOND)])).lines[1]).toContain('10.8.0.2:40000 → 10.20.0.10:22 tcp')
  })
})

test('who it may have been is marked, and never named for certain', async () => {
  const doubt: Fields = {
    'wireguard.peer.public_key': undefined,
    'wireguard.peer.name': undefined,
    'wireguard.attribution.status': 'ambiguous',
    'wireguard.attribution.reason': 'holder-changing',
    'wireguard.attribution.candidates': [OAK, IVY],
  }
  const { lines } = await timeline([denied(0), denied(SECOND, doubt)])
  expect(lines[2]).toBe(
    '15:00:01.000  firewall-drop  perhaps ivy  10.8.0.2:40000 → 10.20.0.10:22 tcp gw1  holder-changing',
  )
})

describe('what was not seen', () => {
  const gap = (after: Micros, until: Micros, fields: Fields = {}): Fields =>
    made(after, {
      'event.dataset': 'wireguard.coverage',
      'event.action': 'source-gap',
      'event.start': AT + after,
      'event.end': AT + until,
      'wireguard.coverage.source': 'conntrack',
      'wireguard.coverage.reason': 'collector-stopped',
      ...fields,
    })
  const elsewhere = { 'host.name': 'gw2' }

  test('where the peer was, from when it was first seen, and reaching into the time', async () => {
    const documents = [
      denied(0),
      gap(-DAY, -DAY + 1),
      gap(SECOND, 9 * SECOND),
      gap(2 * SECOND, 9 * SECOND, elsewhere),
      denied(10 * SECOND),
    ]
    expect((await timeline(documents)).lines.slice(1)).toEqual([
      '15:00:00.000  firewall-drop  10.8.0.2:40000 → 10.20.0.10:22 tcp gw1  ×2 to 15:00:10.000',
      '15:00:01.000  not seen       gw1 conntrack: collector-stopped  to 15:00:09.000, 8 s',
    ])
    expect((await timeline(documents, { since: '2026-11-22T15:00:05Z' })).lines.slice(1)).toEqual([
      '15:00:01.000  not seen       gw1 conntrack: collector-stopped  to 15:00:09.000, 8 s',
      '15:00:10.000  firewall-drop  10.8.0.2:40000 → 10.20.0.10:22 tcp gw1',
    ])
    expect((await timeline(documents, { since: '15:00:09' })).lines).toHaveLength(2)
  })

  test('losses of one minute are one line', async () => {
    const loss = (after: Micros) =>
      gap(after, after, {
        'event.action': 'source-lost',
        'event.end': undefined,
        'wireguard.coverage.reason': 'enobufs',
      })
    const { lines } = await timeline([denied(0), loss(SECOND), loss(2 * SECOND)])
    expect(lines[2]).toBe('15:00:01.000  not all seen   gw1 conntrack: enobufs  ×2 to 15:00:02.000')
  })
})

test('days have headings', async () => {
  const { lines } = await timeline([denied(0), denied(DAY), denied(DAY + MINUTE)])
  expect(lines.filter((line) => !line.includes('firewall'))).toEqual(['2026-11-22, times in UTC', '2026-11-23'])
})

test('a person with two devices sees which is which', async () => {
  const owner = { 'wireguard.peer.owner.email': 'ivy@example.com' }
  const phone = { 'wireguard.peer.public_key': OAK, 'wireguard.peer.name': 'ivy-phone' }
  const { lines } = await timeline([denied(0, owner), denied(SECOND, { ...owner, ...phone })], {
    peer: 'ivy@example.com',
  })
  expect(lines[1]).toContain('firewall-drop  ivy        10.8.0.2')
  expect(lines[2]).toContain('firewall-drop  ivy-phone  10.8.0.2')
})

test('a key that was documented later, and renamed, is one peer', async () => {
  const named = (name: string | undefined) => ({ 'wireguard.peer.name': name })
  const documents = [denied(0, named(undefined)), denied(SECOND, named('ivy')), denied(2 * SECOND, named('ivy-laptop'))]
  const { exit, said } = await timeline(documents, { peer: IVY.slice(0, 8) })
  expect(exit).toBe(0)
  expect(said).toContain('1 line from 3 documents')
})

test('text from documents cannot write to the terminal', async () => {
  const hostile = '\u001b]0;x\u0007\u202e\n'
  const { lines } = await timeline(
    [
      denied(0, {
        'wireguard.peer.name': hostile,
        'wireguard.peer.device': hostile,
        'host.name': hostile,
        'rule.name': hostile,
      }),
      flow(SECOND, 'flow-started', {
        'wireguard.peer.name': hostile,
        'event.reason': hostile,
        'wireguard.resource.name': hostile,
      }),
    ],
    { peer: IVY },
  )
  expect(lines).toHaveLength(3)
  expect(lines.join('')).not.toMatch(/[\p{Cc}\p{Cf}]/u)
})

test('pages of any size give the same lines', async () => {
  const document = fc.record({
    second: fc.integer({ min: 0, max: 200 }),
    kind: fc.constantFrom('start', 'end', 'drop', 'gap'),
    which: fc.constantFrom('one', 'two', 'three'),
  })
  await fc.assert(
    fc.asyncProperty(
      fc.array(document, { minLength: 1, maxLength: 40 }),
      fc.integer({ min: 1, max: 9 }),
      async (specs, pageRows) => {
        const documents = specs.map(({ second, kind, which }, i): Fields => {
          const id = { 'event.id': `id${i}` }
          const after = second * SECOND
          if (kind === 'drop') return denied(after, { ...id, 'destination.port': which.length })
          if (kind === 'gap')
            return made(after, { 'event.dataset': 'wireguard.coverage', 'event.action': 'source-gap', ...id })
          return flow(after, kind === 'start' ? 'flow-started' : 'flow-ended', { ...id, 'wireguard.flow.id': which })
        })
        await withStore(documents, async (dir) => {
          const store = await openStoreReader(dir)
          const selection = timelineSelection({ keys: [IVY], gateways: ['gw1'], ...ALL_TIME })
          const collect = async (limit: number, size: number) => {
            const rows = []
            for await (const page of findTimeline(store, selection, limit, { pageRows: size })) rows.push(...page)
            return rows
          }
          const whole = await collect(Infinity, 10_000)
          expect(await collect(Infinity, pageRows)).toEqual(whole)
          expect(await collect(5, pageRows)).toEqual(whole.slice(0, 5))
          expect(whole.reduce((sum, row) => sum + row.documents, 0)).toBe(documents.length)
          store.close()
        })
      },
    ),
    { numRuns: 10 },
  )
})
