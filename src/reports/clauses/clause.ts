/** A clause of a framework and what in our reports supports it. Our own words; the number leads to the text. */
import type { ReportKind } from '../document/report-document.ts'

export type Clause = {
  /** `PCI DSS 4.0.1`. */
  readonly framework: string
  /** As the framework numbers it. */
  readonly number: string
  /** What it is about, in our words. */
  readonly about: string
  /** What of a report is evidence towards it. */
  readonly support: string
  readonly kinds: readonly ReportKind[]
  /** The text that number and gist were held against, and where it was read; null = nobody compared them. */
  readonly verifiedAgainst: string | null
}

/** A clause without its framework. */
export type ClauseEntry = readonly [
  number: string,
  about: string,
  support: string,
  kinds: readonly ReportKind[],
  verifiedAgainst: string | null,
]

export function clausesOf(framework: string, entries: readonly ClauseEntry[]): Clause[] {
  return entries.map(([number, about, support, kinds, verifiedAgainst]) => ({
    framework,
    number,
    about,
    support,
    kinds,
    verifiedAgainst,
  }))
}

export const EVERY_KIND: readonly ReportKind[] = [
  'access',
  'incident',
  'review',
  'requirements',
  'revocation',
  'exposure',
  'coverage',
]
