/**
 * The folder of a report. Everything is written into a hidden folder beside it, hashed on the way, and takes the name that was asked
 * for when it is whole and synced: nobody ever finds half a report. Folders are their owner's alone: reports name people.
 *
 * A folder that holds an earlier report is replaced, and nothing else ever is. Trap: two renames do that, as no file system call
 * of Node's exchanges two folders; a machine that dies between them leaves the earlier one as `.NAME.replaced-…`.
 */
import { createHash, hash } from 'node:crypto'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { type FileHandle, mkdir, open, rm } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { AppError } from '../errors.ts'
import {
  FILES_MAX,
  isFileName,
  MANIFEST_BYTES_MAX,
  MANIFEST_FILE,
  type Manifest,
  type ManifestFile,
  type ManifestHead,
  makeManifest,
  printManifest,
  publicKeyFile,
  readManifestText,
  SIGNATURE_FILE,
  SUMS_FILE,
} from '../reports/evidence/manifest.ts'
import { printSums } from '../reports/evidence/sums.ts'
import type { RowForm, RowOutlet } from '../reports/rows/row-outlet.ts'
import { safeText } from '../safe-text.ts'
import { syncDirectory } from '../store/durable.ts'
import { isWorldFault, reasonOf } from '../store/write-error.ts'
import { removeAtSignal } from './remove-at-signal.ts'
import type { Signer } from './signing-key.ts'

/** One file that is being written; `rows`: null for a file that has none. */
export type FolderFile = { write(text: string): Promise<void>; end(rows: number | null): Promise<void> }

export type FinishedReport = {
  readonly manifest: Manifest
  /** Of manifest.json, hex: what a record of this report names. */
  readonly sha256: string
  /** Where it lies, absolute. */
  readonly dir: string
}

export type ReportFolder = {
  /** Files of rows, in the forms asked for. */
  readonly outlet: RowOutlet
  /** One more file. `name` as isFileName wants it: ours, never from data. */
  open(name: string): FolderFile
  /** A whole file at once. */
  add(name: string, content: string | Buffer): Promise<void>
  /** What is complete so far, sorted by name: a page may name the files beside it. */
  files(): readonly ManifestFile[]
  /** Where the files lie until `finish`, for programs that write one by themselves (`adopt`). */
  readonly work: string
  /** Takes in a file that lies in `work` already, such as a PDF that another program wrote. */
  adopt(name: string): Promise<void>
  /** Writes manifest, signature and checksums, and gives the folder its name. Every file must have ended. */
  finish(head: ManifestHead, signer: Signer | null): Promise<FinishedReport>
  /** Removes what was written. After `finish` it does nothing, so that it may stand in a `finally`. */
  abandon(): Promise<void>
}

const FOLDER_MODE = 0o700
const FILE_MODE = 0o600

type State = {
  readonly dir: string
  readonly work: string
  readonly done: Map<string, ManifestFile>
  /** Null: begun, nothing written yet. */
  readonly writing: Map<string, FileHandle | null>
  isOver: boolean
  /** No longer waits for signals. */
  leave(): void
}

/**
 * `dir`: as a person named it. Throws AppError `usage` for a place that holds something else than an earlier report of ours,
 * `cannot-write`; so do all methods when the disk is full or something is in the way.
 */
export function openReportFolder(dir: string, { forms }: { readonly forms: readonly RowForm[] }): ReportFolder {
  const path = resolve(dir)
  refuseOthers(path, dir)
  const work = workFolder(path)
  const leave = removeAtSignal(work)
  const state: State = { dir: path, work, done: new Map(), writing: new Map(), isOver: false, leave }
  return {
    outlet: { forms, open: (name) => rowSink(state, forms, name) },
    open: (name) => openFile(state, name),
    add: async (name, content) => {
      const file = openFile(state, name)
      await file.write(content)
      await file.end(null)
    },
    files: () => [...state.done.values()].sort((a, b) => (a.name < b.name ? -1 : 1)),
    work: state.work,
    adopt: (name) => adopt(state, name),
    finish: (head, signer) => finish(state, head, signer),
    abandon: () => abandon(state),
  }
}

function rowSink(state: State, forms: readonly RowForm[], name: string): ReturnType<RowOutlet['open']> {
  const files = new Map(forms.map((form) => [form, openFile(state, `${name}.${form}`)]))
  return {
    write: async (form, lines) => {
      await files.get(form)?.write(lines)
    },
    end: async (rows) => {
      for (const file of files.values()) await file.end(rows)
    },
  }
}

type AnyFile = { write(content: string | Buffer): Promise<void>; end(rows: number | null): Promise<void> }

function openFile(state: State, name: string): AnyFile {
  if (state.isOver || !isFileName(name) || state.done.has(name) || state.writing.has(name))
    throw new Error(`a report has no place for a file ${name}`)
  if (state.done.size + state.writing.size >= FILES_MAX - 1) throw new Error(`a report has at most ${FILES_MAX} files`)
  state.writing.set(name, null)
  const sum = createHash('sha256')
  let bytes = 0
  // Opened with the first write, so that opening needs no waiting.
  const opened = async (): Promise<FileHandle> => {
    const known = state.writing.get(name)
    if (known !== undefined && known !== null) return known
    const path = join(state.work, name)
    await mkdir(dirname(path), { recursive: true, mode: FOLDER_MODE })
    const handle = await open(path, 'wx', FILE_MODE)
    state.writing.set(name, handle)
    return handle
  }
  return {
    write: (content) =>
      guarded(state, async () => {
        const handle = await opened()
        const chunk = typeof content === 'string' ? Buffer.from(content) : content
        await writeWhole(handle, chunk)
        sum.update(chunk)
        bytes += chunk.length
      }),
    end: (rows) =>
      guarded(state, async () => {
        const handle = await opened()
        await handle.sync()
        state.writing.delete(name)
        await handle.close()
        state.done.set(name, { name, bytes, rows, sha256: sum.digest('hex') })
      }),
  }
}

/** A disk that fills up may take a part. */
async function writeWhole(handle: FileHandle, chunk: Buffer): Promise<void> {
  for (let at = 0; at < chunk.length; ) at += (await handle.write(chunk, at)).bytesWritten
}

async function adopt(state: State, name: string): Promise<void> {
  if (!isFileName(name) || state.done.has(name)) throw new Error(`a report has no place for a file ${name}`)
  await guarded(state, async () => {
    const handle = await open(join(state.work, name), 'r')
    try {
      await handle.chmod(FILE_MODE)
      const sum = createHash('sha256')
      let bytes = 0
      for await (const chunk of handle.createReadStream({ autoClose: false })) {
        // Without an encoding, chunks are buffers.
        const part = chunk as Buffer
        sum.update(part)
        bytes += part.length
      }
      await handle.sync()
      state.done.set(name, { name, bytes, rows: null, sha256: sum.digest('hex') })
    } finally {
      await handle.close()
    }
  })
}

async function finish(state: State, head: ManifestHead, signer: Signer | null): Promise<FinishedReport> {
  if (state.writing.size > 0) throw new Error(`files were not ended: ${[...state.writing.keys()].join()}`)
  if (signer !== null) await addWhole(state, publicKeyFile(signer.fingerprint), signer.publicKey)
  const manifest = makeManifest(head, [...state.done.values()], signer?.fingerprint ?? '')
  const text = printManifest(manifest)
  await addWhole(state, MANIFEST_FILE, text)
  if (signer !== null) await addWhole(state, SIGNATURE_FILE, `${signer.sign(Buffer.from(text)).toString('base64')}\n`)
  await addWhole(state, SUMS_FILE, printSums([...state.done.values()]))
  await guarded(state, () => {
    for (const folder of foldersOf(state)) syncDirectory(folder)
    takePlace(state)
    return Promise.resolve()
  })
  state.isOver = true
  state.leave()
  return { manifest, sha256: hash('sha256', text), dir: state.dir }
}

async function addWhole(state: State, name: string, text: string): Promise<void> {
  const file = openFile(state, name)
  await file.write(text)
  await file.end(null)
}

async function abandon(state: State): Promise<void> {
  if (state.isOver) return
  state.isOver = true
  state.leave()
  for (const handle of state.writing.values()) await handle?.close()
  state.writing.clear()
  await rm(state.work, { recursive: true, force: true })
}

function foldersOf({ work, done }: State): string[] {
  const below = new Set([...done.keys()].filter((name) => name.includes('/')).map((name) => join(work, dirname(name))))
  return [...below, work]
}

/** The folder takes its name. What stood there was looked at before; it is looked at again, as time has passed. */
function takePlace({ dir, work }: State): void {
  refuseOthers(dir, dir)
  const isThere = lstatSync(dir, { throwIfNoEntry: false }) !== undefined
  const earlier = join(dirname(dir), `.${basename(dir)}.replaced-${basename(work).slice(-6)}`)
  if (isThere) renameSync(dir, earlier)
  try {
    renameSync(work, dir)
  } catch (error) {
    if (isThere) renameSync(earlier, dir)
    throw error
  }
  syncDirectory(dirname(dir))
  if (isThere) rmSync(earlier, { recursive: true, force: true })
}

/** Trap: `recursive` of mkdirSync never returns where a parent refuses with ENOENT though it is there, as /proc does. */
function makeFolders(path: string): void {
  if (existsSync(path)) return
  makeFolders(dirname(path))
  try {
    mkdirSync(path)
  } catch (error) {
    // Somebody else was faster.
    if (!existsSync(path)) throw error
  }
}

function workFolder(path: string): string {
  try {
    makeFolders(dirname(path))
    // With six characters of chance, for its owner alone.
    return mkdtempSync(join(dirname(path), `.${basename(path)}.partial-`))
  } catch (error) {
    throw toFolderError(path, error)
  }
}

/** Throws AppError `usage` unless nothing is there, an empty folder, or a report of ours with nothing added. */
function refuseOthers(path: string, named: string): void {
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (found === undefined) return
  const why = found.isDirectory() && basename(path) !== '' ? strangersIn(path) : 'is no folder'
  if (why !== '')
    throw new AppError('usage', `${safeText(named)} ${why}`, {
      advice: 'A report takes the place of an earlier one, and of nothing else. Name another folder with --out.',
    })
}

/** '' when a report may take its place. */
function strangersIn(path: string): string {
  try {
    const names = readdirSync(path, { recursive: true, withFileTypes: true })
      .filter((entry) => !entry.isDirectory())
      .map((entry) => join(entry.parentPath, entry.name).slice(path.length + 1))
    if (names.length === 0) return readdirSync(path).length === 0 ? '' : 'is not empty, and holds no report'
    const manifest = join(path, MANIFEST_FILE)
    const isSmall = names.includes(MANIFEST_FILE) && statSync(manifest).size <= MANIFEST_BYTES_MAX
    const earlier = isSmall ? readManifestText(readFileSync(manifest, 'utf8')).manifest : null
    if (earlier === null) return 'is not empty, and holds no report of ours'
    const ours = new Set([...earlier.files.map(({ name }) => name), MANIFEST_FILE, SIGNATURE_FILE, SUMS_FILE])
    const stranger = names.find((name) => !ours.has(name))
    return stranger === undefined ? '' : `holds ${safeText(stranger)}, which is no part of the report there`
  } catch (error) {
    throw toFolderError(path, error)
  }
}

async function guarded<T>(state: State, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw toFolderError(state.dir, error)
  }
}

function toFolderError(path: string, error: unknown): unknown {
  if (error instanceof AppError || !isWorldFault(error)) return error
  return new AppError('cannot-write', `cannot write the report ${safeText(path)}: ${reasonOf(error)}`, {
    cause: error,
    advice: 'Nothing was changed there. Check space and permissions, or name another folder with --out.',
  })
}
