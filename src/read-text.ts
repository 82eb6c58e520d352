/** A file that a person named. */
import { readFile } from 'node:fs/promises'
import { AppError } from './errors.ts'
import { safeText } from './safe-text.ts'

/** Throws AppError `cannot-read`; `advice` where there is more to say than what to check. */
export async function readText(
  path: string,
  advice = 'Check the name and that the file may be read by this user.',
): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    throw new AppError('cannot-read', `cannot read ${safeText(path)}`, { cause, advice })
  }
}

/** The same, not decoded. */
export async function readBytes(path: string): Promise<Buffer> {
  try {
    return await readFile(path)
  } catch (cause) {
    const advice = 'Check the name and that the file may be read by this user.'
    throw new AppError('cannot-read', `cannot read ${safeText(path)}`, { cause, advice })
  }
}
