/**
 * What a pipeline file means on this machine: which files are followed, which commands run and into which journals, whose records
 * they are. Decided before anything is opened, so that a broken file changes nothing.
 */
import { basename, join, resolve } from 'node:path'
import { RULESET_SOURCE, SOURCES, type SourceEntry } from '../catalog.ts'
import type { PipelineConfig, SourceConfig } from '../config.ts'
import type { SourceKind } from '../sources/capture.ts'
import { MINUTE, type Micros, SECOND } from '../time.ts'
import { type JournalKind, journalPath } from './collectors/journal-names.ts'

/** A file that is followed. */
export type PlannedFile = {
  /** Unique and lasting: cursors and state are kept by it. */
  readonly label: string
  readonly host: string
  readonly entry: SourceEntry
  readonly path: string
  /** What a command of ours prints: only its own journal holds it. */
  readonly isJournal: boolean
}

/** A command whose output goes to a journal. */
export type PlannedCommand = {
  readonly host: string
  readonly kind: JournalKind
  readonly command: readonly string[]
  /** 0 = it runs on and on. */
  readonly every: Micros
  readonly path: string
}

/** A `ruleset.json` of no date: it holds from the beginning. */
export type PlannedRuleset = { readonly host: string; readonly path: string }

export type Plan = {
  /** Why it cannot be carried out, for people. */
  readonly problems: readonly string[]
  readonly files: readonly PlannedFile[]
  readonly commands: readonly PlannedCommand[]
  readonly rulesets: readonly PlannedRuleset[]
  /** Machines with hostfacts, and how often they are gathered. */
  readonly hostfacts: readonly { readonly host: string; readonly every: Micros; readonly path: string }[]
}

const POLL_EVERY: Micros = SECOND
const RULESET_EVERY: Micros = 10 * SECOND
const DUMP_EVERY: Micros = 30 * SECOND
const HOSTFACTS_EVERY: Micros = 60 * MINUTE

export type PlanPlaces = {
  /** This machine's name. */
  readonly machine: string
  /** Paths of the pipeline file are relative to its directory. */
  readonly base: string
  /** Journals of commands. */
  readonly journals: string
}

/** Never throws: a path that is not there is the business of who follows it. */
export function planSources(config: Pick<PipelineConfig, 'sources'>, places: PlanPlaces): Plan {
  const files: PlannedFile[] = []
  const commands: PlannedCommand[] = []
  const rulesets: PlannedRuleset[] = []
  const problems: string[] = []
  const hostfacts: Plan['hostfacts'][number][] = []

  const follow = (host: string, kind: SourceKind, path: string, isJournal: boolean): void => {
    const entry = [...SOURCES, RULESET_SOURCE].find((each) => each.kind === kind)
    const label = `${host}/${kind} ${isJournal ? 'journal' : path}`
    if (entry !== undefined && files.every((file) => file.label !== label))
      files.push({ label, host, entry, path, isJournal })
  }
  const run = (
    source: SourceConfig,
    host: string,
    kind: JournalKind,
    every: Micros,
    command = source.command,
  ): string => {
    const path = journalPath(places.journals, host, kind)
    const known = commands.find((each) => each.path === path)
    if (known === undefined) commands.push({ host, kind, command, every, path })
    else if (known.command.join('\0') !== command.join('\0'))
      problems.push(
        `${host} has two commands for one journal (${kind}): ${known.command.join(' ')}, ${command.join(' ')}`,
      )
    return path
  }

  for (const source of config.sources) {
    const host = source.host || places.machine
    const path = source.path === '' ? '' : resolve(places.base, source.path)
    switch (source.type) {
      case 'nftables':
        if (path !== '') follow(host, packetKind(source, basename(path)), path, false)
        else follow(host, 'journal', run(source, host, 'journald', 0), true)
        break
      case 'auditd':
        if (path !== '') follow(host, isJournald(source, basename(path)) ? 'journal-audit' : 'audit', path, false)
        else follow(host, 'journal-audit', run(source, host, 'journald', 0), true)
        break
      case 'conntrack':
        if (path !== '') follow(host, isSnapshots(path) ? 'conntrack-dump' : 'conntrack', path, false)
        else {
          follow(host, 'conntrack', run(source, host, 'conntrack', 0), true)
          const dump = run(source, host, 'conntrack-dump', source.dumpEvery || DUMP_EVERY, dumpCommand(source.command))
          follow(host, 'conntrack-dump', dump, true)
        }
        break
      case 'wireguard':
        if (path !== '') follow(host, 'wireguard', path, false)
        else follow(host, 'wireguard', run(source, host, 'wireguard', source.every || POLL_EVERY), true)
        break
      case 'nftables-ruleset':
        if (path === '') follow(host, 'ruleset-dump', run(source, host, 'ruleset', source.every || RULESET_EVERY), true)
        else if (isSnapshots(path)) follow(host, 'ruleset-dump', path, false)
        else rulesets.push({ host, path })
        break
      case 'hostfacts':
        if (path !== '') follow(host, 'hostfacts', path, false)
        else {
          const journal = journalPath(places.journals, host, 'hostfacts')
          hostfacts.push({ host, every: source.every || HOSTFACTS_EVERY, path: journal })
          follow(host, 'hostfacts', journal, true)
        }
        break
      default:
        source.type satisfies never
    }
  }
  return { files, commands, rulesets, hostfacts, problems }
}

function packetKind(source: SourceConfig, name: string): SourceKind {
  if (isJournald(source, name)) return 'journal'
  if (source.format === 'ulogd' || (source.format === '' && /ulogd.*\.json/.test(name))) return 'ulogd'
  return 'nftables'
}

function isJournald({ format }: SourceConfig, name: string): boolean {
  return format === 'journal' || (format === '' && name.endsWith('.json') && !name.includes('ulogd'))
}

function isSnapshots(path: string): boolean {
  return basename(path).includes('.snapshots')
}

/**
 * The same program's table dump: what stands before `-E` stays (`ip netns exec gw conntrack -E` runs in a namespace), the options
 * behind it are those of events.
 */
function dumpCommand(command: readonly string[]): readonly string[] {
  const at = command.findIndex((word) => word === '-E' || word === '--event')
  return [...(at < 0 ? command : command.slice(0, at)), '-L', '-o', 'extended,id']
}

/** Directories below the state directory. */
export function statePlaces(dir: string): { readonly journals: string; readonly spools: string } {
  return { journals: join(dir, 'journals'), spools: join(dir, 'spools') }
}
