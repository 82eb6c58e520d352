/**
 * `peertrail verify [PATH]`: whether a store still is what was sealed, or a report folder or evidence pack what was written, and what
 * that does not prove. Exit 0 untouched, 1 something is not.
 */
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { AppError } from '../errors.ts'
import { MANIFEST_FILE, SIGNATURE_FILE, SUMS_FILE } from '../reports/evidence/manifest.ts'
import { safeText } from '../safe-text.ts'
import type { ChainHead } from '../store/chain.ts'
import { layoutOf } from '../store/layout.ts'
import { parseAnchor } from './anchor-argument.ts'
import { printJson } from './ascii-json.ts'
import { readEvidenceFolder } from './evidence-folder.ts'
import type { Evidence } from './evidence-intake.ts'
import { judgeEvidence } from './evidence-judgement.ts'
import { readEvidencePack } from './evidence-pack.ts'
import { readPublicKey } from './signing-key.ts'
import { type Environment, findStore, type StoreOptions } from './store-place.ts'
import type { Terminal } from './terminal.ts'
import { countBroken, headOfReport, type ReportCheck, reportJson, reportText } from './verify-report.ts'
import { checkStore, clearProgress, sayProgress, storeHolds, storeLimits, storeLines } from './verify-store.ts'

export type VerifyArguments = StoreOptions & {
  /** A report folder, an evidence pack, a store; '' or absent = the store. */
  readonly path?: string
  /** File; '' or absent = none. */
  readonly publicKey?: string
  /** `COUNT:HASH` each, as `replay` and `verify` print them in full. */
  readonly anchors: readonly string[]
  readonly isJson: boolean
}

/** Throws AppError `usage` for wrong arguments and a PATH that is none of these, `cannot-read`, and the errors of opening a store. */
export async function runVerify(args: VerifyArguments, environment: Environment, terminal: Terminal): Promise<number> {
  const { path = '', publicKey = '' } = args
  const anchors = args.anchors.map(parseAnchor)
  const kind = path === '' ? 'store' : kindOf(path)
  if (kind === 'store') {
    if (publicKey !== '')
      throw new AppError('usage', '--public-key is for a report, and a store is to be checked', {
        advice: 'Name the report folder or the evidence pack first.',
      })
    const dir = path === '' ? (await findStore(args, environment)).dir : path
    return printStore(dir, anchors, args.isJson, terminal)
  }
  const given = publicKey === '' ? null : readPublicKey(publicKey)
  const evidence = await readEvidence(path, kind, terminal)
  const judgement = judgeEvidence(evidence, given)
  const head = headOfReport(judgement.manifest)
  const check: ReportCheck = {
    ...judgement,
    kind,
    path,
    files: evidence.files.size,
    bytes: [...evidence.files.values()].reduce((sum, { bytes }) => sum + bytes, 0),
    ...(await storeOf(args, head, anchors, environment, terminal)),
  }
  terminal.out(args.isJson ? reportJson(check) : reportText(terminal, check))
  return countBroken(check) === 0 ? 0 : 1
}

async function printStore(
  dir: string,
  anchors: readonly ChainHead[],
  isJson: boolean,
  terminal: Terminal,
): Promise<number> {
  const result = await checkStore(dir, anchors, terminal)
  const limits = storeLimits(result).map((limit) => `  - ${limit}`)
  terminal.out(
    isJson ? printJson(result) : [...storeLines(terminal, dir, result), '', 'Not proven:', ...limits, ''].join('\n'),
  )
  return result.problems.length === 0 ? 0 : 1
}

/**
 * A folder that has lost its manifest is still taken for a report by what is left of it. Trap: whoever changed a report could put a store
 * into its folder, whose check would pass, so what looks like a report is one.
 */
function kindOf(path: string): 'store' | 'folder' | 'pack' {
  const stat = statOf(path)
  if (stat.isFile()) return 'pack'
  if (stat.isDirectory() && [MANIFEST_FILE, SUMS_FILE, SIGNATURE_FILE].some((name) => existsSync(join(path, name))))
    return 'folder'
  if (stat.isDirectory() && existsSync(layoutOf(path).manifest)) return 'store'
  throw new AppError('usage', `${safeText(path)} is no report, no evidence pack and no store`, {
    advice: 'Name the folder of a report, an evidence pack (.tar.gz), or the store with --store.',
  })
}

function statOf(path: string) {
  try {
    return statSync(path)
  } catch (cause) {
    throw new AppError('cannot-read', `cannot read ${safeText(path)}`, {
      cause,
      advice: 'Check the name and that it may be read by this user.',
    })
  }
}

async function readEvidence(path: string, kind: 'folder' | 'pack', terminal: Terminal): Promise<Evidence> {
  // The size of a folder is known only when it was read.
  const total = kind === 'pack' ? statOf(path).size : 0
  try {
    const read = kind === 'pack' ? readEvidencePack : readEvidenceFolder
    return await read(path, (done) => sayProgress(terminal, done, total))
  } finally {
    clearProgress(terminal)
  }
}

/** A store that is named is checked whatever it holds; one that is found only when the report was made of it. */
async function storeOf(
  args: VerifyArguments,
  head: ChainHead | null,
  anchors: readonly ChainHead[],
  environment: Environment,
  terminal: Terminal,
): Promise<Pick<ReportCheck, 'store' | 'why'>> {
  const all = [...(head === null ? [] : [head]), ...anchors]
  if (args.store !== '' || args.pipeline !== '') {
    const { dir } = await findStore(args, environment)
    return { store: { dir, check: await checkStore(dir, all, terminal) }, why: '' }
  }
  if (head === null) return { store: null, why: 'none was named that this could be compared with' }
  const dir = await foundStore(args, environment)
  const holds = dir === '' ? null : storeHolds(dir, head)
  if (holds === null) return { store: null, why: 'none is here; name it with --store to have it checked against this' }
  if (!holds)
    return {
      store: null,
      why: `${dir} does not hold the head of this report's chain: it is another store, or was cut off or rewritten; name it with --store to have that checked`,
    }
  return { store: { dir, check: await checkStore(dir, all, terminal) }, why: '' }
}

/** '' where a pipeline of this machine is wrong: who checks a report of another machine did not ask for it. */
async function foundStore(args: VerifyArguments, environment: Environment): Promise<string> {
  try {
    return (await findStore(args, environment)).dir
  } catch (error) {
    if (error instanceof AppError) return ''
    throw error
  }
}
