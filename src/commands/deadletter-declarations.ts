/** `deadletters` and what it does, with options and an example, for commander. */
import type { Command } from 'commander'
import { AppError } from '../errors.ts'
import { type ConnectionOptions, withConnection } from './connection-arguments.ts'
import { tierKafka } from './deadletters-kafka-place.ts'
import { runDeadlettersList } from './deadletters-list.ts'
import { runDeadlettersRetry } from './deadletters-retry.ts'
import type { Invocation } from './declarations.ts'

type Place = { state: string; pipeline: string; limit: string; json: boolean }

/** `deadletters`: documents that a cluster refused for good, and messages of Kafka that no tier understood. */
export function declareDeadletters(program: Command, invocation: Invocation): void {
  const { terminal, environment, stdout, now, done } = invocation
  const letters = program
    .command('deadletters')
    .description('what a cluster refused, or a tier could not understand: see it, send it again')
  withPlace(
    letters
      .command('list')
      .description('what was refused, why, and since when; of a tier’s pipeline, what lies in Kafka'),
  )
    .option('--limit <n>', 'examples shown, or letters printed with --json; 0 = all', '')
    .option('--json', 'print the letters, one JSON object a line', false)
    .addHelpText('after', '\nExample:\n  peertrail deadletters list --pipeline /etc/peertrail/pipeline.yaml')
    .action(async ({ json: isJson, ...rest }: Place) => {
      const kafka = await tierKafka(rest, environment)
      if (kafka !== null) {
        const { runKafkaLettersList } = await import('./deadletters-kafka-list.ts')
        done(await runKafkaLettersList({ limit: rest.limit, isJson }, kafka, terminal, stdout))
        return
      }
      done(await runDeadlettersList({ ...rest, isJson }, terminal, stdout))
    })
  const retry = withPlace(letters.command('retry').description('send it again; what a cluster accepts leaves the file'))
    .option('--elasticsearch <url>', 'the cluster, when the pipeline does not say', '')
    .option('--metrics <kind>', 'of that cluster: time-series (the default) or standard', '')
  withConnection(retry)
    .option('--limit <n>', 'send so many at most; 0 = all', '')
    .option('--all', 'of what lies in Kafka, also what has been sent again before', false)
    .option('--json', 'print one JSON object', false)
    .addHelpText('after', '\nExample:\n  peertrail deadletters retry --limit 10')
    .action(
      async ({
        json: isJson,
        all: isAll,
        ...rest
      }: Place & ConnectionOptions & { elasticsearch: string; metrics: string; all: boolean }) => {
        const kafka = await tierKafka(rest, environment)
        if (kafka !== null) {
          if (rest.elasticsearch !== '')
            throw new AppError('usage', 'the letters of this pipeline lie in Kafka, and go back there', {
              advice: 'Leave --elasticsearch out, or name a state directory with --state.',
            })
          const { runKafkaLettersRetry } = await import('./deadletters-kafka-retry.ts')
          done(await runKafkaLettersRetry({ limit: rest.limit, isAll, isJson }, kafka, terminal))
          return
        }
        if (isAll)
          throw new AppError('usage', '--all is for letters that lie in Kafka', {
            advice: 'Name the pipeline of a tier with --pipeline; what lies in a file is always sent.',
          })
        done(await runDeadlettersRetry({ ...rest, isJson }, now, environment, terminal))
      },
    )
}

function withPlace(command: Command): Command {
  return command
    .option('--state <dir>', 'the state directory, when the pipeline does not say', '')
    .option('--pipeline <file>', 'the pipeline, when that is not /etc/peertrail/pipeline.yaml', '')
}
