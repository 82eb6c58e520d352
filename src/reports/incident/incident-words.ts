/** The summary of an incident and what is not known about it, in sentences. */
import { bytesText } from '../../quantity-text.ts'
import type { SourceIntegrity } from '../report-question.ts'
import { stampText } from '../revocation/revocation-text.ts'
import type { IncidentFacts } from './incident-facts.ts'
import type { IncidentSubject } from './incident-subject.ts'
import { holderText, keyText } from './story-holder.ts'

/** One to three sentences. */
export function summaryOf(facts: IncidentFacts): string[] {
  const { scope, activity, findingCount, disputes } = facts
  const { label } = scope.subject
  if (!scope.isKnown) return notFound(facts)
  const { connected, refused, denied, unknown, host, perhaps } = activity.counts
  const unanswered = activity.counts['no-answer']
  const parts = [
    `${count(connected, 'connection')} with an answer`,
    ...(unanswered === 0 ? [] : [`${unanswered} allowed without an answer`]),
    ...(refused === 0 ? [] : [`${refused} refused by the server`]),
    `${denied} denied at the gateway`,
    ...(unknown === 0 ? [] : [`${unknown} of which the outcome is not known`]),
    ...(host === 0 ? [] : [`${count(host, 'line')} about logins, commands and files on hosts`]),
    `${bytesText(activity.bytes)} both ways`,
  ]
  const doubtful =
    perhaps === 0
      ? ''
      : ` ${count(perhaps, 'more connection, packet or line', 'more connections, packets or lines')} may be of this subject or of another: candidates are named, never chosen.`
  const found = findingCount === 0 ? 'No finding on it is recorded.' : `${count(findingCount, 'finding')} on it.`
  const disputed =
    disputes.length === 0
      ? ''
      : ` Use of the key is disputed: ${count(disputes.length, 'finding')} ${disputes.length === 1 ? 'says' : 'say'} that it is in wrong hands.`
  return [`${label}: ${parts.join(', ')}.${doubtful}${holdersText(facts)}`, `${found}${disputed}`, certaintyText(facts)]
}

/** Holders of an address told in the summary. */
const HOLDERS_TOLD = 6

/** An address is no person: whose key had it, and that several had, comes first. */
function holdersText({ scope, mappings }: IncidentFacts): string {
  const { subject, keys } = scope
  if (subject.kind !== 'address' || keys.length === 0) return ''
  const told = keys.slice(0, HOLDERS_TOLD).map((key) => {
    const mapping = mappings.find(({ holder }) => holder.publicKey === key)
    return mapping === undefined ? keyText(key) : `${holderText(mapping.holder)} on ${mapping.gateway}`
  })
  const more = keys.length > told.length ? ` and ${keys.length - told.length} more` : ''
  const several = keys.length === 1 ? '' : ' What one of them did is nothing that another did: see each line.'
  return ` ${count(keys.length, 'key')} had this address, as tunnel address or endpoint: ${told.join('; ')}${more}.${several}`
}

function certaintyText({ activity, gaps }: IncidentFacts): string {
  const of = (status: string) => activity.statuses.get(status) ?? 0
  const exact = `${count(of('exact'), 'document')} attributed to a key exactly, ${of('ambiguous')} ambiguously, ${of('unknown')} to none`
  return `${exact}. ${gaps.length === 0 ? 'No gap of these machines is stated for the period' : `${count(gaps.length, 'gap')} or losses of these machines lie in the period`}; what was not recorded is no proof that nothing happened.`
}

function notFound({ scope, bounds }: IncidentFacts): string[] {
  const { label } = scope.subject
  const covered =
    bounds === null
      ? 'There are no records at all.'
      : `The records reach from ${stampText(bounds.oldestEvent)} to ${stampText(bounds.newest)}.`
  return [
    `No document of the period is about ${label}. That is not proof that nothing happened.`,
    `Looked for: ${lookedFor(scope.subject).join('; ')}.`,
    covered,
  ]
}

/** What the documents were searched for. */
export function lookedFor({ keys, emails, addresses, resource }: IncidentSubject): string[] {
  const parts = [
    ...(keys.length === 0
      ? []
      : [
          `public keys ${keys.join(', ')}, as an end or as a candidate${emails.length === 0 ? '' : ', while they were this person’s'}`,
        ]),
    ...(emails.length === 0 ? [] : [`the person ${emails.join(', ')}`]),
    ...(addresses.length === 0
      ? []
      : [
          `addresses ${addresses.join(', ')}, as sender, receiver, before and after NAT, endpoint and client of a login`,
        ]),
    ...(resource === '' ? [] : [`the resource ${resource}`]),
  ]
  return parts.length === 0 ? ['nothing: the subject has no key, address or resource'] : parts
}

/** What stands between the records and certainty, a sentence each. */
export function unknowns(facts: IncidentFacts, integrity: SourceIntegrity, damage: readonly string[]): string[] {
  const { scope, bounds, through, activity } = facts
  const { period } = scope
  const sentences: string[] = []
  if (bounds !== null && bounds.oldestEvent > period.from)
    sentences.push(`The records begin at ${stampText(bounds.oldestEvent)}: the period before that is not covered.`)
  if (bounds !== null && bounds.newest < period.to - 1)
    sentences.push(`The newest record is of ${stampText(bounds.newest)}: the period after that is not covered.`)
  const ambiguous = activity.statuses.get('ambiguous') ?? 0
  const unknown = activity.statuses.get('unknown') ?? 0
  if (ambiguous > 0)
    sentences.push(`${count(ambiguous, 'document')} can belong to more than one key; the candidates are named.`)
  if (unknown > 0) sentences.push(`${count(unknown, 'document')} could be given to no key.`)
  if (through > 0)
    sentences.push(
      `${count(through, 'connection')} of these keys began before the period and went on after it without a document in between: ${through === 1 ? 'it is' : 'they are'} not in the story.`,
    )
  if (scope.keysOmitted > 0)
    sentences.push(
      `${count(scope.keysOmitted, 'more key')} held one of the addresses; their sessions and findings are left out.`,
    )
  if (integrity.kind === 'not-verifiable')
    sentences.push(
      `Source integrity: not verifiable. ${integrity.place} cannot show that nobody changed what it holds.`,
    )
  else if (integrity.unsealedFiles > 0)
    sentences.push(
      `${count(integrity.unsealedFiles, 'file')} of the store ${integrity.unsealedFiles === 1 ? 'is' : 'are'} not sealed yet: the chain does not protect what is in ${integrity.unsealedFiles === 1 ? 'it' : 'them'}.`,
    )
  for (const text of damage) sentences.push(`Part of the records could not be read: ${text}.`)
  return sentences
}

/** `1 file`, `3 files`. */
export function count(number: number, noun: string, many = `${noun}s`): string {
  return `${number} ${number === 1 ? noun : many}`
}
