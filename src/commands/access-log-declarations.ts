/** `access-log`, with its options and an example, for commander. */
import type { Command } from 'commander'
import type { Invocation } from './declarations.ts'
import { example, withPlace } from './reader-options.ts'

/** `access-log`. */
export function declareAccessLog(program: Command, { terminal, environment, now, done }: Invocation): void {
  const command = program
    .command('access-log')
    .description('who asked what of the records: every search, who, timeline and report')
    .option('--since <time>', 'from then on, such as 2026-11-22, -2h; without a zone it is UTC', '')
  withPlace(command)
    .option('--json', 'print the lines as they are', false)
    .addHelpText('after', example('access-log --since -7d'))
    .action(async ({ json: isJson, ...rest }: { store: string; pipeline: string; since: string; json: boolean }) => {
      const { runAccessLog } = await import('./access-print.ts')
      done(await runAccessLog({ ...rest, isJson }, now, environment, terminal))
    })
}
