/** The commands that look at this machine, with their options and an example, for commander. */
import type { Command } from 'commander'
import type { Invocation } from './declarations.ts'
import { runDoctor } from './doctor.ts'
import { runInit } from './init.ts'
import { createTextOutlet } from './text-outlet.ts'

/** `init`. */
export function declareInit(program: Command, { terminal, done }: Invocation): void {
  program
    .command('init')
    .description('look at this machine, write a commented pipeline.yaml, propose missing log rules as a diff')
    .option('--output <file>', 'another file than /etc/peertrail/pipeline.yaml; - is standard output', '')
    .option('--apply', 'load the proposed log rules and kernel settings, and write their files', false)
    .addHelpText('after', '\nExample:\n  peertrail init --output -')
    .action(async ({ output, apply: isApply }: { output: string; apply: boolean }) => {
      done(await runInit({ output, isApply }, terminal))
    })
}

/** `doctor`. */
export function declareDoctor(program: Command, { terminal, environment, stdout, done }: Invocation): void {
  program
    .command('doctor')
    .description('tell what this machine lacks, what documents lack by that, and the commands that mend it')
    .option('--pipeline <file>', 'also try every path and command of this pipeline, and its cluster', '')
    .option('--json', 'print one JSON object', false)
    .addHelpText('after', '\nExample:\n  sudo peertrail doctor --pipeline /etc/peertrail/pipeline.yaml')
    .action(async ({ pipeline, json: isJson }: { pipeline: string; json: boolean }) => {
      done(await runDoctor({ pipeline, isJson }, terminal, createTextOutlet(stdout).width, environment))
    })
}
