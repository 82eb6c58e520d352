/** A log file as its writer has it, and what logrotate does to it. */
import {
  closeSync,
  copyFileSync,
  existsSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'

export type RotatedLog = {
  /** One write(2). */
  write(text: string): void
  /** `x` becomes `x.1` and so on, a new `x` is made; what is written goes on into the old one until `reopen`. */
  rename(): void
  reopen(): void
  /** Writes into the file that was the live one before the last `reopen`. */
  writeLate(text: string): void
  /** `between` is called when the copy is made and nothing is cut yet. */
  copyTruncate(between: () => void): void
  /** The youngest plain rotated file becomes a .gz, as with `delaycompress` the second youngest where there is one. */
  compress(): void
  /** All rotated files. */
  remove(): void
  close(): void
}

export function openRotatedLog(path: string): RotatedLog {
  let fd = openSync(path, 'a+')
  let old = -1
  endTornLine(fd)

  function shift(): void {
    const numbers = rotated(path)
      .map((name) => ({ name, number: Number(/\.(\d+)(?:\.gz)?$/.exec(name)?.[1]) }))
      .sort((a, b) => b.number - a.number)
    for (const { name, number } of numbers) {
      const next = `${path}.${number + 1}${name.endsWith('.gz') ? '.gz' : ''}`
      renameSync(join(dirname(path), name), next)
    }
  }

  return {
    write: (text) => void writeSync(fd, text, null, 'latin1'),
    rename() {
      shift()
      renameSync(path, `${path}.1`)
      closeSync(openSync(path, 'a'))
    },
    reopen() {
      if (old >= 0) closeSync(old)
      old = fd
      fd = openSync(path, 'a+')
    },
    writeLate: (text) => void writeSync(old >= 0 ? old : fd, text, null, 'latin1'),
    copyTruncate(between) {
      shift()
      copyFileSync(path, `${path}.1`)
      between()
      ftruncateSync(fd, 0)
    },
    compress() {
      const plain = [`${path}.2`, `${path}.1`].find((each) => existsSync(each))
      if (plain === undefined) return
      writeFileSync(`${plain}.gz`, gzipSync(readFileSync(plain)))
      rmSync(plain)
    },
    remove() {
      for (const name of rotated(path)) rmSync(join(dirname(path), name))
    },
    close() {
      closeSync(fd)
      if (old >= 0) closeSync(old)
    },
  }
}

function rotated(path: string): string[] {
  return readdirSync(dirname(path)).filter(
    (name) => name.startsWith(`${basename(path)}.`) && /\.\d+(\.gz)?$/.test(name),
  )
}

/** What a killed writer left: the next line must not be glued to it. */
function endTornLine(fd: number): void {
  const { size } = fstatSync(fd)
  const last = Buffer.alloc(1)
  if (size > 0 && readSync(fd, last, 0, 1, size - 1) === 1 && last[0] !== 10) writeSync(fd, '\n')
}
