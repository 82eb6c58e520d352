/** Commands about what a report or a store proves, with their options and an example, for commander: `keygen`, `verify`. */
import type { Command } from 'commander'
import type { Invocation } from './declarations.ts'
import { example, withPlace } from './reader-options.ts'

/** `keygen`. */
export function declareKeygen(program: Command, { terminal, done }: Invocation): void {
  program
    .command('keygen')
    .description('make a pair of keys that signs reports, or a secret that pseudonyms are made with')
    .option('--out <file>', 'the private key; the public one goes to FILE.pub', '')
    .option('--pseudonyms', 'a secret for --pseudonymise instead', false)
    .option('--json', 'print one JSON object', false)
    .addHelpText('after', example('keygen --out ./signing.key'))
    .action(
      async ({ out, pseudonyms: isPseudonyms, json: isJson }: { out: string; pseudonyms: boolean; json: boolean }) => {
        const { runKeygen } = await import('./keygen.ts')
        done(runKeygen({ out, isPseudonyms, isJson }, terminal))
      },
    )
}

/** `verify`. */
export function declareVerify(program: Command, { terminal, environment, done }: Invocation): void {
  const command = program
    .command('verify')
    .description('check that a store, a report or an evidence pack is unchanged, and say what that does not prove')
    .argument('[path]', 'a report folder or an evidence pack; the store when left out', '')
    .option('--anchor <count:hash...>', 'heads of the chain that were kept elsewhere', [])
    .option('--public-key <file>', 'who has to have signed the report: the .pub file of keygen', '')
  withPlace(command)
    .option('--json', 'print one JSON object', false)
    .addHelpText(
      'after',
      `${example('verify --store ./peertrail-data')}\n  peertrail verify ./report --public-key signing.key.pub`,
    )
    .action(
      async (
        path: string,
        options: { store: string; pipeline: string; anchor: string[]; publicKey: string; json: boolean },
      ) => {
        const { anchor: anchors, json: isJson, ...rest } = options
        const { runVerify } = await import('./verify.ts')
        done(await runVerify({ path, ...rest, anchors, isJson }, environment, terminal))
      },
    )
}
