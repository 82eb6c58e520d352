/** A small file of a capture read at once, unpacked where it is compressed. Bounded: a capture may come from anyone. */
import { type FileHandle, open } from 'node:fs/promises'
import { gunzipSync } from 'node:zlib'
import type { CaptureFile } from '../sources/capture.ts'

/** Far above any ruleset or conntrack.stderr, low enough to hold in memory; also what a compressed file may unpack to. */
export const WHOLE_BYTES_MAX = 64 * 1024 * 1024

/** The text, or in words why there is none. */
export async function readWhole(
  file: CaptureFile,
  encoding: 'utf8' | 'latin1',
): Promise<{ readonly text: string } | { readonly problem: string }> {
  let handle: FileHandle | null = null
  try {
    handle = await open(file.path)
    const { size } = await handle.stat()
    if (size > WHOLE_BYTES_MAX) return { problem: `larger than ${WHOLE_BYTES_MAX >> 20} MiB` }
    const bytes = await handle.readFile()
    if (!file.isGzip) return { text: bytes.toString(encoding) }
    return { text: gunzipSync(bytes, { maxOutputLength: WHOLE_BYTES_MAX }).toString(encoding) }
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) }
  } finally {
    await handle?.close()
  }
}
