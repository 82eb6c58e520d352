import kafkajs from 'kafkajs'
import { describe, expect, test } from 'vitest'
import { AppError } from '../../src/errors.ts'
import { failureOf, isRefusal, isSequenceTrouble, typeOf } from '../../src/kafka/kafkajs/failures.ts'
import { readLog } from '../../src/kafka/kafkajs/log.ts'

const BROKERS = ['kafka.example.net:9092']

/** As kafkajs makes it of an answer of the broker; its wrappers put it into `cause`. */
function answered(type: string, message: string): Error {
  return new kafkajs.KafkaJSProtocolError(Object.assign(new Error(message), { type, code: 1, retriable: false }))
}

/** kafkajs's own class takes a text that its declared type does not. */
const turnedAway = (message: string) =>
  Object.assign(new Error(message), { name: 'KafkaJSSASLAuthenticationError', retriable: false })

const wrapped = (error: Error) => new kafkajs.KafkaJSNumberOfRetriesExceeded(error, { retryCount: 5, retryTime: 1 })

describe('what went wrong', () => {
  test('is found below what kafkajs wraps around it', () => {
    expect(typeOf(wrapped(answered('NOT_ENOUGH_REPLICAS', 'too few')))).toBe('NOT_ENOUGH_REPLICAS')
    expect(typeOf(new Error('socket hang up'))).toBe('')
    expect(isSequenceTrouble(wrapped(answered('OUT_OF_ORDER_SEQUENCE_NUMBER', 'gap')))).toBe(true)
    expect(isSequenceTrouble(answered('NOT_ENOUGH_REPLICAS', 'too few'))).toBe(false)
  })

  test('is a refusal where nothing but a person can help', () => {
    const refusals = [
      answered('TOPIC_AUTHORIZATION_FAILED', 'Not authorized to access topics'),
      answered('MESSAGE_TOO_LARGE', 'too large'),
      turnedAway('PLAIN authentication failed for hunter2'),
      new AppError('refused', 'so'),
    ]
    expect(refusals.map(isRefusal)).toEqual(refusals.map(() => true))
    const passing = [
      answered('LEADER_NOT_AVAILABLE', 'no leader'),
      new kafkajs.KafkaJSConnectionError('connect ECONNREFUSED', {}),
      new AppError('no-server', 'so'),
      'no error at all',
    ]
    expect(passing.map(isRefusal)).toEqual(passing.map(() => false))
  })

  test('is said with place and advice, without the credentials that a broker repeats', () => {
    const error = failureOf(turnedAway('failed for hunter2'), 'let us in', BROKERS)
    expect([error.code, error.message]).toEqual([
      'refused',
      'Kafka (kafka.example.net:9092) refuses to let us in: it does not accept the credentials',
    ])
    expect(error.advice).not.toBe('')
    expect(error.cause).toBeUndefined()
    const away = failureOf(new kafkajs.KafkaJSConnectionError('\u001b[2Jconnect ECONNREFUSED', {}), 'connect', BROKERS)
    expect([away.code, away.message]).toEqual([
      'no-server',
      'cannot connect at Kafka (kafka.example.net:9092): \\x1b[2Jconnect ECONNREFUSED',
    ])
  })
})

describe("kafkajs's log", () => {
  const line = (message: string, more: Record<string, unknown> = {}, level = 1) =>
    readLog({ namespace: 'Connection', label: '', level, log: { timestamp: '', message, ...more } })

  test('gives trouble in one line, and nothing for a rebalance or chatter', () => {
    expect(line('Connection error:\n connect ECONNREFUSED').trouble).toBe('Connection error: connect ECONNREFUSED')
    expect(line('Response Fetch', { error: 'There is no leader' }).trouble).toBe('There is no leader')
    expect(line('Response Heartbeat', { error: 'The group is rebalancing, so a rejoin is needed' }).trouble).toBe('')
    const login = line('SASL PLAIN authentication failed: no user u with hunter2')
    expect(login.trouble).toBe('SASL PLAIN authentication failed')
    const seed = 'Failed to connect to seed broker, trying another broker from the list: '
    expect(line(`${seed}SASL SCRAM SHA256 authentication failed: hunter2`).trouble).not.toContain('hunter2')
    expect(line('Starting', {}, 4).trouble).toBe('')
  })

  test('tells a missing topic, a lost place and a certificate', () => {
    const missing = { error: 'This server does not host this topic-partition' }
    expect(line('Response Metadata(key: 3, version: 6)', missing).isUnknownTopic).toBe(true)
    expect(line('Failed to send messages', missing).isUnknownTopic).toBe(false)
    expect(line('Offset out of range, resetting to default offset', { topic: 't', partition: 3 }).outOfRange).toEqual({
      topic: 't',
      partition: 3,
    })
    expect(line('Connection error: self-signed certificate in certificate chain').isUntrusted).toBe(true)
    expect(line('Connection error: read ECONNRESET').isUntrusted).toBe(false)
  })
})
