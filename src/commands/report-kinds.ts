/** The kinds of report that take the options of report-arguments.ts, for commander. Each is loaded only when it is run. */
import type { Command } from 'commander'
import type { Invocation } from './declarations.ts'
import { example } from './reader-options.ts'
import { type ReportArguments, withReport } from './report-arguments.ts'
import type { ReportJob } from './report-job.ts'

/** Adds them to `report`, the one asked for most first. */
export function declareReportKinds(report: Command, invocation: Invocation): void {
  const run = async (args: ReportArguments, makeJob: () => Promise<ReportJob>) => {
    const { runReport } = await import('./report-run.ts')
    const { terminal, environment, stdout, now, done } = invocation
    done(await runReport(await makeJob(), args, { terminal, environment, stdout, now }))
  }
  const jobs = () => import('./report-jobs.ts')
  const access = report
    .command('access')
    .description('who accessed which resource, when, from where; what was denied, and the other ways in')
    .option('--peer <peer>', 'one peer only: a name, a key or its beginning, an e-mail, an address', '')
    .option('--resource <name>', "one resource only: its name in the inventory's catalogue", '')
  withReport(access)
    .addHelpText('after', example('report access --month 2026-10 --out october'))
    .action((options: ReportArguments & { peer: string; resource: string }) =>
      run(options, async () => (await jobs()).accessJob(options)),
    )
  const incident = report
    .command('incident')
    .description('the story of one address, peer, person or resource: attribution, rules, findings, evidence')
    .option('--address <address>', 'whatever it is: tunnel, endpoint, after NAT, behind a site, of a host', '')
    .option('--peer <peer>', 'a name, a key or its beginning', '')
    .option('--person <person>', 'a name or an e-mail: all peers of that person', '')
    .option('--resource <name>', "its name in the inventory's catalogue", '')
    .option(
      '--pack <file.tar.gz>',
      'evidence for another: report, documents, raw lines, ledger, coverage, checksums',
      '',
    )
  withReport(incident)
    .addHelpText('after', example('report incident --peer alice-laptop --last 7d --pack case-42.tar.gz'))
    .action(
      (options: ReportArguments & { address: string; peer: string; person: string; resource: string; pack: string }) =>
        run(options, async () => (await jobs()).incidentJob(options)),
    )
  const review = report
    .command('review')
    .description('for the periodic review: grants never used, dormant keys, peers without owner, changes, exceptions')
    .option('--inventory <file>', 'this one instead of the one the records carry', '')
  withReport(review)
    .addHelpText('after', example('report review --last 90d --out review'))
    .action((options: ReportArguments & { inventory: string }) =>
      run(options, async () => (await jobs()).reviewJob(options)),
    )
  const requirements = report
    .command('requirements')
    .description('one row a requirement: peers, prefixes, grants, last use, owner; then what nothing requires')
    .option('--inventory <file>', 'this one instead of the one the records carry', '')
  withReport(requirements)
    .addHelpText('after', example('report requirements --out requirements'))
    .action((options: ReportArguments & { inventory: string }) =>
      run(options, async () => (await jobs()).requirementsJob(options)),
    )
  const coverage = report
    .command('coverage')
    .description('what was recorded, and what was not: by machine, source and time')
  withReport(coverage)
    .addHelpText('after', example('report coverage --last 7d'))
    .action((options: ReportArguments) => run(options, async () => (await jobs()).coverageJob()))
}
