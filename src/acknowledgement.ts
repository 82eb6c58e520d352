/**
 * What somebody did about a finding, as a document (design 9): an event beside it, for findings are never changed. What is asked of a
 * daemon over its socket is the same in text.
 */
import { z } from 'zod'
import { createFacet, type Event } from './event.ts'
import { createHashedIds } from './event-id.ts'
import type { Micros } from './time.ts'

/** Characters of each text. */
const TEXT_MAX = 500

const word = z.string().min(1).max(TEXT_MAX)
const text = z.string().max(TEXT_MAX)

/** '' = not given, or not in the finding. */
const schema = z.strictObject({
  /** `event.id` of the finding. */
  finding: z.string().regex(/^[0-9a-z]{1,64}$/),
  case: text,
  by: word,
  note: text,
  rule: text,
  title: text,
  host: text,
  peer: text,
  publicKey: text,
})

export type Acknowledgement = z.output<typeof schema>

/** Null for what is none: it came over a socket. */
export function parseAcknowledgement(json: string): Acknowledgement | null {
  try {
    return schema.parse(JSON.parse(json))
  } catch {
    return null
  }
}

const HEADER = createFacet({
  'event.kind': 'event',
  'event.category': ['intrusion_detection'],
  'event.type': ['info'],
  'event.action': 'finding-acknowledged',
  'event.outcome': 'success',
  'event.dataset': 'wireguard.finding',
  'event.module': 'wireguard',
  'event.provider': 'peertrail',
})

/** `at`: when it was recorded. The same words at the same time are one event. */
export function acknowledgementEvent(given: Acknowledgement, at: Micros): Event {
  const { finding, by, note, rule, title, host, peer, publicKey } = given
  return {
    dataset: 'wireguard.finding',
    own: {
      '@timestamp': at,
      'event.id': createHashedIds()(at, 'finding-acknowledged', finding, given.case, by, note),
      'event.reason': known(note),
      'host.name': known(host),
      'related.hosts': host === '' ? undefined : [host],
      'related.user': [by],
      'rule.id': known(rule),
      'rule.name': known(title),
      'wireguard.finding.case': known(given.case),
      'wireguard.finding.handled_by': by,
      'wireguard.finding.id': finding,
      'wireguard.peer.name': known(peer),
      'wireguard.peer.public_key': known(publicKey),
    },
    facets: [HEADER],
  }
}

function known(value: string): string | undefined {
  return value === '' ? undefined : value
}
