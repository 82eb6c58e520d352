/**
 * Facts about a pipeline on this machine: what of it is there and works. Every path is looked at, every command is run once within a limit.
 * What a command prints is not kept: `wg show all dump` prints secrets.
 */
import { hostname } from 'node:os'
import { AppError, formatProblem } from '../errors.ts'
import type { Clock } from '../live/clock.ts'
import { runCommand } from '../live/collectors/run-command.ts'
import type { PlannedCommand } from '../live/plan.ts'
import { loadSettings, type Settings } from '../live/settings.ts'
import { loadTierSettings } from '../live/tier-settings.ts'
import { safeText } from '../safe-text.ts'
import type { Fact } from '../sources/hostfacts/facts.ts'
import { type LogFile, logFile } from './machine-logs.ts'

export type SourceFacts = {
  readonly host: string
  readonly kind: string
  readonly path: string
  readonly file: Fact<LogFile>
}

export type CommandFacts = {
  readonly host: string
  readonly kind: string
  readonly command: readonly string[]
  /** '' when it ran as it should. */
  readonly problem: string
}

export type PipelineFacts = {
  readonly path: string
  /** Why it cannot be used: file:line:column and what was expected; empty when it can. */
  readonly problems: readonly string[]
  readonly files: readonly SourceFacts[]
  readonly commands: readonly CommandFacts[]
  /** Machines that the inventory declares sources of, and what of that the pipeline does not read. */
  readonly unread: readonly { readonly host: string; readonly sources: readonly string[] }[]
}

/** A command that goes on (conntrack -E) is well when it still runs then. */
const STREAM_MS = 1_500
const POLL_MS = 10_000
const BYTES_MAX = 64 * 1024 * 1024
const SAID_MAX = 200

/** `path` as given. Never rejects. */
export async function pipelineFacts(path: string, clock: Clock): Promise<PipelineFacts> {
  let settings: Settings
  try {
    // It reads Kafka (doctor-kafka.ts), and nothing of this machine.
    if ((await loadTierSettings(path, hostname(), '')) !== null)
      return { path, problems: [], files: [], commands: [], unread: [] }
    settings = await loadSettings(path, hostname(), '')
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    const problems = error.problems.map((problem) => formatProblem(problem))
    return { path, problems: problems.length > 0 ? problems : [error.message], files: [], commands: [], unread: [] }
  }
  const commands = settings.plan.commands.filter(({ kind }) => kind !== 'hostfacts')
  return {
    path,
    problems: [],
    files: settings.plan.files
      .filter(({ isJournal }) => !isJournal)
      .map(({ host, entry, path: file }) => ({ host, kind: entry.kind, path: file, file: logFile('/', file) })),
    // One after the other: two readers of one table at once would measure each other.
    commands: await inOrder(commands, (planned) => tryCommand(planned, clock)),
    unread: unreadSources(settings),
  }
}

async function inOrder<From, To>(all: readonly From[], work: (each: From) => Promise<To>): Promise<To[]> {
  const done: To[] = []
  for (const each of all) done.push(await work(each))
  return done
}

async function tryCommand({ host, kind, command, every }: PlannedCommand, clock: Clock): Promise<CommandFacts> {
  const isStream = every === 0
  const limits = { timeoutMs: isStream ? STREAM_MS : POLL_MS, bytesMax: BYTES_MAX }
  const { stderr, problem } = await runCommand(command, limits, clock).done
  const isWell = problem === '' ? !isStream : isStream && /^(?:no answer within|printed more than)/.test(problem)
  const said = safeText(stderr.trim().split('\n', 1).join('').slice(0, SAID_MAX))
  const why = problem === '' ? 'ended, although it should go on' : problem
  return { host, kind, command, problem: isWell ? '' : `${why}${said === '' ? '' : `: ${said}`}` }
}

function unreadSources({ inventory, hosts }: Settings): { host: string; sources: string[] }[] {
  const read = new Map(hosts.map(({ name, sources }) => [name, new Set<string>(sources)]))
  return [...inventory.gateways, ...inventory.hosts].flatMap(({ name, sources }) => {
    const unread = sources.filter((source) => read.get(name)?.has(source) !== true)
    return unread.length === 0 ? [] : [{ host: name, sources: unread }]
  })
}
