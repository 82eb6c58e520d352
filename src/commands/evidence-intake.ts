/**
 * What lies in a report folder or pack, read once: size and hash of every file, the bytes of the few that say what the others are.
 * Memory: those few, and a line of the chain.
 */
import { createHash } from 'node:crypto'
import { type ChainCheck, createChainCheck } from '../reports/evidence/chain-check.ts'
import {
  CHAIN_FILE,
  FILES_MAX,
  isFileName,
  MANIFEST_BYTES_MAX,
  MANIFEST_FILE,
  SIGNATURE_FILE,
  SMALL_FILE_BYTES_MAX,
  SUMS_FILE,
} from '../reports/evidence/manifest.ts'

/** A broken link: of which file, what is wrong; '' where there is nothing to compare. */
export type Broken = {
  readonly file: string
  readonly what: string
  readonly expected: string
  readonly found: string
}

export type FoundFile = { readonly name: string; readonly bytes: number; readonly sha256: string }

export type Evidence = {
  /** By name. */
  readonly files: ReadonlyMap<string, FoundFile>
  /** Bytes of the manifest, the sums, the signature, the public keys: those that are as small as they have to be. */
  readonly texts: ReadonlyMap<string, Buffer>
  /** Of chain.ndjson; null when there is none. */
  readonly chain: ReturnType<ChainCheck['result']> | null
  /** What is wrong with the folder or pack itself, in the order it was met. */
  readonly problems: readonly Broken[]
}

export type FileSink = { push(bytes: Buffer): void; end(): void }

export type Intake = {
  /** Null for a file that is refused; it is named then, and its bytes are not to be read. */
  begin(name: string): FileSink | null
  refuse(file: string, what: string): void
  result(): Evidence
}

/** Bytes of a line of the chain; a merged segment names those it stands for. */
const CHAIN_LINE_MAX = 4 * 1024 * 1024
const PUBLIC_KEY = /^public-key-[\da-f]{16}\.pem$/
/** Problems that are named one by one. */
const PROBLEMS_MAX = 1_000
const LF = 0x0a

/** One for each folder or pack. */
export function createIntake(): Intake {
  const files = new Map<string, FoundFile>()
  const begun = new Set<string>()
  const texts = new Map<string, Buffer>()
  const problems: Broken[] = []
  let chain: ChainCheck | null = null
  const refuse = (file: string, what: string) => {
    if (problems.length < PROBLEMS_MAX) problems.push({ file, what, expected: '', found: '' })
  }
  return {
    begin(name) {
      // The manifest, its signature and the sums come on top of what a manifest names.
      const what = !isFileName(name)
        ? 'has a name that no file of a report has'
        : begun.has(name)
          ? 'is there twice'
          : begun.size >= FILES_MAX + 3
            ? `is one of more than ${FILES_MAX} files`
            : ''
      if (what !== '') {
        refuse(name, what)
        return null
      }
      begun.add(name)
      const lines = name === CHAIN_FILE ? chainLines() : null
      if (lines !== null) chain = lines.check
      const max = keptBytes(name)
      const kept: Buffer[] = []
      const sum = createHash('sha256')
      let bytes = 0
      return {
        push(part) {
          sum.update(part)
          bytes += part.length
          // A copy: who reads may use the same memory for what comes next.
          if (bytes <= max) kept.push(Buffer.from(part))
          lines?.push(part)
        },
        end() {
          lines?.end()
          if (max > 0 && bytes <= max) texts.set(name, Buffer.concat(kept))
          files.set(name, { name, bytes, sha256: sum.digest('hex') })
        },
      }
    },
    refuse,
    result: () => ({ files, texts, chain: chain?.result() ?? null, problems }),
  }
}

/** Bytes of a file that are kept at most; 0 for one that is hashed only. */
function keptBytes(name: string): number {
  if (name === MANIFEST_FILE || name === SUMS_FILE) return MANIFEST_BYTES_MAX
  return name === SIGNATURE_FILE || PUBLIC_KEY.test(name) ? SMALL_FILE_BYTES_MAX : 0
}

/** Splits what comes into lines. One that is too long is handed over cut, and so is no entry. */
function chainLines(): FileSink & { readonly check: ChainCheck } {
  const check = createChainCheck()
  let open: Buffer[] = []
  let size = 0
  const hold = (part: Buffer) => {
    if (size < CHAIN_LINE_MAX) open.push(Buffer.from(part))
    size += part.length
  }
  const close = () => {
    check.line(Buffer.concat(open).toString('utf8'))
    open = []
    size = 0
  }
  return {
    check,
    push(part) {
      let from = 0
      for (let end = part.indexOf(LF); end >= 0; end = part.indexOf(LF, from)) {
        hold(part.subarray(from, end))
        close()
        from = end + 1
      }
      hold(part.subarray(from))
    },
    end() {
      if (size > 0) close()
    },
  }
}
