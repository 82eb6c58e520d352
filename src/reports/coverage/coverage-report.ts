/** `report coverage`: what each source delivered, lost or missed in a period, and what each hole means for who reads about its time. */
import type { EventReader } from '../../store/event-reader.ts'
import type { ReportDocument } from '../document/report-document.ts'
import { closingSections, type PageOne, pageOneSections, readPageOne } from '../page-one/page-one.ts'
import { isCovered } from '../page-one/place.ts'
import type { ReportBuilder } from '../report-question.ts'
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
      deliveredSection(told, days, period),
      holesSection(holes),
      remarksSection(remarks),
      elsewhereSection(),
      ...closingSections('coverage', told, question),
    ],
    data: coverageData(told, holes, days),
    isFound: isFound(told, holes),
  }
}

function isFound({ sources, damage = [] }: PageOne, { gaps }: Holes): boolean {
  const isMissing = sources.some(
    ({ isDeclared, hasSpoken, heartbeats = 0, lost, uncountedLosses = 0 }) =>
      (isDeclared && !hasSpoken && heartbeats === 0) || lost + uncountedLosses > 0,
  )
  return gaps > 0 || isMissing || damage.length > 0
}

function summaryOf({ sources, damage = [] }: PageOne, { gaps, losses }: Holes): string[] {
  const told = sources.filter(isCovered)
  if (told.length === 0)
    return ['Nothing of the period is recorded, and no source is declared: nothing is known about it.']
  const silent = told.filter(
    ({ isDeclared, hasSpoken, heartbeats = 0 }) => isDeclared && !hasSpoken && heartbeats === 0,
  )
  const whole = told.filter(({ atLeast, lost, uncountedLosses = 0 }) => atLeast >= 100 && lost + uncountedLosses === 0)
  return [
    `${whole.length} of ${told.length} ${told.length === 1 ? 'source was' : 'sources were'} surely recorded for the whole period; of the others parts are missing, or may be.`,
    `${gaps} ${gaps === 1 ? 'gap is' : 'gaps are'} stated, and ${losses} ${losses === 1 ? 'loss' : 'losses'}; ${silent.length === 0 ? 'no declared source is silent' : `${silent.length} declared ${silent.length === 1 ? 'source is' : 'sources are'} silent`}.`,
    ...(damage.length > 0 ? ['Part of the records could not be read.'] : []),
  ]
}
