/** Which brokers a command speaks to, and by which prefix topics are named: what --pipeline says, with the command line going first. */
import { basename, dirname, resolve } from 'node:path'
import { type KafkaConfig, type PipelineConfig, parsePipeline } from '../config.ts'
import { AppError } from '../errors.ts'
import type { Bus, BusConnection } from '../kafka/bus.ts'
import { configuredBus } from '../kafka/configured.ts'
import { readText } from '../read-text.ts'
import { safeText } from '../safe-text.ts'
import type { Environment } from './store-place.ts'

export type KafkaPlace = {
  readonly driver: KafkaConfig['driver']
  readonly connection: BusConnection
  readonly prefix: string
  /** Login of the pipeline that is not used, because other brokers were named; '' = there is none such. */
  readonly unusedLogin: string
}

/** As given; '' = not given. */
export type KafkaOptions = {
  readonly pipeline: string
  /** `host:port`, separated by commas. */
  readonly brokers: string
  readonly prefix: string
}

export type BusOpener = (driver: KafkaConfig['driver'], connection: BusConnection) => Promise<Bus>

/** Loads the driver, which most commands never need. Throws AppError `no-server`, `refused`. */
export const openKafka: BusOpener = async (driver, connection) => {
  const { openBus } = await import('../kafka/open-bus.ts')
  return await openBus(driver, connection)
}

/** Throws AppError `usage`, `bad-secret`, `bad-pipeline`, `cannot-read`. */
export async function kafkaPlace(options: KafkaOptions, environment: Environment): Promise<KafkaPlace> {
  const { pipeline, brokers } = options
  const given = givenKafka(options)
  if (pipeline === '') {
    if (brokers === '')
      throw new AppError('usage', 'which brokers? Neither --pipeline nor --brokers was given', {
        advice: 'Name the pipeline file that has `kafka:`, or give --brokers kafka-1:9092.',
      })
    return placeOf(given, '.', environment)
  }
  const config = parsePipeline(await readText(pipeline), basename(pipeline)).kafka
  if (config === null)
    throw new AppError('usage', `${safeText(pipeline)} has no kafka: section`, {
      advice: 'Add `kafka: { brokers: [kafka-1:9092] }` to it, or give --brokers.',
    })
  // A password goes to the brokers it was written down for, and to no others.
  const isOther = given.brokers.some((broker) => brokers !== '' && !config.brokers.includes(broker))
  const chosen = {
    ...config,
    ...(brokers === '' ? {} : { brokers: given.brokers }),
    ...(options.prefix === '' ? {} : { prefix: given.prefix }),
    sasl: isOther ? null : config.sasl,
  }
  const unusedLogin = isOther ? (config.sasl?.username ?? '') : ''
  return { ...placeOf(chosen, dirname(resolve(pipeline)), environment), unusedLogin }
}

/** Of a pipeline that was read already; null where it has no brokers. `base`: directory of its file. Throws as `kafkaPlace`. */
export function pipelineKafka(config: PipelineConfig, base: string, environment: Environment): KafkaPlace | null {
  return config.kafka === null ? null : placeOf(config.kafka, base, environment)
}

function placeOf(config: KafkaConfig, base: string, environment: Environment): KafkaPlace {
  const { driver, prefix } = config
  return { driver, prefix, connection: configuredBus(config, base, environment), unusedLogin: '' }
}

/** By the rules of pipeline files: one list of what is a broker and what a prefix. */
function givenKafka({ brokers, prefix }: KafkaOptions): KafkaConfig {
  const list = brokers === '' ? ['localhost:9092'] : brokers.split(',').map((broker) => broker.trim())
  // JSON is YAML.
  const text = JSON.stringify({ kafka: { brokers: list, ...(prefix === '' ? {} : { prefix }) } })
  const from = 'the command line'
  try {
    const { kafka } = parsePipeline(text, from)
    if (kafka !== null) return kafka
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    const [first] = error.problems
    throw new AppError('usage', (first?.message ?? error.message).replace(/^kafka\.(brokers|prefix)/, '--$1'), {
      advice: 'Give --brokers kafka-1:9092,kafka-2:9092 and --prefix peertrail.',
    })
  }
  throw new Error('a section that was given was not read')
}
