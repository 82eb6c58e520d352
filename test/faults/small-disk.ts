/** A file system of its own for one directory, small enough to be filled: tmpfs, which only root may mount. */
import { spawnSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'

export type SmallDisk = { fill(): void; clear(): void; unmount(): void }

const MIB = 1024 * 1024
const BALLAST = 'ballast'

/** Null where mounting is not permitted. */
export function mountSmallDisk(dir: string, mebibytes: number): SmallDisk | null {
  mkdirSync(dir, { recursive: true })
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m,mode=0750`, 'peertrail-faults', dir])
  if (mounted.status !== 0) return null
  return {
    fill() {
      const file = openSync(join(dir, BALLAST), 'w')
      try {
        for (let size = MIB; size >= 1; ) {
          try {
            writeSync(file, Buffer.alloc(size))
          } catch {
            // No room for so much: fill up with less.
            size = Math.floor(size / 16)
          }
        }
      } finally {
        closeSync(file)
      }
    },
    clear: () => rmSync(join(dir, BALLAST), { force: true }),
    unmount: () => void spawnSync('umount', ['-l', dir]),
  }
}
