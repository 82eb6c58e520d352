/** What posture found as documents, the accepted ones with who accepted them; what passed or was not checked is no finding. */
import { addressBits } from '../address.ts'
import type { Event } from '../event.ts'
import type { Fields } from '../fields.ts'
import { createFindingDocuments, type FindingDocument } from '../finding-document.ts'
import { type CheckOutcome, type PostureFinding, severityOf } from './run-checks.ts'

/** Lines of a mend and of facts, and characters of each, in a document. */
const MEND_MAX = 20
const LINE_MAX = 2_000

/** One maker for many outcomes: what is the same for all findings of a check is made once. */
export function createPostureFindings(): (outcome: CheckOutcome) => Event[] {
  const makers = new Map<string, (finding: FindingDocument) => Event>()
  return (outcome) => {
    const { check, results } = outcome
    const make = makers.get(check.id) ?? createFindingDocuments(check)
    makers.set(check.id, make)
    return results.flatMap((result) => (result.kind === 'finding' ? [make(toDocument(result, outcome))] : []))
  }
}

/** What a finding is about, on its machine: repeats of it are suppressed. */
export function subjectOf({ host }: CheckOutcome, { subject }: PostureFinding): string {
  return subject === '' ? host : `${host}\0${subject}`
}

function toDocument(finding: PostureFinding, outcome: CheckOutcome): FindingDocument {
  const { text, mend, exception } = finding
  const document: FindingDocument = {
    at: outcome.at,
    subject: subjectOf(outcome, finding),
    summary: cut(text),
    severity: severityOf(finding, outcome.check),
    evidence: [],
    facts: finding.evidence.slice(0, MEND_MAX).map(cut),
    about: aboutOf(finding, outcome),
    mend: mend.slice(0, MEND_MAX).map(cut),
  }
  if (exception === null) return document
  const { reason, approvedBy } = exception
  // Told, so that nobody forgets what was accepted, and nobody is woken by it.
  return { ...document, severity: 1, exception: { reason, approvedBy } }
}

/** `related.*` holds every name and address that stands anywhere in the document (design 4.1). */
function aboutOf({ about }: PostureFinding, { host, isGateway }: CheckOutcome): Fields {
  const people = [about['wireguard.peer.owner.name'], about['wireguard.peer.owner.email']]
  const hosts = [host, about['wireguard.peer.device']]
  const ips = [about['wireguard.peer.endpoint.ip'], ...(about['wireguard.peer.allowed_ips'] ?? []).map(singleAddress)]
  return {
    ...about,
    'host.name': host,
    'observer.name': isGateway ? host : undefined,
    'related.hosts': known([...(about['related.hosts'] ?? []), ...hosts]),
    'related.ip': known([...(about['related.ip'] ?? []), ...ips]),
    'related.user': known([...(about['related.user'] ?? []), ...people]),
  }
}

/** Each once, in order; nothing for none. */
function known(values: readonly (string | undefined)[]): string[] | undefined {
  const all = new Set<string>()
  for (const value of values) if (value !== undefined && value !== '') all.add(value)
  return all.size === 0 ? undefined : [...all]
}

/** Of a prefix of one address; '' for a network. */
function singleAddress(prefix: string): string {
  const [address = '', length = ''] = prefix.split('/')
  const bits = addressBits(address)
  return bits !== null && length === (bits.family === 4 ? '32' : '128') ? address : ''
}

function cut(text: string): string {
  return text.length > LINE_MAX ? `${text.slice(0, LINE_MAX)}…` : text
}
