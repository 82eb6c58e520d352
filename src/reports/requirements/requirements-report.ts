/**
 * `report requirements`: one row a requirement with all that hangs on it, then the access that nobody says the reason for, with the line that
 * removes it. The requirements are those of the inventory; whether one still stands is for whoever wrote it to say.
 */
import type { Inventory } from '../../identity/inventory.ts'
import type { EventReader } from '../../store/event-reader.ts'
import type { JsonValue } from '../document/report-document.ts'
import { readInventoryVersions } from '../names/inventory-versions.ts'
import { closingSections, type PageOne, pageOneSections, readPageOne } from '../page-one/page-one.ts'
import type { ReportBuilder, ReportQuestion } from '../report-question.ts'
import { type Grants, readGrants } from '../standing/grants.ts'
import { readKeySigns } from '../standing/key-signs.ts'
import { peersOfKeys } from '../standing/peers-of-keys.ts'
import { countText, listText } from '../standing/shown-table.ts'
import { isLate, readStanding, type Standing } from '../standing/standing-gateways.ts'
import { standingData, standingSection, unpolled } from '../standing/standing-section.ts'
import { machinesTracked, readUsedPlaces } from '../standing/used-places.ts'
import { writeRequirementFiles } from './requirement-files.ts'
import { isIdle, type RequirementsFound, readRequirements } from './requirement-rows.ts'
import { bareSection, figuresOf, prefixSection, requirementSection } from './requirement-sections.ts'
import { peerUses, runningPrefixes } from './running-prefixes.ts'
import { type BarePrefix, withoutRequirement } from './without-requirement.ts'

export type RequirementsOptions = {
  /** Instead of the one the records carry; null = that of the records. */
  readonly inventory: Inventory | null
}

export type RequirementsFacts = {
  readonly standing: Standing
  readonly pageOne: PageOne
  readonly found: RequirementsFound
  readonly bare: readonly BarePrefix[]
  readonly bareCount: number
  /** Gateways whose connection tracking was recorded in the period. */
  readonly tracked: ReadonlySet<string>
  /** Begin of the period. */
  readonly from: number
}

/** Throws AppError of the reader. */
export const buildRequirementsReport: ReportBuilder<RequirementsOptions> = async (
  reader,
  question,
  options,
  outlet,
) => {
  const facts = await gather(reader, question, options)
  const { standing, pageOne, found, bareCount } = facts
  await writeRequirementFiles(outlet, facts)
  return {
    kind: 'requirements',
    title: 'Requirements report',
    subject: '',
    period: question.period,
    reportTime: question.reportTime,
    summary: summaryOf(facts),
    sections: [
      { id: 'requirements-figures', title: 'At a glance', blocks: [figuresOf(facts)] },
      ...pageOneSections(pageOne, question),
      standingSection(standing, [...reader.damage]),
      requirementSection(facts, outlet),
      prefixSection(facts, outlet),
      bareSection(facts, outlet),
      ...closingSections('requirements', pageOne, question),
    ],
    data: dataOf(facts),
    isFound:
      bareCount > 0 || found.rows.length === 0 || standing.gateways.length === 0 || unpolled(standing).length > 0,
  }
}

const STEPS = 4
const NO_REQUIREMENTS: RequirementsFound = { rows: [], prefixes: [], count: 0 }
const NO_GRANTS: Grants = { grants: [], count: 0, lines: [] }

async function gather(
  reader: EventReader,
  question: ReportQuestion,
  { inventory: given }: RequirementsOptions,
): Promise<RequirementsFacts> {
  const { period, progress } = question
  progress('what runs', 0, STEPS)
  const standing = await readStanding(reader, question, given)
  progress('handshakes', 1, STEPS)
  const signs = await readKeySigns(reader, standing.at)
  progress('use', 2, STEPS)
  const used = await readUsedPlaces(reader, standing.at)
  const tracked = await machinesTracked(reader, period)
  progress('completeness', 3, STEPS)
  const pageOne = await readPageOne(reader, question)
  progress('completeness', STEPS, STEPS)
  const { inventory, at } = standing
  const about = { standing, pageOne, tracked, from: period.from }
  if (inventory === null) return { ...about, found: NO_REQUIREMENTS, bare: [], bareCount: 0 }
  const running = runningPrefixes(standing)
  const peerOf = peersOfKeys(inventory, (await readInventoryVersions(reader)).versions)
  const uses = peerUses(used, peerOf)
  // Only the last use of a grant is shown, never that it was unused: that a name changed does not matter then.
  const { grants } =
    inventory.policy.length === 0
      ? NO_GRANTS
      : readGrants({ standing, used, peerOf, from: period.from, tracked, renamed: new Set() })
  const { bare, count } = withoutRequirement({ ...standing, inventory }, signs, running, uses)
  return { ...about, found: readRequirements(inventory, at, running, uses, grants), bare, bareCount: count }
}

function summaryOf({ standing, found, bare, bareCount, from, tracked }: RequirementsFacts): string[] {
  const { inventory, gateways, at } = standing
  if (inventory === null)
    return ['There is no inventory, so nothing says what any access is for: name one, or record with one.']
  const runs = bare.filter(({ isRunning }) => isRunning === true).length
  const idle = found.rows.filter((row) => isIdle(row, from)).length
  const untracked = [...new Set(inventory.peers.map(({ gateway }) => gateway))].filter((name) => !tracked.has(name))
  const use = `of ${idle} no answered connection is recorded in the period`
  const rows =
    found.rows.length === 0
      ? 'The inventory names no requirement.'
      : `The inventory names ${countText(found.rows.length, 'requirement')} for ${countText(found.count, 'prefix', 'prefixes')}; ${use}${untracked.length === 0 ? '' : `, which says nothing of ${listText(untracked.sort())}: use was not recorded there`}.`
  const without =
    bareCount === 0
      ? 'Everything that is known to have run at the end of the period, and everything documented, has one.'
      : `${countText(bareCount, 'prefix', 'prefixes')} ${bareCount === 1 ? 'has' : 'have'} none, ${runs} of them running.`
  if (gateways.length === 0) {
    const unknown = 'No poll of a gateway is recorded up to the end of the period: what runs without one is not known.'
    return bareCount === 0 ? [rows, unknown] : [rows, without, unknown]
  }
  const missing = unpolled(standing)
  const late = gateways.filter((each) => isLate(each, at)).map(({ gateway }) => gateway)
  return [
    rows,
    without,
    ...(missing.length === 0
      ? []
      : [`Of ${listText(missing)} no poll is recorded: what runs there without one is not known.`]),
    ...(late.length === 0
      ? []
      : [`Polls of ${listText(late)} end before the period does: what ran since is not known.`]),
  ]
}

function dataOf({ standing, found, bareCount, bare }: RequirementsFacts): JsonValue {
  return {
    inventory: standing.inventory?.hash ?? null,
    inventory_basis: standing.basis,
    gateways: standingData(standing),
    counts: {
      requirements: found.rows.length,
      prefixes: found.count,
      without_requirement: bareCount,
      without_requirement_running: bare.filter(({ isRunning }) => isRunning === true).length,
    },
    requirements: found.rows
      .slice(0, DATA_ROWS_MAX)
      .map(({ id, texts, peers, prefixes }) => ({ id, texts, peers, prefixes })),
  }
}

/** Rows of the JSON; the files have all. */
const DATA_ROWS_MAX = 1_000
