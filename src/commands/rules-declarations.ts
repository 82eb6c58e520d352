/** `rules` and what it does, with options and examples, for commander. Each is loaded only when it is run: the daemon does without. */
import type { Command } from 'commander'
import { runCheck } from './check.ts'
import { type ConnectionOptions, withConnection } from './connection-arguments.ts'
import type { Invocation } from './declarations.ts'

type RunOptions = ConnectionOptions & {
  store: string
  pipeline: string
  elasticsearch: string
  namespace: string
  since: string
  until: string
  last: string
  inventory: string
  json: boolean
  csv: boolean
}

/** `rules`. */
export function declareRules(program: Command, invocation: Invocation): void {
  const { terminal, done } = invocation
  const rules = program
    .command('rules')
    .description('your own rules: what to find, in a query, with samples that hold it to its word')
  rules
    .command('check')
    .description('validate files of rules and run their samples; as check does')
    .argument('<file...>', 'YAML files of rules')
    .addHelpText('after', '\nExample:\n  peertrail rules check rules.yaml')
    .action(async (files: string[]) => {
      done(await runCheck(files, terminal))
    })
  declareRun(rules, invocation)
  declareImport(rules, invocation)
  declareExport(rules, invocation)
}

function declareImport(rules: Command, { terminal, done }: Invocation): void {
  rules
    .command('import')
    .description('make rules of Sigma rules; what cannot be expressed is refused by name')
    .argument('<sigma...>', 'YAML files of Sigma rules, one rule each')
    .option('--out <file>', 'write there instead of standard output', '')
    .option('--skip', 'leave out what cannot be expressed, and import the rest', false)
    .addHelpText('after', '\nExample:\n  peertrail rules import sigma/*.yml --out rules.yaml')
    .action(async (files: string[], { out, skip: isSkipping }: { out: string; skip: boolean }) => {
      const { runRulesImport } = await import('./rules-import.ts')
      done(await runRulesImport({ files, out, isSkipping }, terminal))
    })
}

function declareExport(rules: Command, { terminal, stdout, done }: Invocation): void {
  rules
    .command('export')
    .description('the same rules for the detection engine of Kibana, as NDJSON that it imports')
    .argument('<file...>', 'YAML files of rules')
    .addHelpText('after', '\nExample:\n  peertrail rules export rules.yaml > rules.ndjson')
    .action(async (files: string[]) => {
      const { runRulesExport } = await import('./rules-export.ts')
      done(await runRulesExport(files, { terminal, stdout }))
    })
}

function declareRun(rules: Command, { terminal, environment, stdout, now, done }: Invocation): void {
  const command = rules
    .command('run')
    .description('what rules find in what is stored: the same as they find in a stream')
    .argument('<file...>', 'YAML files of rules')
    .option('--since <time>', 'from then on, such as 2026-11-22, 15:09, -2h; windows begin there', '')
    .option('--until <time>', 'up to then', '')
    .option('--last <span>', 'from so long ago: 24h, 7d', '')
    .option('--inventory <file>', 'whose exceptions excuse findings', '')
    .option(
      '--store <dir>',
      'the store; else PEERTRAIL_STORE, --pipeline, /etc/peertrail/pipeline.yaml, ./peertrail-data',
      '',
    )
    .option('--pipeline <file>', 'the store this pipeline writes to', '')
    .option('--elasticsearch <url>', 'ask this cluster instead of a store: https://es.example:9200', '')
    .option('--namespace <name>', "last part of its streams' names; default when left out", '')
    .option('--json', 'print the findings as JSON', false)
    .option('--csv', 'print CSV', false)
  withConnection(command)
    .addHelpText('after', '\nExample:\n  peertrail rules run rules.yaml --last 24h --store ./peertrail-data')
    .action(async (files: string[], { json: isJson, csv: isCsv, ...rest }: RunOptions) => {
      const { runRulesRun } = await import('./rules-run.ts')
      done(await runRulesRun({ files, ...rest, isJson, isCsv }, { environment, terminal, stdout, now }))
    })
}
