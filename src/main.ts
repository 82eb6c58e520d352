#!/usr/bin/env -S node --max-semi-space-size=32
/** The command line: reads arguments, hands them to one command, turns errors into words and exit codes (design 9). */
import { Command, CommanderError } from 'commander'
import { runCheck } from './commands/check.ts'
import { runInventoryInit } from './commands/inventory-init.ts'
import { printError } from './commands/problem-report.ts'
import { runReplay } from './commands/replay.ts'
import { createTerminal, type Terminal } from './commands/terminal.ts'
import { AppError, ERROR_EXITS } from './errors.ts'

const EXIT_USAGE = 2

async function main(argv: readonly string[]): Promise<number> {
  const terminal = createTerminal({ out: process.stdout, err: process.stderr }, process.env)
  // `peertrail … | head`: what nobody reads any more need not be written.
  process.stdout.on('error', () => {})
  let exit = 0
  const program = createProgram(terminal, (status) => {
    exit = status
  })
  try {
    await program.parseAsync([...argv], { from: 'user' })
    return exit
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE
    if (!(error instanceof AppError)) throw error
    printError(terminal, error)
    return ERROR_EXITS[error.code]
  }
}

function createProgram(terminal: Terminal, done: (status: number) => void): Command {
  const program = new Command('peertrail')
    .description(
      'Every recorded flow through a WireGuard interface, traced to the key that carried it, and to the device and owner the inventory assigns to that key.',
    )
    .exitOverride()
    .configureOutput({ writeOut: (text) => terminal.out(text), writeErr: (text) => terminal.err(text) })
    .showHelpAfterError('Run with --help for the commands and their options.')
  program
    .command('replay')
    .description('run a capture directory through the pipeline; print totals and coverage')
    .argument('<dir>', 'capture: one folder a host, with kern.log, conntrack.log, wg.snapshots, … in it')
    .option('--ndjson <file>', 'write the documents as ECS NDJSON; - is standard output', '')
    .option('--store <dir>', 'add the documents to this store; what it has already is not added again', '')
    .option('--pipeline <file>', 'options of the hosts instead of DIR/pipeline.yaml', '')
    .option('--json', 'print the totals as JSON', false)
    .addHelpText('after', '\nExample:\n  peertrail replay ./capture --store ./peertrail-data')
    .action(async (directory: string, options: { ndjson: string; store: string; pipeline: string; json: boolean }) => {
      const { json: isJson, ...rest } = options
      done(await runReplay({ directory, ...rest, isJson }, terminal, process.stdout))
    })
  program
    .command('check')
    .description('validate inventories, pipelines and the two files of a capture')
    .argument('<file...>', 'YAML files or capture directories')
    .addHelpText('after', '\nExample:\n  peertrail check inventory.yaml pipeline.yaml')
    .action(async (files: string[]) => {
      done(await runCheck(files, terminal))
    })
  program
    .command('inventory')
    .description('the documented truth: who may hold which key')
    .command('init')
    .description('draft a commented inventory from running peers and the names in conf comments')
    .argument('<path...>', 'capture directory, wg.snapshots, or the output of `wg show all dump`')
    .option('--gateway <name>', 'name of the gateway a single dump comes from', '')
    .option('--conf <file...>', 'stored configurations whose comments name peers', [])
    .option('--output <file>', 'write there instead of standard output', '')
    .addHelpText('after', '\nExample:\n  peertrail inventory init ./capture --output inventory.yaml')
    .action(async (paths: string[], options: { gateway: string; conf: string[]; output: string }) => {
      done(
        await runInventoryInit(
          { paths, gateway: options.gateway, confs: options.conf, output: options.output },
          terminal,
        ),
      )
    })
  return program
}

process.exitCode = await main(process.argv.slice(2))
