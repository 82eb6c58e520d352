/**
 * Whose login goes on to a host of another partition, as text that the other side can use as if the login were its own: the answer
 * behind it, and of the flow that carried it what a further hop asks for (answers.ts, answerViaHost).
 */
import type { CarriedFlow } from '../correlate/hosts/carried-flows.ts'
import type { Answer } from '../correlate/hosts/origin.ts'
import { createFacet, sharedFieldOf } from '../event.ts'
import { FIELD_NAMES, type Fields } from '../fields.ts'
import { flagOf, type JsonObject, listOf, objectOf, oneOf, textOf } from './json-shape.ts'
import { readFields } from './read-fields.ts'

/** What is known of a login. Its origin is known; the answer may come later. */
export type HopAnswer = {
  /** Opened without a client's address: cron, a console. */
  readonly isLocal: boolean
  /** Null until it is there. */
  readonly answer: Answer | null
}

/** Texts of one list. */
const LIST_MAX = 10_000

const NAMES: ReadonlySet<string> = new Set(FIELD_NAMES)

/** JSON values only. */
export function encodeHopAnswer({ isLocal, answer }: HopAnswer): unknown {
  return { isLocal, answer: answer === null ? null : encodeAnswer(answer) }
}

function encodeAnswer(answer: Answer) {
  const { status, method, reason, publicKey, candidates, hops, identity, people, hosts, addresses, flow } = answer
  return {
    status,
    method,
    reason,
    publicKey,
    candidates,
    hops,
    // Also names without a value: a facet prints its members in the order of its names.
    identity: Object.entries(identity.fields).map(([name, value]) => [name, value ?? null]),
    people,
    hosts,
    addresses,
    flow: flow === null ? null : encodeFlow(flow),
  }
}

function encodeFlow({ id, basis, gateway, publicKey, isFromPeer, event }: CarriedFlow) {
  return {
    id,
    basis,
    gateway,
    publicKey,
    isFromPeer,
    sourceIp: event.own['source.ip'] ?? '',
    sourceNatIp: event.own['source.nat.ip'] ?? '',
    users: sharedFieldOf(event, 'related.user') ?? [],
    hosts: sharedFieldOf(event, 'related.hosts') ?? [],
    candidates: sharedFieldOf(event, 'wireguard.attribution.candidates') ?? [],
  }
}

/** Throws Error with a short reason for what `encodeHopAnswer` never gave. */
export function decodeHopAnswer(value: unknown): HopAnswer {
  const told = objectOf(value, 'answer')
  const answer = told['answer']
  return {
    isLocal: flagOf(told['isLocal'], 'isLocal'),
    answer: answer === null ? null : decodeAnswer(objectOf(answer, 'answer')),
  }
}

function decodeAnswer(told: JsonObject): Answer {
  const flow = told['flow']
  return {
    status: oneOf(told['status'], 'status', ['exact', 'ambiguous', 'unknown']),
    method: oneOf(told['method'], 'method', ['server-tuple', 'client-address', 'via-host', '']),
    reason: textOf(told['reason'], 'reason'),
    flow: flow === null ? null : decodeFlow(objectOf(flow, 'flow')),
    publicKey: textOf(told['publicKey'], 'publicKey'),
    candidates: textsIn(told, 'candidates'),
    hops: textsIn(told, 'hops'),
    identity: createFacet(identityIn(told)),
    people: textsIn(told, 'people'),
    hosts: textsIn(told, 'hosts'),
    addresses: textsIn(told, 'addresses'),
  }
}

/** No join finds it: it stands for the flow in answers alone. */
function decodeFlow(told: JsonObject): CarriedFlow {
  return {
    id: textOf(told['id'], 'flow id'),
    basis: oneOf(told['basis'], 'basis', ['conntrack', 'firewall']),
    gateway: textOf(told['gateway'], 'gateway'),
    clientIp: '',
    clientPort: -1,
    serverIp: '',
    serverPort: -1,
    startAt: 0,
    endAt: Number.POSITIVE_INFINITY,
    publicKey: textOf(told['publicKey'], 'publicKey'),
    isFromPeer: flagOf(told['isFromPeer'], 'isFromPeer'),
    event: {
      dataset: 'wireguard.flow',
      own: {
        'source.ip': textOf(told['sourceIp'], 'sourceIp') || undefined,
        'source.nat.ip': textOf(told['sourceNatIp'], 'sourceNatIp') || undefined,
      },
      facets: [
        createFacet({
          'related.user': someIn(told, 'users'),
          'related.hosts': someIn(told, 'hosts'),
          'wireguard.attribution.candidates': someIn(told, 'candidates'),
        }),
      ],
    },
    taker: null,
    isMasked: false,
    host: null,
  }
}

function identityIn(told: JsonObject): Fields {
  const members = listOf(told['identity'], 'identity', LIST_MAX).map((each): readonly [string, unknown] => {
    const [name, value] = listOf(each, 'identity', 2)
    return [textOf(name, 'identity'), value ?? undefined]
  })
  const known = members.filter(([, value]) => value !== undefined)
  readFields(Object.fromEntries(known))
  for (const [name, value] of members)
    if (value === undefined && !NAMES.has(name)) throw new Error('identity has a field that is none of ours')
  // readFields has looked at every value, and every name is in the list.
  return Object.fromEntries(members) as Fields
}

function textsIn(told: JsonObject, name: string): readonly string[] {
  return listOf(told[name], name, LIST_MAX).map((each) => textOf(each, name))
}

function someIn(told: JsonObject, name: string): readonly string[] | undefined {
  const texts = textsIn(told, name)
  return texts.length > 0 ? texts : undefined
}
