/**
 * A message that a tier could not understand, on its way to the topic of dead letters and back (design 10). The letter's key and value
 * are the original's, so that what is read there is what came; its headers say where it came from and why it is there, beside the
 * original's own.
 */
import { parseInstant } from '../quantities.ts'
import { type Micros, toIso } from '../time.ts'
import type { Headers, Incoming, Outgoing } from './bus.ts'
import { MESSAGE_BYTES_MAX, TOPIC_NAMES, type TopicName, topicOf } from './topics.ts'

export type LetterTier = 'correlate' | 'detect' | 'index' | 'agent'

export type Letter = {
  /** When the tier gave it up. */
  readonly at: Micros
  readonly tier: string
  /** Printable ASCII, at most REASON_MAX characters. */
  readonly reason: string
  /** Where the original lay. */
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  /** The original's. */
  readonly headers: Headers
  /** Something of the original did not fit and is not in here: it can be looked at, and not be sent again. */
  readonly isCut: boolean
}

/** Characters of a reason. */
export const REASON_MAX = 1_000
/** Characters: Kafka's own limit of a topic's name. */
const TOPIC_MAX = 249
/** Characters; ours are all shorter. */
const TIER_MAX = 32
/** What a letter adds to its original, and what a batch adds to a letter, with room to spare, in bytes. */
const ROOM = 64 * 1024
/** Bytes of key and value together: with them a letter is one that the topic takes, compressed or not. */
const CONTENT_MAX = MESSAGE_BYTES_MAX - ROOM
/** Bytes: names of machines and public keys are far below. */
const KEY_MAX = 16 * 1024
/** Headers of ours are few and short; all of them stay below half of ROOM. */
const HEADERS_MAX = 32
const HEADER_NAME_MAX = 64
const HEADER_VALUE_MAX = 512

/** Names of a letter's own headers. */
const OWN = ['reason', 'topic', 'partition', 'offset', 'tier', 'at', 'cut'] as const
/** Stands before an original header's name that a letter has itself. */
const ORIGINAL = 'original.'

/**
 * `incoming` came from a topic of ours (else it throws: that is a mistake in the tier). `reason`: any text; what is not printable
 * ASCII is escaped. `now`: wall clock.
 */
export function toLetter(incoming: Incoming, reason: string, tier: LetterTier, now: Micros): Outgoing {
  const { topic, partition, offset } = incoming
  const place = ownTopic(topic)
  if (place === null) throw new Error('a dead letter of a topic that is none of ours')
  const kept = keptHeaders(incoming.headers)
  const key = cut(incoming.key ?? Buffer.alloc(0), KEY_MAX)
  const value = incoming.value === null ? null : cut(incoming.value, CONTENT_MAX - key.length)
  const isCut =
    kept.isCut || key.length < (incoming.key?.length ?? 0) || (value?.length ?? 0) < (incoming.value?.length ?? 0)
  return {
    topic: topicOf(place.prefix, 'deadletters'),
    partition: 0,
    key,
    value,
    headers: {
      ...kept.headers,
      reason: asciiText(reason).slice(0, REASON_MAX),
      topic,
      partition: String(partition),
      offset: String(offset),
      tier,
      at: toIso(now),
      ...(isCut ? { cut: '1' } : {}),
    },
  }
}

/** Null for what is no letter of ours: somebody else wrote to the topic. */
export function readLetter({ key, value, headers }: Incoming): Letter | null {
  const { reason, topic, partition, offset, tier, at = '', cut: isCut = '' } = headers
  const instant = parseInstant(at)
  if (reason === undefined || topic === undefined || tier === undefined || instant === null) return null
  if (!isCount(partition) || !isCount(offset)) return null
  // Whoever may write to the topic may write headers of any size.
  if (topic.length > TOPIC_MAX || tier.length > TIER_MAX) return null
  return {
    at: instant,
    tier,
    reason: asciiText(reason.slice(0, REASON_MAX)).slice(0, REASON_MAX),
    topic,
    partition: Number(partition),
    offset: Number(offset),
    key,
    value,
    headers: originalHeaders(headers),
    isCut: isCut !== '',
  }
}

/** Which of our topics a name is, by its ending; null for any other. */
export function ownTopic(topic: string): { readonly prefix: string; readonly name: TopicName } | null {
  const name = TOPIC_NAMES.find((each) => topic.endsWith(`.${each}`))
  const prefix = topic.slice(0, -1 - (name?.length ?? 0))
  return name === undefined || prefix === '' ? null : { prefix, name }
}

function keptHeaders(headers: Headers): { readonly headers: Headers; readonly isCut: boolean } {
  const all = Object.entries(headers)
  const kept = all
    .slice(0, HEADERS_MAX)
    .map(([name, value]) => [asciiText(name), asciiText(value)] as const)
    .filter(([name, value]) => name.length <= HEADER_NAME_MAX && value.length <= HEADER_VALUE_MAX)
  return {
    headers: Object.fromEntries(kept.map(([name, value]) => [keptName(name), value])),
    isCut: kept.length < all.length,
  }
}

function keptName(name: string): string {
  return name.startsWith(ORIGINAL) || OWN.some((own) => own === name) ? ORIGINAL + name : name
}

function originalHeaders(headers: Headers): Headers {
  const own = new Set<string>(OWN)
  return Object.fromEntries(
    Object.entries(headers)
      .filter(([name]) => !own.has(name))
      .map(([name, value]) => [name.startsWith(ORIGINAL) ? name.slice(ORIGINAL.length) : name, value]),
  )
}

/** Headers are ASCII: anything else becomes `\u…`. A backslash stays single. */
function asciiText(text: string): string {
  return text.replace(/[^\u0020-\u007e]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

function cut(bytes: Buffer, most: number): Buffer {
  return bytes.length <= most ? bytes : bytes.subarray(0, most)
}

function isCount(text: string | undefined): boolean {
  return text !== undefined && /^\d{1,15}$/.test(text)
}
