/** Every suite, in the order in which they run on each kind of engine. One line each; a test of the harness sees that none is left out. */
import { ANSWERS, ANSWERS_RIGHTS, QUERY_MEANING } from './answers.ts'
import { BUS_FAULTS_KAFKAJS, BUS_FAULTS_PLATFORMATIC, BUS_KAFKAJS, BUS_PLATFORMATIC } from './bus-contract.ts'
import { DAEMON } from './daemon.ts'
import { DEAD_LETTERS } from './dead-letters.ts'
import { INSTALL, INSTALL_SECURED } from './install.ts'
import { INSTALL_KAFKA } from './install-kafka.ts'
import { LAB_1 } from './lab-1.ts'
import { ROUND_TRIP } from './round-trip.ts'
import { SINK, SINK_PRESSURE } from './sink.ts'
import type { Suite } from './suite.ts'
import { TEMPLATES } from './templates.ts'
import { TIERS } from './tiers.ts'
import { TIERS_BROKERS } from './tiers-brokers.ts'
import { TIERS_CORRELATORS } from './tiers-correlators.ts'
import { TIERS_ELASTICSEARCH } from './tiers-elasticsearch.ts'
import { TIERS_INDEXERS } from './tiers-indexers.ts'
import { TIERS_NETWORK } from './tiers-network.ts'
import { TIERS_RIGHTS } from './tiers-rights.ts'
import { TLS_AND_USERS } from './tls-and-users.ts'

export const SUITES: readonly Suite[] = [
  TEMPLATES,
  INSTALL,
  INSTALL_SECURED,
  TLS_AND_USERS,
  SINK,
  SINK_PRESSURE,
  DEAD_LETTERS,
  ROUND_TRIP,
  LAB_1,
  DAEMON,
  QUERY_MEANING,
  ANSWERS,
  ANSWERS_RIGHTS,
  TIERS_ELASTICSEARCH,
  BUS_KAFKAJS,
  BUS_PLATFORMATIC,
  BUS_FAULTS_KAFKAJS,
  BUS_FAULTS_PLATFORMATIC,
  INSTALL_KAFKA,
  TIERS,
  TIERS_CORRELATORS,
  TIERS_BROKERS,
  TIERS_NETWORK,
  TIERS_INDEXERS,
  TIERS_RIGHTS,
]
