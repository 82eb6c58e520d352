/**
 * `peertrail check FILE…`: validates inventories, pipeline files and both of a capture directory, and says what they hold; runs the
 * samples of users' rules; compares generated files with what this release generates. Exit status 0 when all of them are good, 2 when
 * one cannot be used, 1 when only samples failed (design 9). Nothing a file names is opened: a path in it may be meant for another machine.
 */
import { readFile, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { type PipelineConfig, parsePipeline } from '../config.ts'
import { readRules } from '../detections/rules/read-rules.ts'
import type { SampleResult } from '../detections/rules/sample-result.ts'
import { AppError, type Problem } from '../errors.ts'
import { type Inventory, parseInventory } from '../identity/inventory.ts'
import { safeText } from '../safe-text.ts'
import { readYaml } from '../yaml-document.ts'
import type { GeneratedPlace } from './check-generated.ts'
import { unknownExceptions } from './exception-ids.ts'
import { printProblems } from './problem-report.ts'
import { checkRules, printFailedSample, printRemarks } from './rules-check.ts'
import { counted, paint, type Terminal } from './terminal.ts'

/** The two files of a capture directory that people write (design 8.1). */
const CAPTURE_FILES = ['inventory.yaml', 'pipeline.yaml']
/** A file above this is not read at all. Twice what the parser takes. */
const FILE_BYTES_MAX = 16 * 1024 * 1024

type FileKind = 'inventory' | 'pipeline' | 'rules'
type Checked = {
  readonly file: string
  /** How many files it stands for. */
  readonly count: number
  readonly summary: string
  readonly problems: readonly Problem[]
  readonly text: string
  /** Samples of rules that did not give what they promised, and what is remarkable about rules. */
  readonly failed?: readonly SampleResult[]
  readonly remarks?: readonly string[]
}

/**
 * Prints what every file holds and every problem with its place; returns the exit status. `isWrite`: generated files are renewed.
 * Throws AppError `usage` when there is none among the arguments then, `cannot-write`.
 */
export async function runCheck(files: readonly string[], terminal: Terminal, isWrite = false): Promise<number> {
  let checked = 0
  let problemCount = 0
  let failedCount = 0
  const places = await Promise.all(files.map(generatedPlaceOf))
  if (isWrite && places.every((place) => place === null))
    throw new AppError('usage', '--write renews generated files, and none are named', {
      advice: 'Name their folders: peertrail check --write mappings pipelines/ingest',
    })
  for (const [i, argument] of files.entries()) {
    const place = places[i] ?? null
    for (const { file, count, summary, problems, text, failed = [], remarks = [] } of await (place === null
      ? checkArgument(argument)
      : checkPlace(place, isWrite))) {
      checked += count
      problemCount += problems.length
      failedCount += failed.length
      printProblems(terminal, problems, text)
      for (const sample of failed) printFailedSample(terminal, sample, text)
      printRemarks(terminal, remarks)
      if (problems.length === 0 && failed.length === 0)
        terminal.out(`${paint(terminal, 'green', 'ok')} ${safeText(file)}: ${safeText(summary)}\n`)
    }
  }
  const verdict = [
    ...(problemCount > 0 ? [counted(problemCount, 'problem')] : []),
    ...(failedCount > 0 ? [`${counted(failedCount, 'sample')} failed`] : []),
  ].join(', ')
  terminal.out(
    `${counted(checked, 'file')} checked, ${paint(terminal, verdict === '' ? 'green' : 'red', verdict || 'no problems')}\n`,
  )
  if (problemCount > 0 || checked === 0) return 2
  return failedCount > 0 ? 1 : 0
}

/** Null for what people write, as YAML: it may lie in a folder of any name, and so may a capture. */
async function generatedPlaceOf(argument: string): Promise<GeneratedPlace | null> {
  // What it needs is much to load, and few ask for it.
  const { generatedPlace } = await import('./check-generated.ts')
  const place = generatedPlace(argument)
  if (place === null) return null
  if (!(await isDirectory(argument))) return /\.ya?ml$/i.test(argument) ? null : place
  const captures = await Promise.all(CAPTURE_FILES.map((name) => exists(join(argument, name))))
  return captures.includes(true) ? null : place
}

async function checkPlace(place: GeneratedPlace, isWrite: boolean): Promise<readonly Checked[]> {
  const { checkGenerated } = await import('./check-generated.ts')
  return checkGenerated(place, isWrite)
}

async function checkArgument(argument: string): Promise<readonly Checked[]> {
  const checked: Checked[] = []
  for (const { file, problem } of await filesOf(argument))
    checked.push(problem === '' ? await checkFile(file) : refused(file, problem))
  return checked
}

async function filesOf(argument: string): Promise<{ file: string; problem: string }[]> {
  if (!(await isDirectory(argument))) return [{ file: argument, problem: '' }]
  const present: { file: string; problem: string }[] = []
  for (const name of CAPTURE_FILES) {
    const file = join(argument, name)
    if (await exists(file)) present.push({ file, problem: '' })
  }
  if (present.length > 0) return present
  return [{ file: argument, problem: `a directory without ${CAPTURE_FILES.join(' and ')}: nothing to check` }]
}

async function checkFile(file: string): Promise<Checked> {
  let text: string
  try {
    const { size } = await stat(file)
    if (size > FILE_BYTES_MAX) return refused(file, `longer than ${FILE_BYTES_MAX / 1024 / 1024} MiB`)
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(await readFile(file))
  } catch (error) {
    return refused(file, error instanceof TypeError ? 'not UTF-8 text' : `cannot be read (${reasonOf(error)})`)
  }
  try {
    const kind = kindOf(text, file)
    if (kind === null) {
      const { problems } = readYaml(text, file)
      if (problems.length > 0) return { file, count: 1, summary: '', problems, text }
      return refused(
        file,
        'neither an inventory (people, gateways, peers, …) nor a pipeline (sources, sinks, …) nor rules (rules: …)',
      )
    }
    if (kind === 'rules') return { file, count: 1, problems: [], text, ...checkRules(readRules(text, file)) }
    const summary =
      kind === 'inventory' ? inventorySummary(parseInventory(text, file)) : pipelineSummary(parsePipeline(text, file))
    return { file, count: 1, summary, problems: [], text }
  } catch (error) {
    if (error instanceof AppError) return { file, count: 1, summary: '', problems: error.problems, text }
    throw error
  }
}

/** By what stands at the top of the file; by its name when that does not tell, as in a file that is no YAML. */
export function kindOf(text: string, file: string): FileKind | null {
  const { value } = readYaml(text, file)
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    const keys = new Map(Object.entries(value))
    const has = (...names: string[]) => names.some((name) => keys.has(name))
    if (has('people', 'gateways', 'peers', 'resources', 'policy', 'exceptions')) return 'inventory'
    // A pipeline names files of rules; a file of rules has them.
    const rules = keys.get('rules')
    if (Array.isArray(rules) && rules.some((rule) => typeof rule === 'object')) return 'rules'
    if (has('sources', 'sinks', 'inventory')) return 'pipeline'
    if (has('rules')) return Array.isArray(rules) && rules.length > 0 ? 'pipeline' : 'rules'
    if (keys.has('hosts')) return Array.isArray(keys.get('hosts')) ? 'inventory' : 'pipeline'
    if (has('version')) return 'inventory'
  }
  const name = basename(file).toLowerCase()
  // Of a file that is no YAML only its lines can tell.
  if (/^rules:\s*$/m.test(text)) return 'rules'
  if (name.includes('inventory')) return 'inventory'
  if (name.includes('rules')) return 'rules'
  return name.includes('pipeline') ? 'pipeline' : null
}

function inventorySummary(inventory: Inventory): string {
  const unowned = inventory.peers.filter((peer) => peer.owners.length === 0).length
  return [
    `inventory ${inventory.hash}`,
    `${counted(inventory.peers.length, 'peer')}${unowned === 0 ? '' : ` (${unowned} without owner)`}`,
    counted(inventory.people.length, 'person', 'people'),
    counted(inventory.gateways.length, 'gateway'),
    counted(inventory.hosts.length, 'host'),
    counted(inventory.resources.length, 'resource'),
    counted(inventory.policy.length, 'policy line'),
    counted(inventory.exceptions.length, 'exception'),
    unknownExceptions(inventory),
  ]
    .filter((part) => part !== '')
    .join(', ')
}

function pipelineSummary(pipeline: PipelineConfig): string {
  const { store, elasticsearch, kafka, tier, ndjson, command, webhook, syslog, rules } = pipeline
  const named = [
    store === null ? '' : 'store',
    elasticsearch === null ? '' : 'elasticsearch',
    ndjson === '' ? '' : 'ndjson',
    command === null ? '' : 'command',
    kafka === null || tier !== '' ? '' : 'kafka',
    webhook === null ? '' : 'webhook',
    syslog === null ? '' : 'syslog',
  ].filter((sink) => sink !== '')
  if (tier !== '') {
    const into = named.length === 0 ? 'back into it' : `into ${named.join(' and ')}`
    return `pipeline${pipeline.name === '' ? '' : ` ${pipeline.name}`}, tier ${tier}: from kafka ${into}`
  }
  return [
    `pipeline${pipeline.name === '' ? '' : ` ${pipeline.name}`}`,
    `options for ${counted(pipeline.hosts.size, 'host')}`,
    counted(pipeline.sources.length, 'source'),
    ...(rules.length === 0 ? [] : [`${counted(rules.length, 'file')} of rules`]),
    named.length === 0 ? 'no sinks' : `${named.length === 1 ? 'sink' : 'sinks'} ${named.join(' and ')}`,
  ].join(', ')
}

function refused(file: string, message: string): Checked {
  return { file, count: 1, summary: '', problems: [{ file, line: 0, column: 0, message }], text: '' }
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch {
    // Whatever is wrong with it is said when it is read.
    return false
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch (error) {
    // Only "it is not there" makes a file of a capture optional.
    return reasonOf(error) !== 'ENOENT'
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown reason'
}
