/**
 * A capture in memory that a test may bend: every file as latin1 text by its path, with the truth that belongs to it. Changed
 * copies are written to a directory of their own, replayed, judged and removed.
 */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { judge, type Verdict } from '../judge.ts'
import { DEMO, replayCapture } from '../replay-capture.ts'

export type CaptureCase = {
  /** By path below the capture, `gw1/kern.log`. Text of a name that ends in .gz is compressed when it is written. */
  readonly files: Map<string, string>
  truth: string
  evidence: string
  /** How far the clock of a host was set ahead, in seconds; of those not named, not at all. */
  readonly clocks: Map<string, number>
}

export type Replayed = {
  readonly ndjson: string
  readonly printed: string
  readonly exit: number
  readonly verdict: Verdict
}

const LAB = new URL('../fixtures/lab-1/', import.meta.url).pathname

export async function demoCase(): Promise<CaptureCase> {
  const files = new Map<string, string>()
  const entries = await readdir(DEMO, { recursive: true, withFileTypes: true })
  for (const entry of entries) {
    const path = join(entry.parentPath, entry.name)
    if (entry.isFile()) files.set(path.slice(DEMO.length), await readFile(path, 'latin1'))
  }
  return {
    files,
    truth: await readFile(join(LAB, 'truth.jsonl'), 'utf8'),
    evidence: await readFile(join(LAB, 'evidence.jsonl'), 'utf8'),
    clocks: new Map(),
  }
}

/** Writes the capture, hands its directory to `work`, removes it. Truth lies beside it, never in it. */
export async function withCase<T>(one: CaptureCase, work: (capture: string, lab: string) => Promise<T>): Promise<T> {
  const lab = await mkdtemp(join(tmpdir(), 'peertrail-case-'))
  const capture = join(lab, 'capture')
  try {
    for (const [name, text] of one.files) {
      const path = join(capture, name)
      await mkdir(dirname(path), { recursive: true })
      const bytes = Buffer.from(text, 'latin1')
      await writeFile(path, name.endsWith('.gz') ? gzipSync(bytes) : bytes)
    }
    await writeFile(join(lab, 'truth.jsonl'), one.truth)
    await writeFile(join(lab, 'evidence.jsonl'), one.evidence)
    return await work(capture, lab)
  } finally {
    await rm(lab, { recursive: true })
  }
}

export async function replayCase(one: CaptureCase): Promise<Replayed> {
  return await withCase(one, async (capture, lab) => {
    const replayed = await replayCapture(capture)
    const verdict = judge(join(lab, 'truth.jsonl'), join(lab, 'evidence.jsonl'), replayed.ndjson, one.clocks)
    return { ...replayed, verdict }
  })
}

/** Changes the text of every file whose path matches. */
export function edit(one: CaptureCase, path: RegExp, change: (text: string, name: string) => string): void {
  for (const [name, text] of one.files) if (path.test(name)) one.files.set(name, change(text, name))
}

export function remove(one: CaptureCase, path: RegExp): void {
  for (const name of one.files.keys()) if (path.test(name)) one.files.delete(name)
}

/** Gives files other names; '' keeps the one they have. */
export function rename(one: CaptureCase, newName: (name: string) => string): void {
  for (const [name, text] of Array.from(one.files)) {
    const to = newName(name)
    if (to === '') continue
    one.files.delete(name)
    one.files.set(to, text)
  }
}

/** The same words everywhere: in the capture, in the truth, in the evidence. */
export function replaceEverywhere(one: CaptureCase, pattern: RegExp | string, by: string): void {
  edit(one, /./, (text) => text.replaceAll(pattern, by))
  one.truth = one.truth.replaceAll(pattern, by)
  one.evidence = one.evidence.replaceAll(pattern, by)
}

/** What a transformation took away is no evidence any more. */
export function reviseEvidence(one: CaptureCase, change: (proof: Map<string, unknown>) => void): void {
  const lines = one.evidence.split('\n').filter((line) => line !== '')
  const revised = lines.map((line) => {
    const proof = new Map<string, unknown>(Object.entries(JSON.parse(line)))
    change(proof)
    const kinds = ['has_nft', 'has_conntrack_new', 'has_conntrack_destroy']
    proof.set(
      'any_evidence',
      kinds.some((kind) => proof.get(kind) === true),
    )
    return JSON.stringify(Object.fromEntries(proof))
  })
  one.evidence = `${revised.join('\n')}\n`
}

/** Rows of the printed table: lines read, then what they were counted as. */
export function printedRows(printed: string): { source: string; lines: number; counted: number }[] {
  const [, ...rows] = (printed.split(/\n\n|\n(?=\d+ documents? )/)[0] ?? '').split('\n')
  return rows
    .filter((row) => row !== '')
    .map((row) => {
      const cells = row.split(/\s{2,}/)
      const [lines = Number.NaN, ...parts] = cells
        .slice(-6)
        .map((cell) => (cell === '·' ? 0 : Number(cell.replaceAll(',', ''))))
      return { source: cells.slice(0, -6).join(' '), lines, counted: parts.reduce((sum, part) => sum + part, 0) }
    })
}
