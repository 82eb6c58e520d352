/** `deadletters` and what it does, with options and an example, for commander. */
import type { Command } from 'commander'
import { type ConnectionOptions, withConnection } from './connection-arguments.ts'
import { runDeadlettersList } from './deadletters-list.ts'
import { runDeadlettersRetry } from './deadletters-retry.ts'
import type { Invocation } from './declarations.ts'

type Place = { state: string; pipeline: string; limit: string; json: boolean }

/** `deadletters`: documents that a cluster refused for good. */
export function declareDeadletters(program: Command, invocation: Invocation): void {
  const { terminal, environment, stdout, now, done } = invocation
  const letters = program
    .command('deadletters')
    .description('documents that a cluster refused: see them, send them again')
  withPlace(letters.command('list').description('which documents were refused, why, and since when'))
    .option('--limit <n>', 'examples shown, or letters printed with --json; 0 = all', '')
    .option('--json', 'print the letters, one JSON object a line', false)
    .addHelpText('after', '\nExample:\n  peertrail deadletters list --pipeline /etc/peertrail/pipeline.yaml')
    .action(async ({ json: isJson, ...rest }: Place) => {
      done(await runDeadlettersList({ ...rest, isJson }, terminal, stdout))
    })
  const retry = withPlace(letters.command('retry').description('send them again; those accepted leave the file'))
    .option('--elasticsearch <url>', 'the cluster, when the pipeline does not say', '')
    .option('--metrics <kind>', 'of that cluster: time-series (the default) or standard', '')
  withConnection(retry)
    .option('--limit <n>', 'send so many at most; 0 = all', '')
    .option('--json', 'print one JSON object', false)
    .addHelpText('after', '\nExample:\n  peertrail deadletters retry --limit 10')
    .action(
      async ({ json: isJson, ...rest }: Place & ConnectionOptions & { elasticsearch: string; metrics: string }) => {
        done(await runDeadlettersRetry({ ...rest, isJson }, now, environment, terminal))
      },
    )
}

function withPlace(command: Command): Command {
  return command
    .option('--state <dir>', 'the state directory, when the pipeline does not say', '')
    .option('--pipeline <file>', 'the pipeline, when that is not /etc/peertrail/pipeline.yaml', '')
}
