/**
 * `peertrail verify [--store DIR] [--anchor COUNT:HASH]`: whether the sealed part of a store is what was sealed, and what that does
 * not prove. Exit 0 whole, 1 something is not as it was sealed.
 */
import { resolve } from 'node:path'
import { AppError } from '../errors.ts'
import { quoted, safeText } from '../safe-text.ts'
import type { ChainHead } from '../store/chain.ts'
import { layoutOf } from '../store/layout.ts'
import { readManifest } from '../store/manifest.ts'
import { type Verification, verifyStore } from '../store/verify.ts'
import { type Environment, findStore, type StoreOptions } from './store-place.ts'
import { counted, paint, type Terminal } from './terminal.ts'

export type VerifyArguments = StoreOptions & {
  /** `COUNT:HASH` each, as `replay` and `verify` print them in full. */
  readonly anchors: readonly string[]
  readonly isJson: boolean
}

const ANCHOR = /^(\d{1,9}):([\da-f]{64})$/

/** Throws AppError `usage` for an anchor that is none, and the errors of opening a store. */
export async function runVerify(args: VerifyArguments, environment: Environment, terminal: Terminal): Promise<number> {
  const anchors = args.anchors.map(parseAnchor)
  const { dir } = await findStore(args, environment)
  const layout = layoutOf(resolve(dir))
  const manifest = readManifest(layout)
  if (manifest === null) {
    throw new AppError('no-store', `there is no store at ${safeText(dir)}`, { advice: 'Name one with --store.' })
  }
  try {
    const result = await verifyStore(layout, manifest, anchors, (done, total) => {
      if (terminal.isInteractive && total > 0)
        terminal.err(`\r\u001b[K  hashing: ${((done / total) * 100).toFixed(0)} % of ${megabytes(total)}`)
    })
    if (terminal.isInteractive) terminal.err('\r\u001b[K')
    terminal.out(args.isJson ? `${JSON.stringify(result)}\n` : printVerification(terminal, dir, result))
    return result.problems.length === 0 ? 0 : 1
  } finally {
    manifest.close()
  }
}

function parseAnchor(text: string): ChainHead {
  const match = ANCHOR.exec(text)
  if (match === null) {
    throw new AppError('usage', `--anchor: expected COUNT:HASH, found ${quoted(text)}`, {
      advice:
        'COUNT is the number of entries, HASH the 64 hex digits of the chain head at that time, as verify prints them.',
    })
  }
  return { count: Number(match[1]), hash: match[2] ?? '' }
}

function printVerification(terminal: Terminal, dir: string, result: Verification): string {
  const { problems, head, segments, rows, bytes, anchored, hot, expired } = result
  const verdict =
    problems.length === 0
      ? paint(terminal, 'green', 'whole')
      : paint(terminal, 'red', `not as it was sealed: ${counted(problems.length, 'problem')}`)
  const lines = [
    `${paint(terminal, 'bold', `store ${safeText(dir)}`)}: ${verdict}`,
    ...problems.map((problem) => `  ${paint(terminal, 'red', 'wrong')}     ${safeText(problem)}`),
    `  sealed    ${counted(segments, 'segment')}, ${rows.toLocaleString('en-US')} rows, ${megabytes(bytes)}`,
    `  chain     ${counted(head.count, 'entry', 'entries')}, head ${head.count}:${head.hash}`,
    ...anchored.map(({ count }) => `  anchor    entry ${count} is the one the anchor names`),
  ]
  if (expired.segments > 0)
    lines.push(
      `  expired   ${counted(expired.segments, 'segment')} with ${expired.rows.toLocaleString('en-US')} rows, by retention`,
    )
  lines.push(
    '',
    'Not proven:',
    `  - rows not sealed yet: ${counted(hot.files, 'file')}, ${megabytes(hot.bytes)}`,
    anchored.length === 0
      ? '  - that nobody rewrote the whole chain: keep its head elsewhere, and give it back with --anchor'
      : '  - what root on this machine changed before the anchor was taken',
    '  - that the log files said the truth before they were read',
    '',
  )
  return lines.join('\n')
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`
}
