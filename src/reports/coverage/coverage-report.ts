/** `report coverage`: what each source delivered, lost or missed in a period, and what each hole means for who reads about its time. */
import type { EventReader } from '../../store/event-reader.ts'
import { MINUTE, type Micros } from '../../time.ts'
import type { ReportDocument } from '../document/report-document.ts'
import { closingSections, type PageOne, pageOneSections, readPageOne } from '../page-one/page-one.ts'
import type { ReportBuilder, ReportPeriod } from '../report-question.ts'
import { coverageData } from './coverage-data.ts'
import {
  deliveredSection,
  elsewhereSection,
  holesSection,
  overviewSection,
  remarksSection,
} from './coverage-sections.ts'
import { writeDays } from './day-rows.ts'
import { type Holes, writeHoles } from './hole-rows.ts'
import { readRemarks } from './remark-counts.ts'
import { isSilent } from './silent-source.ts'

/** It is about all sources. */
export type CoverageOptions = { readonly [option: string]: never }

/** Ends with 1 where anything is missing: a gap, a loss, a declared source that is silent, records that could not be read. */
export const buildCoverageReport: ReportBuilder<CoverageOptions> = async (
  reader: EventReader,
  question,
  _options,
  outlet,
): Promise<ReportDocument> => {
  const { period, reportTime, progress } = question
  const pageOne = await readPageOne(reader, question)
  const holes = await writeHoles(reader, period, outlet, progress)
  const days = await writeDays(reader, period, pageOne.sources, holes.times, outlet)
  const remarks = await readRemarks(reader, period)
  const told = { ...pageOne, damage: [...reader.damage] }
  return {
    kind: 'coverage',
    title: 'Coverage report',
    subject: 'all sources',
    period,
    reportTime,
    summary: summaryOf(told, holes),
    sections: [
      overviewSection(told, holes),
      ...pageOneSections(told, question),
      deliveredSection(told, days, period, outlet.forms.length > 0),
      holesSection(holes, outlet.forms.length > 0),
      remarksSection(remarks),
      elsewhereSection(),
      ...closingSections('coverage', told, question),
    ],
    data: coverageData(told, holes, days),
    isFound: isFound(told, holes, period),
  }
}

/** Certainly missing, without a gap that says so: from here on it is no edge of the period. */
const MISSING_MIN: Micros = 5 * MINUTE

function isFound({ sources, damage = [] }: PageOne, { gaps }: Holes, { from, to }: ReportPeriod): boolean {
  const isMissing = sources.some(
    (each) =>
      isSilent(each) ||
      each.lost + (each.uncountedLosses ?? 0) > 0 ||
      ((100 - each.atMost) / 100) * (to - from) > MISSING_MIN,
  )
  return gaps > 0 || isMissing || damage.length > 0 || sources.length === 0
}

function summaryOf({ sources, damage = [] }: PageOne, { gaps, losses }: Holes): string[] {
  if (sources.length === 0)
    return ['Nothing of the period is recorded, and no source is declared: nothing is known about it.']
  const silent = sources.filter(isSilent).length
  const whole = sources.filter(
    ({ atLeast, lost, uncountedLosses = 0 }) => atLeast >= 100 && lost + uncountedLosses === 0,
  ).length
  return [
    whole === sources.length
      ? `${sources.length === 1 ? 'The one source was' : `All ${sources.length} sources were`} surely recorded for the whole period.`
      : `${whole} of ${counted(sources.length, 'source')} surely recorded for the whole period; of the others parts are missing, or may be.`,
    `${counted(gaps, 'gap', 'is', 'are')} stated, and ${losses} ${losses === 1 ? 'loss' : 'losses'}; ${sources.every(({ isDeclared }) => !isDeclared) ? 'no inventory says which sources there should be' : silent === 0 ? 'no declared source is silent' : `${counted(silent, 'declared source', 'is', 'are')} silent`}.`,
    ...(damage.length > 0 ? ['Part of the records could not be read.'] : []),
  ]
}

/** `1 source was`, `8 sources were`. */
function counted(count: number, noun: string, one = 'was', many = 'were'): string {
  return count === 1 ? `1 ${noun} ${one}` : `${count} ${noun}s ${many}`
}
