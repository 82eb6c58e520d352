/** Goal: an operator reads what is wrong and what to do about it, a process knows what passes, and no secret is told. */
import { AuthenticationError, MultipleErrors, NetworkError, ProtocolError } from '@platformatic/kafka'
import { describe, expect, test } from 'vitest'
import { AppError } from '../../src/errors.ts'
import {
  failureOf,
  isAnswer,
  isRefused,
  isRejoinNeeded,
  isUnknownTopic,
  reasonOf,
} from '../../src/kafka/platformatic/failures.ts'

const BROKERS = ['kafka.example.net:9092']
const wrapped = (...errors: Error[]) => new MultipleErrors('Cannot do it.', errors)
const coded = (message: string, code: string) => Object.assign(new Error(message), { code })

describe('what went wrong', () => {
  test('is a refusal where nothing but a person can help, however deep it lies', () => {
    for (const error of [
      new ProtocolError('TOPIC_AUTHORIZATION_FAILED'),
      wrapped(new NetworkError('closed'), wrapped(new ProtocolError('MESSAGE_TOO_LARGE'))),
      new AuthenticationError('SASL authentication failed.', {
        cause: new ProtocolError('SASL_AUTHENTICATION_FAILED'),
      }),
      new NetworkError('failed', { cause: coded('self-signed certificate', 'DEPTH_ZERO_SELF_SIGNED_CERT') }),
    ])
      expect(isRefused(error)).toBe(true)
    for (const error of [
      new ProtocolError('NOT_LEADER_OR_FOLLOWER'),
      wrapped(new NetworkError('closed', { cause: coded('connect ECONNREFUSED', 'ECONNREFUSED') })),
      new ProtocolError('UNKNOWN_TOPIC_OR_PARTITION'),
      'no error',
    ])
      expect(isRefused(error)).toBe(false)
  })

  test('is known by the name that Kafka gives it', () => {
    const error = wrapped(new NetworkError('closed'), new ProtocolError('REBALANCE_IN_PROGRESS'))
    expect([isAnswer(error, 'REBALANCE_IN_PROGRESS'), isAnswer(error, 'NOT_COORDINATOR')]).toEqual([true, false])
    expect([isRejoinNeeded(error), isRejoinNeeded(new NetworkError('closed'))]).toEqual([true, false])
    expect(isUnknownTopic(wrapped(new ProtocolError('UNKNOWN_TOPIC_OR_PARTITION')))).toBe(true)
    expect(isUnknownTopic(new Error('Unknown topic lab.flows'))).toBe(true)
  })

  test('ends also where errors hold each other, or too many', () => {
    const loop = new Error('round')
    loop.cause = loop
    expect(isRefused(loop)).toBe(false)
    const many = wrapped(...Array.from({ length: 5_000 }, () => new ProtocolError('LEADER_NOT_AVAILABLE')))
    expect(reasonOf(many)).not.toBe('')
  })
})

describe('what is said', () => {
  test('names brokers, topic and key of the pipeline file', () => {
    const missing = failureOf(new ProtocolError('UNKNOWN_TOPIC_OR_PARTITION'), BROKERS, 'read')
    expect([missing.code, missing.advice]).toEqual(['refused', expect.stringContaining('peertrail install kafka')])
    const untrusted = failureOf(coded('self-signed certificate', 'DEPTH_ZERO_SELF_SIGNED_CERT'), BROKERS, 'read')
    expect(untrusted.advice).toContain('kafka.tls.ca_file')
    const away = failureOf(new NetworkError('connect \u001b[2J refused'), BROKERS, 'read')
    expect([away.code, away.message]).toEqual([
      'no-server',
      'Kafka at kafka.example.net:9092: cannot read: connect \\x1b[2J refused',
    ])
    const own = new AppError('usage', 'so')
    expect(failureOf(own, BROKERS, 'read')).toBe(own)
  })

  test("is a broker's own words, but never those about a login, which may repeat it", () => {
    expect(reasonOf(new ProtocolError('POLICY_VIOLATION', 'at most 3 topics'))).toContain('at most 3 topics')
    const login = new AuthenticationError('SASL authentication failed.', {
      cause: new ProtocolError('SASL_AUTHENTICATION_FAILED', 'no user u with hunter2'),
    })
    for (const error of [login, login.cause, wrapped(login)]) {
      expect(reasonOf(error)).not.toContain('hunter2')
      expect(failureOf(error, BROKERS, 'read').message).not.toContain('hunter2')
    }
    expect(failureOf(login, BROKERS, 'read').advice).toContain('kafka.sasl')
  })
})
