/** The check of a store: its chain and segments against anchors, and the access log beside it. */
import { join, resolve } from 'node:path'
import { AppError } from '../errors.ts'
import { safeText } from '../safe-text.ts'
import type { ChainHead } from '../store/chain.ts'
import { layoutOf } from '../store/layout.ts'
import { readManifest } from '../store/manifest.ts'
import { type Verification, verifyStore } from '../store/verify.ts'
import { reasonOf } from '../store/write-error.ts'
import { type AccessCheck, checkAccess } from './access-check.ts'
import { ACCESS_FOLDER } from './access-folder.ts'
import { counted, paint, type Terminal } from './terminal.ts'

export type StoreCheck = Verification & {
  /** Null: nobody's questions were recorded beside it. */
  readonly access: AccessCheck | null
}

/** `problems` has those of the access log too. Throws the errors of opening a store. */
export async function checkStore(dir: string, anchors: readonly ChainHead[], terminal: Terminal): Promise<StoreCheck> {
  const layout = layoutOf(resolve(dir))
  const manifest = readManifest(layout)
  if (manifest === null) {
    throw new AppError('no-store', `there is no store at ${safeText(dir)}`, { advice: 'Name one with --store.' })
  }
  try {
    const result = await verifyStore(layout, manifest, anchors, (done, total) => sayProgress(terminal, done, total))
    clearProgress(terminal)
    const access = await accessOf(layout.dir)
    return { ...result, problems: [...result.problems, ...(access?.problems ?? [])], access }
  } finally {
    manifest.close()
  }
}

/** Null where there is no store, or none that can be read. */
export function storeHolds(dir: string, { count, hash }: ChainHead): boolean | null {
  try {
    const manifest = readManifest(layoutOf(resolve(dir)))
    if (manifest === null) return null
    try {
      return manifest.everything().chain.some((row) => row.number === count && row.hash === hash)
    } finally {
      manifest.close()
    }
  } catch (error) {
    if (error instanceof AppError) return null
    throw error
  }
}

/** Bytes hashed, where somebody watches. */
export function sayProgress(terminal: Terminal, done: number, total: number): void {
  if (terminal.isInteractive && total > 0)
    terminal.err(`\r\u001b[K  hashing: ${((done / total) * 100).toFixed(0)} % of ${megabytes(total)}`)
}

/** After the last of sayProgress. */
export function clearProgress(terminal: Terminal): void {
  if (terminal.isInteractive) terminal.err('\r\u001b[K')
}

/** Lines about a store; `anchors` says which they are: `the anchor`, `the report`. */
export function storeLines(terminal: Terminal, dir: string, result: StoreCheck, anchorName = 'the anchor'): string[] {
  const { problems, head, segments, rows, bytes, anchored, expired, access } = result
  const verdict =
    problems.length === 0
      ? paint(terminal, 'green', 'whole')
      : paint(terminal, 'red', `not as it was sealed: ${counted(problems.length, 'problem')}`)
  const lines = [
    `${paint(terminal, 'bold', `store ${safeText(dir)}`)}: ${verdict}`,
    ...problems.map((problem) => `  ${paint(terminal, 'red', 'wrong')}     ${safeText(problem)}`),
    `  sealed    ${counted(segments, 'segment')}, ${rows.toLocaleString('en-US')} rows, ${megabytes(bytes)}`,
    `  chain     ${counted(head.count, 'entry', 'entries')}, head ${head.count}:${head.hash}`,
    ...anchored.map(({ count }) => `  anchor    entry ${count} is the one ${anchorName} names`),
  ]
  if (expired.segments > 0)
    lines.push(
      `  expired   ${counted(expired.segments, 'segment')} with ${expired.rows.toLocaleString('en-US')} rows, by retention`,
    )
  if (access !== null)
    lines.push(`  access    ${counted(access.lines, 'line')} of who asked what${accessNotes(access)}`)
  return lines
}

/** What the check of a store cannot show. */
export function storeLimits({ anchored, hot, access }: StoreCheck): string[] {
  return [
    `rows not sealed yet: ${counted(hot.files, 'file')}, ${megabytes(hot.bytes)}`,
    anchored.length === 0
      ? 'that nobody rewrote the whole chain: keep its head elsewhere, and give it back with --anchor'
      : 'what root on this machine changed before the anchor was taken',
    'that the log files said the truth before they were read',
    ...(access === null ? [] : ['that nobody rewrote the whole access log, or read the files by another program']),
  ]
}

function accessNotes({ torn, removed }: AccessCheck): string {
  const notes = [
    ...(removed > 0 ? [`${counted(removed, 'older one')} removed by its limit`] : []),
    ...(torn > 0 ? [`${torn} not written whole`] : []),
  ]
  return notes.length === 0 ? '' : ` (${notes.join(', ')})`
}

async function accessOf(dir: string): Promise<AccessCheck | null> {
  try {
    return await checkAccess(join(dir, ACCESS_FOLDER), () => {})
  } catch (error) {
    const problems = [`the access log cannot be read: ${reasonOf(error)}`]
    return { lines: 0, head: { count: 0, hash: '' }, problems, torn: 0, removed: 0 }
  }
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`
}
