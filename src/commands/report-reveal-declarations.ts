/** `report reveal`, with its options and an example, for commander. */
import type { Command } from 'commander'
import type { Invocation } from './declarations.ts'
import { example } from './reader-options.ts'

/** `report reveal`. */
export function declareReveal(report: Command, { terminal, environment, now, done }: Invocation): void {
  report
    .command('reveal')
    .description('who stands behind the pseudonyms of a report')
    .argument('<path>', 'a report folder, or its pseudonyms.json')
    .argument('[pseudonyms...]', 'only these; all of the report when left out')
    .requiredOption('--key <file>', 'the secret the report was made with (keygen --pseudonyms)')
    .option('--json', 'print one JSON object', false)
    .addHelpText('after', example('report reveal ./report --key pseudonyms.key person-7k3f9q2m'))
    .action(async (path: string, pseudonyms: string[], options: { key: string; json: boolean }) => {
      const { runReveal } = await import('./report-reveal.ts')
      done(
        await runReveal({ path, pseudonyms, key: options.key, isJson: options.json }, { terminal, environment, now }),
      )
    })
}
