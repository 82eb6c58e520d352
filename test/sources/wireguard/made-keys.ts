/** Keys for tests, made from a number so that a failure can be repeated; and archives with files in them. */
import { hash } from 'node:crypto'

/** As `wg genkey` makes them: 32 bytes with the bits of RFC 7748 cleared and set. */
export function privateKey(seed: number): string {
  const bytes = hash('sha256', `private ${seed}`, 'buffer')
  bytes[0] = (bytes[0] ?? 0) & 0xf8
  bytes[31] = ((bytes[31] ?? 0) & 0x7f) | 0x40
  return bytes.toString('base64')
}

/** Any 32 bytes. */
export function presharedKey(seed: number): string {
  return hash('sha256', `preshared ${seed}`, 'buffer').toString('base64')
}

export type PackedFile = { readonly name: string; readonly text: string; readonly type?: string }

/** A ustar archive. */
export function tar(files: readonly PackedFile[]): Buffer {
  const blocks = files.flatMap(({ name, text, type = '0' }) => {
    const body = Buffer.from(text, 'latin1')
    const padding = Buffer.alloc((512 - (body.length % 512)) % 512)
    return [header(name, body.length, type), body, padding]
  })
  return Buffer.concat([...blocks, Buffer.alloc(1024)])
}

function header(name: string, size: number, type: string): Buffer {
  const bytes = Buffer.alloc(512)
  bytes.write(name, 0, 100, 'utf8')
  bytes.write('0000600\0', 100)
  bytes.write(`${size.toString(8).padStart(11, '0')}\0`, 124)
  bytes.write('        ', 148)
  bytes.write(type, 156)
  bytes.write('ustar\0' + '00', 257)
  const sum = bytes.reduce((total, byte) => total + byte, 0)
  bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return bytes
}
