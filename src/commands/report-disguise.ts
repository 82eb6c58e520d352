/** `--pseudonymise FILE`: people, devices and keys of a report by pseudonyms, in its pages and its rows. */
import type { ReportDocument } from '../reports/document/report-document.ts'
import type { EvidenceOutlet } from '../reports/pack/evidence-outlet.ts'
import { readPersonalTexts } from '../reports/privacy/personal-texts.ts'
import { MAPPING_FILE, sealMapping } from '../reports/privacy/pseudonym-mapping.ts'
import { pseudonymNote } from '../reports/privacy/pseudonym-note.ts'
import { pseudonymisedDocument } from '../reports/privacy/pseudonymised-document.ts'
import { pseudonymisedOutlet } from '../reports/privacy/pseudonymised-outlet.ts'
import { createPseudonyms } from '../reports/privacy/pseudonyms.ts'
import type { ReportPeriod } from '../reports/report-question.ts'
import type { RowOutlet } from '../reports/rows/row-outlet.ts'
import type { EventReader } from '../store/event-reader.ts'

export type Disguise = {
  /** A name for itself, or a text with names in it. */
  text(text: string): string
  outlet(outlet: RowOutlet): RowOutlet
  document(document: ReportDocument): ReportDocument
  /** Writes down who is who, for those alone who have the secret. Comes last: it holds what was used. */
  keep(folder: EvidenceOutlet): Promise<void>
}

/** Throws AppError of the reader. */
export async function createDisguise(reader: EventReader, period: ReportPeriod, secret: Buffer): Promise<Disguise> {
  const pseudonyms = createPseudonyms(secret, await readPersonalTexts(reader, period))
  return {
    text: (text) => pseudonyms.named(text),
    outlet: (outlet) => pseudonymisedOutlet(outlet, pseudonyms),
    document(document) {
      const disguised = pseudonymisedDocument(document, pseudonyms)
      return { ...disguised, sections: [...disguised.sections, pseudonymNote()] }
    },
    keep: (folder) => folder.add(MAPPING_FILE, sealMapping(secret, pseudonyms.used())),
  }
}
