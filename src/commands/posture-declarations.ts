/** `posture` with its options and an example, for commander. Each is loaded only when it is run: the daemon does without. */
import type { Command } from 'commander'
import { type ConnectionOptions, withConnection } from './connection-arguments.ts'
import type { Invocation } from './declarations.ts'
import { createTextOutlet } from './text-outlet.ts'

type Options = ConnectionOptions & {
  capture: string
  store: string
  elasticsearch: string
  namespace: string
  inventory: string
  pipeline: string
  search: string[]
  severity: string
  json: boolean
}

/** `posture`. */
export function declarePosture(program: Command, { terminal, environment, stdout, now, done }: Invocation): void {
  const command = program
    .command('posture')
    .description(
      'what runs, is stored and is documented, and how a gateway is kept: findings with evidence and mending',
    )
    .option('--capture <dir>', 'look at this capture instead of this machine', '')
    .option('--store <dir>', 'look at what this store recorded', '')
    .option('--elasticsearch <url>', 'look at what this cluster holds: https://es.example:9200', '')
    .option('--namespace <name>', "last part of its streams' names; default when left out", '')
    .option(
      '--inventory <file>',
      'compare with this one; else that of the pipeline, of the capture or of the store',
      '',
    )
    .option('--pipeline <file>', 'the pipeline whose inventory is meant', '')
    .option(
      '--search <path...>',
      'where private keys are searched for; /etc /var/backups /root /home /srv when left out',
      [],
    )
    .option('--severity <name>', 'only findings at or above: low, medium, high, critical', '')
    .option('--json', 'print one JSON object', false)
  withConnection(command)
    .addHelpText(
      'after',
      '\nExit status 1 from medium on, or from --severity on.\n\nExample:\n  sudo peertrail posture',
    )
    .action(async ({ json: isJson, ...options }: Options) => {
      const { width: columns } = createTextOutlet(stdout)
      const { runPosture } = await import('./posture.ts')
      done(await runPosture({ ...options, isJson }, { terminal, environment, columns, now }))
    })
}
