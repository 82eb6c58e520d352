/** A tar archive as a test makes it: every field of a header can be made wrong. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'

export type Member = {
  readonly name: string
  readonly content?: string | Buffer
  /** '0' is a file, '5' a folder, '2' a link … */
  readonly type?: string
  /** As the header states it; that of the content when left out. */
  readonly size?: number
  readonly sizeField?: string
  readonly magic?: string
  readonly link?: string
  /** Other fields, by where they begin in the header. */
  readonly fields?: Readonly<Record<number, string>>
}

/** Not packed. */
export function tar(members: readonly Member[], endBlocks = 2): Buffer {
  const blocks = members.flatMap((member) => {
    const content = Buffer.from(member.content ?? '')
    return [header(member, content.length), content, Buffer.alloc((512 - (content.length % 512)) % 512)]
  })
  return Buffer.concat([...blocks, Buffer.alloc(512 * endBlocks)])
}

/** A report folder as a pack: everything below one folder. */
export function packOf(dir: string, top = 'report'): Buffer {
  const names = readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(dir.length + 1))
    .sort()
  return gzipSync(tar(names.map((name) => ({ name: `${top}/${name}`, content: readFileSync(join(dir, name)) }))))
}

function header(
  { name, type = '0', size, sizeField, magic = 'ustar\u000000', link = '', fields = {} }: Member,
  length: number,
): Buffer {
  const block = Buffer.alloc(512)
  block.write(name, 0, 100)
  block.write('0000600\0', 100)
  block.write('0000000\0', 108)
  block.write('0000000\0', 116)
  block.write(sizeField ?? `${(size ?? length).toString(8).padStart(11, '0')}\0`, 124, 'latin1')
  block.write('00000000000\0', 136)
  block.write('        ', 148)
  block.write(type, 156)
  block.write(link, 157)
  block.write(magic, 257)
  block.write('0000000\0', 329)
  block.write('0000000\0', 337)
  for (const [at, text] of Object.entries(fields)) block.write(text, Number(at), 'latin1')
  block.write('        ', 148)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return block
}
