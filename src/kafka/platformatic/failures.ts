/** What went wrong between us and the brokers: which errors of the library are final, and how they read to people. */
import { AppError } from '../../errors.ts'
import { safeText } from '../../safe-text.ts'

/** Errors hold errors: connections of several brokers, partitions of an answer, attempts. Nobody nests deeper than this. */
const DEPTH_MAX = 8
/** Errors looked at: an answer has one for each partition. */
const CAUSES_MAX = 200
/** Characters of a reason. */
const REASON_MAX = 200

/** What a broker answers to who may not, or to what it never takes. */
const REFUSALS: ReadonlySet<string> = new Set([
  'SASL_AUTHENTICATION_FAILED',
  'UNSUPPORTED_SASL_MECHANISM',
  'ILLEGAL_SASL_STATE',
  'TOPIC_AUTHORIZATION_FAILED',
  'GROUP_AUTHORIZATION_FAILED',
  'CLUSTER_AUTHORIZATION_FAILED',
  'TRANSACTIONAL_ID_AUTHORIZATION_FAILED',
  'DELEGATION_TOKEN_AUTHORIZATION_FAILED',
  'MESSAGE_TOO_LARGE',
  'RECORD_LIST_TOO_LARGE',
  'INVALID_RECORD',
  'INVALID_TIMESTAMP',
  'INVALID_REQUIRED_ACKS',
  'UNSUPPORTED_COMPRESSION_TYPE',
  'UNSUPPORTED_VERSION',
  'INVALID_TOPIC_EXCEPTION',
  'INVALID_PARTITIONS',
  'INVALID_REPLICATION_FACTOR',
  'INVALID_REPLICA_ASSIGNMENT',
  'INVALID_CONFIG',
  'INVALID_REQUEST',
  'POLICY_VIOLATION',
  'TOPIC_DELETION_DISABLED',
  'NON_EMPTY_GROUP',
  'INVALID_GROUP_ID',
  'INVALID_SESSION_TIMEOUT',
  'INCONSISTENT_GROUP_PROTOCOL',
  'GROUP_MAX_SIZE_REACHED',
  'GROUP_SUBSCRIBED_TO_TOPIC',
])

/** Errors the library makes itself which another attempt does not cure. */
const FINAL_CODES: ReadonlySet<string> = new Set([
  'PLT_KFK_AUTHENTICATION',
  'PLT_KFK_UNSUPPORTED_API',
  'PLT_KFK_UNSUPPORTED_COMPRESSION',
])

/** Node's and OpenSSL's codes for a certificate that is not trusted, theirs or ours. A handshake that is cut may be a broker that starts. */
const TLS_CODE =
  /^(?:ERR_TLS_CERT|ERR_SSL_\w*(?:CERTIFICATE|UNKNOWN_CA)|CERT_|UNABLE_TO_(?:GET|VERIFY|DECRYPT)|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_)/
const TLS_TEXT = /^Broker requires TLS/
/** The library says it in words only; the name is that of a topic. */
const UNKNOWN_TOPIC_TEXT = /^Unknown topic /

type Cause = {
  readonly code: string
  /** Kafka's name of the error, '' = not an answer of a broker. */
  readonly apiId: string
  readonly message: string
  /** A broker's own words about it, '' = none. */
  readonly words: string
  readonly needsRejoin: boolean
  readonly isLeaf: boolean
}

/** A broker is to be asked no more: credentials, rights, certificates, or something it never takes. */
export function isRefused(error: unknown): boolean {
  return causesOf(error).some(
    ({ code, apiId, message }) =>
      REFUSALS.has(apiId) || FINAL_CODES.has(code) || TLS_CODE.test(code) || TLS_TEXT.test(message),
  )
}

/** One of the answers has this name of Kafka's. */
export function isAnswer(error: unknown, ...names: readonly string[]): boolean {
  return causesOf(error).some(({ apiId }) => names.includes(apiId))
}

/** No broker knows the topic (yet). */
export function isUnknownTopic(error: unknown): boolean {
  return causesOf(error).some(
    ({ apiId, message }) => apiId === 'UNKNOWN_TOPIC_OR_PARTITION' || UNKNOWN_TOPIC_TEXT.test(message),
  )
}

/** The group shares out anew, or has lost us. */
export function isRejoinNeeded(error: unknown): boolean {
  return causesOf(error).some(({ needsRejoin }) => needsRejoin)
}

/**
 * One sentence without a full stop, for a terminal. Holds no secret: the library puts none into messages, and what a broker says about a
 * login, which it may repeat there, is left out.
 */
export function reasonOf(error: unknown): string {
  const causes = causesOf(error)
  const refused = causes.find(({ apiId }) => REFUSALS.has(apiId))
  const untrusted = causes.find(({ code }) => TLS_CODE.test(code))
  // Node puts its own advice behind OpenSSL's words.
  if (refused === undefined && untrusted !== undefined) return safeText(untrusted.message.replace(/;.*/s, ''))
  const said = refused ?? causes.findLast(({ isLeaf }) => isLeaf)
  if (said === undefined) return 'no reason given'
  const text =
    said.words === '' || said.apiId === 'SASL_AUTHENTICATION_FAILED'
      ? said.message
      : `${said.message.replace(/\.$/, '')}: ${said.words}`
  const short = text.length > REASON_MAX ? `${text.slice(0, REASON_MAX)}…` : text
  return safeText(short.replace(/\.$/, '') || said.code)
}

/**
 * `doing`: "write to" or the like, goes before the brokers' names. An AppError stays what it is.
 * Code `refused` where another attempt is of no use, else `no-server`.
 */
export function failureOf(error: unknown, brokers: readonly string[], doing: string): AppError {
  if (error instanceof AppError) return error
  const where = safeText(brokers.join(', '))
  const reason = reasonOf(error)
  const what = safeText(doing)
  if (isUnknownTopic(error))
    return new AppError('refused', `Kafka at ${where}: cannot ${what}: a topic does not exist (${reason})`, {
      advice: 'Make the topics with `peertrail install kafka`, and check the prefix in the pipeline file.',
    })
  if (isRefused(error))
    return new AppError('refused', `Kafka at ${where} refuses to let us ${what}: ${reason}`, {
      advice: adviceFor(error),
    })
  return new AppError('no-server', `Kafka at ${where}: cannot ${what}: ${reason}`, {
    advice:
      'Check that the brokers run and can be reached from here, also where they advertise, and whether they speak TLS.',
  })
}

function adviceFor(error: unknown): string {
  if (causesOf(error).some(({ code, message }) => TLS_CODE.test(code) || TLS_TEXT.test(message)))
    return 'Check whether the brokers speak TLS at this port, and name the authority of their certificates with kafka.tls.ca_file.'
  if (isAnswer(error, 'SASL_AUTHENTICATION_FAILED', 'UNSUPPORTED_SASL_MECHANISM', 'ILLEGAL_SASL_STATE'))
    return 'Check mechanism, user and password of kafka.sasl.'
  if (causesOf(error).some(({ apiId }) => apiId.endsWith('_AUTHORIZATION_FAILED')))
    return 'The account lacks a right; docs/operations.md names those of each tier.'
  if (isAnswer(error, 'MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE')) return 'Raise max.message.bytes of the topic.'
  if (isAnswer(error, 'INCONSISTENT_GROUP_PROTOCOL'))
    return 'Somebody else is in this group; give every tier a name of its own.'
  if (isAnswer(error, 'INVALID_REPLICATION_FACTOR')) return 'Ask for no more replicas than there are brokers.'
  if (isAnswer(error, 'INVALID_SESSION_TIMEOUT'))
    return 'The broker must allow sessions of 15 s (group.min.session.timeout.ms, group.max.session.timeout.ms).'
  return "Asking again would not help; the broker's log says more."
}

function causesOf(error: unknown): readonly Cause[] {
  const causes: Cause[] = []
  const visit = (each: unknown, depth: number) => {
    if (!(each instanceof Error) || depth > DEPTH_MAX || causes.length >= CAUSES_MAX) return
    const inner = [...(each instanceof AggregateError ? each.errors : []), each.cause]
    causes.push({
      code: textOf(each, 'code'),
      apiId: textOf(each, 'apiId'),
      message: each.message,
      words: textOf(each, 'serverErrorMessage'),
      needsRejoin: Reflect.get(each, 'needsRejoin') === true,
      isLeaf: !inner.some((one) => one instanceof Error),
    })
    for (const one of inner) visit(one, depth + 1)
  }
  visit(error, 0)
  return causes
}

/** The library's errors carry facts in properties of their own, which its types do not tell. */
function textOf(error: Error, name: string): string {
  const value: unknown = Reflect.get(error, name)
  return typeof value === 'string' ? value : ''
}
