/**
 * `peertrail posture`: runs every posture check on this machine, on a capture or on what was recorded, and says what is in order, what is
 * not and what could not be looked at. Changes nothing. Exit 0 where nothing is found but advice (low) and what the inventory accepts,
 * else 1.
 */
import { basename, dirname, join, resolve } from 'node:path'
import { parsePipeline } from '../config.ts'
import { AppError } from '../errors.ts'
import { SEVERITY_NAMES, type Severity } from '../finding-document.ts'
import { type Inventory, parseInventory } from '../identity/inventory.ts'
import type { Clock } from '../live/clock.ts'
import { suggestion } from '../nearest.ts'
import { createPostureView } from '../posture/posture-view.ts'
import { type CheckOutcome, runChecks, severityOf } from '../posture/run-checks.ts'
import { readText } from '../read-text.ts'
import { quoted, safeText } from '../safe-text.ts'
import type { Micros } from '../time.ts'
import { gatherCapture } from './posture-capture.ts'
import type { Gathered } from './posture-gathered.ts'
import { postureJson } from './posture-json.ts'
import { gatherLive } from './posture-live.ts'
import { postureText } from './posture-print.ts'
import { gatherStore } from './posture-store.ts'
import { openFoundReader, type ReaderOptions, reportDamage } from './reader-place.ts'
import { type Environment, SYSTEM_PIPELINE } from './store-place.ts'
import { paint, type Terminal } from './terminal.ts'

export type PostureArguments = ReaderOptions & {
  /** Directory; '' = none. */
  readonly capture: string
  /** File; '' = the one that is found. */
  readonly inventory: string
  /** Where private keys are searched for on this machine; [] = where people keep them. */
  readonly search: readonly string[]
  /** Name of the least severity that is told; '' = all. */
  readonly severity: string
  readonly isJson: boolean
}

export type PosturePlace = {
  readonly terminal: Terminal
  /** Of the terminal, 0 = none. */
  readonly columns: number
  readonly environment: Environment
  readonly now: Micros
  /** For tests: another top of the file system, another clock. */
  readonly root?: string
  readonly clock?: Clock
}

/** Beside the pipeline that `init` writes. */
const SYSTEM_INVENTORY = '/etc/peertrail/inventory.yaml'
/** Advice gives exit status 0: it works, and could be better. */
const FOUND_FROM: Severity = 2

/** The exit status. Throws AppError. */
export async function runPosture(args: PostureArguments, place: PosturePlace): Promise<number> {
  const { terminal, columns } = place
  const least = severityNamed(args.severity)
  mustBeOnePlace(args)
  const { gathered, isDamaged } = await gather(args, place)
  for (const note of gathered.notes) terminal.err(`${safeText(note)}\n`)
  const view = createPostureView(gathered.machines, gathered.inventory)
  const outcomes = atLeast(runChecks(view), least ?? 1)
  const page = { place: gathered.place, inventory: gathered.inventory, machines: view.machines, outcomes }
  terminal.out(args.isJson ? postureJson(page) : postureText(terminal, page, columns))
  return isDamaged || isFound(outcomes, least ?? FOUND_FROM) ? 1 : 0
}

async function gather(
  args: PostureArguments,
  place: PosturePlace,
): Promise<{ readonly gathered: Gathered; readonly isDamaged: boolean }> {
  const { terminal, environment, now } = place
  const openInventory = (ofCapture: string | null) => findInventory(args, ofCapture, place.root ?? '/', terminal)
  if (args.capture !== '') return { gathered: await gatherCapture(args.capture, openInventory, now), isDamaged: false }
  if (args.store !== '' || (args.elasticsearch ?? '') !== '') {
    const reader = await openFoundReader(args, environment, terminal)
    try {
      const gathered = await gatherStore(reader, openInventory)
      return { gathered, isDamaged: reportDamage(reader, terminal) }
    } finally {
      reader.close()
    }
  }
  const search = args.search.map((path) => resolve(path))
  const { root, clock } = place
  const parts = { ...(root === undefined ? {} : { root }), ...(clock === undefined ? {} : { clock }) }
  const progress = (files: number, folder: string) =>
    terminal.err(`\r\u001b[K  searching for private keys: ${files} files, ${safeText(folder).slice(0, 40)}`)
  const gathered = await gatherLive(
    { ...parts, search, ...(terminal.isInteractive ? { progress } : {}) },
    openInventory,
  )
  if (terminal.isInteractive) terminal.err('\r\u001b[K')
  return { gathered, isDamaged: false }
}

function mustBeOnePlace(args: PostureArguments): void {
  const given = [
    ...(args.capture === '' ? [] : ['--capture']),
    ...(args.store === '' ? [] : ['--store']),
    ...((args.elasticsearch ?? '') === '' ? [] : ['--elasticsearch']),
  ]
  if (given.length > 1) {
    throw new AppError('usage', `${given.join(' and ')} are different places to look at`, {
      advice: 'Give one of them, or none to look at this machine.',
    })
  }
  if (given.length === 1 && args.search.length > 0) {
    throw new AppError('usage', `--search looks at this machine, and ${given.join('')} does not`, {
      advice: 'Leave one of them out.',
    })
  }
}

/** --inventory, else that of --pipeline, of the capture; on this machine that of its own pipeline, or the one beside it. */
async function findInventory(
  { inventory: named, pipeline, capture, store, elasticsearch = '' }: PostureArguments,
  ofCapture: string | null,
  root: string,
  terminal: Terminal,
): Promise<Inventory | null> {
  if (named !== '') return parseInventory(await readText(named), named)
  if (pipeline !== '') {
    const config = parsePipeline(await readText(pipeline), basename(pipeline))
    if (config.inventory !== '') return opened(resolve(dirname(pipeline), config.inventory))
  }
  if (ofCapture !== null) return opened(ofCapture)
  if (capture !== '' || store !== '' || elasticsearch !== '') return null
  const found = await systemInventory(root)
  if (found !== '') terminal.err(`${paint(terminal, 'dim', `inventory ${safeText(found)}`)}\n`)
  return found === '' ? null : opened(found)
}

/** '' = none there. */
async function systemInventory(root: string): Promise<string> {
  const pipeline = join(root, SYSTEM_PIPELINE)
  const text = await readIfThere(pipeline)
  const config = text === null ? null : parsePipeline(text, basename(pipeline))
  if (config !== null && config.inventory !== '') return join(root, resolve(dirname(SYSTEM_PIPELINE), config.inventory))
  const beside = join(root, SYSTEM_INVENTORY)
  return (await readIfThere(beside)) === null ? '' : beside
}

async function opened(path: string): Promise<Inventory> {
  return parseInventory(await readText(path), path)
}

async function readIfThere(path: string): Promise<string | null> {
  try {
    return await readText(path)
  } catch (error) {
    if (error instanceof AppError && error.code === 'cannot-read') return null
    throw error
  }
}

function severityNamed(name: string): Severity | null {
  if (name === '') return null
  const names = Object.values(SEVERITY_NAMES)
  for (const severity of [1, 2, 3, 4] as const) if (SEVERITY_NAMES[severity] === name) return severity
  throw new AppError('usage', `--severity: ${quoted(name)} is none${suggestion(name, names)}`, {
    advice: `One of ${names.join(', ')}.`,
  })
}

/** Findings below it are left out; what passed and what was not checked stays. */
function atLeast(outcomes: readonly CheckOutcome[], least: Severity): CheckOutcome[] {
  return outcomes
    .map((outcome) => ({
      ...outcome,
      results: outcome.results.filter((each) => each.kind !== 'finding' || severityOf(each, outcome.check) >= least),
    }))
    .filter(({ results }) => results.length > 0)
}

function isFound(outcomes: readonly CheckOutcome[], from: Severity): boolean {
  return outcomes.some(({ check, results }) =>
    results.some((each) => each.kind === 'finding' && each.exception === null && severityOf(each, check) >= from),
  )
}
