/** Every command with its options and an example, for commander; what it does stands in its own file. */
import type { Command } from 'commander'
import type { Micros } from '../time.ts'
import { runCheck } from './check.ts'
import { runDemo } from './demo.ts'
import { runInventoryDiff } from './inventory-diff.ts'
import { runInventoryInit } from './inventory-init.ts'
import { runReplay } from './replay.ts'
import type { Environment } from './store-place.ts'
import type { Terminal } from './terminal.ts'
import type { TextStream } from './text-outlet.ts'

/** What every command runs with. */
export type Invocation = {
  readonly terminal: Terminal
  readonly environment: Environment
  readonly stdout: TextStream
  /** What `now` and offsets mean. */
  readonly now: Micros
  /** Takes the exit status. */
  readonly done: (status: number) => void
}

/** `demo`, which is also what runs without a command. */
export function declareDemo(program: Command, { terminal, environment, done }: Invocation): void {
  program
    .command('demo', { isDefault: true })
    .description('replay the shipped real capture into ./peertrail-data and tell what is in it')
    .option('--store <dir>', 'another directory than ./peertrail-data', '')
    .addHelpText('after', '\nExample:\n  peertrail demo')
    .action(async (options: { store: string }) => {
      done(await runDemo(options, environment, terminal))
    })
}

/** `replay`. */
export function declareReplay(program: Command, { terminal, environment, stdout, done }: Invocation): void {
  program
    .command('replay')
    .description('run a capture directory through the pipeline; print totals and coverage')
    .argument('<dir>', 'capture: one folder a host, with kern.log, conntrack.log, wg.snapshots, … in it')
    .option('--ndjson <file>', 'write the documents as ECS NDJSON; - is standard output', '')
    .option('--store <dir>', 'add the documents to this store; what it has already is not added again', '')
    .option(
      '--pipeline <file>',
      'options of the hosts it names, before those of DIR/pipeline.yaml; the documents also go to its Elasticsearch',
      '',
    )
    .option('--json', 'print the totals as JSON', false)
    .addHelpText('after', '\nExample:\n  peertrail replay ./capture --store ./peertrail-data')
    .action(async (directory: string, options: { ndjson: string; store: string; pipeline: string; json: boolean }) => {
      const { json: isJson, ...rest } = options
      done(await runReplay({ directory, ...rest, isJson }, terminal, stdout, environment))
    })
}

/** `check`. */
export function declareCheck(program: Command, { terminal, done }: Invocation): void {
  program
    .command('check')
    .description(
      "validate inventories, pipelines, the two files of a capture and users' rules, whose samples it runs; compare generated files",
    )
    .argument('<file...>', 'YAML files, capture directories, generated files or their folders')
    .option('--write', 'renew generated files that are stale or missing', false)
    .addHelpText('after', '\nExample:\n  peertrail check inventory.yaml pipeline.yaml rules.yaml')
    .action(async (files: string[], { write: isWrite }: { write: boolean }) => {
      done(await runCheck(files, terminal, isWrite))
    })
}

/** `inventory` and what it does. */
export function declareInventory(program: Command, invocation: Invocation): void {
  const { terminal, done } = invocation
  const inventory = program.command('inventory').description('the documented truth: who may hold which key')
  inventory
    .command('init')
    .description('draft a commented inventory from running peers and the names in conf comments')
    .argument('<path...>', 'capture directory, wg.snapshots, or the output of `wg show all dump`')
    .option('--gateway <name>', 'name of the gateway a single dump comes from', '')
    .option('--conf <file...>', 'stored configurations whose comments name peers', [])
    .option('--output <file>', 'write there instead of standard output', '')
    .addHelpText('after', '\nExample:\n  peertrail inventory init ./capture --output inventory.yaml')
    .action(async (paths: string[], options: { gateway: string; conf: string[]; output: string }) => {
      const { conf: confs, ...rest } = options
      done(await runInventoryInit({ paths, ...rest, confs }, terminal))
    })
  declareInventoryDiff(inventory, invocation)
}

function declareInventoryDiff(inventory: Command, { terminal, environment, now, done }: Invocation): void {
  inventory
    .command('diff')
    .description('what runs against what is documented')
    .argument(
      '[path...]',
      'capture directory, wg.snapshots, or the output of `wg show all dump`; the store when left out',
    )
    .option('--inventory <file>', 'compare with this one instead of the one in the capture', '')
    .option('--gateway <name>', 'only this gateway; names the one a single dump comes from', '')
    .option('--at <time>', 'the newest snapshot at or before, and the dates of then: -2h, 2026-11-22, 15:09', '')
    .option('--json', 'print one JSON object', false)
    .option('--csv', 'print one row a difference', false)
    .option('--store <dir>', 'the store to look in without a path', '')
    .option('--pipeline <file>', 'the store this pipeline writes to', '')
    .addHelpText('after', '\nExample:\n  peertrail inventory diff ./capture --at 2026-11-22T15:10')
    .action(
      async (
        paths: string[],
        options: {
          inventory: string
          gateway: string
          at: string
          json: boolean
          csv: boolean
          store: string
          pipeline: string
        },
      ) => {
        const { json: isJson, csv: isCsv, at, ...rest } = options
        const args = { paths, ...rest, at: at === '' ? null : at, isJson, isCsv }
        done(await runInventoryDiff(args, now, terminal, environment))
      },
    )
}
