/**
 * Which store a command reads (design 9): the first of --store, PEERTRAIL_STORE, the sink of --pipeline, /etc/peertrail/pipeline.yaml,
 * ./peertrail-data. The one used is said on stderr, so that nobody takes one store's answer for another's.
 */
import { readFile } from 'node:fs/promises'
import { basename, dirname, resolve } from 'node:path'
import { parsePipeline } from '../config.ts'
import { AppError } from '../errors.ts'
import { safeText } from '../safe-text.ts'
import { openStoreReader, type StoreReader } from '../store/reader.ts'
import { paint, type Terminal } from './terminal.ts'

export type StoreOptions = {
  /** --store, '' = not given. */
  readonly store: string
  /** --pipeline, '' = not given. */
  readonly pipeline: string
}

export type Environment = { readonly [name: string]: string | undefined }

export const SYSTEM_PIPELINE = '/etc/peertrail/pipeline.yaml'
/** What `demo` writes and every command finds without being told. */
export const DEFAULT_STORE = './peertrail-data'

export type StorePlace = { readonly dir: string; readonly from: string }

/** Throws AppError for a --pipeline that cannot be read, is wrong, or has no store. */
export async function findStore(options: StoreOptions, environment: Environment): Promise<StorePlace> {
  if (options.store !== '') return { dir: options.store, from: '--store' }
  const { PEERTRAIL_STORE: named = '' } = environment
  if (named !== '') return { dir: named, from: 'PEERTRAIL_STORE' }
  if (options.pipeline !== '') {
    const dir = await storeOf(options.pipeline)
    if (dir !== null) return { dir, from: options.pipeline }
    throw new AppError('usage', `${safeText(options.pipeline)} writes to no store`, {
      advice: 'Name a store with --store, or a pipeline with `sinks: { store: { dir: … } }`.',
    })
  }
  const system = await storeOf(SYSTEM_PIPELINE).catch((error: unknown) => {
    if (error instanceof AppError && error.code === 'cannot-read') return null
    throw error
  })
  if (system !== null) return { dir: system, from: SYSTEM_PIPELINE }
  return { dir: DEFAULT_STORE, from: 'the default' }
}

/** Opens the store a command is to read; the caller closes it. Throws AppError. */
export async function openFoundStore(
  options: StoreOptions,
  environment: Environment,
  terminal: Terminal,
): Promise<StoreReader> {
  const { dir, from } = await findStore(options, environment)
  const reader = await openStoreReader(dir)
  const note = from === '--store' ? '' : ` (${from})`
  terminal.err(`${paint(terminal, 'dim', `store ${safeText(dir)}${safeText(note)}`)}\n`)
  return reader
}

/** Says what of the store could not be read; true when there was something. */
export function reportDamage(reader: StoreReader, terminal: Terminal): boolean {
  for (const what of reader.damage)
    terminal.err(
      `${paint(terminal, 'red', 'damaged')}  ${safeText(what)} are missing from this answer; see peertrail verify\n`,
    )
  return reader.damage.length > 0
}

/** The store's directory as a pipeline names it, relative to the file; null when it has none. */
async function storeOf(path: string): Promise<string | null> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (cause) {
    throw new AppError('cannot-read', `cannot read ${safeText(path)}`, {
      cause,
      advice: 'Check the name and that the file may be read by this user.',
    })
  }
  const { store } = parsePipeline(text, basename(path))
  return store === null ? null : resolve(dirname(path), store.dir)
}
