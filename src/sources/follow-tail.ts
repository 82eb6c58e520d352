/**
 * What stands on the library tail-file (pinned, 1.4.16; the one class of sources/): its loop that reads at a byte position and
 * its watch on the directory. Deciding which file comes next is ours, because the library decides by name and size alone: it
 * cannot see a file that was cut and has grown past the old place, finds its place in rotated files by comparing a value in each
 * line, opens by name between two looks, and does not wait for who reads.
 *
 * Changed from outside, each method as the library calls it: `decode` hands over bytes instead of splitting lines, `getLine`
 * reads nothing by itself (back-pressure), errors reach the one who asked, and listeners go when the watch is closed.
 */
import type { EventEmitter } from 'node:events'
import type { FSWatcher } from 'node:fs'
import { stat } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, dirname } from 'node:path'

/** Members of tail-file's object that are used or replaced here; see its tail.js. */
type LibraryTail = EventEmitter & {
  /** Open descriptor; absent = none. */
  fd?: number | null
  /** Byte position of the next read. */
  pos: number | 'init'
  started: string | null
  buf: Buffer | null
  _bufsize: number
  watcher?: FSWatcher | null
  /** Watches the directory of `filename`, then calls `getLine`. Throws what fs.watch throws. */
  startTail(filename: string): void
  readStuff(): void
  getLine(): void
  decode(chunk: Buffer | null): void
  onLineForTail(error: Error | null): void
  checkDir(type: string, name: string | null): void
  checkDirError(error: Error): void
}

type LibraryOptions = { readonly encoding: 'latin1'; readonly force: boolean }

// The library has no types; these are what its tail.js of this version does.
const Tail = createRequire(import.meta.url)('tail-file') as new (
  filename: string,
  options: LibraryOptions,
) => LibraryTail

/** Also for a look at the end of a file. */
const READ_BYTES_MIN = 4096

/** Reads where it is told to, and watches the directory. Opens and closes no file: descriptors are the caller's. */
export class FollowedTail extends Tail {
  readonly #path: string
  readonly #changed: (mayBeRotated: boolean) => void
  #take: ((chunk: Buffer | Error) => void) | null = null
  #watched = ''

  /** `changed` is called for every change of the file or one that is called like it. */
  constructor(path: string, changed: (mayBeRotated: boolean) => void) {
    super(path, { encoding: 'latin1', force: true })
    this.#path = path
    this.#changed = changed
  }

  /** At most `length` bytes from `from` on; valid until the next call. Rejects where reading fails. One call at a time. */
  readChunk(fd: number, from: number, length: number): Promise<Buffer> {
    this.fd = fd
    this.started = this.#path
    this.pos = from
    this._bufsize = Math.max(length, READ_BYTES_MIN)
    // Every read has another length: a buffer each would be some megabytes a second that wait for the garbage collector.
    if ((this.buf?.length ?? 0) < this._bufsize) this.buf = Buffer.allocUnsafeSlow(this._bufsize)
    return new Promise((resolve, reject) => {
      this.#take = (chunk) => (chunk instanceof Error ? reject(chunk) : resolve(chunk.subarray(0, length)))
      // The library opens nothing: it has a descriptor.
      this.readStuff()
    })
  }

  /** Lets the read buffer go: many idle sources hold none. */
  rest(): void {
    this.buf = null
  }

  override decode(chunk: Buffer | null): void {
    this.#give(chunk ?? Buffer.alloc(0))
  }

  override onLineForTail(error: Error | null): void {
    if (error !== null) this.#give(error)
  }

  override getLine(): void {}

  override checkDir(type: string, name: string | null): void {
    if (name === null || name.startsWith(basename(this.#path))) this.#changed(type === 'rename')
  }

  override checkDirError(): void {
    this.unwatch()
    this.#changed(true)
  }

  /** Watches the directory, also one that has taken the place of the watched. Without inotify there is only the timer. */
  async watch(): Promise<void> {
    const directory = dirname(this.#path)
    const found = await stat(directory).catch(() => null)
    const key = found === null ? '' : `${found.dev}:${found.ino}`
    if (key === this.#watched && (this.watcher ?? null) !== null) return
    this.unwatch()
    if (key === '') return
    try {
      this.startTail(this.#path)
      this.#watched = key
    } catch {
      this.unwatch()
    }
  }

  unwatch(): void {
    this.#watched = ''
    const watcher = this.watcher ?? null
    if (watcher === null) return
    delete this.watcher
    watcher.removeAllListeners()
    // One that comes while it closes has nobody to be told to.
    watcher.on('error', () => {})
    watcher.close()
  }

  #give(chunk: Buffer | Error): void {
    const take = this.#take
    this.#take = null
    take?.(chunk)
  }
}
