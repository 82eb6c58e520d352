/** `run` with its options and an example, for commander. */
import type { Command } from 'commander'
import type { Invocation } from './declarations.ts'
import { runDaemon } from './run.ts'

export function declareRun(program: Command, { environment, done }: Invocation): void {
  program
    .command('run')
    .description('follow the logs and commands of a pipeline until it is told to stop')
    .option('--pipeline <file>', 'another file than /etc/peertrail/pipeline.yaml', '')
    .option('--state <dir>', 'another state directory than the pipeline says', '')
    .option('--once', 'read what is there, settle it as a replay does, and end; commands are not run', false)
    .addHelpText('after', '\nExample:\n  peertrail run --pipeline /etc/peertrail/pipeline.yaml')
    .action(async ({ once: isOnce, ...rest }: { pipeline: string; state: string; once: boolean }) => {
      done(await runDaemon({ ...rest, isOnce }, environment))
    })
}
