/** Answers on their way to another partition: what comes out is what went in, and what never went in is refused. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { answerOfFlow, answerUnknown, answerViaHost } from '../../src/correlate/hosts/answers.ts'
import type { CarriedFlow } from '../../src/correlate/hosts/carried-flows.ts'
import { createOrigin, type Origin } from '../../src/correlate/hosts/origin.ts'
import { createFacet } from '../../src/event.ts'
import { decodeHopAnswer, encodeHopAnswer } from '../../src/relay/hop-answers.ts'

const SSHD = { pid: 1, name: 'sshd', executable: '/usr/sbin/sshd' }
const origin = (): Origin => createOrigin('db1', { ip: '10.8.0.2', port: 40_001 }, 5, SSHD)

function flow(status: 'exact' | 'ambiguous'): CarriedFlow {
  const candidates = status === 'ambiguous' ? ['key-a', 'key-b'] : undefined
  return {
    id: 'flow-1',
    basis: 'conntrack',
    gateway: 'gw1',
    clientIp: '10.8.0.2',
    clientPort: 40_001,
    serverIp: '10.20.0.10',
    serverPort: 22,
    startAt: 1,
    endAt: Number.POSITIVE_INFINITY,
    publicKey: status === 'exact' ? 'key-a' : '',
    isFromPeer: true,
    event: {
      dataset: 'wireguard.flow',
      own: { 'source.ip': '10.8.0.2', 'source.nat.ip': '172.16.0.1' },
      facets: [
        createFacet({
          'wireguard.peer.public_key': status === 'exact' ? 'key-a' : undefined,
          'wireguard.peer.role': 'source',
          'wireguard.attribution.status': status,
          'wireguard.attribution.candidates': candidates,
          'wireguard.attribution.since': 1_795_360_140_000_000,
          'related.user': ['alice@example.com'],
          'related.hosts': ['gw1'],
        }),
      ],
    },
    taker: null,
    isMasked: true,
    host: null,
  }
}

const travelled = (told: Parameters<typeof encodeHopAnswer>[0]) =>
  decodeHopAnswer(JSON.parse(JSON.stringify(encodeHopAnswer(told))))

test.each([
  ['exact', answerOfFlow(origin(), flow('exact'), 'server-tuple')],
  ['ambiguous', answerOfFlow(origin(), flow('ambiguous'), 'client-address')],
  ['unknown', answerUnknown(origin(), 'trail-ends', ['app1/3'])],
  ['one hop on', answerViaHost(origin(), answerOfFlow(origin(), flow('exact'), 'server-tuple'), 'app1/3')],
])('%s: the next hop says what it would have said of the answer itself', (_, answer) => {
  const { isLocal, answer: told } = travelled({ isLocal: false, answer })
  expect(isLocal).toBe(false)
  if (told === null) return expect.unreachable('an answer went in')
  const next = (login: typeof answer) => {
    const { identity, ...rest } = answerViaHost(origin(), login, 'db1/7')
    // Members in their order: that is how they are printed.
    return { ...rest, flow: rest.flow?.id, members: [...identity.members] }
  }
  expect(next(told)).toEqual(next(answer))
})

test('an answer that is not there yet', () => {
  expect(travelled({ isLocal: true, answer: null })).toEqual({ isLocal: true, answer: null })
})

test('whatever else comes is refused with a reason', () => {
  const answer = JSON.parse(
    JSON.stringify(encodeHopAnswer({ isLocal: false, answer: answerOfFlow(origin(), flow('exact'), 'server-tuple') })),
  )
  const paths = [
    ['isLocal'],
    ...[
      'status',
      'method',
      'reason',
      'publicKey',
      'candidates',
      'hops',
      'identity',
      'people',
      'hosts',
      'addresses',
    ].map((name) => ['answer', name]),
    ...['id', 'basis', 'gateway', 'isFromPeer', 'sourceIp', 'users', 'candidates'].map((name) => [
      'answer',
      'flow',
      name,
    ]),
  ]
  fc.assert(
    fc.property(
      fc.constantFrom(...paths),
      fc.constantFrom<unknown>(undefined, 7, { a: 1 }, [[7, 8]], [['no.such.field', 1]], [['__proto__', 'x']]),
      (path, wrong) => {
        const copy = structuredClone(answer)
        const last = path.at(-1) ?? ''
        const holder = path.slice(0, -1).reduce((at, name) => at[name], copy)
        holder[last] = wrong
        expect(() => decodeHopAnswer(copy)).toThrow(Error)
      },
    ),
  )
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(() => decodeHopAnswer(value)).toThrow(Error)
    }),
  )
})
