/** The commands that set up what documents go to, with their options and an example, for commander. */
import type { Command } from 'commander'
import { type ConnectionOptions, withConnection } from './connection-arguments.ts'
import type { Invocation } from './declarations.ts'

/** `install` and what it sets up. */
export function declareInstall(program: Command, { terminal, environment, done }: Invocation): void {
  const install = program.command('install').description('set up a cluster: templates, pipelines, roles, keys')
  const elasticsearch = install
    .command('elasticsearch')
    .description('Elasticsearch or OpenSearch: may be repeated, shows what it changes, leaves alone what is not ours')
    .option('--url <url>', 'the cluster, such as https://es.example:9200', '')
  withConnection(elasticsearch)
    .option('--pipeline <file>', 'address, certificates, namespace and kind of metrics of this pipeline’s sink', '')
    .option(
      '--metrics <kind>',
      'time-series or standard, which takes points of any age; as it is when left out, at first time-series',
      '',
    )
    .option('--dry-run', 'show what would change, and change nothing', false)
    .option('--create-key <name>', 'also make an API key that may only add documents, and print it once', '')
    .option('--remove', 'take away what is ours instead; documents stay', false)
    .option('--json', 'print one JSON object', false)
    .addHelpText(
      'after',
      '\nExample:\n  peertrail install elasticsearch --url https://es.example:9200 --user elastic --create-key gw1',
    )
    .action(
      async (
        options: ConnectionOptions & {
          url: string
          pipeline: string
          metrics: string
          dryRun: boolean
          createKey: string
          remove: boolean
          json: boolean
        },
      ) => {
        // What speaks to clusters takes 0.2 s and 40 MB: no other command loads it.
        const { runInstallElasticsearch } = await import('./install-elasticsearch.ts')
        const { dryRun: isDryRun, remove: isRemove, json: isJson, ...rest } = options
        done(await runInstallElasticsearch({ ...rest, isDryRun, isRemove, isJson }, environment, terminal))
      },
    )
}
