/**
 * `report incident`: one address, peer, person or resource over a period. The story in order, what each line is attributed by, the rules
 * as they stood, findings, evidence, and what is not known. Facts are gathered beside it; nothing here reads.
 */
import type { EventReader } from '../../store/event-reader.ts'
import type { Dispute } from '../disputes.ts'
import { readDisputes } from '../disputes-read.ts'
import type { ReportDocument } from '../document/report-document.ts'
import { closingSections, pageOneSections, readPageOne } from '../page-one/page-one.ts'
import type { ReportBuilder, ReportPeriod, ReportQuestion } from '../report-question.ts'
import type { RowOutlet } from '../rows/row-outlet.ts'
import { attributionSection } from './attribution-section.ts'
import { incidentData } from './incident-data.ts'
import { writeEvidenceList } from './incident-evidence.ts'
import { type GatheredIncident, type IncidentFacts, readIncidentFacts } from './incident-facts.ts'
import { readIncidentScope } from './incident-scope.ts'
import { evidenceSection, findingsSection, rulesSection, storySection, unknownSection } from './incident-sections.ts'
import type { IncidentSubject } from './incident-subject.ts'
import { summaryOf } from './incident-words.ts'
import { createRowFile } from './row-file.ts'
import { type OpenStory, openStory } from './story-read.ts'
import { type StoryLine, storyLine, TIMELINE_COLUMNS, TIMELINE_FILE, timelineRow } from './story-row.ts'

/** Lines of the story on the page; the file has all. */
export const STORY_SHOWN_MAX = 500

/** Findings that keys are in wrong hands, of a period. */
export type ReadDisputes = (reader: EventReader, period: ReportPeriod) => Promise<readonly Dispute[]>

/** Files `timeline` and `evidence` are written while it is made. Throws AppError of the reader. */
export const buildIncidentReport: ReportBuilder<IncidentSubject> = (reader, question, subject, outlet) =>
  buildWith(readDisputes, reader, question, subject, outlet)

/** The same with another source of disputes. */
export async function buildWith(
  disputesOf: ReadDisputes,
  reader: EventReader,
  question: ReportQuestion,
  subject: IncidentSubject,
  outlet: RowOutlet,
): Promise<ReportDocument> {
  const scope = await readIncidentScope(reader, subject, question.period, question.names)
  const disputes = await disputesOf(reader, question.period)
  const facts = await readIncidentFacts(reader, scope, question, disputes)
  const told = await tell(reader, facts, question, outlet)
  const pageOne = await readPageOne(reader, question)
  return incidentDocument({ ...facts, ...told, pageOne }, question)
}

function incidentDocument(facts: GatheredIncident, question: ReportQuestion): ReportDocument {
  const { scope, pageOne } = facts
  return {
    kind: 'incident',
    title: 'Incident report',
    subject: scope.subject.label,
    period: question.period,
    reportTime: question.reportTime,
    summary: summaryOf(facts),
    sections: [
      ...pageOneSections(pageOne, question),
      storySection(facts),
      attributionSection(facts, question),
      rulesSection(facts),
      findingsSection(facts),
      evidenceSection(facts),
      unknownSection(facts, question),
      ...closingSections('incident', pageOne, question),
    ],
    data: incidentData(facts),
    isFound: isFound(facts),
  }
}

/** Found something, or something is not exact or not recorded: also that nothing was found is no proof. */
function isFound({ scope, findingCount, disputes, gaps, activity }: IncidentFacts): boolean {
  const doubtful = (activity.statuses.get('ambiguous') ?? 0) + (activity.statuses.get('unknown') ?? 0)
  return !scope.isKnown || findingCount > 0 || disputes.length > 0 || gaps.length > 0 || doubtful > 0
}

type Told = Pick<GatheredIncident, 'shown' | 'written' | 'documents' | 'datasets'>

/** Writes the files of the story and its evidence. */
async function tell(
  reader: EventReader,
  facts: IncidentFacts,
  question: ReportQuestion,
  outlet: RowOutlet,
): Promise<Told> {
  question.progress('story', 0, 0)
  const story = await openStory(reader, facts.scope.story)
  try {
    const lines = await writeStory(story, facts, question, outlet)
    const datasets = await writeEvidenceList(story, outlet, question.progress)
    return { ...lines, documents: story.documents, datasets }
  } finally {
    await story.close()
  }
}

async function writeStory(
  story: OpenStory,
  { scope, disputes }: IncidentFacts,
  { names, progress }: ReportQuestion,
  outlet: RowOutlet,
): Promise<{ shown: StoryLine[]; written: number }> {
  const file = createRowFile(outlet, TIMELINE_FILE, TIMELINE_COLUMNS)
  const own = new Set(scope.keys)
  const shown: StoryLine[] = []
  let done = 0
  for await (const entries of story.pages()) {
    const page = entries.map((entry) => storyLine(entry, names, disputes, own))
    shown.push(...page.slice(0, STORY_SHOWN_MAX - shown.length))
    await file.write(page.map(timelineRow))
    done += page.length
    progress('story', done, story.lines)
  }
  return { shown, written: await file.end() }
}
