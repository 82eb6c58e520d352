/**
 * Whether a report folder or pack is what was written: signature, manifest, checksums, files, chain, in the order in which each
 * vouches for the next. A file's hash stands in three places (the file, the manifest, SHA256SUMS): the one that differs is named.
 */
import {
  CHAIN_FILE,
  MANIFEST_FILE,
  type Manifest,
  printManifest,
  publicKeyFile,
  readManifestText,
  SIGNATURE_FILE,
  SUMS_FILE,
} from '../reports/evidence/manifest.ts'
import { printSums, readSums } from '../reports/evidence/sums.ts'
import type { Broken, Evidence, FoundFile } from './evidence-intake.ts'
import { type PublicKey, publicKeyOf } from './signing-key.ts'

export type SignatureState =
  | { readonly state: 'unsigned' }
  /** `fits`: made by the key with this fingerprint, which is the one that was given (`ours`), or was not compared with any. */
  | { readonly state: 'fits'; readonly fingerprint: string; readonly isOurs: boolean }
  | { readonly state: 'broken'; readonly fingerprint: string }

export type Judgement = {
  /** Null when there is none that can be read. */
  readonly manifest: Manifest | null
  readonly signature: SignatureState
  /** The first broken link first. */
  readonly problems: readonly Broken[]
  /** Whether chain.ndjson leads to the head the manifest names; null = there is no such file. */
  readonly isChainWhole: boolean | null
}

/** Broken links that are named one by one: whoever makes a manifest can name thousands of files that are not there. */
const PROBLEMS_MAX = 1_000

/** `given`: the public key that whoever checks has by another way; null = none. */
export function judgeEvidence(evidence: Evidence, given: PublicKey | null): Judgement {
  const judgement = judge(evidence, given)
  const { problems } = judgement
  if (problems.length <= PROBLEMS_MAX) return judgement
  const more = broken('the report', `has ${problems.length - PROBLEMS_MAX} more broken links`)
  return { ...judgement, problems: [...problems.slice(0, PROBLEMS_MAX), more] }
}

function judge(evidence: Evidence, given: PublicKey | null): Judgement {
  const problems: Broken[] = [...evidence.problems]
  const text = evidence.texts.get(MANIFEST_FILE)
  if (text === undefined) {
    problems.push(
      broken(MANIFEST_FILE, evidence.files.has(MANIFEST_FILE) ? 'is larger than a manifest can be' : 'is missing'),
    )
    return { manifest: null, signature: { state: 'unsigned' }, problems, isChainWhole: null }
  }
  const { manifest, problem } = readManifestText(text.toString('utf8'))
  if (manifest === null) {
    problems.push(broken(MANIFEST_FILE, problem))
    compareSums(evidence, null, 'unsigned', problems)
    return { manifest, signature: { state: 'unsigned' }, problems, isChainWhole: null }
  }
  const signature = checkSignature(evidence, manifest, text, given, problems)
  if (!Buffer.from(printManifest(manifest)).equals(text))
    problems.push(broken(MANIFEST_FILE, 'is not written as manifests are: bytes were changed that carry no content'))
  compareSums(evidence, manifest, signature.state, problems)
  return { manifest, signature, problems, isChainWhole: checkChain(evidence, manifest, problems) }
}

function broken(file: string, what: string, expected = '', found = ''): Broken {
  return { file, what, expected, found }
}

function checkSignature(
  evidence: Evidence,
  { signature }: Manifest,
  text: Buffer,
  given: PublicKey | null,
  problems: Broken[],
): SignatureState {
  if (signature === null) {
    if (evidence.files.has(SIGNATURE_FILE))
      problems.push(broken(SIGNATURE_FILE, 'is there, and the manifest is not signed'))
    if (given !== null) problems.push(broken(MANIFEST_FILE, 'is not signed', given.fingerprint, 'no signature'))
    return { state: 'unsigned' }
  }
  const fingerprint = signature.public_key
  const state: SignatureState = { state: 'broken', fingerprint }
  if (given !== null && given.fingerprint !== fingerprint) {
    problems.push(broken(MANIFEST_FILE, 'names another key than the one given', given.fingerprint, fingerprint))
    return state
  }
  const bytes = readSignature(evidence, problems)
  const key = given ?? embeddedKey(evidence, fingerprint, problems)
  if (bytes === null || key === null) return state
  if (key.isSignatureOf(bytes, text)) return { state: 'fits', fingerprint, isOurs: given !== null }
  const sum = sumOf(evidence, MANIFEST_FILE)
  // Where the sums still vouch for the manifest, the signature is what was changed.
  const isManifestSummed = sum !== '' && sum === evidence.files.get(MANIFEST_FILE)?.sha256
  problems.push(
    isManifestSummed
      ? broken(SIGNATURE_FILE, 'is not a signature of this manifest.json by the key it names')
      : broken(MANIFEST_FILE, 'is not what was signed'),
  )
  return state
}

function readSignature({ files, texts }: Evidence, problems: Broken[]): Buffer | null {
  const text = texts.get(SIGNATURE_FILE)?.toString('latin1')
  if (text === undefined) {
    problems.push(broken(SIGNATURE_FILE, files.has(SIGNATURE_FILE) ? 'is larger than a signature' : 'is missing'))
    return null
  }
  const bytes = Buffer.from(text, 'base64')
  // The last bits of base64 carry nothing: another text can stand for the same bytes.
  if (`${bytes.toString('base64')}\n` === text) return bytes
  problems.push(broken(SIGNATURE_FILE, 'is no base64 as signatures are written'))
  return null
}

function embeddedKey({ files, texts }: Evidence, fingerprint: string, problems: Broken[]): PublicKey | null {
  const name = publicKeyFile(fingerprint)
  const key = publicKeyOf(texts.get(name)?.toString('utf8') ?? '')
  if (key?.fingerprint === fingerprint) return key
  problems.push(
    broken(
      name,
      files.has(name) ? 'is not the key that the manifest names' : 'is missing',
      fingerprint,
      key?.fingerprint ?? 'no Ed25519 public key',
    ),
  )
  return null
}

function sumOf({ texts }: Evidence, name: string): string {
  return readSums(texts.get(SUMS_FILE)?.toString('utf8') ?? '').get(name) ?? ''
}

/** `manifest`: null where it cannot be read; then the sums alone say what the files were. */
function compareSums(
  { files, texts }: Evidence,
  manifest: Manifest | null,
  signature: SignatureState['state'],
  problems: Broken[],
): void {
  const text = texts.get(SUMS_FILE)?.toString('utf8')
  if (text === undefined)
    problems.push(broken(SUMS_FILE, files.has(SUMS_FILE) ? 'is larger than it can be' : 'is missing'))
  const sums = readSums(text ?? '')
  if (text !== undefined && printSums([...sums].map(([name, sha256]) => ({ name, sha256 }))) !== text)
    problems.push(broken(SUMS_FILE, 'holds something else than its lines, or they stand in another order'))
  compareManifest(files.get(MANIFEST_FILE), text === undefined ? null : sums, signature, problems)
  const listed = new Map((manifest?.files ?? []).map((file) => [file.name, file]))
  const own = new Set([MANIFEST_FILE, SUMS_FILE, SIGNATURE_FILE])
  const names = new Set([...listed.keys(), ...sums.keys(), ...files.keys()].filter((name) => !own.has(name)))
  for (const name of [...names].sort()) {
    const found = files.get(name)
    const sum = sums.get(name) ?? ''
    const entry = listed.get(name)
    if (manifest === null) compareBySum(name, found, sum, problems)
    else compareFile(name, entry, found, text === undefined ? null : sum, problems)
  }
  const signed = files.get(SIGNATURE_FILE)
  const sum = sums.get(SIGNATURE_FILE) ?? ''
  if (text === undefined || (sum === '' && signed === undefined) || signed?.sha256 === sum) return
  // One that fits was not changed.
  problems.push(
    signature === 'fits' || sum === ''
      ? broken(SUMS_FILE, `says otherwise of ${SIGNATURE_FILE}`, signed?.sha256, sum)
      : broken(SIGNATURE_FILE, signed === undefined ? 'is missing' : 'was changed', sum, signed?.sha256),
  )
}

function compareManifest(
  file: FoundFile | undefined,
  sums: ReadonlyMap<string, string> | null,
  signature: SignatureState['state'],
  problems: Broken[],
): void {
  const sum = sums?.get(MANIFEST_FILE)
  if (sums === null || sum === file?.sha256) return
  if (sum === undefined) problems.push(broken(SUMS_FILE, `has no line for ${MANIFEST_FILE}`))
  else if (signature === 'fits')
    problems.push(broken(SUMS_FILE, `says otherwise of ${MANIFEST_FILE}, which is what was signed`, file?.sha256, sum))
  else
    problems.push(broken(MANIFEST_FILE, `is not what ${SUMS_FILE} says: one of the two was changed`, sum, file?.sha256))
}

function compareBySum(name: string, found: FoundFile | undefined, sum: string, problems: Broken[]): void {
  if (found === undefined) problems.push(broken(name, 'is missing'))
  else if (sum === '') problems.push(broken(name, `is not named by ${SUMS_FILE}`))
  else if (sum !== found.sha256) problems.push(broken(name, 'was changed', sum, found.sha256))
}

/** `sum`: null where there are no sums. */
function compareFile(
  name: string,
  entry: Manifest['files'][number] | undefined,
  found: FoundFile | undefined,
  sum: string | null,
  problems: Broken[],
): void {
  if (entry === undefined) {
    if (found === undefined) problems.push(broken(SUMS_FILE, `names ${name}, which is no part of the report`))
    else if (found.sha256 === sum) problems.push(broken(MANIFEST_FILE, `does not name ${name}, as ${SUMS_FILE} does`))
    else problems.push(broken(name, 'is no part of the report: it was added'))
    return
  }
  if (found === undefined) {
    problems.push(broken(name, 'is missing', `${entry.bytes} bytes, ${entry.sha256}`))
    return
  }
  const isFile = entry.sha256 === found.sha256
  if (!isFile && sum === found.sha256)
    problems.push(
      broken(
        MANIFEST_FILE,
        `says otherwise of ${name} than the file itself and ${SUMS_FILE}`,
        found.sha256,
        entry.sha256,
      ),
    )
  else if (!isFile)
    problems.push(
      broken(name, 'was changed', `${entry.bytes} bytes, ${entry.sha256}`, `${found.bytes} bytes, ${found.sha256}`),
    )
  else if (entry.bytes !== found.bytes)
    problems.push(broken(MANIFEST_FILE, `states another size of ${name}`, String(found.bytes), String(entry.bytes)))
  if (isFile && sum !== null && sum !== entry.sha256)
    problems.push(
      broken(SUMS_FILE, sum === '' ? `has no line for ${name}` : `says otherwise of ${name}`, entry.sha256, sum),
    )
}

function checkChain({ chain }: Evidence, { source }: Manifest, problems: Broken[]): boolean | null {
  if (chain === null) return null
  const expected = source.kind === 'chain' ? `${source.count}:${source.head}` : 'no chain'
  const found = `${chain.head.count}:${chain.head.hash}`
  if (chain.problem === '' && expected === found) return true
  problems.push(
    broken(
      CHAIN_FILE,
      chain.problem === '' ? 'does not lead to the head that the manifest names' : chain.problem,
      expected,
      found,
    ),
  )
  return false
}
