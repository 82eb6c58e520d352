/** The commands that read what was recorded, with their options and an example, for commander. */
import type { Command } from 'commander'
import type { ConnectionOptions } from './connection-arguments.ts'
import type { Invocation } from './declarations.ts'
import { runPeers } from './peers.ts'
import { example, withForm, withReader, withStretch } from './reader-options.ts'
import { runSearch } from './search.ts'
import { runTimeline } from './timeline.ts'
import { runWho } from './who.ts'

type Place = { store: string; pipeline: string }
type Asked = Place & ConnectionOptions & { elasticsearch: string; namespace: string }
type Stretch = { since: string; until: string; last: string }
type Form = { json: boolean; csv: boolean }

/** `search`. */
export function declareSearch(program: Command, { terminal, environment, stdout, now, done }: Invocation): void {
  const command = program
    .command('search')
    .description("documents that were recorded, found in Kibana's query language")
    .argument('[kql]', 'such as: source.ip : 10.8.0.0/24 and not event.type : denied', '')
  withStretch(command)
    .option('--dataset <names>', 'only these: flow,firewall; may be repeated', repeated, [])
    .option('--fields <names>', 'columns instead of the usual ones: a,b or source.*', '')
    .option('--limit <n>', 'documents shown, 0 = all', '50')
    .option('--oldest', 'oldest first', false)
    .option('--count', 'only how many there are', false)
  withForm(withReader(command))
    .addHelpText(
      'after',
      example(`search 'wireguard.peer.owner.email : "ivy@example.com" and event.type : denied' --last 24h`),
    )
    .action(
      async (
        query: string,
        options: Asked &
          Stretch &
          Form & { dataset: string[]; fields: string; limit: string; oldest: boolean; count: boolean },
      ) => {
        const { json: isJson, csv: isCsv, oldest: isOldestFirst, count: isCount, dataset: datasets, ...rest } = options
        const args = { query, ...rest, datasets, isOldestFirst, isCount, isJson, isCsv }
        done(await runSearch(args, { environment, terminal, stdout, now }))
      },
    )
}

/** `timeline`. */
export function declareTimeline(program: Command, { terminal, environment, stdout, now, done }: Invocation): void {
  const command = program
    .command('timeline')
    .description('everything about a peer, key or person, in order')
    .argument('<peer>', 'a name, a public key or its beginning, an e-mail, a tunnel address')
  withStretch(command)
    .option('--limit <n>', 'lines shown, 0 = all', '200')
    .option('--all', 'every audit event on a line of its own, also what a login program does by itself', false)
  withForm(withReader(command))
    .addHelpText('after', example('timeline ivy --since 2026-11-22'))
    .action(async (peer: string, options: Asked & Stretch & Form & { limit: string; all: boolean }) => {
      const { json: isJson, csv: isCsv, all: isAll, ...rest } = options
      done(await runTimeline({ peer, ...rest, isAll, isJson, isCsv }, { environment, terminal, stdout, now }))
    })
}

/** `who`. */
export function declareWho(program: Command, { terminal, environment, now, done }: Invocation): void {
  const command = program
    .command('who')
    .description('which key, device and owner was behind an address at a time, how sure that is, and why')
    .argument('<address>', 'tunnel, translated or outer address: 10.8.0.7, 203.0.113.7:40005, [fd08::2]:443')
    .option(
      '--at <time>',
      'such as 2026-11-22T15:12:20Z, 15:12, -2h; as precise as it is written; the newest poll when left out',
      '',
    )
    .option('--within <span>', 'how far the clocks of a flow may be off: 2s when left out', '')
    .option('--gateway <name>', 'only this gateway', '')
  withReader(command)
    .option('--json', 'print one JSON object', false)
    .addHelpText('after', example('who 10.8.0.7 --at 2026-11-22T15:12:20Z'))
    .action(
      async (address: string, options: Asked & { at: string; within: string; gateway: string; json: boolean }) => {
        const { json: isJson, ...rest } = options
        done(await runWho({ address, ...rest, isJson }, now, environment, terminal))
      },
    )
}

/** `peers`. */
export function declarePeers(program: Command, { terminal, environment, now, done }: Invocation): void {
  const command = program
    .command('peers')
    .description('the peers of a time: what ran, against what is documented, and what each did')
    .option('--at <time>', 'such as 2026-11-22T15:12:20Z, 15:12, -2h; the newest poll when left out', '')
    .option('--gateway <name>', 'only this gateway', '')
  withForm(withReader(command))
    .addHelpText('after', example('peers --at 2026-11-22T15:12'))
    .action(async (options: Asked & Form & { at: string; gateway: string }) => {
      const { json: isJson, csv: isCsv, ...rest } = options
      done(await runPeers({ ...rest, isJson, isCsv }, now, environment, terminal))
    })
}

function repeated(value: string, before: string[]): string[] {
  return [...before, value]
}
