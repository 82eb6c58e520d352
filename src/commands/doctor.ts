/**
 * `peertrail doctor [--pipeline FILE] [--json]`: looks at this machine and says what it lacks, what documents lack by that, and by which
 * commands it is mended. Changes nothing. Exit status 0 when nothing is wrong, missing or unseen (advice is no fault), else 1.
 */
import { join } from 'node:path'
import { type Clock, createSystemClock } from '../live/clock.ts'
import { judgeAudit } from './doctor-audit.ts'
import { judgeClock } from './doctor-clock.ts'
import { judgeConntrack } from './doctor-conntrack.ts'
import { judgeDaemon } from './doctor-daemon.ts'
import { judgeKernelLog } from './doctor-kernel-log.ts'
import { judgeLogRules } from './doctor-log-rules.ts'
import { judgePipeline } from './doctor-pipeline.ts'
import { doctorJson, doctorText } from './doctor-print.ts'
import { judgeRoom } from './doctor-room.ts'
import { judgeTools } from './doctor-tools.ts'
import { judgeWireguard } from './doctor-wireguard.ts'
import type { Judgement } from './finding.ts'
import { gatherMachineFacts, type MachineFacts } from './machine-facts.ts'
import { pipelineFacts } from './machine-pipeline.ts'
import type { Environment } from './store-place.ts'
import type { Terminal } from './terminal.ts'

export type DoctorArgs = {
  /** '' = none is looked at. */
  readonly pipeline: string
  readonly isJson: boolean
}

/** Where the files of deploy/ lie: beside src and dist alike. */
export const DEPLOY = join(import.meta.dirname, '..', '..', 'deploy')

/** `columns`: of the terminal, 0 = none. The exit status. */
export async function runDoctor(
  args: DoctorArgs,
  terminal: Terminal,
  columns: number,
  environment: Environment = {},
  clock: Clock = createSystemClock(),
): Promise<number> {
  const facts = await gatherMachineFacts({ clock })
  const judgements = judgeMachine(facts)
  if (args.pipeline !== '') {
    judgements.push(judgePipeline(await pipelineFacts(args.pipeline, clock), facts.reader))
    const { clusterFacts, judgeCluster } = await import('./doctor-cluster.ts')
    const cluster = await clusterFacts(args.pipeline, environment)
    if (cluster !== null) judgements.push(judgeCluster(cluster))
    const { judgeKafka, kafkaFacts } = await import('./doctor-kafka.ts')
    const kafka = await kafkaFacts(args.pipeline, environment)
    if (kafka !== null) judgements.push(judgeKafka(kafka))
  }
  const page = { facts, judgements, deployPath: DEPLOY }
  terminal.out(args.isJson ? doctorJson(page) : doctorText(terminal, page, columns))
  return isWell(judgements) ? 0 : 1
}

/** Every part of the machine, in the order of the screen. */
export function judgeMachine(facts: MachineFacts): Judgement[] {
  return [
    judgeWireguard(facts),
    judgeLogRules(facts),
    judgeKernelLog(facts),
    judgeConntrack(facts),
    judgeAudit(facts),
    judgeClock(facts),
    judgeRoom(facts),
    judgeDaemon(facts),
    judgeTools(facts),
  ]
}

/** Nothing but advice. */
export function isWell(judgements: readonly Judgement[]): boolean {
  return judgements.every(({ findings }) => findings.every(({ severity }) => severity === 'advice'))
}
