/**
 * A command that ends, run by period: `wg show all dump`, `conntrack -L -o extended,id`, `nft -j -a list ruleset`. What it
 * printed becomes one dated dump, and only when it ended with status 0. Secrets of `wg` never reach the disk or the log.
 */
import { mayHoldSecret } from '../../sources/wireguard/redact.ts'
import { createSystemClock } from '../clock.ts'
import type { CollectorDeps } from './collector.ts'
import { createDumpCollector, type DumpCollector, type DumpOptions, type Gathering } from './dump-collector.ts'
import { type DumpShape, dumpBody, rulesetSubstance } from './dump-shape.ts'
import { runCommand } from './run-command.ts'

export type PollOptions = DumpOptions & {
  /** Program and arguments, run without a shell. */
  readonly command: readonly string[]
  readonly shape: DumpShape
  /** Without it 30 s and 128 MiB. */
  readonly timeoutMs?: number
  readonly outputBytesMax?: number
}

const TIMEOUT_MS = 30_000
/** As much as a reader takes of one dump (SNAPSHOT_CHARS_MAX of sources/wireguard): a table of some 700 000 connections. */
const OUTPUT_BYTES_MAX = 128 * 1024 * 1024
/** Characters of stderr in a message. */
const SAID_MAX = 300

/** Nothing is run before `start`. */
export function createPollCollector(options: PollOptions, deps: CollectorDeps): DumpCollector {
  const clock = { now: deps.now, after: deps.after ?? createSystemClock().after }
  const limits = {
    timeoutMs: options.timeoutMs ?? TIMEOUT_MS,
    bytesMax: options.outputBytesMax ?? OUTPUT_BYTES_MAX,
  }
  const program = options.command[0] ?? ''

  function gather(): Gathering {
    const running = runCommand(options.command, limits, clock, deps.environment)
    const done = running.done.then(({ stdout, stderr, problem }) => {
      if (problem !== '') return { body: null, problem: `${program}: ${problem}${saidText(options.shape, stderr)}` }
      const { bytes, flaw } = dumpBody(options.shape, stdout, stderr)
      const told = { body: bytes, problem: flaw === '' ? '' : `${program}: ${flaw}${saidText(options.shape, stderr)}` }
      return options.shape === 'ruleset' ? { ...told, substance: rulesetSubstance(bytes) } : told
    })
    return { done, stop: running.stop }
  }

  return createDumpCollector(options, options.command, gather, deps)
}

/** What the command said, for a message; of wg nothing that may hold a key. */
function saidText(shape: DumpShape, stderr: string): string {
  const text = stderr.trim().replaceAll('\n', ' ').slice(0, SAID_MAX)
  if (text === '') return ''
  return shape === 'wireguard' && mayHoldSecret(text) ? ': (what it said may hold a key and is left out)' : `: ${text}`
}
