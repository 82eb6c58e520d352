/** The commands about the running daemon, with their options and an example, for commander. */
import type { Command } from 'commander'
import type { Invocation } from './declarations.ts'
import { runDaemon } from './run.ts'
import { runStatus } from './status.ts'

/** `status`. */
export function declareStatus(program: Command, { terminal, stdout, done }: Invocation): void {
  program
    .command('status')
    .description('ask the running daemon: sources, sinks, alarms; ends with 1 when there are alarms')
    .option('--pipeline <file>', 'the pipeline it runs with, when that is not /etc/peertrail/pipeline.yaml', '')
    .option('--state <dir>', 'its state directory, when the pipeline does not say', '')
    .option('--all', 'every source on a line of its own, however many there are', false)
    .option('--watch', 'redraw every 2 s until Ctrl-C', false)
    .option('--json', 'print one JSON object', false)
    .addHelpText('after', '\nExample:\n  peertrail status --watch')
    .action(async (options: { pipeline: string; state: string; all: boolean; watch: boolean; json: boolean }) => {
      const { all: isAll, watch: isWatch, json: isJson, ...rest } = options
      done(await runStatus({ ...rest, isAll, isWatch, isJson }, terminal, stdout))
    })
}

/** `run`. */
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
