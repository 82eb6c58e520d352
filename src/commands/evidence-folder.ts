/** Reads a report folder for its check. Nothing in it is followed or waited for: links, pipes and devices are named instead. */
import { constants } from 'node:fs'
import { type FileHandle, open, readdir } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { AppError } from '../errors.ts'
import { FILES_MAX } from '../reports/evidence/manifest.ts'
import { safeText } from '../safe-text.ts'
import { reasonOf } from '../store/write-error.ts'
import { createIntake, type Evidence, type Intake } from './evidence-intake.ts'

/** Bytes read at once. */
const CHUNK = 1024 * 1024
/** Folders below it; a report has a few. */
const DEPTH_MAX = 4
/** What is looked at in it, links and folders counted. */
const ENTRIES_MAX = FILES_MAX + 1_000

/** `progress` is told how many bytes were read. Throws AppError `cannot-read`. */
export async function readEvidenceFolder(dir: string, progress: (done: number) => void): Promise<Evidence> {
  const intake = createIntake()
  const walk: Walk = { root: dir, intake, progress, done: 0, entries: 0, buffer: Buffer.allocUnsafe(CHUNK) }
  await readFolder(walk, dir, 0)
  return intake.result()
}

type Walk = {
  readonly root: string
  readonly intake: Intake
  readonly progress: (done: number) => void
  readonly buffer: Buffer
  done: number
  entries: number
}

async function readFolder(walk: Walk, folder: string, depth: number): Promise<void> {
  const { root, intake } = walk
  const entries = await readdir(folder, { withFileTypes: true }).catch((cause: unknown) => {
    throw cannotRead(folder, cause)
  })
  // It says nothing, and was not there.
  if (entries.length === 0 && depth > 0) intake.refuse(relative(root, folder), 'is an empty folder: it was added')
  entries.sort((a, b) => (a.name < b.name ? -1 : 1))
  for (const entry of entries) {
    const path = join(folder, entry.name)
    const name = relative(root, path)
    if (++walk.entries > ENTRIES_MAX)
      return intake.refuse(name, `is one of more than ${ENTRIES_MAX} things in the folder`)
    if (entry.isDirectory()) {
      if (depth < DEPTH_MAX) await readFolder(walk, path, depth + 1)
      else intake.refuse(name, 'lies deeper than any file of a report')
    } else if (entry.isFile()) await readOne(walk, path, name)
    else intake.refuse(name, entry.isSymbolicLink() ? 'is a link' : 'is no file')
  }
}

async function readOne(walk: Walk, path: string, name: string): Promise<void> {
  const { intake, buffer } = walk
  const sink = intake.begin(name)
  if (sink === null) return
  let handle: FileHandle | null = null
  try {
    // It may have become a link or a pipe since it was listed.
    handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, CHUNK)
      if (bytesRead === 0) break
      sink.push(buffer.subarray(0, bytesRead))
      walk.done += bytesRead
      walk.progress(walk.done)
    }
    sink.end()
  } catch (cause) {
    throw cannotRead(path, cause)
  } finally {
    await handle?.close()
  }
}

function cannotRead(path: string, cause: unknown): AppError {
  return new AppError('cannot-read', `cannot read ${safeText(path)}: ${reasonOf(cause)}`, {
    cause,
    advice: 'Check that this user may read the folder and every file in it.',
  })
}
