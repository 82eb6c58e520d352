/** `findings` and what belongs to it, with options and an example, for commander. Each is loaded only when it is run: the daemon does without. */
import type { Command } from 'commander'
import type { ConnectionOptions } from './connection-arguments.ts'
import type { Invocation } from './declarations.ts'
import { example, withReader, withStretch } from './reader-options.ts'

type Asked = { store: string; pipeline: string; elasticsearch: string; namespace: string } & ConnectionOptions

/** `findings`, `findings list`, `findings show`, `findings ack`. */
export function declareFindings(program: Command, invocation: Invocation): void {
  const findings = program
    .command('findings')
    .description('what detections, rules and posture checks found, and what was done about it')
  declareList(findings, invocation)
  declareShow(findings, invocation)
  declareAck(findings, invocation)
}

function declareList(findings: Command, { terminal, environment, stdout, now, done }: Invocation): void {
  const command = findings
    .command('list', { isDefault: true })
    .description('findings of a period, newest first')
    .argument('[kql]', 'only those that match: wireguard.peer.name : dogwood', '')
    .option('--severity <name>', 'low, medium, high or critical, and above', '')
    .option('--rule <id>', 'only of this detection, rule or check', '')
    .option('--open', 'only those that nobody handled', false)
    .option('--limit <n>', 'findings shown, 0 = all', '50')
  withReader(withStretch(command))
    .option('--json', 'print one JSON object a line', false)
    .addHelpText('after', example('findings --severity high --open --last 24h'))
    .action(
      async (
        query: string,
        options: Asked & {
          severity: string
          rule: string
          open: boolean
          limit: string
          since: string
          until: string
          last: string
          json: boolean
        },
      ) => {
        const { json: isJson, open: isOpen, ...rest } = options
        const { runFindings } = await import('./findings-list.ts')
        done(await runFindings({ query, ...rest, isOpen, isJson }, { environment, terminal, stdout, now }))
      },
    )
}

function declareShow(findings: Command, { terminal, environment, stdout, now, done }: Invocation): void {
  withReader(
    findings
      .command('show')
      .description('all of one finding: who, evidence, what to do, what was done')
      .argument('<id>', 'its id, or the beginning of it'),
  )
    .option('--json', 'print one JSON object', false)
    .addHelpText('after', example('findings show 01k81svpogc0ct1qbdk'))
    .action(async (id: string, { json: isJson, ...rest }: Asked & { json: boolean }) => {
      const { runShowFinding } = await import('./findings-show.ts')
      done(await runShowFinding({ id, ...rest, isJson }, { environment, terminal, stdout, now }))
    })
}

function declareAck(findings: Command, { terminal, environment, stdout, now, done }: Invocation): void {
  const command = findings
    .command('ack')
    .description('record who handles a finding, as an event beside it')
    .argument('<id>', 'its id, or the beginning of it')
    .requiredOption('--by <name>', 'who handles it')
    .option('--case <reference>', 'reference of the case', '')
    .option('--note <text>', 'what was found out', '')
    .option('--state <dir>', 'state directory of the daemon that writes the store, where it is not beside it', '')
  withReader(command)
    .option('--json', 'print the event', false)
    .addHelpText('after', example('findings ack 01k81svpogc0ct1qbdk --by "Carol" --case INC-1042'))
    .action(
      async (
        id: string,
        { json: isJson, ...rest }: Asked & { by: string; case: string; note: string; state: string; json: boolean },
      ) => {
        const { runAckFinding } = await import('./findings-ack.ts')
        done(await runAckFinding({ id, ...rest, isJson }, { environment, terminal, stdout, now }))
      },
    )
}
