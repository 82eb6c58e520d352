/** What the store's tests ask of a store on the disk, and the child processes they run. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { expect } from 'vitest'
import { AppError } from '../../src/errors.ts'
import type { Event } from '../../src/event.ts'
import type { Fields } from '../../src/fields.ts'
import type { ChainHead } from '../../src/store/chain.ts'
import { toDocuments } from '../../src/store/documents.ts'
import { ALL_TIME } from '../../src/store/event-reader.ts'
import { layoutOf } from '../../src/store/layout.ts'
import { readManifest } from '../../src/store/manifest.ts'
import { openStoreReader, type StoreReader } from '../../src/store/reader.ts'
import { type Verification, verifyStore } from '../../src/store/verify.ts'
import { openStoreWriter, type StoreTotals, type WriterOptions } from '../../src/store/writer.ts'

/** Retention that removes nothing, whatever the rows' times. */
export const KEEP = { days: Number.POSITIVE_INFINITY, bytes: Number.POSITIVE_INFINITY }
export const EVERYTHING = { datasets: null, ...ALL_TIME, columns: null }

/** In memory where there is such a place: a test kills processes, not the machine, and a store syncs several files a segment. */
const PLACES = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()

/** A directory of its own, removed afterwards. `dir` in it is not made yet. */
export async function withPlace<T>(work: (dir: string) => Promise<T>): Promise<T> {
  const place = await mkdtemp(join(PLACES, 'peertrail-store-'))
  try {
    return await work(join(place, 'store'))
  } finally {
    await rm(place, { recursive: true, force: true })
  }
}

/** Adds the events as one writer does that is closed at the end. */
export async function writeAll(
  dir: string,
  events: Iterable<Event>,
  options: WriterOptions = {},
): Promise<StoreTotals> {
  const writer = await openStoreWriter(dir, options)
  for (const event of events) {
    writer.add(event)
    await writer.drain()
  }
  return writer.close()
}

/** Opens a reader for a question or several. */
export async function withReader<T>(dir: string, work: (reader: StoreReader) => Promise<T>): Promise<T> {
  const reader = await openStoreReader(dir)
  try {
    return await work(reader)
  } finally {
    reader.close()
  }
}

/** Ids of all rows, sorted, repeats kept. Fails when the reader names damage. */
export function idsIn(dir: string): Promise<string[]> {
  return withReader(dir, async (reader) => {
    const { rows } = await reader.select(
      { ...EVERYTHING, columns: ['event.id'] },
      'SELECT "event.id" FROM events ORDER BY 1',
    )
    expect(reader.damage).toEqual([])
    return rows.map(([id]) => String(id))
  })
}

/** All documents by id, and that no id stands there twice. */
export function documentsIn(dir: string): Promise<Map<string, Fields>> {
  return withReader(dir, async (reader) => {
    const documents = toDocuments(await reader.select(EVERYTHING, 'SELECT * FROM events'))
    const byId = new Map(documents.map((fields) => [fields['event.id'] ?? '', fields]))
    expect(reader.damage).toEqual([])
    expect(byId.size).toBe(documents.length)
    return byId
  })
}

export async function verified(dir: string, anchors: readonly ChainHead[] = []): Promise<Verification> {
  const layout = layoutOf(dir)
  const manifest = readManifest(layout)
  if (manifest === null) throw new Error(`no store in ${dir}`)
  try {
    return await verifyStore(layout, manifest, anchors, () => {})
  } finally {
    manifest.close()
  }
}

/** What the manifest names. */
export function contentsOf(dir: string) {
  const manifest = readManifest(layoutOf(dir))
  if (manifest === null) throw new Error(`no store in ${dir}`)
  try {
    return manifest.contents()
  } finally {
    manifest.close()
  }
}

/** Files of a store that is not being written, relative to it, sorted. */
export function filesIn(dir: string): string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(dir, join(entry.parentPath, entry.name)))
    .sort()
}

/** Fails unless the disk holds what the manifest names, and nothing else. */
export function expectTidy(dir: string): void {
  const { segments, hot } = contentsOf(dir)
  const named = [...segments, ...hot].map(({ file }) => file)
  expect(filesIn(dir)).toEqual([...named, 'manifest.sqlite', 'writer.lock'].sort())
  expect(existsSync(join(dir, 'work')) ? readdirSync(join(dir, 'work')) : []).toEqual([])
}

/** The AppError that `work` fails with. */
export async function refusal(work: () => Promise<unknown>): Promise<AppError> {
  try {
    await work()
  } catch (error) {
    if (error instanceof AppError) return error
    throw error
  }
  throw new Error('it was not refused')
}

/** A program of this folder as a process of its own. */
export function startChild(program: string, args: readonly string[], uid?: number): ChildProcess {
  return spawn(process.execPath, [join(import.meta.dirname, program), ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
    // Reading the sources costs a child half its life otherwise.
    env: { ...process.env, NODE_COMPILE_CACHE: join(tmpdir(), 'node-compile-cache') },
    ...(uid === undefined ? {} : { uid, gid: uid }),
  })
}

/** Lines a child prints, as they come. */
export async function* linesOf(child: ChildProcess): AsyncGenerator<string> {
  let rest = ''
  for await (const bytes of child.stdout ?? []) {
    const lines = `${rest}${String(bytes)}`.split('\n')
    rest = lines.pop() ?? ''
    yield* lines
  }
}

/** All lines, and how the child ended: its exit code, or the signal's name. */
export async function outcomeOf(child: ChildProcess): Promise<{ lines: string[]; end: number | string }> {
  const ended = new Promise<number | string>((resolve) => {
    child.once('close', (code, signal) => resolve(signal ?? code ?? -1))
  })
  const lines: string[] = []
  for await (const line of linesOf(child)) lines.push(line)
  return { lines, end: await ended }
}
