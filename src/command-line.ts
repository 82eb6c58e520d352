/** The command line: reads arguments, hands them to one command, turns errors into words and exit codes (design 9). */
import { Command, CommanderError } from 'commander'
import { declareAccessLog } from './commands/access-log-declarations.ts'
import { declareInstall } from './commands/cluster-declarations.ts'
import { declareDeadletters } from './commands/deadletter-declarations.ts'
import { declareCheck, declareDemo, declareInventory, declareReplay, type Invocation } from './commands/declarations.ts'
import { declareKeygen, declareVerify } from './commands/evidence-declarations.ts'
import { declareFindings } from './commands/findings-declarations.ts'
import { declareRun, declareStatus } from './commands/live-declarations.ts'
import { declareDoctor, declareInit } from './commands/machine-declarations.ts'
import { declarePosture } from './commands/posture-declarations.ts'
import { printError } from './commands/problem-report.ts'
import { declareDrill, declareReport } from './commands/report-declarations.ts'
import { declareRules } from './commands/rules-declarations.ts'
import { declarePeers, declareSearch, declareTimeline, declareWho } from './commands/store-declarations.ts'
import { createTerminal, type Terminal } from './commands/terminal.ts'
import { AppError, ERROR_EXITS } from './errors.ts'

const EXIT_USAGE = 2

/** In the order of the help: looking first, then what is behind it. */
const COMMANDS = [
  declareDemo,
  declareReplay,
  declareDoctor,
  declareInit,
  declareInstall,
  declareRun,
  declareStatus,
  declareDeadletters,
  declareSearch,
  declareWho,
  declareTimeline,
  declarePeers,
  declareFindings,
  declareRules,
  declarePosture,
  declareReport,
  declareDrill,
  declareInventory,
  declareCheck,
  declareVerify,
  declareKeygen,
  declareAccessLog,
]

/** Runs one command; the exit status. Anything but an AppError is a bug and thrown. */
export async function runCommandLine(argv: readonly string[]): Promise<number> {
  const terminal = createTerminal({ out: process.stdout, err: process.stderr }, process.env)
  // `peertrail … | head`: what nobody reads any more need not be written.
  process.stdout.on('error', () => {})
  let exit = 0
  const program = createProgram(terminal, {
    terminal,
    environment: process.env,
    stdout: process.stdout,
    now: Date.now() * 1000,
    done: (status) => {
      exit = status
    },
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

function createProgram(terminal: Terminal, invocation: Invocation): Command {
  const program = new Command('peertrail')
    .description(
      'Every recorded flow through a WireGuard interface, traced to the key that carried it, and to the device and owner the inventory assigns to that key.',
    )
    .exitOverride()
    .configureOutput({ writeOut: (text) => terminal.out(text), writeErr: (text) => terminal.err(text) })
    .configureHelp({
      // Nothing is gained by "(default: false)" behind every switch.
      optionDescription: ({ description, defaultValue }) =>
        typeof defaultValue === 'string' && defaultValue !== ''
          ? `${description} (default: ${defaultValue})`
          : description,
    })
    .showHelpAfterError('Run with --help for the commands and their options.')
  for (const declare of COMMANDS) declare(program, invocation)
  return program
}
