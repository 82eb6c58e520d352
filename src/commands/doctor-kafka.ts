/** The brokers a pipeline speaks to: do they answer, do they take this login, and are the topics there and as planned? */
import { readFile } from 'node:fs/promises'
import { basename, dirname, resolve } from 'node:path'
import { type KafkaConfig, parsePipeline } from '../config.ts'
import { AppError } from '../errors.ts'
import { isAsPlanned, topicChanges, topicNames, unequalCounts } from '../kafka/topic-changes.ts'
import { safeText } from '../safe-text.ts'
import { type Finding, type Judgement, listText } from './finding.ts'
import { type BusOpener, openKafka, pipelineKafka } from './kafka-place.ts'
import type { Environment } from './store-place.ts'
import { counted } from './terminal.ts'

export type KafkaFacts = {
  readonly brokers: readonly string[]
  readonly prefix: string
  /** As given on the command line. */
  readonly pipeline: string
  /** Why nothing can be asked there, '' = they answer. */
  readonly problem: string
  readonly advice: string
  /** They take the login, and this account may not look at topics: who only writes needs no right to. */
  readonly isHidden: boolean
  /** The password goes as it is over a network without TLS. */
  readonly isLoginOpen: boolean
  /** Names of topics that are not there. */
  readonly missing: readonly string[]
  /** Topics with other settings than planned, with the settings: `peertrail.flows: retention.ms 1 instead of 604800000`. */
  readonly different: readonly string[]
  /** `flows 24, hosts 12`; '' = equal. */
  readonly unequal: string
  /** Of the topics that are divided; 0 = none is there. */
  readonly partitions: number
  /** Copies of the topic that has the fewest; 0 = none is there. */
  readonly replicas: number
}

/** Null where the pipeline speaks to none, or cannot be read, which is told of the pipeline itself. Never rejects. */
export async function kafkaFacts(
  pipeline: string,
  environment: Environment,
  open: BusOpener = openKafka,
): Promise<KafkaFacts | null> {
  const text = await readFile(pipeline, 'utf8').catch(() => '')
  let config: ReturnType<typeof parsePipeline>
  try {
    config = parsePipeline(text, basename(pipeline))
  } catch {
    return null
  }
  if (config.kafka === null) return null
  const { brokers, prefix } = config.kafka
  const nothing = {
    brokers,
    prefix,
    pipeline,
    problem: '',
    advice: '',
    isHidden: false,
    isLoginOpen: isLoginOpen(config.kafka),
    missing: [],
    different: [],
    unequal: '',
    partitions: 0,
    replicas: 0,
  }
  try {
    const place = pipelineKafka(config, dirname(resolve(pipeline)), environment)
    if (place === null) return null
    const admin = await (await open(place.driver, place.connection)).admin()
    try {
      const existing = await admin.describe(topicNames(prefix)).catch(hidden)
      if (existing === null) return { ...nothing, isHidden: true }
      const { steps, partitions } = topicChanges({ prefix, partitions: null, replicas: null }, existing)
      return {
        ...nothing,
        missing: steps.filter((step) => step.existing === null).map(({ planned }) => planned.name),
        different: steps.filter((step) => step.existing !== null && !isAsPlanned(step)).flatMap(differenceTexts),
        unequal: unequalCounts(prefix, existing),
        partitions: existing.length === 0 ? 0 : partitions,
        replicas: existing.length === 0 ? 0 : Math.min(...existing.map(({ replicas }) => replicas)),
      }
    } finally {
      await admin.close()
    }
  } catch (error) {
    if (!(error instanceof AppError)) return { ...nothing, problem: 'they cannot be asked' }
    return { ...nothing, problem: error.message, advice: error.advice }
  }
}

function isLoginOpen({ brokers, tls, sasl }: KafkaConfig): boolean {
  const isFar = brokers.some((broker) => !/^(?:localhost|127\.[\d.]+|\[::1\]):\d+$/i.test(broker))
  return isFar && tls === null && sasl?.mechanism === 'plain'
}

/** Null where the account lacks the right; whoever is not let in at all was told so before. */
function hidden(error: unknown): null {
  if (error instanceof AppError && error.code === 'refused') return null
  throw error
}

/** `Kafka`. */
export function judgeKafka(facts: KafkaFacts): Judgement {
  const { brokers, prefix, problem, isHidden, missing, different, partitions, replicas } = facts
  const answers = problem === '' ? ['the brokers answer'] : []
  const isWhole = problem === '' && !isHidden && missing.length === 0
  const wells = [
    ...answers,
    ...(isHidden ? ['whether its topics are there and as planned, this account may not see'] : []),
    ...(isWhole && different.length === 0 && facts.unequal === ''
      ? [
          `topics ${safeText(prefix)}.* are there and as planned: ${counted(partitions, 'partition')}, ${counted(replicas, 'copy', 'copies')}`,
        ]
      : []),
  ]
  return { area: `Kafka ${safeText(brokers.join(', '))}`, wells, findings: findingsOf(facts) }
}

function differenceTexts({ planned, settings }: ReturnType<typeof topicChanges>['steps'][number]): string[] {
  return settings.map(({ name, from, to }) => `${planned.name}: ${name} ${from ?? 'not set'} instead of ${to}`)
}

function findingsOf({
  pipeline,
  problem,
  advice,
  isLoginOpen: isOpen,
  missing,
  different,
  unequal,
  replicas,
}: KafkaFacts): Finding[] {
  const install = `peertrail install kafka --pipeline ${safeText(pipeline)}`
  const findings: Finding[] = []
  if (problem !== '')
    findings.push({
      id: 'kafka-refuses',
      severity: 'wrong',
      what: `${problem}.`,
      consequence: 'What is read waits in the spool; when it is full nothing more is read. A tier does nothing.',
      mend: advice === '' ? [] : [`# ${advice}`],
    })
  if (isOpen)
    findings.push({
      id: 'kafka-open-login',
      severity: 'advice',
      what: 'The password of kafka.sasl is sent as it is (mechanism plain), without TLS.',
      consequence: 'Who can listen between here and the brokers can log in as we do, and read and write what we may.',
      mend: ['# kafka: { tls: {} }, or a mechanism that does not send the password, such as scram-sha-512'],
    })
  if (missing.length > 0)
    findings.push({
      id: 'kafka-not-installed',
      severity: 'missing',
      what: `Topics are not there: ${listText(missing.map(safeText))}.`,
      consequence: 'What belongs there waits, and a tier that reads them does not start, until they are made.',
      mend: [install],
    })
  if (unequal !== '')
    findings.push({
      id: 'kafka-unequal',
      severity: 'wrong',
      what: `Topics that are divided alike have different numbers of partitions: ${unequal}.`,
      consequence:
        'What a correlator has of one topic does not belong to what it has of the other: hosts are not joined.',
      mend: [`# growing moves machines between partitions; read first what it means`, `${install} --dry-run`],
    })
  if (different.length > 0)
    findings.push({
      id: 'kafka-settings',
      severity: 'missing',
      what: `Settings differ: ${different.map(safeText).join('; ')}.`,
      consequence: 'What waits may be deleted too early, or what is read whole may not be there any more.',
      mend: [`${install} --dry-run`, install],
    })
  if (replicas === 1)
    findings.push({
      id: 'kafka-one-copy',
      severity: 'advice',
      what: 'There is one copy of each message.',
      consequence: 'A broker that is lost takes along what waits there; while it is down everything waits.',
      mend: [],
    })
  return findings
}
