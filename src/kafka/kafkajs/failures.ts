/** What went wrong between us and the brokers, for people. Nothing of a message and no secret goes into these texts. */
import { AppError } from '../../errors.ts'
import { oneLine } from './log.ts'

/** Errors after which a new producer has to go on: the broker and this one no longer agree about sequence numbers. */
const SEQUENCE = new Set([
  'OUT_OF_ORDER_SEQUENCE_NUMBER',
  'DUPLICATE_SEQUENCE_NUMBER',
  'UNKNOWN_PRODUCER_ID',
  'INVALID_PRODUCER_EPOCH',
  'INVALID_PRODUCER_ID_MAPPING',
])

/** Errors that come again however often the same is asked. */
const REFUSALS = new Map([
  ['MESSAGE_TOO_LARGE', 'Raise max.message.bytes of the topic.'],
  ['RECORD_LIST_TOO_LARGE', 'Raise segment.bytes of the topic.'],
  ['INVALID_RECORD', ''],
  ['INVALID_TIMESTAMP', ''],
  ['UNSUPPORTED_FOR_MESSAGE_FORMAT', 'A broker of Kafka 2.1 or later is needed.'],
  ['UNSUPPORTED_COMPRESSION_TYPE', 'Choose another compression.'],
  ['UNSUPPORTED_VERSION', 'A broker of Kafka 2.1 or later is needed.'],
  ['INVALID_TOPIC_EXCEPTION', 'A name has letters, digits, dots, dashes and underscores.'],
  ['INVALID_PARTITIONS', 'The number of partitions can only grow.'],
  ['INVALID_REPLICATION_FACTOR', 'Ask for no more replicas than there are brokers.'],
  ['INVALID_CONFIG', ''],
  ['INVALID_REQUEST', ''],
  ['INVALID_GROUP_ID', ''],
  ['INVALID_SESSION_TIMEOUT', 'The broker must allow sessions of 15 s (group.min.session.timeout.ms).'],
  ['INCONSISTENT_GROUP_PROTOCOL', 'Somebody else is in this group; give every tier its own name.'],
  ['POLICY_VIOLATION', ''],
  ['TOPIC_DELETION_DISABLED', ''],
  ['NON_EMPTY_GROUP', 'Stop its members first.'],
  ['GROUP_MAX_SIZE_REACHED', ''],
  ['SECURITY_DISABLED', ''],
])

/** A broker's certificate, or ours to a broker. */
export class UntrustedError extends Error {
  override readonly name = 'UntrustedError'
}

type Link = { readonly name: string; readonly type: string; readonly message: string }

/** The error and what caused it, outermost first. */
function chainOf(error: unknown): readonly Link[] {
  const links: Link[] = []
  let at: unknown = error
  // Ten: kafkajs wraps three times at most.
  for (let i = 0; i < 10 && at instanceof Error; i++) {
    links.push({ name: at.name, type: textOf(at, 'type'), message: at.message })
    const errors: unknown = Object.getOwnPropertyDescriptor(at, 'errors')?.value
    at = Array.isArray(errors) && errors.length > 0 ? errors[0] : at.cause
  }
  return links
}

function textOf(value: object, name: string): string {
  const found: unknown = Object.getOwnPropertyDescriptor(value, name)?.value
  return typeof found === 'string' ? found : ''
}

/** The protocol's own word for it, '' = it is none of the broker's. */
export function typeOf(error: unknown): string {
  return chainOf(error).find(({ type }) => type !== '')?.type ?? ''
}

/** A producer that must not send anything any more. */
export function isSequenceTrouble(error: unknown): boolean {
  return SEQUENCE.has(typeOf(error))
}

/** The broker has no such topic, or not yet. */
export function isUnknownTopic(error: unknown): boolean {
  return typeOf(error) === 'UNKNOWN_TOPIC_OR_PARTITION'
}

/** It would come again: nothing but a person can help. */
export function isRefusal(error: unknown): boolean {
  return refusalOf(error, '') !== null
}

/** `doing`: what was tried, as in "cannot DOING". What is an AppError already stays as it is. */
export function failureOf(error: unknown, doing: string, brokers: readonly string[]): AppError {
  if (error instanceof AppError) return error
  const place = placeOf(brokers)
  if (isUnknownTopic(error)) return noTopic(`such topic: cannot ${doing}`, brokers)
  const refusal = refusalOf(error, `${place} refuses to ${doing}`)
  if (refusal !== null) return refusal
  const last = chainOf(error).at(-1)
  const detail = last === undefined ? '' : `: ${oneLine(last.message)}`
  return new AppError('no-server', `cannot ${doing} at ${place}${detail}`, {
    advice: 'Check that the brokers run and can be reached from here, and whether they speak TLS.',
  })
}

/** Nobody answered, or not in time. `detail`: the last that was heard of it, '' = nothing. */
export function noAnswer(doing: string, brokers: readonly string[], detail: string): AppError {
  const tail = detail === '' ? ' in time' : `: ${detail}`
  return new AppError('no-server', `${placeOf(brokers)} did not ${doing}${tail}`, {
    advice: 'Check that the brokers run and can be reached from here, and whether they speak TLS.',
  })
}

/** The topic or partition is not there. */
export function noTopic(name: string, brokers: readonly string[]): AppError {
  return new AppError('refused', `${placeOf(brokers)} has no ${name}`, {
    advice: 'Make the topics with "peertrail install kafka", and check the prefix in the pipeline file.',
  })
}

function placeOf(brokers: readonly string[]): string {
  return `Kafka (${oneLine(brokers.join(', '))})`
}

function refusalOf(error: unknown, what: string): AppError | null {
  if (error instanceof AppError) return error.code === 'refused' ? error : null
  const chain = chainOf(error)
  const type = typeOf(error)
  const refused = (detail: string, advice: string) => new AppError('refused', `${what}: ${oneLine(detail)}`, { advice })
  // The broker's words here are about the mechanism or the credentials and repeat neither.
  if (chain.some(({ name }) => name === 'KafkaJSSASLAuthenticationError') || type === 'SASL_AUTHENTICATION_FAILED')
    return refused('it does not accept the credentials', 'Check mechanism, user and password of kafka.sasl.')
  if (type === 'UNSUPPORTED_SASL_MECHANISM' || type === 'ILLEGAL_SASL_STATE')
    return refused('it wants another way to log in', 'Check the mechanism of kafka.sasl.')
  if (type.endsWith('_AUTHORIZATION_FAILED'))
    return refused(
      chain.at(-1)?.message ?? type,
      'The account lacks a right; docs/operations.md names those of each tier.',
    )
  const advice = REFUSALS.get(type)
  if (advice !== undefined)
    return refused(`${chain.find((link) => link.type === type)?.message ?? ''} (${type})`, advice)
  const tls = chain.find(({ name }) => name === 'UntrustedError')
  if (tls !== undefined) return refused(tls.message, 'Name the authority of the brokers with kafka.tls.ca_file.')
  const unpacked = chain.find(({ name }) => name === 'KafkaJSNotImplemented')
  if (unpacked !== undefined)
    return refused(unpacked.message, 'Let the topics keep what producers send: compression.type=producer.')
  return null
}
