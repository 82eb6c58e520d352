/** What each kind of report adds to what all have in common: its own options, and which function makes it, loaded only then. */
import { canonicalAddress } from '../address.ts'
import { AppError } from '../errors.ts'
import { type IncidentSubject, incidentSubject } from '../reports/incident/incident-subject.ts'
import { quoted } from '../safe-text.ts'
import type { EventReader } from '../store/event-reader.ts'
import { documentedPeers } from './documented-peers.ts'
import { readInventoryArgument } from './inventory-argument.ts'
import { type SelectedPeers, selectPeers } from './peer-selector.ts'
import type { PreparedReport, ReportJob } from './report-job.ts'

/** '' = not given. */
export type AccessOptions = { readonly peer: string; readonly resource: string }

/** `report access`. */
export function accessJob({ peer, resource }: AccessOptions): ReportJob {
  return {
    kind: 'access',
    words: [...word('--peer', peer), ...word('--resource', resource)],
    async prepare(reader) {
      const { buildAccessReport } = await import('../reports/access/access-report.ts')
      const found = peer === '' ? NOBODY : await knownOrNot(reader, peer)
      // No key of anybody: no row fits.
      const { keys, by, emails } = found ?? { ...NOBODY, keys: [peer] }
      const owners = by === 'e-mail' ? emails : []
      const filter = { keys, resource, owners, unknown: found === null ? peer : '' }
      return { build: (from, question, outlet) => buildAccessReport(from, question, filter, outlet) }
    },
  }
}

const NOBODY: Pick<SelectedPeers, 'by' | 'keys' | 'emails'> = { by: 'name', keys: [], emails: [] }

/** Exactly one of them is given. */
export type IncidentOptions = {
  /** The archive; '' = none. */
  readonly pack: string
  readonly address: string
  readonly peer: string
  readonly person: string
  readonly resource: string
}

/** `report incident`. Throws AppError `usage` when it is about nothing, or about two things. */
export function incidentJob(options: IncidentOptions): ReportJob {
  const given = (['address', 'peer', 'person', 'resource'] as const).filter((kind) => options[kind] !== '')
  const [kind] = given
  if (kind === undefined || given.length > 1)
    throw new AppError('usage', kind === undefined ? 'what is the incident about?' : 'an incident is about one thing', {
      advice: 'Give one of --address, --peer, --person and --resource.',
    })
  return {
    kind: 'incident',
    words: word(`--${kind}`, options[kind]),
    pack: options.pack,
    async prepare(reader) {
      const { buildIncidentReport } = await import('../reports/incident/incident-report.ts')
      const subject = await subjectOf(reader, kind, options[kind])
      const build: PreparedReport['build'] = (from, question, outlet) =>
        buildIncidentReport(from, question, subject, outlet)
      if (options.pack === '') return { build }
      const { writeEvidence } = await import('../reports/pack/write-evidence.ts')
      return {
        build,
        evidence: (from, question, folder, chain) => writeEvidence(from, question, subject, folder, chain),
      }
    },
  }
}

async function subjectOf(reader: EventReader, kind: IncidentSubject['kind'], text: string): Promise<IncidentSubject> {
  switch (kind) {
    case 'address': {
      const address = canonicalAddress(text)
      if (address === null)
        throw new AppError('usage', `--address: ${quoted(text)} is no IP address`, {
          advice: 'Give an address such as 10.8.0.7 or fd08::7; a name is for --peer.',
        })
      return incidentSubject({ kind, label: address, addresses: [address] })
    }
    case 'resource':
      return incidentSubject({ kind, label: text, resource: text })
    case 'peer':
    case 'person': {
      const found = await knownOrNot(reader, text)
      if (found === null) return incidentSubject({ kind, label: text })
      const { keys, label, emails, by } = found
      // Found as a person: her keys are meant while they are hers. Found as a device: whoever had it.
      return by === 'e-mail'
        ? incidentSubject({ kind: 'person', label, keys, emails })
        : incidentSubject({ kind: 'peer', label, keys })
    }
    default:
      return kind satisfies never
  }
}

/** Null for somebody of whom nothing is recorded: that is an answer. Several who fit are asked about. */
async function knownOrNot(reader: EventReader, text: string): Promise<SelectedPeers | null> {
  try {
    return await recordedOrDocumented(reader, text)
  } catch (error) {
    if (error instanceof AppError && error.code === 'usage' && error.problems.length === 0) return null
    throw error
  }
}

/** Who is documented and was never recorded is no mistake of whoever asks. Throws AppError `usage` where nobody fits, or several do. */
async function recordedOrDocumented(reader: EventReader, text: string): Promise<SelectedPeers> {
  try {
    return await selectPeers(reader, text)
  } catch (error) {
    const isNobody = error instanceof AppError && error.code === 'usage' && error.problems.length === 0
    const documented = isNobody ? await documentedPeers(reader, text) : null
    if (documented === null) throw error
    return documented
  }
}

/** `report review`. `inventory`: a file, '' = the one the records carry. */
export function reviewJob({ inventory }: { readonly inventory: string }): ReportJob {
  return {
    kind: 'review',
    words: word('--inventory', inventory),
    async prepare() {
      const { buildReviewReport } = await import('../reports/review/review-report.ts')
      const given = inventory === '' ? null : await readInventoryArgument(inventory)
      return {
        build: (reader, question, outlet) => buildReviewReport(reader, question, { inventory: given }, outlet),
      }
    },
  }
}

/** `report requirements`. `inventory` as for reviewJob. */
export function requirementsJob({ inventory }: { readonly inventory: string }): ReportJob {
  return {
    kind: 'requirements',
    words: word('--inventory', inventory),
    async prepare() {
      const { buildRequirementsReport } = await import('../reports/requirements/requirements-report.ts')
      const given = inventory === '' ? null : await readInventoryArgument(inventory)
      return {
        build: (reader, question, outlet) => buildRequirementsReport(reader, question, { inventory: given }, outlet),
      }
    },
  }
}

/** `report coverage`. */
export function coverageJob(): ReportJob {
  return {
    kind: 'coverage',
    words: [],
    async prepare() {
      const { buildCoverageReport } = await import('../reports/coverage/coverage-report.ts')
      return { build: (reader, question, outlet) => buildCoverageReport(reader, question, {}, outlet) }
    },
  }
}

function word(option: string, value: string): string[] {
  return value === '' ? [] : [option, value]
}
