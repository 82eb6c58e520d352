/**
 * `report review`: what whoever reviews access has to decide about at the end of a period, and what changed in it. A document with a line
 * each decision, its mend and an empty place for the answer; complete rows go to files.
 */
import type { Figures, JsonValue, ReportDocument, Tone } from '../document/report-document.ts'
import { closingSections, pageOneSections } from '../page-one/page-one.ts'
import type { ReportBuilder } from '../report-question.ts'
import { countText } from '../standing/shown-table.ts'
import { isLate } from '../standing/standing-gateways.ts'
import { standingData, standingSection, unpolled } from '../standing/standing-section.ts'
import { changeSections } from './change-sections.ts'
import { exceptionsSection, grantsSection } from './grant-sections.ts'
import { gatherReview, type ReviewFacts } from './review-facts.ts'
import { writeReviewFiles } from './review-files.ts'
import { TOPICS, type Topic } from './review-lines.ts'
import type { ReviewOptions } from './review-options.ts'
import { standingSections } from './standing-sections.ts'

/** Throws AppError of the reader. */
export const buildReviewReport: ReportBuilder<ReviewOptions> = async (reader, question, options, outlet) => {
  const facts = await gatherReview(reader, question, options)
  await writeReviewFiles(outlet, facts)
  const counts = countsOf(facts)
  const document: ReportDocument = {
    kind: 'review',
    title: 'Access review',
    subject: '',
    period: question.period,
    reportTime: question.reportTime,
    summary: summaryOf(facts, counts),
    sections: [
      { id: 'review-figures', title: 'To decide', blocks: [figuresOf(facts, counts)] },
      ...pageOneSections(facts.pageOne, question),
      standingSection(facts.standing, facts.remarks),
      ...standingSections(facts, outlet),
      grantsSection(facts, outlet),
      exceptionsSection(facts, outlet),
      ...changeSections(facts, outlet),
      ...closingSections('review', facts.pageOne, question),
    ],
    data: dataOf(facts, counts),
    isFound:
      counts.decisions > 0 ||
      facts.standing.inventory === null ||
      facts.standing.gateways.length === 0 ||
      unpolled(facts.standing).length > 0,
  }
  return document
}

type Counts = {
  readonly running: number
  /** Lines that no exception accepts, by topic. */
  readonly lines: Readonly<Record<Topic, number>>
  readonly accepted: number
  readonly silent: number
  readonly stale: number
  readonly unusedGrants: number
  readonly unknownGrants: number
  readonly grants: number
  readonly overdue: number
  readonly expiredExceptions: number
  readonly openFindings: number
  readonly decisions: number
}

function countsOf({ standing, lines, silent, grants, exceptions, findings }: ReviewFacts): Counts {
  const open = lines.lines.filter(({ exception }) => exception === null)
  const byTopic = Object.fromEntries(TOPICS.map((topic) => [topic, 0])) as Record<Topic, number> // every topic is a key: the line before
  for (const { topic } of open) byTopic[topic]++
  const ofLines = (pick: (counts: ReviewFacts['grants']['lines'][number]['counts']) => number) =>
    grants.lines.reduce((sum, { counts }) => sum + pick(counts), 0)
  const unusedGrants = ofLines(({ unused, tried }) => unused + tried)
  const quiet = silent.filter(({ accepted, isKnown }) => isKnown && accepted === '').length
  const expiredExceptions = exceptions.filter(({ isExpired }) => isExpired).length
  return {
    running: standing.gateways.flatMap((each) => each.running.flatMap(({ peers }) => peers)).length,
    lines: byTopic,
    accepted: lines.lines.length - open.length,
    silent: quiet,
    stale: silent.filter(({ isStale, accepted }) => isStale && accepted === '').length,
    unusedGrants,
    unknownGrants: ofLines((counts) => counts['not-recorded'] + counts.renamed),
    grants: grants.count,
    overdue: byTopic.rotation,
    expiredExceptions,
    openFindings: findings.rules.reduce((sum, { open: unanswered }) => sum + unanswered, 0),
    decisions: open.length + quiet + unusedGrants + expiredExceptions,
  }
}

function summaryOf({ standing, versions, changes }: ReviewFacts, counts: Counts): string[] {
  if (standing.gateways.length === 0)
    return [
      'No poll of a gateway is recorded up to the end of the period: what ran is not known, and nothing can be reviewed.',
    ]
  const held =
    standing.inventory === null
      ? 'there is no inventory to hold them against'
      : `held against inventory ${standing.inventory.hash}`
  const { lines } = counts
  const hasLate = standing.gateways.some((each) => isLate(each, standing.at))
  const told = [
    [lines.undocumented, 'documented nowhere'],
    [lines.left, 'of people who left'],
    [lines.ended, 'expired'],
    [lines['no-owner'], 'without an owner'],
    [lines['no-requirement'], 'without a requirement'],
    [lines.wide, 'with AllowedIPs beyond what is documented'],
    [lines.rotation, 'overdue for rotation'],
    [counts.silent, 'silent in the period'],
  ] as const
  const parts = told.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`)
  const grants =
    counts.grants === 0
      ? ''
      : ` Of ${countText(counts.grants, 'grant')} ${counts.unusedGrants} had no recorded use${counts.unknownGrants === 0 ? '' : ` and of ${counts.unknownGrants} that is not known`}.`
  return [
    `${hasLate ? 'By the last polls, which end before the period does,' : 'At the end of the period'} ${countText(counts.running, 'key')} ran on ${countText(standing.gateways.length, 'gateway')}; ${held}.`,
    `${parts.length === 0 ? 'Nothing that is known to run needs a decision.' : `Of what runs: ${parts.join(', ')}.`}${grants}`,
    `In the period ${countText(changes.peerCount, 'change')} of peers ${changes.peerCount === 1 ? 'was' : 'were'} seen, ${countText(versions.changedCount, 'new version')} of the inventory came into use, and ${countText(counts.openFindings, 'finding')} ${counts.openFindings === 1 ? 'has' : 'have'} no answer.`,
  ]
}

/** Nothing is only in order where everything was looked at: what was not is no good sign. */
function figuresOf({ standing }: ReviewFacts, counts: Counts): Figures {
  const { gateways, inventory } = standing
  const isWhole = gateways.length > 0 && inventory !== null && unpolled(standing).length === 0
  const none: Tone = isWhole ? 'good' : 'plain'
  const tone = (count: number): Tone => (count > 0 ? 'warning' : none)
  const shown = (count: number) => (gateways.length === 0 ? 'not known' : String(count))
  const topics = Object.values(counts.lines).reduce((sum, count) => sum + count, 0)
  return {
    kind: 'figures',
    items: [
      { label: 'keys that run', value: shown(counts.running), tone: 'plain' },
      {
        label: 'running or documented amiss',
        value: shown(topics),
        tone: topics > 0 ? 'bad' : none,
        ...(counts.accepted === 0 ? {} : { note: `${counts.accepted} more accepted` }),
      },
      { label: 'dormant keys', value: shown(counts.silent), tone: tone(counts.silent) },
      {
        label: 'grants without use',
        value: String(counts.unusedGrants),
        tone: tone(counts.unusedGrants),
        note: `of ${counts.grants}${counts.unknownGrants === 0 ? '' : `, ${counts.unknownGrants} not known`}`,
      },
      { label: 'exceptions expired', value: String(counts.expiredExceptions), tone: tone(counts.expiredExceptions) },
      { label: 'findings without an answer', value: String(counts.openFindings), tone: tone(counts.openFindings) },
    ],
  }
}

function dataOf(
  { standing, silent, grants, changes, versions, findings, remarks }: ReviewFacts,
  counts: Counts,
): JsonValue {
  return {
    inventory: standing.inventory?.hash ?? null,
    inventory_basis: standing.basis,
    gateways: standingData(standing),
    counts: {
      running: counts.running,
      ...Object.fromEntries(TOPICS.map((topic) => [topic.replaceAll('-', '_'), counts.lines[topic]])),
      accepted: counts.accepted,
      silent: counts.silent,
      silent_not_known: silent.filter(({ isKnown }) => !isKnown).length,
      stale: counts.stale,
      grants: grants.count,
      grants_unused: counts.unusedGrants,
      grants_not_known: counts.unknownGrants,
      exceptions_expired: counts.expiredExceptions,
      peer_changes: changes.peerCount,
      configuration_acts: changes.actCount,
      inventory_versions: versions.changedCount,
      findings: findings.count,
      findings_open: counts.openFindings,
    },
    remarks,
  }
}
