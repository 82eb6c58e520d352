/** What goes into an evidence pack beside the report: documents, raw lines, ledger, inventories, changes, coverage, sources, chain. */
import { compareText } from '../../kql/text-match.ts'
import type { EventReader } from '../../store/event-reader.ts'
import { CHAIN_FILE } from '../evidence/manifest.ts'
import { type IncidentScope, readIncidentScope } from '../incident/incident-scope.ts'
import type { IncidentSubject } from '../incident/incident-subject.ts'
import { type InventoryVersions, readInventoryVersions } from '../names/inventory-versions.ts'
import type { ReportQuestion } from '../report-question.ts'
import { RAW_FILE, writeDocuments, writeRawLines } from './evidence-documents.ts'
import { LEDGER_FILE, writeLedger } from './evidence-ledger.ts'
import type { EvidenceOutlet } from './evidence-outlet.ts'
import { readmeText } from './evidence-readme.ts'
import { changesSelection, coverageSelection, documentsSelection, rawSelection } from './evidence-selections.ts'
import { SOURCES_FILE, writeSources } from './evidence-sources.ts'

const DOCUMENTS_FILE = 'documents.ndjson'
const CHANGES_FILE = 'changes.ndjson'
const COVERAGE_FILE = 'coverage.ndjson'

/**
 * Writes every file but the report's own. `chain`: entries of the store's chain up to the head that the question names, as the store keeps
 * them, oldest first; null = there is none, as of a cluster. Throws AppError of the reader.
 */
export async function writeEvidence(
  reader: EventReader,
  question: ReportQuestion,
  subject: IncidentSubject,
  pack: EvidenceOutlet,
  chain: readonly string[] | null,
): Promise<void> {
  const { progress } = question
  const scope = await readIncidentScope(reader, subject, question.period, question.names)
  const documents = documentsSelection(scope)
  const files = new Map<string, number>()
  files.set(DOCUMENTS_FILE, await writeDocuments(reader, documents, DOCUMENTS_FILE, pack, progress))
  const raw = await writeRawLines(reader, rawSelection(scope), pack, progress)
  files.set(RAW_FILE, raw.lines)
  files.set(LEDGER_FILE, await writeLedger(reader, scope, pack, progress))
  for (const [name, selection] of [
    [CHANGES_FILE, changesSelection(scope)],
    [COVERAGE_FILE, coverageSelection(scope)],
  ] as const)
    files.set(name, await writeDocuments(reader, selection, name, pack, progress))
  files.set(SOURCES_FILE, await writeSources(reader, documents, chain, pack))
  if (chain !== null) files.set(CHAIN_FILE, await writeChain(chain, pack))
  const inventories = await writeInventories(reader, scope, pack)
  const names: string[] = []
  for (const dataset of (documents.datasets ?? []).toSorted(compareText))
    if ((await reader.count({ ...documents, datasets: [dataset] })) > 0) names.push(dataset)
  await pack.add(
    'README.md',
    readmeText({
      subject,
      question,
      files: [...files].map(([name, rows]) => ({ name, rows })),
      originals: names.map((dataset) => ({ dataset, documents: raw.byDataset.get(dataset) ?? 0 })),
      inventories: inventories.written,
      remarks: inventories.remarks,
      hasChain: chain !== null,
    }),
  )
}

/** Lines that are joined before they are written. */
const CHAIN_BATCH = 1_000

async function writeChain(chain: readonly string[], pack: EvidenceOutlet): Promise<number> {
  const file = pack.open(CHAIN_FILE)
  for (let i = 0; i < chain.length; i += CHAIN_BATCH)
    await file.write(
      chain
        .slice(i, i + CHAIN_BATCH)
        .map((entry) => `${entry}\n`)
        .join(''),
    )
  await file.end(chain.length)
  return chain.length
}

/** Every version that a document of the pack names, or that a gateway used in the period. */
async function writeInventories(
  reader: EventReader,
  scope: IncidentScope,
  pack: EvidenceOutlet,
): Promise<{ written: string[]; remarks: string[] }> {
  const versions = await readInventoryVersions(reader)
  const named = await reader.groups(documentsSelection(scope), ['wireguard.attribution.inventory'])
  const wanted = new Set(named.flatMap(({ values }) => (typeof values[0] === 'string' ? [values[0]] : [])))
  for (const hash of usedIn(versions, scope)) wanted.add(hash)
  const written: string[] = []
  const remarks: string[] = []
  for (const hash of [...wanted].sort(compareText)) {
    const text = versions.versions.find((version) => version.hash === hash)?.text ?? ''
    // The hash becomes a file's name: one that is none was written by nobody of ours.
    if (text === '' || !/^[\da-f]{1,64}$/.test(hash)) {
      remarks.push(`The inventory with the hash ${hash} is named by documents, and its text is not in the records.`)
      continue
    }
    await pack.add(`inventories/${hash}.yaml`, text)
    written.push(hash)
  }
  return { written, remarks }
}

/** In force at the period's begin or put into use during it, on the machines concerned. */
function usedIn({ uses }: InventoryVersions, { period, machines }: IncidentScope): string[] {
  const before = new Map<string, string>()
  const used = new Set<string>()
  for (const { gateway, at, hash } of uses) {
    if (!machines.includes(gateway) || at >= period.to) continue
    if (at <= period.from) before.set(gateway, hash)
    else used.add(hash)
  }
  return [...new Set([...before.values(), ...used])]
}
