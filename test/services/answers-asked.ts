/** Commands that read what was recorded, asked in this process as a person asks them. */
import { Writable } from 'node:stream'
import { Command } from 'commander'
import { declareKeygen, declareVerify } from '../../src/commands/evidence-declarations.ts'
import { declareFindings } from '../../src/commands/findings-declarations.ts'
import { declarePosture } from '../../src/commands/posture-declarations.ts'
import { printError } from '../../src/commands/problem-report.ts'
import { declareReport } from '../../src/commands/report-declarations.ts'
import { declareRules } from '../../src/commands/rules-declarations.ts'
import { declarePeers, declareSearch, declareTimeline, declareWho } from '../../src/commands/store-declarations.ts'
import type { Terminal } from '../../src/commands/terminal.ts'
import { AppError, ERROR_EXITS } from '../../src/errors.ts'
import type { Micros } from '../../src/time.ts'

export type Asked = { readonly status: number; readonly stdout: string; readonly stderr: string }

/** `argv` without the program's name; `now` is what offsets count from; `state`: where what was asked of a cluster is recorded. */
export async function asked(argv: readonly string[], now: Micros, state = ''): Promise<Asked> {
  const printed = { status: 0, stdout: '', stderr: '' }
  const terminal: Terminal = {
    out(text) {
      printed.stdout += text
    },
    err(text) {
      printed.stderr += text
    },
    color: false,
    isInteractive: false,
  }
  const stdout = new Writable({
    write(chunk: Buffer, _encoding, done) {
      printed.stdout += chunk.toString()
      done()
    },
  })
  const program = new Command('peertrail').exitOverride()
  const invocation = {
    terminal,
    environment: { XDG_STATE_HOME: state },
    stdout,
    now,
    done: (status: number) => {
      printed.status = status
    },
  }
  const reading = [declareSearch, declareWho, declareTimeline, declarePeers]
  const evidence = [declareReport, declareVerify, declareKeygen]
  for (const declare of [...reading, declareFindings, declareRules, declarePosture, ...evidence])
    declare(program, invocation)
  try {
    await program.parseAsync([...argv], { from: 'user' })
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    printError(terminal, error)
    printed.status = ERROR_EXITS[error.code]
  }
  return printed
}
