/** Options that commands share which ask a store or a cluster, for commander. */
import type { Command } from 'commander'
import { withConnection } from './connection-arguments.ts'

/** `--since`, `--until`, `--last`. */
export function withStretch(command: Command): Command {
  return command
    .option('--since <time>', 'from then on, such as 2026-11-22, 15:09, -2h; without a zone it is UTC', '')
    .option('--until <time>', 'up to then', '')
    .option('--last <span>', 'from so long ago: 24h, 7d', '')
}

/** A store: `--store`, `--pipeline`. */
export function withPlace(command: Command): Command {
  return command
    .option(
      '--store <dir>',
      'the store; else PEERTRAIL_STORE, --pipeline, /etc/peertrail/pipeline.yaml, ./peertrail-data',
      '',
    )
    .option('--pipeline <file>', 'the store this pipeline writes to', '')
}

/** A store or a cluster. */
export function withReader(command: Command): Command {
  withPlace(command)
    .option('--elasticsearch <url>', 'ask this cluster instead of a store: https://es.example:9200', '')
    .option('--namespace <name>', "last part of its streams' names; default when left out", '')
  return withConnection(command)
}

/** `--json`, `--csv`. */
export function withForm(command: Command): Command {
  return command.option('--json', 'print JSON', false).option('--csv', 'print CSV', false)
}

/** The end of a command's help. */
export function example(line: string): string {
  return `\nExample:\n  peertrail ${line}`
}
