/** The broker that a person named for the tests: used as it is, never stopped, never given other settings. Topics stay behind. */
import { randomBytes } from 'node:crypto'
import type { Broker, BrokerOptions } from './broker-contract.ts'
import { NoEngineError } from './engine-contract.ts'

export const BROKER_NAME = 'PEERTRAIL_TEST_KAFKA'

/** `host:port`, '' = none is named. */
export function givenBrokerAddress(): string {
  return process.env[BROKER_NAME] ?? ''
}

/** Throws NoEngineError where one would be needed that can be configured. */
export function givenBroker({ settings, proxies = 0 }: BrokerOptions): Broker {
  if (settings !== undefined || proxies > 0)
    throw new NoEngineError(`it needs a broker of its own, and ${BROKER_NAME} names one that is not`)
  const refuse = (): never => {
    throw new NoEngineError(`it kills brokers, and the one of ${BROKER_NAME} is not to be killed`)
  }
  return {
    address: givenBrokerAddress(),
    proxies: [],
    isOwn: false,
    prefix: newPrefix,
    kill: async () => refuse(),
    stop: async () => refuse(),
    restart: async () => refuse(),
    pause: refuse,
    resume: refuse,
    close: async () => {},
  }
}

export function newPrefix(): string {
  return `t${randomBytes(4).toString('hex')}`
}
