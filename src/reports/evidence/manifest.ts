/**
 * `manifest.json` of a report folder or an evidence pack: what the report is, what it was made of, and each of its files with size
 * and SHA-256. Its bytes are what is signed, so they are canonical: the same report has the same manifest.
 */
import { z } from 'zod'
import type { Micros } from '../../time.ts'
import { INSTANT_MAX, INSTANT_MIN, toIso } from '../../time.ts'
import type { ReportKind } from '../document/report-document.ts'
import type { NamesMode } from '../names/names.ts'
import type { SourceIntegrity } from '../report-question.ts'
import { canonicalJson } from './canonical-json.ts'

export const MANIFEST_FILE = 'manifest.json'
export const SIGNATURE_FILE = 'manifest.json.sig'
export const SUMS_FILE = 'SHA256SUMS'
/** The store's chain, an entry a line, in an evidence pack. */
export const CHAIN_FILE = 'chain.ndjson'

/** Goes up when a release of the past could not check what this one writes. */
export const MANIFEST_VERSION = 1
/** Bytes: a manifest names at most FILES_MAX files. */
export const MANIFEST_BYTES_MAX = 8 * 1024 * 1024
export const FILES_MAX = 10_000
/** Bytes of a signature file, a public key: small texts. */
export const SMALL_FILE_BYTES_MAX = 16 * 1024

/** What a report says of itself in its manifest; whoever made it knows. */
export type ManifestHead = {
  readonly id: string
  readonly kind: ReportKind
  readonly title: string
  readonly subject: string
  readonly period: { readonly from: Micros; readonly to: Micros } | null
  readonly reportTime: Micros
  readonly names: NamesMode
  /** `peertrail 0.1.0`. */
  readonly software: string
  /** The command that gives it again. */
  readonly command: string
  /** What was asked of the records, as text; '' = the command says it. */
  readonly query: string
  /** Clauses it supports, sorted: `PCI DSS 4.0.1 10.2.1.1`. */
  readonly clauses: readonly string[]
  readonly isPseudonymised: boolean
  /** Account of the operating system. */
  readonly askedBy: string
  readonly source: SourceIntegrity
}

export type ManifestFile = {
  /** Relative to the folder, `/` between a folder and its file. */
  readonly name: string
  readonly bytes: number
  /** Null for a file that has no rows, such as a page. */
  readonly rows: number | null
  /** Hex. */
  readonly sha256: string
}

export type Manifest = z.infer<typeof MANIFEST>

const SHA256 = z.string().regex(/^[\da-f]{64}$/)
const COUNT = z.number().int().nonnegative()
const ANCHOR = z.string().regex(/^\d{1,15}:[\da-f]{64}$/)

/** One folder at most, and nothing that a path, a shell or a file system could take for something else. */
const FILE_NAME = /^(?:[a-z\d][a-z\d_-]{0,63}\/)?[A-Za-z\d][A-Za-z\d._-]{0,127}$/

const SOURCE = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('chain'),
    anchors: z.array(ANCHOR),
    count: COUNT,
    head: SHA256,
    problems: z.array(z.string()),
    rows: COUNT,
    segments: COUNT,
    unsealed_files: COUNT,
  }),
  z.strictObject({ kind: z.literal('not-verifiable'), place: z.string() }),
])

const MANIFEST = z.strictObject({
  files: z
    .array(
      z.strictObject({
        bytes: COUNT,
        name: z.string().regex(FILE_NAME),
        rows: COUNT.nullable(),
        sha256: SHA256,
      }),
    )
    .max(FILES_MAX),
  report: z.strictObject({
    asked_by: z.string(),
    clauses: z.array(z.string()),
    command: z.string(),
    id: z.string(),
    kind: z.string(),
    names: z.enum(['as-recorded', 'as-known-now']),
    period: z.strictObject({ from: z.string(), to: z.string() }).nullable(),
    pseudonymised: z.boolean(),
    query: z.string(),
    report_time: z.string(),
    software: z.string(),
    subject: z.string(),
    title: z.string(),
  }),
  /** Null: not signed. `public_key` is the fingerprint (publicKeyFile gives the file's name). */
  signature: z.strictObject({ algorithm: z.literal('Ed25519'), public_key: SHA256 }).nullable(),
  source: SOURCE,
  version: z.literal(MANIFEST_VERSION),
})

/** Whether a file of a report may have this name, relative to its folder. */
export function isFileName(name: string): boolean {
  return FILE_NAME.test(name)
}

/** The file of the public key beside a signed manifest. `fingerprint`: SHA-256 of its SPKI form, hex. */
export function publicKeyFile(fingerprint: string): string {
  return `public-key-${fingerprint.slice(0, 16)}.pem`
}

/** `fingerprint` of the key that signs; '' = not signed. Files come out sorted by name. */
export function makeManifest(head: ManifestHead, files: readonly ManifestFile[], fingerprint: string): Manifest {
  // A manifest that could not be read back would be a mistake of ours: it throws here, before anything is signed.
  return MANIFEST.parse({
    files: files.map(({ name, bytes, rows, sha256 }) => ({ bytes, name, rows, sha256 })).sort(byName),
    report: {
      asked_by: head.askedBy,
      clauses: [...head.clauses],
      command: head.command,
      id: head.id,
      kind: head.kind,
      names: head.names,
      period: head.period === null ? null : { from: timeText(head.period.from), to: timeText(head.period.to) },
      pseudonymised: head.isPseudonymised,
      query: head.query,
      report_time: timeText(head.reportTime),
      software: head.software,
      subject: head.subject,
      title: head.title,
    },
    signature: fingerprint === '' ? null : { algorithm: 'Ed25519', public_key: fingerprint },
    source: sourceOf(head.source),
    version: MANIFEST_VERSION,
  } satisfies Manifest)
}

/** The bytes of the file. */
export function printManifest(manifest: Manifest): string {
  return canonicalJson(manifest)
}

export type ReadManifest =
  | { readonly manifest: Manifest; readonly problem: '' }
  | { readonly manifest: null; readonly problem: string }

/** Total: any bytes give a manifest or say what they lack. */
export function readManifestText(text: string): ReadManifest {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return { manifest: null, problem: 'is no JSON' }
  }
  const version = z.object({ version: z.number() }).safeParse(value)
  if (version.success && version.data.version > MANIFEST_VERSION)
    return { manifest: null, problem: `was written by a newer release (version ${version.data.version})` }
  const parsed = MANIFEST.safeParse(value)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    return {
      manifest: null,
      problem: `is no manifest of a report: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`,
    }
  }
  const names = new Set(parsed.data.files.map(({ name }) => name))
  if (names.size < parsed.data.files.length) return { manifest: null, problem: 'names a file twice' }
  return { manifest: parsed.data, problem: '' }
}

function sourceOf(source: SourceIntegrity): Manifest['source'] {
  if (source.kind === 'not-verifiable') return { kind: source.kind, place: source.place }
  const { kind, count, head, segments, rows, unsealedFiles, problems, anchors } = source
  return {
    kind,
    anchors: [...anchors],
    count,
    head,
    problems: [...problems],
    rows,
    segments,
    unsealed_files: unsealedFiles,
  }
}

/** A question about all time has ends that no calendar shows. */
function timeText(at: Micros): string {
  return toIso(Math.min(Math.max(at, INSTANT_MIN), INSTANT_MAX))
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : 1
}
