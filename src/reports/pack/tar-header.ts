/** Headers of the POSIX ustar format (IEEE 1003.1, pax, "ustar Interchange Format"): regular files, of nobody, the same every time. */
import { AppError } from '../../errors.ts'
import { safeText } from '../../safe-text.ts'
import type { Micros } from '../../time.ts'
import { SECOND } from '../../time.ts'

export const TAR_BLOCK = 512
/** Bytes that eleven octal digits can state. */
export const MEMBER_BYTES_MAX = 8 ** 11 - 1
const NAME_BYTES = 100
const MODE = 0o600

/** `name` with its folder, ASCII. Throws AppError `cannot-write` for what no header can state. */
export function tarHeader(name: string, bytes: number, at: Micros): Buffer {
  if (bytes > MEMBER_BYTES_MAX)
    throw new AppError('cannot-write', `${safeText(name)} is too large for a pack: ${bytes} bytes`, {
      advice: 'Ask for a shorter period, or hand over the folder (--out) instead of a pack.',
    })
  if (Buffer.byteLength(name) > NAME_BYTES || !/^[\w./-]+$/.test(name))
    throw new AppError('cannot-write', `${safeText(name)} cannot be the name of a file in a pack`, {
      advice: 'Choose another name for the pack: letters, digits, dots and hyphens.',
    })
  const header = Buffer.alloc(TAR_BLOCK)
  header.write(name, 0, 'latin1')
  octal(header, 100, 8, MODE)
  octal(header, 108, 8, 0)
  octal(header, 116, 8, 0)
  octal(header, 124, 12, bytes)
  octal(header, 136, 12, Math.min(Math.max(0, Math.floor(at / SECOND)), MEMBER_BYTES_MAX))
  header.fill(' ', 148, 156)
  header.write('0', 156, 'latin1')
  header.write('ustar\0' + '00', 257, 'latin1')
  octal(header, 329, 8, 0)
  octal(header, 337, 8, 0)
  const sum = header.reduce((total, byte) => total + byte, 0)
  // Six digits, NUL, space: as the standard's oldest readers want it.
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return header
}

/** Digits to the end of the field but one, which is NUL. */
function octal(header: Buffer, at: number, length: number, value: number): void {
  header.write(value.toString(8).padStart(length - 1, '0'), at, 'latin1')
}

/** Zeros that fill up the last block of a member. */
export function tarPadding(bytes: number): Buffer {
  return Buffer.alloc((TAR_BLOCK - (bytes % TAR_BLOCK)) % TAR_BLOCK)
}

/** What an archive ends with. */
export function tarEnd(): Buffer {
  return Buffer.alloc(2 * TAR_BLOCK)
}
