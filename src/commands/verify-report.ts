/** The check of a report folder or an evidence pack: its own files, and the store it was made of where that is at hand. */
import type { Manifest } from '../reports/evidence/manifest.ts'
import { safeText } from '../safe-text.ts'
import type { ChainHead } from '../store/chain.ts'
import { printJson } from './ascii-json.ts'
import type { Broken } from './evidence-intake.ts'
import type { Judgement, SignatureState } from './evidence-judgement.ts'
import { counted, paint, type Terminal } from './terminal.ts'
import { type StoreCheck, storeLimits, storeLines } from './verify-store.ts'

export type ReportCheck = Judgement & {
  readonly kind: 'folder' | 'pack'
  /** As named. */
  readonly path: string
  /** What was read. */
  readonly files: number
  readonly bytes: number
  /** Null: none was looked at; `why` says so for people. */
  readonly store: { readonly dir: string; readonly check: StoreCheck } | null
  readonly why: string
}

/** Head of the store's chain when the report was made; null: none is named, or it was empty. */
export function headOfReport(manifest: Manifest | null): ChainHead | null {
  if (manifest === null || manifest.source.kind !== 'chain' || manifest.source.count === 0) return null
  return { count: manifest.source.count, hash: manifest.source.head }
}

/** Broken links of the report, then of the store. */
export function countBroken({ problems, store }: ReportCheck): number {
  return problems.length + (store?.check.problems.length ?? 0)
}

/** One JSON object. */
export function reportJson(check: ReportCheck): string {
  const { kind, path, files, bytes, manifest, problems, signature, isChainWhole, store, why } = check
  return printJson({
    kind,
    path,
    files,
    bytes,
    report: manifest?.report ?? null,
    source: manifest?.source ?? null,
    problems,
    signature,
    is_chain_whole: isChainWhole,
    store: store === null ? null : { dir: store.dir, ...store.check },
    store_note: why,
    not_proven: limitsOf(check),
  })
}

/** For people. */
export function reportText(terminal: Terminal, check: ReportCheck): string {
  const { kind, path, files, bytes, manifest, problems, signature, isChainWhole, store, why } = check
  const verdict =
    problems.length === 0
      ? paint(terminal, 'green', 'untouched')
      : paint(terminal, 'red', `not as it was written: ${counted(problems.length, 'broken link')}`)
  const noun = kind === 'pack' ? 'evidence pack' : 'report'
  const lines = [
    `${paint(terminal, 'bold', `${noun} ${safeText(path)}`)}: ${verdict}`,
    ...problems.flatMap((each, i) => brokenLines(terminal, each, i === 0 && problems.length > 1)),
    ...(manifest === null ? [] : aboutLines(terminal, manifest)),
    `  files     ${counted(files, 'file')}, ${bytes.toLocaleString('en-US')} bytes`,
    `  signed    ${signatureText(signature)}`,
    ...(isChainWhole === true ? ['  chain     its entries lead to the head that the manifest names'] : []),
    ...(store === null
      ? [`  store     ${safeText(why)}`]
      : ['', ...storeLines(terminal, store.dir, store.check, 'the report')]),
    '',
    'Not proven:',
    ...limitsOf(check).map((limit) => `  - ${safeText(limit)}`),
    '',
  ]
  return lines.join('\n')
}

function brokenLines(terminal: Terminal, { file, what, expected, found }: Broken, isFirst: boolean): string[] {
  const label = paint(terminal, 'red', isFirst ? 'first    ' : 'wrong    ')
  return [
    `  ${label} ${safeText(file)} ${safeText(what)}`,
    ...(expected === '' && found === ''
      ? []
      : [
          `            expected ${expected === '' ? 'nothing' : safeText(expected)}`,
          `            found    ${found === '' ? 'nothing' : safeText(found)}`,
        ]),
  ]
}

function aboutLines(terminal: Terminal, { report, source }: Manifest): string[] {
  const subject = report.subject === '' ? '' : `: ${report.subject}`
  const period = report.period === null ? '' : `, ${report.period.from} to ${report.period.to}`
  const made = `as of ${report.report_time} by ${report.asked_by === '' ? 'an unnamed account' : report.asked_by}, ${report.software}`
  const troubles =
    source.kind === 'chain'
      ? source.problems.map(
          (problem) => `  ${paint(terminal, 'yellow', 'said')}      its store was not whole then: ${safeText(problem)}`,
        )
      : []
  return [
    `  report    ${safeText(`${report.title}${subject}${period}`)}`,
    `  made      ${safeText(made)}`,
    source.kind === 'chain'
      ? `  source    store, chain head ${source.count}:${source.head}`
      : `  source    ${safeText(source.place)}`,
    ...troubles,
  ]
}

function signatureText(signature: SignatureState): string {
  switch (signature.state) {
    case 'unsigned':
      return 'no'
    case 'fits':
      return signature.isOurs
        ? `by the key given, ${signature.fingerprint}`
        : `by key ${signature.fingerprint}, not compared with a key of yours`
    case 'broken':
      return 'the signature does not hold'
    default:
      return signature satisfies never
  }
}

/** What none of this shows. */
function limitsOf({ manifest, signature, store }: ReportCheck): string[] {
  const limits = [
    ...(signature.state === 'unsigned'
      ? ['that nobody wrote the whole report anew, manifest and checksums included: it is not signed']
      : []),
    ...(signature.state === 'fits' && !signature.isOurs
      ? ['whose key it is: give the public key you got by another way with --public-key, or compare the fingerprint']
      : []),
    ...(manifest?.source.kind === 'not-verifiable'
      ? ['that the cluster held what was recorded: source integrity is not verifiable']
      : []),
    ...(manifest?.source.kind === 'chain' && manifest.source.unsealed_files > 0
      ? [`rows that were not sealed when the report was made: ${counted(manifest.source.unsealed_files, 'file')}`]
      : []),
    'that the report says the right thing of its records: make it again from the store, by the command in its manifest',
  ]
  if (store !== null) return [...limits, ...storeLimits(store.check)]
  return [
    ...limits,
    ...(manifest?.source.kind === 'chain' ? ['that the store still holds what the report was made of'] : []),
    'what root on the recording machine changed before the chain was sealed',
    'that the log files said the truth before they were read',
  ]
}
