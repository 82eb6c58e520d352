/**
 * Some time near a host's logs, for stamps that name no year: the first full date any other file of the host, else of the
 * capture, begins with. File times of the disk are not used: a copied capture must give the same output.
 */
import { createReadStream } from 'node:fs'
import { createGunzip } from 'node:zlib'
import type { Capture, CaptureFile, CaptureHost } from '../sources/capture.ts'
import { type Micros, SECOND } from '../time.ts'

/** Characters looked at in each file. */
const HEAD_CHARS = 65_536
/** conntrack's `[1795360169.601244]`, journald's microseconds, ISO dates. */
const STAMPS =
  /\[(\d{10})\.\d|"__REALTIME_TIMESTAMP"\s*:\s*"(\d{10})\d{6}"|audit\((\d{10})\.\d{3}:|(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:[.,]\d+)?(Z|[+-]\d{2}:?\d{2})/

export async function findReference(host: CaptureHost, capture: Capture): Promise<Micros | null> {
  for (const candidate of [host, ...capture.hosts.filter((other) => other !== host)]) {
    for (const source of candidate.sources) {
      for (const file of source.files) {
        const at = await firstDate(file)
        if (at !== null) return at
      }
    }
  }
  return null
}

async function firstDate(file: CaptureFile): Promise<Micros | null> {
  const match = STAMPS.exec(await head(file))
  if (match === null) return null
  const epoch = match[1] ?? match[2] ?? match[3]
  if (epoch !== undefined) return Number(epoch) * SECOND
  const zone = (match[5] ?? 'Z').replace(/^([+-]\d{2}):?(\d{2})$/, '$1:$2')
  const ms = Date.parse(`${match[4]}${zone}`)
  return Number.isNaN(ms) ? null : ms * 1000
}

async function head(file: CaptureFile): Promise<string> {
  const raw = createReadStream(file.path, { highWaterMark: HEAD_CHARS })
  const bytes = file.isGzip ? raw.pipe(createGunzip()) : raw
  if (bytes !== raw) raw.on('error', (error) => bytes.destroy(error))
  let text = ''
  try {
    for await (const chunk of bytes) {
      // Streams without an encoding hand out Buffers.
      text += (chunk as Buffer).toString('latin1')
      if (text.length >= HEAD_CHARS) break
    }
  } catch {
    // Damage is told when the file is read in earnest; what came before it may still hold a date.
  } finally {
    raw.destroy()
  }
  return text.slice(0, HEAD_CHARS)
}
