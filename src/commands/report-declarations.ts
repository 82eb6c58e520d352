/** `report` and `drill`: documents for people, with their options and an example, for commander. A new kind is a function and a line here. Each is loaded only when it is run: the daemon does without. */
import { hostname } from 'node:os'
import type { Command } from 'commander'
import { createSystemClock } from '../live/clock.ts'
import type { ConnectionOptions } from './connection-arguments.ts'
import type { Invocation } from './declarations.ts'
import type { DrillArguments } from './drill-revocation.ts'
import { withReader } from './reader-options.ts'
import { areFilesWanted, type FileArguments, WHOLE, withFiles } from './report-arguments.ts'
import { declareReportKinds } from './report-kinds.ts'
import { declareReveal } from './report-reveal-declarations.ts'

type Reader = ConnectionOptions & { store: string; pipeline: string; elasticsearch: string; namespace: string }

/** `report` and its kinds. */
export function declareReport(program: Command, invocation: Invocation): void {
  const report = program.command('report').description('documents for people: what was, how sure that is, what to do')
  declareReportKinds(report, invocation)
  declareRevocation(report, invocation)
  declareExposure(report, invocation)
  declareReveal(report, invocation)
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
  withReader(withFiles(command))
    .option('--json', 'print one JSON object', false)
    .addHelpText('after', '\nExample:\n  peertrail report revocation --peer cedar --compromised-at 2026-11-22T15:00Z')
    .action(
      async (
        options: Reader &
          FileArguments & {
            peer: string
            since: string
            compromisedAt: string
            until: string
            inventory: string
            conf: string[]
            json: boolean
          },
      ) => {
        const context = { environment, terminal, stdout, now }
        if (areFilesWanted(options)) {
          const [{ runReport }, { revocationJob }] = [
            await import('./report-run.ts'),
            await import('./report-key-jobs.ts'),
          ]
          done(await runReport(await revocationJob(options, now), { ...WHOLE, ...options }, context))
          return
        }
        const { json: isJson, ...rest } = options
        const { runReportRevocation } = await import('./report-revocation.ts')
        done(await runReportRevocation({ ...rest, isJson }, context))
      },
    )
}

/** `drill` and its kinds. */
export function declareDrill(program: Command, { terminal, environment, stdout, now, done }: Invocation): void {
  const drill = program.command('drill').description('rehearse on this machine what has to work in earnest')
  drill
    .command('revocation')
    .description('watch a staged revocation with a stopwatch; somebody else removes the peer')
    .option('--peer <peer>', 'a public key or its beginning, a tunnel address, or a name of the inventory', '')
    .option('--inventory <file>', 'whose names are meant', '')
    .option('--pipeline <file>', 'the inventory of this pipeline', '')
    .option('--compromised-at <time>', 'when the rehearsed theft was, such as -20m', '')
    .option('--timeout <span>', 'give up after: 15m when left out', '')
    .option('--every <span>', 'between two looks: 1s when left out', '')
    .option('--json', 'print one JSON object, for the file', false)
    .addHelpText('after', '\nExample:\n  peertrail drill revocation --peer 9JMC')
    .action(async ({ json: isJson, ...rest }: Omit<DrillArguments, 'isJson'> & { json: boolean }) => {
      const stop = new AbortController()
      const end = () => stop.abort()
      for (const signal of ENDS) process.once(signal, end)
      try {
        const deps = { clock: createSystemClock(), root: '/', host: hostname(), stop: stop.signal }
        const { runDrillRevocation } = await import('./drill-revocation.ts')
        done(await runDrillRevocation({ ...rest, isJson }, { terminal, environment, stdout, now }, deps))
      } finally {
        for (const signal of ENDS) process.off(signal, end)
      }
    })
}

/** From the keyboard, from a service manager. */
const ENDS = ['SIGINT', 'SIGTERM'] as const

function declareExposure(report: Command, { terminal, environment, stdout, now, done }: Invocation): void {
  const command = report
    .command('exposure')
    .description('if this key leaked today: what rules and policy leave open to it, and what it was used for')
    .option('--peer <peer>', 'a name, a public key or its beginning, an e-mail, a tunnel address', '')
    .option('--all', 'every running key, the most exposed first', false)
    .option('--since <time>', 'what it was used for from then on; 30 days when left out', '')
    .option('--until <time>', 'as of then; the newest poll when left out', '')
    .option('--rules <gateway=file...>', 'output of nft -j -a list ruleset: gw1=ruleset.json', [])
    .option('--capture <dir>', 'the rulesets of this capture; else those the daemon of the store keeps', '')
  withReader(withFiles(command))
    .option('--json', 'print one JSON object', false)
    .addHelpText('after', '\nExample:\n  peertrail report exposure --peer ivy --rules gw1=ruleset.json')
    .action(
      async (
        options: Reader &
          FileArguments & {
            peer: string
            all: boolean
            since: string
            until: string
            rules: string[]
            capture: string
            json: boolean
          },
      ) => {
        const context = { environment, terminal, stdout, now }
        const { json: isJson, all: isAll, ...rest } = options
        if (areFilesWanted(options)) {
          const [{ runReport }, { exposureJob }] = [
            await import('./report-run.ts'),
            await import('./report-key-jobs.ts'),
          ]
          done(await runReport(exposureJob({ ...rest, isAll }, now, environment), { ...WHOLE, ...options }, context))
          return
        }
        const { runReportExposure } = await import('./report-exposure.ts')
        done(await runReportExposure({ ...rest, isAll, isJson }, context))
      },
    )
}
