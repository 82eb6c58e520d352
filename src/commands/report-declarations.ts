/** `report` and `drill`: documents for people, with their options and an example, for commander. A new kind is a function and a line here. */
import type { Command } from 'commander'
import { type ConnectionOptions, withConnection } from './connection-arguments.ts'
import type { Invocation } from './declarations.ts'
import { runReportRevocation } from './report-revocation.ts'

type Reader = ConnectionOptions & { store: string; pipeline: string; elasticsearch: string; namespace: string }

/** `report` and its kinds. */
export function declareReport(program: Command, invocation: Invocation): void {
  const report = program.command('report').description('documents for people: what was, how sure that is, what to do')
  declareRevocation(report, invocation)
}

function declareRevocation(report: Command, { terminal, environment, stdout, now, done }: Invocation): void {
  const command = report
    .command('revocation')
    .description('did tunnel access with a key end, when, and is that proved?')
    .option('--peer <peer>', 'a name, a public key or its beginning, an e-mail, a tunnel address', '')
    .option('--since <time>', 'leave out what was before, such as 2026-11-22T15:00Z, -7d', '')
    .option('--compromised-at <time>', 'when the key fell into wrong hands, as far as that is known', '')
    .option('--until <time>', 'prove it up to then; the newest poll when left out', '')
    .option('--inventory <file>', 'the gateways this one declares, instead of the one the records carry', '')
    .option('--conf <gateway=file...>', 'stored configurations of gateways: gw1=/etc/wireguard/wg0.conf', [])
  withReader(command)
    .option('--json', 'print one JSON object', false)
    .addHelpText('after', '\nExample:\n  peertrail report revocation --peer cedar --compromised-at 2026-11-22T15:00Z')
    .action(
      async (
        options: Reader & {
          peer: string
          since: string
          compromisedAt: string
          until: string
          inventory: string
          conf: string[]
          json: boolean
        },
      ) => {
        const { json: isJson, ...rest } = options
        done(await runReportRevocation({ ...rest, isJson }, { environment, terminal, stdout, now }))
      },
    )
}

/** A store or a cluster. */
export function withReader(command: Command): Command {
  command
    .option(
      '--store <dir>',
      'the store; else PEERTRAIL_STORE, --pipeline, /etc/peertrail/pipeline.yaml, ./peertrail-data',
      '',
    )
    .option('--pipeline <file>', 'the store this pipeline writes to', '')
    .option('--elasticsearch <url>', 'ask this cluster instead of a store: https://es.example:9200', '')
    .option('--namespace <name>', "last part of its streams' names; default when left out", '')
  return withConnection(command)
}
