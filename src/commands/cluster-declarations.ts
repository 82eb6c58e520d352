/** The commands that set up what documents go to, with their options and an example, for commander. */
import type { Command } from 'commander'
import { type ConnectionOptions, withConnection } from './connection-arguments.ts'
import type { Invocation } from './declarations.ts'
import type { KafkaOptions } from './kafka-place.ts'

/** `install` and what it sets up. */
export function declareInstall(program: Command, invocation: Invocation): void {
  const install = program
    .command('install')
    .description('set up a cluster: templates, pipelines, roles, keys; topics of Kafka')
  declareElasticsearch(install, invocation)
  declareKafka(install, invocation)
}

function declareElasticsearch(install: Command, { terminal, environment, done }: Invocation): void {
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

function declareKafka(install: Command, { terminal, environment, done }: Invocation): void {
  install
    .command('kafka')
    .description('topics between many machines: may be repeated, shows what it changes, leaves alone what is not ours')
    .option('--pipeline <file>', 'brokers, certificates, login and prefix as this pipeline has them', '')
    .option('--brokers <list>', 'some of the brokers, as host:port,host:port', '')
    .option('--prefix <text>', 'how the names of the topics begin; peertrail when left out', '')
    .option('--partitions <n>', 'of what is divided by machine; as many as there are when left out, at first 12', '')
    .option('--replicas <n>', 'copies of each message; as many as there are brokers when left out, at most 3', '')
    .option('--dry-run', 'show what would change, and change nothing', false)
    .option('--grow', 'also give more partitions to topics that exist, which moves machines between them', false)
    .option('--remove', 'take away our topics instead, with all that is in them', false)
    .option('--json', 'print one JSON object', false)
    .addHelpText('after', '\nExample:\n  peertrail install kafka --pipeline /etc/peertrail/pipeline.yaml --dry-run')
    .action(
      async (
        options: KafkaOptions & {
          partitions: string
          replicas: string
          dryRun: boolean
          grow: boolean
          remove: boolean
          json: boolean
        },
      ) => {
        // Clients of Kafka take long to load: no other command does it.
        const { runInstallKafka } = await import('./install-kafka.ts')
        const { dryRun: isDryRun, grow: isGrow, remove: isRemove, json: isJson, ...rest } = options
        done(await runInstallKafka({ ...rest, isDryRun, isGrow, isRemove, isJson }, environment, terminal))
      },
    )
}
