/**
 * The beginning of each file, read before anything else: its first line identifies it (design 13), and two files that begin
 * alike are compared whole, so that a copy lying about (copytruncate, a backup) is read once and two different files never
 * share ids.
 */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { createGunzip } from 'node:zlib'
import { AppError } from '../errors.ts'
import { fileIdentity } from '../event-id.ts'
import type { CaptureFile, CaptureSource } from './capture.ts'
import type { SourceFile } from './source.ts'

/** Characters of the first line that count. */
const FIRST_LINE_MAX = 1024

export type IdentifiedFile = { readonly file: CaptureFile; readonly identity: SourceFile; readonly firstLine: string }

export type Identified = {
  readonly files: readonly IdentifiedFile[]
  /** Files whose content is the same as another's of this source. */
  readonly copies: readonly { readonly file: CaptureFile; readonly of: CaptureFile }[]
}

/** Throws AppError `cannot-read` for a file that cannot be opened. */
export async function identifyFiles(source: CaptureSource): Promise<Identified> {
  const files: IdentifiedFile[] = []
  const copies: { file: CaptureFile; of: CaptureFile }[] = []
  for (const file of source.files) {
    const firstLine = await readFirstLine(file)
    const alike = files.filter((other) => other.firstLine === firstLine)
    let original: CaptureFile | null = null
    for (const other of alike) if ((await digest(other.file)) === (await digest(file))) original = other.file
    if (original !== null && firstLine !== '') {
      copies.push({ file, of: original })
      continue
    }
    const distinct = alike.length === 0 ? firstLine : `${firstLine}\0${alike.length}`
    files.push({
      file,
      firstLine,
      identity: { name: file.name, identity: fileIdentity(`${source.host}\0${source.kind}`, distinct) },
    })
  }
  return { files, copies }
}

async function readFirstLine(file: CaptureFile): Promise<string> {
  let text = ''
  try {
    for await (const chunk of bytesOf(file)) {
      text += chunk.toString('latin1')
      const start = text.search(/[^\n]/)
      if (start >= 0 && (text.indexOf('\n', start) >= 0 || text.length - start > FIRST_LINE_MAX)) break
    }
  } catch (cause) {
    // Damaged compression is told when the file is read; a file that cannot be opened stops here.
    if (!file.isGzip)
      throw new AppError('cannot-read', `cannot read ${file.path}`, {
        cause,
        advice: 'Check that the file may be read by this user.',
      })
  }
  const line = text.replace(/^\n+/, '').split('\n', 1)[0] ?? ''
  return line.slice(0, FIRST_LINE_MAX)
}

async function digest(file: CaptureFile): Promise<string> {
  const hash = createHash('sha256')
  try {
    for await (const chunk of bytesOf(file)) hash.update(chunk)
  } catch {
    return `damaged ${file.path}`
  }
  return hash.digest('hex')
}

async function* bytesOf(file: CaptureFile): AsyncGenerator<Buffer> {
  const raw = createReadStream(file.path, { highWaterMark: 65_536 })
  const bytes = file.isGzip ? raw.pipe(createGunzip()) : raw
  if (bytes !== raw) raw.on('error', (error) => bytes.destroy(error))
  try {
    // Streams without an encoding hand out Buffers.
    for await (const chunk of bytes) yield chunk as Buffer
  } finally {
    raw.destroy()
  }
}
